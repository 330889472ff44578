//! What `doctor` found.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, Region};

/// The schema of [`DoctorReport`].
pub const DOCTOR_SCHEMA: &str = "goldseal/doctor/v1";

/// What stands in the way of a launch hook, and what does not.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DoctorReport {
    /// `goldseal/doctor/v1`.
    pub schema: &'static str,
    /// When it was looked at.
    pub at: Timestamp,
    /// The region that was looked at.
    pub region: Region,
    /// The caller's account, when it was told.
    pub account: Option<AccountId>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The stable code; docs/doctor.md lists all.
    pub code: &'static str,
    /// What it is about: a group, a hook, a queue, an action, a key.
    #[serde(rename = "where")]
    pub place: String,
    /// What was found.
    pub message: String,
    /// What to type, in this order.
    #[serde(rename = "type")]
    pub commands: Vec<String>,
}

/// How bad a finding is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Launches are not guarded, or cannot be answered.
    Problem,
    /// It could not be asked.
    Unknown,
    /// It works, though not as well as it should.
    Warning,
    /// To know; nothing is wrong.
    Note,
    /// As it should be.
    Good,
}

impl Severity {
    /// Returns its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Good => "good",
        }
    }
}

impl DoctorReport {
    /// Sorts what was found, the worst first. What could not be asked is said once, whatever it was meant for.
    pub fn new(at: Timestamp, region: Region, account: Option<AccountId>, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|one| one.severity);
        let mut said = BTreeSet::new();
        findings.retain(|one| one.severity != Severity::Unknown || said.insert((one.code, one.place.clone())));
        Self { schema: DOCTOR_SCHEMA, at, region, account, findings }
    }

    /// Returns the worst severity.
    pub fn worst(&self) -> Severity {
        self.findings.iter().map(|one| one.severity).min().unwrap_or(Severity::Good)
    }

    /// Counts the findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|one| one.severity == severity).count()
    }
}
