//! What `publish` did, or would do: every step of every image, named.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{ImageReport, Note};
use crate::{digest::Sha256Digest, ids::Region, publication::Step};

/// The schema of [`PublishReport`].
pub const PUBLISH_SCHEMA: &str = "goldseal/publish/v1";

/// What `publish` did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishReport {
    /// `goldseal/publish/v1`.
    pub schema: &'static str,
    /// The instant of every verdict in here.
    pub at: Timestamp,
    /// SHA-256 of the policy document, and of the files that it names (docs/policy.md).
    pub policy: Sha256Digest,
    /// What became of it.
    pub outcome: PublishOutcome,
    /// One entry an image, in the order they were asked for.
    pub images: Vec<PublishedImage>,
    /// Why it stopped, if it did.
    pub failure: Option<PublishFailure>,
}

/// What became of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PublishOutcome {
    /// Everything is as wished.
    Published,
    /// What would be done was listed; nothing was changed.
    Planned,
    /// An image is rejected; nothing was changed.
    Refused,
    /// An image could not be judged; nothing was changed.
    Undetermined,
    /// A step failed, and none was taken after it.
    Stopped,
}

/// One image: what was verified, and what was done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedImage {
    /// The verdict, and the evidence that it was reached with.
    pub verified: ImageReport,
    /// The steps, in their order; none when an image was not admitted.
    pub steps: Vec<StepReport>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// What became of it.
    pub outcome: StepOutcome,
    /// The call, as IAM names it.
    pub call: &'static str,
    /// The region.
    pub region: Region,
    /// The image, snapshot or parameter that it changes.
    pub resource: String,
    /// To what; of a parameter that held another value, also which one.
    pub detail: String,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// It was done now.
    Done,
    /// Nothing was left to do.
    Already,
    /// It would be done.
    Would,
    /// It failed. When no answer came it may have been done all the same.
    Failed,
    /// It was not tried, because another one failed before it.
    NotDone,
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Done => "done",
            Self::Already => "already",
            Self::Would => "would",
            Self::Failed => "failed",
            Self::NotDone => "not done",
        })
    }
}

/// Why a publication stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishFailure {
    /// What was being done, and the causes, outermost first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl StepReport {
    /// Reports a step.
    pub fn new(step: &Step, outcome: StepOutcome) -> Self {
        let (call, region) = (step.call(), step.region().clone());
        Self { outcome, call, region, resource: step.resource().to_owned(), detail: step.detail() }
    }
}

impl PublishReport {
    /// Counts the steps with an outcome.
    pub fn count(&self, outcome: StepOutcome) -> usize {
        self.images.iter().flat_map(|image| &image.steps).filter(|step| step.outcome == outcome).count()
    }
}
