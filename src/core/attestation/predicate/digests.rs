//! The digest set of in-toto, of which goldseal writes and reads SHA-256 alone.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;

/// A digest set with its one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digests {
    pub(super) sha256: Sha256Digest,
}
