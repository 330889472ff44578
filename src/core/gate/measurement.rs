//! What the gate saw, small enough to be signed: everything that limits are held against later.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scan::Severity;

/// What the gate saw of an image that it let pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// Findings of this severity and above had to be excepted.
    pub fail_on: Severity,
    /// Who looked for vulnerabilities, when, with what.
    pub scanner: Scanner,
    /// What was looked at.
    pub packages: Packages,
    /// Findings below the threshold, sorted.
    pub findings: Vec<Found>,
    /// Exceptions that were needed, sorted, each with the findings that it covers.
    pub exceptions: Vec<Excepted>,
}

/// The scanner, and what it knew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scanner {
    /// What names it: a package URL.
    pub uri: String,
    /// Its version.
    pub version: String,
    /// When it was done.
    pub finished: Option<Timestamp>,
    /// Its database, if the report names one.
    pub database: Option<Database>,
}

/// A vulnerability database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// When it was assembled.
    pub built: Timestamp,
    /// When the oldest of its data was taken, if the report says so.
    pub captured: Option<Timestamp>,
}

/// The packages of the SBOM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Packages {
    /// What the SBOM calls its source.
    pub source: String,
    /// How many there are.
    pub count: usize,
    /// The distribution, name and version, if the scan names one.
    pub distribution: Option<String>,
    /// Whether the distribution is no longer maintained; none when the scanner did not look.
    pub end_of_life: Option<bool>,
}

/// A vulnerability in a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// How bad it is.
    pub severity: Severity,
    /// CVE, GHSA, …
    pub id: String,
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
}

/// An exception that was needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Excepted {
    /// The vulnerability.
    pub id: String,
    /// The package as it was written: a name or a package URL.
    pub package: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it is acceptable.
    pub justification: String,
    /// First instant at which it no longer is.
    pub expires: Timestamp,
    /// Where it is tracked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// What it covers: at least one finding.
    pub findings: Vec<Found>,
}

impl Measurement {
    /// Says whether anything was accepted that a person has to see: exceptions, or findings below the threshold.
    pub fn accepts(&self) -> bool {
        !self.exceptions.is_empty() || !self.findings.is_empty()
    }
}
