//! The report of `goldseal boot check` at the end of a build → the boot guard that the image carries.
//!
//! Whoever gives one says that the image carries the guard. A report that says otherwise is a build that went wrong: it is
//! never signed around.

use serde::Deserialize;

use crate::{
    attestation::predicate::BootGuard,
    bounded::{self, JsonFault, Limits, Object},
    digest::Sha256Digest,
};

const SCHEMA: &str = "goldseal/boot-check/v1";
const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 16 };

/// Why a report does not say that an image carries the boot guard.
#[derive(Debug, thiserror::Error)]
pub enum BootCheckFault {
    /// Not the report of a check.
    #[error("reading the report of the boot check: write it with `goldseal boot check --output json`")]
    Json(#[source] JsonFault),
    /// Another document of ours.
    #[error("the report is {0:?}, not {SCHEMA:?}")]
    Schema(String),
    /// There was no guard.
    #[error("the boot check found no guard in the image")]
    NotInstalled,
    /// The guard does not hold.
    #[error("the boot check found what takes the guard away: {0}")]
    Problems(String),
    /// It leaves out what must be signed.
    #[error("the boot check does not say {0}: it is of an older goldseal, or was cut")]
    Unsaid(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    schema: String,
    recipe: Option<String>,
    version: Option<String>,
    executable: Option<Sha256Digest>,
    report_only: Option<bool>,
    records: Option<bool>,
    findings: Vec<Object<Found>>,
}

#[derive(Deserialize)]
struct Found {
    severity: Severity,
    code: String,
    #[serde(rename = "where")]
    place: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Problem,
    Unknown,
    Warning,
    Note,
    Good,
}

/// Reads a report, of which no finding may be a problem.
///
/// # Errors
/// See [`BootCheckFault`].
pub fn boot_guard(report: &[u8]) -> Result<BootGuard, BootCheckFault> {
    let Object(read): Object<Report> = bounded::json(report, LIMITS).map_err(BootCheckFault::Json)?;
    if read.schema != SCHEMA {
        return Err(BootCheckFault::Schema(read.schema));
    }
    let found: Vec<Found> = read.findings.into_iter().map(|Object(found)| found).collect();
    let recipe = read.recipe.ok_or(BootCheckFault::NotInstalled)?;
    let problems = found.iter().filter(|one| one.severity == Severity::Problem);
    let problems: Vec<String> = problems.map(|one| format!("{} ({})", one.code, one.place)).collect();
    if !problems.is_empty() {
        return Err(BootCheckFault::Problems(problems.join(", ")));
    }
    // A check always finds something, if only that all is good.
    if found.is_empty() {
        return Err(BootCheckFault::Unsaid("what was found"));
    }
    let beside = found.into_iter().filter(|one| one.severity != Severity::Good);
    Ok(BootGuard {
        recipe,
        version: read.version.ok_or(BootCheckFault::Unsaid("the version"))?,
        executable: read.executable.ok_or(BootCheckFault::Unsaid("what the executable is"))?,
        report_only: read.report_only.ok_or(BootCheckFault::Unsaid("whether boots go on without the guard"))?,
        records: read.records.ok_or(BootCheckFault::Unsaid("whether boots are recorded"))?,
        findings: beside.map(|one| one.code).collect(),
    })
}

#[cfg(test)]
mod tests;
