//! A measurement, limits and an instant → what falls short, and until when nothing does.

use jiff::Timestamp;
use serde::Serialize;

use super::{EndOfLife, Found, Limits, Measurement, Period};
use crate::{
    scan::{Finding, Severity},
    time::earlier,
};

/// Why a gate fails. The order is the order of reports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the message of each says it; docs/reasons.md lists the codes")]
pub enum Shortfall {
    #[error("the SBOM lists no package")]
    SbomEmpty,
    #[error("the SBOM is of {found:?}; nothing in its name, version or namespace is the Packer run {run}")]
    SbomOfAnotherRun { run: String, found: String },
    #[error("the scan is of {scan:?}, the SBOM of {sbom:?}, and no finding connects them")]
    ScanOfAnotherSource { scan: String, sbom: String },
    #[error("the scan is of {scan}, the SBOM of {sbom}")]
    ScanOfAnotherDistribution { scan: String, sbom: String },
    #[error("the scan looked at nothing: {why}")]
    ScanOfNothing { why: String },
    #[error("{count} packages of the scan are not in the SBOM, such as {example}")]
    PackagesNotInSbom { count: usize, example: String },
    #[error("the scan ({scan}) is older than the SBOM ({sbom})")]
    ScanBeforeSbom { scan: Timestamp, sbom: Timestamp },
    #[error("the SBOM does not say when it was made, so nobody can say that the scan is younger")]
    SbomTimeAbsent,
    #[error("the scan does not say when it was made")]
    ScanTimeAbsent,
    #[error("the {what} is dated {at}, which is after {now}")]
    InFuture { what: &'static str, at: Timestamp, now: Timestamp },
    #[error("the scan of {at} is older than {limit}")]
    ScanTooOld { at: Timestamp, limit: String },
    #[error("the scan names no vulnerability database")]
    DatabaseAbsent,
    #[error("the scan's vulnerability database is not valid: {problem}")]
    DatabaseInvalid { problem: String },
    #[error("the vulnerability database, assembled {at}, is older than {limit}")]
    DatabaseTooOld { at: Timestamp, limit: String },
    #[error("nothing says when the data of the vulnerability database was taken")]
    DataAgeUnknown,
    #[error("the data of the vulnerability database, taken {at}, is older than {limit}")]
    DataTooOld { at: Timestamp, limit: String },
    #[error("the distribution {distribution} is no longer maintained")]
    DistributionEndOfLife { distribution: String },
    #[error("nothing says whether the distribution {distribution} is still maintained")]
    DistributionLifeUnknown { distribution: String },
    #[error("the scanner was told to hide findings: {setting}")]
    ScannerFilter { setting: String },
    #[error("{id} in {package} {version} was hidden by the scanner: {by}")]
    FindingHidden { id: String, package: String, version: String, by: String },
    #[error("{id} in {package} {version} has no severity that is known ({said})")]
    SeverityUnknown { id: String, package: String, version: String, said: String, fixed: Option<String> },
    #[error("{id} in {package} {version} is {severity}; {fail_on} and above fails")]
    FindingAtThreshold {
        severity: Severity,
        id: String,
        package: String,
        version: String,
        fail_on: Severity,
        fixed: Option<String>,
    },
    #[error("the exception for {id} in {package}, owned by {owner}, ended {expires}")]
    ExceptionExpired { id: String, package: String, owner: String, expires: Timestamp },
    #[error("the exception for {id} in {package}, owned by {owner}, ends {expires}, more than {limit} ahead")]
    ExceptionTooLong { id: String, package: String, owner: String, expires: Timestamp, limit: String },
}

impl Shortfall {
    /// Makes the one of a finding that no exception covers. What the scanner says beside it is only known at the gate.
    pub(super) fn of(finding: &Found, scanned: Option<&Finding>, fail_on: Severity) -> Self {
        let Found { severity, id, package, version } = finding.clone();
        let fixed = scanned.and_then(|scanned| scanned.fixed.clone());
        if severity == Severity::Unknown {
            let said = scanned.and_then(|scanned| scanned.said.as_ref());
            let said = said.map_or_else(|| "none given".to_owned(), |said| format!("{said:?}"));
            return Self::SeverityUnknown { id, package, version, said, fixed };
        }
        Self::FindingAtThreshold { severity, id, package, version, fail_on, fixed }
    }

    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SbomEmpty => "sbom-empty",
            Self::SbomOfAnotherRun { .. } => "sbom-of-another-run",
            Self::ScanOfAnotherSource { .. } => "scan-of-another-source",
            Self::ScanOfAnotherDistribution { .. } => "scan-of-another-distribution",
            Self::ScanOfNothing { .. } => "scan-of-nothing",
            Self::PackagesNotInSbom { .. } => "packages-not-in-sbom",
            Self::ScanBeforeSbom { .. } => "scan-before-sbom",
            Self::SbomTimeAbsent => "sbom-time-absent",
            Self::ScanTimeAbsent => "scan-time-absent",
            Self::InFuture { .. } => "input-in-future",
            Self::ScanTooOld { .. } => "scan-too-old",
            Self::DatabaseAbsent => "database-absent",
            Self::DatabaseInvalid { .. } => "database-invalid",
            Self::DatabaseTooOld { .. } => "database-too-old",
            Self::DataAgeUnknown => "database-data-age-unknown",
            Self::DataTooOld { .. } => "database-data-too-old",
            Self::DistributionEndOfLife { .. } => "distribution-end-of-life",
            Self::DistributionLifeUnknown { .. } => "distribution-life-unknown",
            Self::ScannerFilter { .. } => "scanner-filter",
            Self::FindingHidden { .. } => "finding-hidden",
            Self::SeverityUnknown { .. } => "severity-unknown",
            Self::FindingAtThreshold { .. } => "finding-at-threshold",
            Self::ExceptionExpired { .. } => "exception-expired",
            Self::ExceptionTooLong { .. } => "exception-too-long",
        }
    }
}

