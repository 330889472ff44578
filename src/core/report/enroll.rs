//! What `enroll` did to a group, or would do.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::Finding;
use crate::{
    ids::{GroupName, HookName, Region},
    lifecycle::Difference,
};

/// The schema of [`EnrollReport`].
pub const ENROLL_SCHEMA: &str = "goldseal/enroll/v1";

/// A group, and our lifecycle hook in it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrollReport {
    /// `goldseal/enroll/v1`.
    pub schema: &'static str,
    /// When it was looked at.
    pub at: Timestamp,
    /// The region.
    pub region: Region,
    /// The group.
    pub group: GroupName,
    /// The lifecycle hook.
    pub hook: HookName,
    /// What became of it.
    pub outcome: EnrollOutcome,
    /// The hook is not there yet.
    pub new: bool,
    /// What is not as it should be, or was not.
    pub differences: Vec<Difference>,
    /// What a reader should know; a problem stands in the way.
    pub findings: Vec<Finding>,
    /// What does the same by hand, where there is something to do.
    pub commands: Vec<String>,
}

/// What became of an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnrollOutcome {
    /// The hook was put or changed.
    Enrolled,
    /// Everything is as it should be already.
    Already,
    /// What would be done was listed; nothing was changed.
    Planned,
    /// A problem stands in the way; nothing was changed.
    Refused,
}
