//! What was accepted, and the digest that a person approves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Excepted, Found, Measurement};
use crate::digest::Sha256Digest;

/// The files behind a gate result, by their SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// The SBOM.
    pub sbom: Sha256Digest,
    /// The scanner's report.
    pub scan: Sha256Digest,
    /// What names the scanner's database, where the report does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Sha256Digest>,
    /// The exceptions.
    pub exceptions: Option<Sha256Digest>,
    /// The policy; none when the result was made without one, and then it cannot be signed.
    pub policy: Option<Sha256Digest>,
    /// The Packer manifest.
    pub manifest: Option<Sha256Digest>,
}

/// The accepted risks of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Accepted<'a> {
    /// Exceptions that were needed.
    pub exceptions: &'a [Excepted],
    /// Findings below the threshold.
    pub findings: &'a [Found],
}

/// What is digested: RFC 8785, with no clock in it. `exceptions` is null where there was no file.
#[derive(Serialize)]
struct Bound<'a> {
    image: Sha256Digest,
    sbom: Sha256Digest,
    scan: Sha256Digest,
    exceptions: Option<Sha256Digest>,
    policy: Sha256Digest,
    accepted: Accepted<'a>,
}

/// Returns the digest that an approval is about.
///
/// It is SHA-256 over the RFC 8785 form of `{image, sbom, scan, exceptions, policy, accepted}`.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn accepted_risks(
    image: Sha256Digest,
    policy: Sha256Digest,
    inputs: &Inputs,
    measured: &Measurement,
) -> Result<Sha256Digest, serde_json::Error> {
    let (sbom, scan, exceptions) = (inputs.sbom, inputs.scan, inputs.exceptions);
    let accepted = Accepted { exceptions: &measured.exceptions, findings: &measured.findings };
    let bound = Bound { image, sbom, scan, exceptions, policy, accepted };
    serde_json_canonicalizer::to_vec(&bound).map(|bytes| Sha256Digest::of(&bytes))
}
