//! What `sign` says: the key, what it signed, and where that is now.

use schemars::JsonSchema;
use serde::Serialize;

use super::Note;
use crate::{attestation::Kind, digest::Sha256Digest, ids::ImageRef, trust::Scheme};

/// The schema of [`SignReport`].
pub const SIGN_SCHEMA: &str = "goldseal/sign/v1";

/// What `sign` did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignReport {
    /// `goldseal/sign/v1`.
    pub schema: &'static str,
    /// The image.
    pub image: ImageRef,
    /// Its subject digest.
    pub subject: Sha256Digest,
    /// An earlier run signed and stored it; now only the tags were written.
    pub already: bool,
    /// The key that signed.
    pub key: KeyReport,
    /// What was signed.
    pub statements: Vec<StatementReport>,
    /// The approvals that stand beside it, by the SHA-256 of their payloads.
    pub approvals: Vec<Sha256Digest>,
    /// Where the evidence is.
    pub evidence: String,
    /// Its digest.
    pub evidence_sha256: Sha256Digest,
    /// How many bundles it holds, those of earlier signers included.
    pub bundles: usize,
    /// The tags that were written; empty when the image came from a file.
    pub tags: Vec<TagReport>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// A key that signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyReport {
    /// The key's ARN, or the path of a local key.
    pub name: String,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki_sha256: Sha256Digest,
    /// Its scheme.
    pub scheme: Scheme,
    /// It is a file on disk.
    pub dangerous_local: bool,
}

/// A statement that was signed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatementReport {
    /// What it says.
    pub kind: Kind,
    /// The predicate type.
    pub predicate_type: String,
    /// SHA-256 of the payload.
    pub statement: Sha256Digest,
}

/// A tag that was written.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TagReport {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}
