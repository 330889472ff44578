//! What `hook breaker` says.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{ids::Region, lifecycle::Breaker};

/// The schema of [`BreakersReport`].
pub const BREAKERS_SCHEMA: &str = "goldseal/breakers-report/v1";

/// The breakers of a region.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreakersReport {
    /// `goldseal/breakers-report/v1`.
    pub schema: &'static str,
    /// When they were read.
    pub at: Timestamp,
    /// The region.
    pub region: Region,
    /// Those that were open and are now closed.
    pub closed: Vec<Breaker>,
    /// Those that there are, open and closed.
    pub breakers: Vec<Breaker>,
}
