//! What `approve` shows and says.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{KeyReport, Note};
use crate::{
    digest::Sha256Digest,
    gate::{Excepted, Found},
    ids::ImageRef,
};

/// The schema of [`ApproveReport`].
pub const APPROVE_SCHEMA: &str = "goldseal/approve/v1";

/// What `approve` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApproveReport {
    /// `goldseal/approve/v1`.
    pub schema: &'static str,
    /// The instant.
    pub at: Timestamp,
    /// Whether an approval was signed; not when nobody said yes, or when there is nothing to approve.
    pub signed: bool,
    /// Who approved, in their own words.
    pub approver: Option<String>,
    /// The key that signed.
    pub key: Option<KeyReport>,
    /// The images, each with the digest of what is accepted for it.
    pub images: Vec<ApprovedImage>,
    /// What is accepted.
    pub risks: Risks,
    /// Where the bundles were written.
    pub written: Option<String>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// An image whose accepted risks are approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovedImage {
    /// The image.
    pub image: ImageRef,
    /// What `--accept-digest` takes.
    pub accepted_risks: Sha256Digest,
    /// SHA-256 of the payload, once it is signed.
    pub statement: Option<Sha256Digest>,
}

/// The accepted risks, new ones first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Risks {
    /// Exceptions that were needed.
    pub exceptions: Vec<Risk<Excepted>>,
    /// Findings below the threshold.
    pub findings: Vec<Risk<Found>>,
    /// Whether they were compared with those of an earlier image; else all are new.
    pub compared: bool,
}

/// One accepted risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Risk<T> {
    /// It was not accepted for the image that was compared with.
    pub new: bool,
    /// What it is.
    #[serde(flatten)]
    pub risk: T,
}
