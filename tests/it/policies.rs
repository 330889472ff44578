//! Policy documents: authorities, and the three statements that `sign` writes.

use crate::aws::Key;

/// Returns an authority whose key stands in the document.
pub fn pem(name: &str, pem: &str) -> String {
    format!("[[authority]]\nname = \"{name}\"\nkey = \"\"\"\n{pem}\"\"\"\n")
}

/// Returns an authority that is a KMS key, pinned.
pub fn kms(name: &str, key: &Key) -> String {
    kms_by(name, &format!("awskms:///{}", key.arn), &key.pin())
}

/// Returns an authority that is a KMS key by any name, with any pin.
pub fn kms_by(name: &str, uri: &str, pin: &str) -> String {
    format!(
        "[[authority]]\nname = \"{name}\"\nkms = \"{uri}\"\nspki_sha256 = \"{pin}\"\nscheme = \"ecdsa-p256-sha256\"\n"
    )
}

/// Returns a policy that asks `threshold` of the authorities for provenance, SBOM and scan.
pub fn policy(authorities: &[(&str, String)], threshold: usize) -> String {
    let names: Vec<&str> = authorities.iter().map(|(name, _)| *name).collect();
    let mut text = "version = 1\nno_match = \"enforce\"\ndangerous_without_gate = true\n".to_owned();
    for (_, table) in authorities {
        text.push_str(table);
    }
    for kind in ["provenance", "sbom", "scan"] {
        text.push_str(&format!(
            "[[require]]\nattestation = \"{kind}\"\nauthorities = {names:?}\nthreshold = {threshold}\n"
        ));
    }
    text
}

/// Returns a policy of one authority, `ci`, whose key stands in it.
pub fn trusting(key: &Key) -> String {
    policy(&[("ci", pem("ci", &key.pem()))], 1)
}
