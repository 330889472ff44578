//! The boot guard in an image, as `goldseal boot check` found it when the image was built: an internal parameter of the
//! provenance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;

/// A boot guard that an image carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BootGuard {
    /// Where its units stand in a boot: `sysinit`, `networkd`, `network-manager`.
    pub recipe: String,
    /// The version of goldseal that installed them.
    pub version: String,
    /// SHA-256 of its executable.
    pub executable: Sha256Digest,
    /// Boots go on when it fails or is missing.
    pub report_only: bool,
    /// It leaves a record of every boot off the instance, for its settings name a place.
    pub records: bool,
    /// The codes of what was found beside it, none of which is a problem.
    #[serde(default)]
    pub findings: Vec<String>,
}
