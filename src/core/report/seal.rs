//! What `seal` did, image by image and step by step.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Note, PublishFailure, PublishReport, SignReport, StepOutcome};
use crate::ids::ImageRef;

/// The schema of [`SealReport`].
pub const SEAL_SCHEMA: &str = "goldseal/seal/v1";

/// What `seal` did after the gate passed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SealReport {
    /// `goldseal/seal/v1`.
    pub schema: &'static str,
    /// The instant of every verdict in here.
    pub at: Timestamp,
    /// One entry an image, in the order of the manifest.
    pub images: Vec<SealedImage>,
    /// The publication, if it came to that.
    pub publish: Option<PublishReport>,
    /// Why it stopped, if it did.
    pub failure: Option<PublishFailure>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// One image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SealedImage {
    /// The image.
    pub image: ImageRef,
    /// Whether what was accepted is approved, as far as that is asked for.
    pub approval: StepOutcome,
    /// Whether evidence is signed and stored and the image is tagged.
    pub signature: StepOutcome,
    /// What was signed.
    pub signed: Option<SignReport>,
}

impl SealedImage {
    /// Starts an image of which nothing is done.
    pub fn new(image: ImageRef) -> Self {
        Self { image, approval: StepOutcome::NotDone, signature: StepOutcome::NotDone, signed: None }
    }
}

impl SealReport {
    /// Returns what was and what was not done, in one line.
    pub fn so_far(&self) -> String {
        let told = |one: &SealedImage| format!("{}: approval {}, signature {}", one.image, one.approval, one.signature);
        let images: Vec<String> = self.images.iter().map(told).collect();
        let published = match &self.publish {
            None => "nothing was published",
            Some(_) => "publication was begun",
        };
        format!("{}; {published}", images.join("; "))
    }
}
