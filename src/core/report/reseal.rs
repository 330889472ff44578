//! What `reseal` did, image by image.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Cause, KeyReport, Note, StatementReport, TagReport};
use crate::{digest::Sha256Digest, ids::ImageRef, trust::AuthorityName};

/// The schema of [`ResealReport`].
pub const RESEAL_SCHEMA: &str = "goldseal/reseal/v1";

/// What `reseal` did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResealReport {
    /// `goldseal/reseal/v1`.
    pub schema: &'static str,
    /// The instant of every verdict in here.
    pub at: Timestamp,
    /// SHA-256 of the policy that admits what is there.
    pub policy: Sha256Digest,
    /// SHA-256 of the policy that admits what is written.
    pub new_policy: Sha256Digest,
    /// The key that signed.
    pub key: KeyReport,
    /// The authority that it is under the new policy.
    pub authority: AuthorityName,
    /// One entry an image, in the order they were asked for.
    pub images: Vec<ResealedImage>,
}

/// What became of one image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResealedImage {
    /// The image.
    pub image: ImageRef,
    /// What became of it.
    pub outcome: ResealOutcome,
    /// Where its evidence is.
    pub evidence: String,
    /// SHA-256 of the evidence as it is now, where that is known.
    pub evidence_sha256: Option<Sha256Digest>,
    /// What the new key signed now.
    pub statements: Vec<StatementReport>,
    /// How many bundles of old keys were dropped.
    pub dropped: usize,
    /// The tags that were written.
    pub tags: Vec<TagReport>,
    /// Why it was refused, or is undetermined: reasons and faults of the verdict.
    pub causes: Vec<Cause>,
    /// What failed.
    pub problem: Option<String>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// What became of an image. The later of two is the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResealOutcome {
    /// The new key signed, and alone it is enough.
    Resealed,
    /// An earlier run did it.
    Already,
    /// Something could not be asked or written; run it again.
    Failed,
    /// It is not admitted now, or would not be by the new key alone; its evidence was not changed.
    Refused,
}

impl fmt::Display for ResealOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Resealed => "resealed",
            Self::Already => "already",
            Self::Failed => "failed",
            Self::Refused => "refused",
        })
    }
}

impl ResealReport {
    /// Returns how many images came to an outcome.
    pub fn count(&self, outcome: ResealOutcome) -> usize {
        self.images.iter().filter(|one| one.outcome == outcome).count()
    }

    /// Returns the worst outcome; nothing resealed is a failure.
    pub fn outcome(&self) -> ResealOutcome {
        self.images.iter().map(|one| one.outcome).max().unwrap_or(ResealOutcome::Failed)
    }
}
