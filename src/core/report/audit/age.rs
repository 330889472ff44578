//! How old the last whole audit is: the dead man's switch.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::report::Outcome;

/// The schema of [`AuditAgeReport`].
pub const AUDIT_AGE_SCHEMA: &str = "goldseal/audit-age/v1";

/// Whether a fleet was looked at as lately as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditAgeReport {
    /// `goldseal/audit-age/v1`.
    pub schema: &'static str,
    /// When this was asked.
    pub at: Timestamp,
    /// How old the last whole audit may be.
    pub max_age: String,
    /// When the last audit began that saw everything; none: there was none.
    pub last_whole: Option<Timestamp>,
    /// When the last audit began, whole or not; none: there was none.
    pub last: Option<Timestamp>,
    /// `admit`: it is young enough; `reject`: too old, or there is none; `undetermined`: it lies ahead of this clock.
    pub outcome: Outcome,
    /// The same in words.
    pub message: String,
}
