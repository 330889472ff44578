//! Statements about the image in `images`, so small that every bit of them can be turned.

#![expect(clippy::unwrap_used, reason = "fixtures that do not parse should stop the test")]

use super::{images::descriptor, keys::LocalKey};
use crate::{
    attestation::{
        Kind, join,
        predicate::{
            APPROVAL_TYPE, BuildFacts, PROVENANCE_TYPE, SPDX_TYPE, SUMMARY_TYPE, TESTS_TYPE, VULNS_TYPE, provenance,
        },
        write_statement,
    },
    digest::Sha256Digest,
    image::Descriptor,
};

/// A provenance that says nothing but who built.
pub const BARE_PROVENANCE: &str =
    r#"{"buildDefinition":{"buildType":"b","externalParameters":0},"runDetails":{"builder":{"id":"c"}}}"#;

/// Returns the predicate type that stands for a kind.
pub const fn predicate_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Provenance => PROVENANCE_TYPE,
        Kind::Sbom => SPDX_TYPE,
        Kind::Scan => VULNS_TYPE,
        Kind::Gate => SUMMARY_TYPE,
        Kind::Approval => APPROVAL_TYPE,
        Kind::Tests => TESTS_TYPE,
    }
}

/// Returns a statement about any subject, with any predicate.
pub fn statement(subject: Sha256Digest, predicate_type: &str, predicate: &str) -> Vec<u8> {
    format!(r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{subject}"}}}}],"#,)
        .into_bytes()
        .into_iter()
        .chain(format!(r#""predicateType":"{predicate_type}","predicate":{predicate}}}"#).into_bytes())
        .collect()
}

/// Returns a statement of a kind about the image, with any predicate.
pub fn saying(kind: Kind, predicate: &str) -> Vec<u8> {
    statement(descriptor().digest(), predicate_type(kind), predicate)
}

/// Returns the smallest statement of a kind about the image.
pub fn payload(kind: Kind) -> Vec<u8> {
    payload_of(&descriptor(), kind)
}

/// Returns the smallest statement of a kind about an image.
pub fn payload_of(image: &Descriptor, kind: Kind) -> Vec<u8> {
    let predicate = if kind == Kind::Provenance { BARE_PROVENANCE } else { "{}" };
    statement(image.digest(), predicate_type(kind), predicate)
}

/// Returns the provenance that `goldseal sign` makes of build facts in JSON.
pub fn provenance_of(facts: &str) -> Vec<u8> {
    carrying(&descriptor(), facts)
}

/// Returns the same about an image, whose descriptor it carries.
pub fn carrying(image: &Descriptor, facts: &str) -> Vec<u8> {
    let facts: BuildFacts = serde_json::from_str(facts).unwrap();
    write_statement(image, PROVENANCE_TYPE, provenance(image, facts, &[], &[]), false).unwrap()
}

/// Returns evidence: the payloads, each signed by the key beside it.
pub fn signed(lines: &[(&LocalKey, Vec<u8>)]) -> Vec<u8> {
    let bundles: Vec<Vec<u8>> = lines.iter().map(|(key, payload)| key.bundle(payload.clone())).collect();
    join(bundles.iter().map(Vec::as_slice))
}

/// Returns evidence: the smallest provenance, SBOM and scan, signed by one key.
pub fn sealed(key: &LocalKey) -> Vec<u8> {
    signed(&[Kind::Provenance, Kind::Sbom, Kind::Scan].map(|kind| (key, payload(kind))))
}

/// Returns a bundle as text after one replacement, which must change it.
pub fn changed(bundle: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(bundle).unwrap();
    let other = text.replacen(from, to, 1);
    assert_ne!(other, text, "{from} is not in the bundle");
    other.into_bytes()
}
