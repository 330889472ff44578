//! An SBOM that is too large to be inlined: named by digest and place ([reference v0.1]).
//!
//! [reference v0.1]: https://github.com/in-toto/attestation/blob/main/spec/predicates/reference.md

use serde::{Deserialize, Serialize};

use super::digests::Digests;
use crate::{attestation::Kind, bounded::Object, digest::Sha256Digest};

/// The predicate type.
pub const REFERENCE_TYPE: &str = "https://in-toto.io/attestation/reference/v0.1";

/// The predicate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    attester: Attester,
    references: Vec<Referenced>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attester {
    id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referenced {
    digest: Digests,
    download_location: String,
    media_type: String,
}

impl Reference {
    /// Names a document by its digest and the place where it can be had.
    pub fn new(attester: &str, sha256: Sha256Digest, location: &str, media_type: &str) -> Self {
        Self {
            attester: Attester { id: attester.to_owned() },
            references: vec![Referenced {
                digest: Digests { sha256 },
                download_location: location.to_owned(),
                media_type: media_type.to_owned(),
            }],
        }
    }

    /// Returns the digest of the document and where it can be had, when it is exactly one.
    pub fn document(&self) -> Option<(Sha256Digest, &str)> {
        match self.references.as_slice() {
            [one] => Some((one.digest.sha256, &one.download_location)),
            _ => None,
        }
    }
}

/// A reference to exactly one document says what that document would say.
pub(super) fn kind(predicate: &str) -> Option<Kind> {
    let Object(Reference { references, .. }) = serde_json::from_str(predicate).ok()?;
    match references.as_slice() {
        [one] => match one.media_type.as_str() {
            "application/spdx+json" | "application/vnd.cyclonedx+json" => Some(Kind::Sbom),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_referenced_sbom_is_an_sbom() {
        let write = |media_type| {
            let reference = Reference::new("ci", Sha256Digest::of(b""), "https://x.example/sbom.json", media_type);
            serde_json::to_string(&reference).unwrap()
        };
        assert_eq!(kind(&write("application/spdx+json")), Some(Kind::Sbom));
        assert_eq!(kind(&write("application/vnd.cyclonedx+json")), Some(Kind::Sbom));
        assert_eq!(kind(&write("text/plain")), None);
        assert_eq!(kind(r#"{"attester":{"id":"x"},"references":[]}"#), None);
        assert_eq!(kind("{}"), None);
    }
}
