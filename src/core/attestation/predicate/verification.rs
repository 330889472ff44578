//! What a gate result and a receipt have in common: the parts of a [SLSA verification summary v1].
//!
//! [SLSA verification summary v1]: https://slsa.dev/spec/v1.0/verification_summary

use serde::{Deserialize, Serialize};

use super::digests::Digests;
use crate::digest::Sha256Digest;

/// The result of what met the policy.
pub(super) const PASSED: &str = "PASSED";
const POLICY: &str = "https://goldseal.dev/policy/v1";

/// Who verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verifier {
    pub(super) id: String,
}

/// Something with a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resource {
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    pub(super) digest: Digests,
}

impl Resource {
    /// Names a policy.
    pub(super) fn policy(sha256: Sha256Digest) -> Self {
        Self { uri: Some(POLICY.to_owned()), digest: Digests { sha256 } }
    }

    /// Names what it was verified from.
    pub(super) const fn input(sha256: Sha256Digest) -> Self {
        Self { uri: None, digest: Digests { sha256 } }
    }
}
