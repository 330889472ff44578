//! What `release` says: what it sealed, by which key, and where that is now.

use schemars::JsonSchema;
use serde::Serialize;

use super::{KeyReport, Note};
use crate::digest::Sha256Digest;

/// The schema of [`ReleaseReport`].
pub const RELEASE_SCHEMA: &str = "goldseal/release/v1";

/// What `release` did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseReport {
    /// `goldseal/release/v1`.
    pub schema: &'static str,
    /// The name of the file with the checksums.
    pub name: String,
    /// Its SHA-256.
    pub subject: Sha256Digest,
    /// How many files have a checksum in it.
    pub files: usize,
    /// The version that the seal says.
    pub version: String,
    /// The key that signed.
    pub key: KeyReport,
    /// Where the bundle was written.
    pub written: Option<String>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}
