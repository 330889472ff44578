//! Policy documents.

#![expect(clippy::unwrap_used, reason = "fixtures that do not compile should stop the test")]

use std::fmt::Write as _;

use super::keys::LocalKey;
use crate::policy::{Files, Policy, compile};

/// The top of every document here.
pub const TOP: &str = "version = 1\nno_match = \"enforce\"\ndangerous_without_gate = true\n";

/// Returns a document: authorities by PEM, requirements (kind, authorities, threshold), and more tables.
pub fn document(authorities: &[(&str, &LocalKey)], require: &[(&str, &[&str], usize)], more: &str) -> String {
    let mut text = TOP.to_owned();
    for (name, key) in authorities {
        text += &authority_table(name, key);
    }
    for (kind, names, threshold) in require {
        writeln!(text, "[[require]]\nattestation = \"{kind}\"\nauthorities = {names:?}\nthreshold = {threshold}")
            .unwrap();
    }
    text + more
}

/// Returns the table of an authority by PEM.
pub fn authority_table(name: &str, key: &LocalKey) -> String {
    format!("[[authority]]\nname = \"{name}\"\nkey = \"\"\"\n{}\"\"\"\n", key.pem())
}

/// Returns the table of an authority that is a KMS key, pinned to `key`.
pub fn kms_authority(name: &str, key: &LocalKey) -> String {
    let pin = key.public().digest();
    let scheme = key.public().scheme();
    format!(
        "[[authority]]\nname = \"{name}\"\nkms = \"awskms:///alias/{name}\"\nspki_sha256 = \"{pin}\"\nscheme = \"{scheme}\"\n"
    )
}

/// Returns the smallest document that asks one authority, `ci`, for provenance, SBOM and scan.
pub fn minimal(key: &LocalKey) -> String {
    let ci: &[&str] = &["ci"];
    document(&[("ci", key)], &[("provenance", ci, 1), ("sbom", ci, 1), ("scan", ci, 1)], "")
}

/// Compiles a document that names no files.
pub fn compiled(text: &str) -> Policy {
    compile("policy.toml", text, &Files::new()).unwrap()
}