/// Holds a measurement against limits at an instant. What is signed cannot fail in any other way: the rest was checked
/// before it was signed.
pub fn shortfalls(measured: &Measurement, limits: &Limits, now: Timestamp) -> Vec<Shortfall> {
    let mut found = Vec::new();
    for (what, at) in dates(measured) {
        if at > now {
            found.push(Shortfall::InFuture { what, at, now });
        }
    }
    let old = |at: Timestamp, limit: Period| (now >= limit.after(at)).then(|| limit.to_string());
    match measured.scanner.finished {
        None => found.push(Shortfall::ScanTimeAbsent),
        Some(at) => found.extend(old(at, limits.scan_age).map(|limit| Shortfall::ScanTooOld { at, limit })),
    }
    match &measured.scanner.database {
        None => found.push(Shortfall::DatabaseAbsent),
        Some(database) => {
            let at = database.built;
            found.extend(old(at, limits.database_age).map(|limit| Shortfall::DatabaseTooOld { at, limit }));
            match database.captured {
                None => found.push(Shortfall::DataAgeUnknown),
                Some(at) => found.extend(old(at, limits.data_age).map(|limit| Shortfall::DataTooOld { at, limit })),
            }
        }
    }
    let packages = &measured.packages;
    if packages.count == 0 {
        found.push(Shortfall::SbomEmpty);
    }
    if limits.end_of_life == EndOfLife::Reject {
        let distribution = packages.distribution.clone().unwrap_or_else(|| "of the image".to_owned());
        match packages.end_of_life {
            Some(false) => {}
            Some(true) => found.push(Shortfall::DistributionEndOfLife { distribution }),
            None => found.push(Shortfall::DistributionLifeUnknown { distribution }),
        }
    }
    let over = measured.findings.iter().filter(|finding| finding.severity >= limits.fail_on);
    found.extend(over.map(|finding| Shortfall::of(finding, None, limits.fail_on)));
    for exception in &measured.exceptions {
        let (id, package, owner) = (exception.id.clone(), exception.package.clone(), exception.owner.clone());
        let expires = exception.expires;
        if now >= expires {
            found.push(Shortfall::ExceptionExpired { id, package, owner, expires });
        } else if expires > limits.exception_life.after(now) {
            let limit = limits.exception_life.to_string();
            found.push(Shortfall::ExceptionTooLong { id, package, owner, expires, limit });
        }
    }
    found
}

/// Returns until when a measurement without shortfalls has none.
pub fn until(measured: &Measurement, limits: &Limits) -> Option<Timestamp> {
    let scanner = &measured.scanner;
    let scan = scanner.finished.map(|at| limits.scan_age.after(at));
    let built = scanner.database.as_ref().map(|database| limits.database_age.after(database.built));
    let captured = scanner.database.as_ref().and_then(|database| database.captured);
    let captured = captured.map(|at| limits.data_age.after(at));
    let exceptions = measured.exceptions.iter().map(|exception| Some(exception.expires));
    [scan, built, captured].into_iter().chain(exceptions).fold(None, earlier)
}

fn dates(measured: &Measurement) -> impl Iterator<Item = (&'static str, Timestamp)> {
    let scanner = &measured.scanner;
    let database = scanner.database.as_ref();
    let dates = [
        ("scan", scanner.finished),
        ("vulnerability database", database.map(|database| database.built)),
        ("data of the vulnerability database", database.and_then(|database| database.captured)),
    ];
    dates.into_iter().filter_map(|(what, at)| Some((what, at?)))
}

#[cfg(test)]
mod tests;
