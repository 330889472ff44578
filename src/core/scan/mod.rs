//! What a scanner, an SBOM generator and the people who accept risks wrote → findings, packages, exceptions. What they mean
//! is the gate's business, not this module's.
//!
//! Reports and SBOMs are read from a stream in one pass, as strictly as evidence, and only what the gate needs is kept.

pub mod exceptions;
mod grype;
mod instant;
pub(crate) mod purl;
mod report;
pub mod sbom;
mod setting;
mod severity;
mod trivy;

use jiff::Timestamp;

use crate::bounded::stream::StreamFault;

pub use exceptions::{Exception, Exceptions};
pub use report::{read, read_database};
pub use sbom::Sbom;
pub use severity::Severity;

/// A scanner whose report goldseal reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanner {
    /// Anchore Grype.
    Grype,
    /// Aqua Trivy.
    Trivy,
}

impl Scanner {
    /// Returns what names it in a statement.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Grype => "pkg:github/anchore/grype",
            Self::Trivy => "pkg:github/aquasecurity/trivy",
        }
    }
}

/// One report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Who wrote it.
    pub scanner: Scanner,
    /// In which version; empty where the report does not say.
    pub version: String,
    /// When it was done; old reports do not say.
    pub finished: Option<Timestamp>,
    /// What the scanner knew. Trivy's reports never say.
    pub database: Option<Database>,
    /// What was scanned.
    pub source: Option<Source>,
    /// Which distribution the scanner saw; none when it saw none.
    pub distro: Option<Distro>,
    /// What it found, hidden findings included.
    pub findings: Vec<Finding>,
    /// Every setting of the scanner that hides findings or would, in words. Trivy's reports do not say.
    pub filters: Vec<String>,
    /// How many matches Grype's own rules for kernel headers hid; they are no findings.
    pub hidden_by_default: usize,
}

/// What was scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The scanner's word for its kind: `directory`, `filesystem`, …
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distro {
    /// Its name; never empty.
    pub name: String,
    /// Its version; may be empty.
    pub version: String,
    /// Whether it gets no updates any more; none when the scanner did not look.
    pub end_of_life: Option<bool>,
}

/// The vulnerability database behind a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its schema version.
    pub schema: Option<String>,
    /// When it was assembled.
    pub built: Timestamp,
    /// When the oldest of its data was taken; none when the report is of a generation that does not say.
    pub captured: Option<Timestamp>,
    /// What the scanner itself found wrong with it.
    pub problem: Option<String>,
}

/// One vulnerability in one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// CVE, GHSA, …
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// The scanner's word for that; none when it had none.
    pub said: Option<String>,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The package URL.
    pub purl: Option<String>,
    /// The first version that has a fix.
    pub fixed: Option<String>,
    /// What hid it from the scanner's result, in words.
    pub hidden: Option<String>,
}

/// Why a file is not a report that goldseal reads.
#[derive(Debug, thiserror::Error)]
pub enum ScanFault {
    /// It cannot be read, or not as this kind of document.
    #[error(transparent)]
    Read(StreamFault),
    /// It is no JSON at all.
    #[error(
        "a text that begins with {starts:?}, and no JSON: a table saved as a report? \
         Write JSON with `grype -o json` or `trivy --format json`"
    )]
    Text {
        /// How it begins.
        starts: String,
    },
    /// It is the document of another program.
    #[error("neither Grype's report (matches, descriptor) nor Trivy's (SchemaVersion, Results)")]
    Dialect,
    /// It calls itself the document of another program.
    #[error("descriptor.name is {0:?}, and not grype")]
    OtherProgram(String),
    /// It is of a generation that goldseal does not read.
    #[error("SchemaVersion is {0}, and not 2")]
    Generation(u64),
    /// It lacks what it cannot be without.
    #[error("{0} is missing or null: without it, nothing says what was found")]
    Missing(&'static str),
}

impl From<StreamFault> for ScanFault {
    fn from(fault: StreamFault) -> Self {
        match fault {
            StreamFault::NotAnObject { starts } if starts.starts_with('[') => Self::Dialect,
            StreamFault::NotAnObject { starts } => Self::Text { starts },
            StreamFault::Io(_) | StreamFault::TooLarge { .. } | StreamFault::Empty | StreamFault::Json(_) => {
                Self::Read(fault)
            }
        }
    }
}
