//! What a launch hook decided about one launch: the record of a decision, and what its log line says.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{Basis, Cause, ImageReport, Note, Outcome, OverrideReport};
use crate::{
    bounded::{self, JsonFault, Limits, Object},
    digest::Sha256Digest,
    enforcement::Completion,
    ids::{AccountId, GroupArn, ImageRef, Region},
    lifecycle::{End, Wait},
    policy::{Judgement, Mode},
    verdict::Verdict,
};

/// The schema of [`LaunchReport`].
pub const LAUNCH_SCHEMA: &str = "goldseal/launch/v1";
/// A record names every reason with its detail, and no evidence.
const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 64 };

/// What was decided about one launch.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LaunchReport {
    /// `goldseal/launch/v1`.
    #[serde(deserialize_with = "schema")]
    pub schema: Cow<'static, str>,
    /// The instant of the verdict.
    pub at: Timestamp,
    /// SHA-256 of the policy document, and of the files that it names.
    pub policy: Sha256Digest,
    /// Group, hook, instance and token.
    #[serde(flatten)]
    pub wait: Wait,
    /// The group's ARN, when it was known.
    pub group_arn: Option<GroupArn>,
    /// The account that launches.
    pub account: Option<AccountId>,
    /// The region.
    pub region: Region,
    /// How the hook came to know of it.
    pub found_by: FoundBy,
    /// When the hook first saw the wait.
    pub first_sight: Timestamp,
    /// What Auto Scaling was told; none when there was time to ask again.
    pub action: Option<Completion>,
    /// Whether the verdict decided the action. If not, this is a warning, and the instance goes into service anyway.
    pub enforced: bool,
    /// The verdict, and on what.
    #[serde(flatten)]
    pub judged: Judged,
    /// What became of it; none while it is not over.
    pub end: Option<LaunchEnd>,
}

/// The verdict of a launch, and on what.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// The verdict.
    pub verdict: Outcome,
    /// What the hook does with a verdict that is not `admit`.
    pub mode: Mode,
    /// The image, when the instance could be described.
    pub image: Option<ImageRef>,
    /// The image's subject digest, when it could be described.
    pub subject: Option<Sha256Digest>,
    /// SHA-256 of the evidence, when there is some.
    pub evidence_sha256: Option<Sha256Digest>,
    /// Until when an admission of the image holds, everything else unchanged.
    pub until: Option<Timestamp>,
    /// Why it is rejected.
    pub reasons: Vec<Cause>,
    /// What could not be asked.
    pub faults: Vec<Cause>,
    /// The override that an admission stands on, where it does.
    pub overridden: Option<OverrideReport>,
    /// What the verdict stands on.
    #[serde(default)]
    pub basis: Basis,
    /// What a reader should know beside the verdict.
    pub notes: Vec<Note>,
}

/// How a launch hook came to know of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// A message told.
    Message,
    /// No message did; a look at the groups did.
    Sweep,
}

/// What became of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LaunchEnd {
    /// Auto Scaling took our action.
    Completed,
    /// Somebody else ended the wait, or it ran out.
    NoSuchWait,
    /// Our action never got through; the hook's timeout ends the wait.
    GaveUp,
}

impl From<End> for LaunchEnd {
    fn from(end: End) -> Self {
        match end {
            End::Completed(_) => Self::Completed,
            End::NoSuchWait | End::Unheard => Self::NoSuchWait,
            End::GaveUp => Self::GaveUp,
        }
    }
}

impl From<ImageReport> for Judged {
    fn from(report: ImageReport) -> Self {
        let ImageReport { image, subject, verdict, mode, until, evidence_sha256, .. } = report;
        let ImageReport { reasons, faults, overridden, basis, notes, .. } = report;
        let image = Some(image);
        Self { verdict, mode, image, subject, evidence_sha256, until, reasons, faults, overridden, basis, notes }
    }
}

impl Judged {
    /// Reports a judgement about an instance whose image is not known.
    pub fn unseen(judgement: Judgement, mode: Mode) -> Self {
        let (verdict, reasons, faults) = causes(&judgement.verdict);
        let (image, subject, evidence_sha256, notes) = (None, None, None, Vec::new());
        let (until, overridden, basis) = (None, None, Basis::default());
        Self { verdict, mode, image, subject, evidence_sha256, until, reasons, faults, overridden, basis, notes }
    }
}

/// Reads the name of the schema, which must be ours.
fn schema<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    let found = String::deserialize(deserializer)?;
    match found == LAUNCH_SCHEMA {
        true => Ok(LAUNCH_SCHEMA.into()),
        false => Err(D::Error::custom(format!("the schema is {found:?}, not {LAUNCH_SCHEMA:?}"))),
    }
}

impl LaunchReport {
    /// Reads a decision record: one line of those that a launch hook keeps.
    ///
    /// # Errors
    /// See [`JsonFault`].
    pub fn read(line: &[u8]) -> Result<Self, JsonFault> {
        bounded::json(line, LIMITS).map(|Object(report)| report)
    }

    /// Returns the code that stands for the verdict in metrics: `overridden` where an override admits, else the first reason's
    /// or fault's, or `none`.
    pub fn first_code(&self) -> &str {
        if self.judged.overridden.is_some() {
            return "overridden";
        }
        let cause = self.judged.reasons.iter().chain(&self.judged.faults).next();
        cause.map_or("none", |cause| &cause.code)
    }

    /// Says that the instance goes into service although the verdict is not to admit it.
    pub fn is_warning(&self) -> bool {
        self.judged.verdict != Outcome::Admit && self.action == Some(Completion::Continue)
    }

    /// Says that Auto Scaling took our word that the instance must not go into service.
    pub fn really_abandoned(&self) -> bool {
        self.action == Some(Completion::Abandon) && self.end == Some(LaunchEnd::Completed)
    }
}

/// Splits a verdict into its outcome and causes.
pub(super) fn causes(verdict: &Verdict) -> (Outcome, Vec<Cause>, Vec<Cause>) {
    match verdict {
        Verdict::Admit(_) => (Outcome::Admit, vec![], vec![]),
        Verdict::Reject(reasons) => (Outcome::Reject, reasons.as_slice().iter().map(Cause::reason).collect(), vec![]),
        Verdict::Undetermined(faults) => {
            (Outcome::Undetermined, vec![], faults.as_slice().iter().map(Cause::fault).collect())
        }
    }
}
