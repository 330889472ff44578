//! What `boot install` and `boot uninstall` did, and what `boot check` found.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Finding, Note, Severity};
use crate::digest::Sha256Digest;

/// The schema of [`BootCheckReport`].
pub const BOOT_CHECK_SCHEMA: &str = "goldseal/boot-check/v1";

/// The schema of [`BootInstallReport`].
pub const BOOT_INSTALL_SCHEMA: &str = "goldseal/boot-install/v1";

/// What was put into an image, or taken out of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BootInstallReport {
    /// `goldseal/boot-install/v1`.
    pub schema: &'static str,
    /// The image's root directory.
    pub root: String,
    /// The recipe that is installed now; none when nothing is.
    pub recipe: Option<&'static str>,
    /// Boots go on whatever the guard says.
    pub report_only: bool,
    /// The paths that were written, or removed.
    pub changed: Vec<String>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// What stands in the way of a boot guard in an image, and what does not.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BootCheckReport {
    /// `goldseal/boot-check/v1`.
    pub schema: &'static str,
    /// The image's root directory.
    pub root: String,
    /// The recipe that was installed.
    pub recipe: Option<&'static str>,
    /// The version of goldseal that installed it.
    pub version: Option<String>,
    /// Boots go on when the guard fails or is missing; none when nothing was installed.
    pub report_only: Option<bool>,
    /// SHA-256 of the guard's executable; none when it is not there.
    pub executable: Option<Sha256Digest>,
    /// The settings name a place for records of boots; none when they cannot be read.
    pub records: Option<bool>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

impl BootCheckReport {
    /// Returns the worst severity.
    pub fn worst(&self) -> Severity {
        self.findings.iter().map(|one| one.severity).min().unwrap_or(Severity::Good)
    }
}
