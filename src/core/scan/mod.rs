//! What a scanner reported → findings. What they mean is the gate's business, not this module's.

mod grype;

use jiff::Timestamp;

use crate::bounded::JsonFault;

/// A scanner whose report goldseal reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanner {
    /// Anchore Grype.
    Grype,
}

impl Scanner {
    /// Returns what names it in a statement.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Grype => "pkg:github/anchore/grype",
        }
    }
}

/// One report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Who wrote it.
    pub scanner: Scanner,
    /// In which version.
    pub version: String,
    /// What it knew.
    pub database: Database,
    /// When it was done; old reports do not say.
    pub finished: Option<Timestamp>,
    /// What it found, ignored findings included.
    pub findings: Vec<Finding>,
}

/// The vulnerability database behind a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its schema version.
    pub schema: Option<String>,
    /// When it was assembled.
    pub built: Timestamp,
}

/// One vulnerability in one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// CVE, GHSA, …
    pub id: String,
    /// The scanner's word for it; none when it had none.
    pub severity: Option<String>,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The package URL.
    pub purl: Option<String>,
    /// Whether one of the scanner's own rules hid it.
    pub ignored: bool,
}

/// Why a file is not a report that goldseal reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanFault {
    /// Not the JSON of a Grype report (a table saved as JSON, for one).
    #[error("not a Grype report in JSON")]
    Json(#[source] JsonFault),
    /// It does not say which database was used, so nobody can say how old its answers are.
    #[error("the report names no vulnerability database (descriptor.db)")]
    NoDatabase,
    /// The scanner itself said that its database was not good.
    #[error("the report's vulnerability database is not valid: {0}")]
    BadDatabase(String),
}

/// Reads a report.
///
/// # Errors
/// See [`ScanFault`].
pub fn parse(report: &[u8]) -> Result<Scan, ScanFault> {
    grype::parse(report)
}
