//! What `gate` says, and what `approve` reads.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cause, Note};
use crate::{
    gate::{Inputs, Measurement, StandingException},
    ids::ImageRef,
};

/// The schema of [`GateReport`].
pub const GATE_SCHEMA: &str = "goldseal/gate/v1";

/// What `gate` says. It is written to be read by `approve`; `sign` evaluates the raw inputs again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateReport {
    /// `goldseal/gate/v1`.
    pub schema: &'static str,
    /// The instant of the evaluation.
    pub at: Timestamp,
    /// Whether nothing falls short.
    pub passed: bool,
    /// Until when it would pass, with the same inputs.
    pub until: Option<Timestamp>,
    /// The files, as they were named.
    pub files: GateFiles,
    /// The files, by their SHA-256.
    pub inputs: Inputs,
    /// The images of the Packer manifest; empty without one.
    pub images: Vec<ImageRef>,
    /// What held, and where that was said.
    pub limits: Vec<LimitReport>,
    /// Whether the policy asks a person to approve what was accepted.
    pub approval_needed: bool,
    /// What was measured, the accepted risks among it.
    pub measurement: Measurement,
    /// Why it does not pass.
    pub failures: Vec<Cause>,
    /// Every exception and what became of it.
    pub exceptions: Vec<ExceptionReport>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// The files that a gate read, as they were named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateFiles {
    /// The SBOM.
    pub sbom: String,
    /// The scan.
    pub scan: String,
    /// The exceptions.
    pub exceptions: Option<String>,
    /// The policy.
    pub policy: Option<String>,
    /// The Packer manifest.
    pub manifest: Option<String>,
}

/// A limit that held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LimitReport {
    /// Its key in the policy.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// `policy`, `built-in` or `--fail-on`.
    pub origin: &'static str,
}

/// What became of an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionReport {
    /// The exception.
    #[serde(flatten)]
    pub exception: StandingException,
    /// It ends within so many days, 7 or 14; none when it lasts longer or has ended.
    pub ends_within_days: Option<u8>,
}
