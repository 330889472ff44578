//! A gate result ⇄ [SLSA verification summary v1], with what was measured in a field of our own.
//!
//! It is the root of an image's evidence: `inputAttestations` names every other statement that counts, each by the
//! SHA-256 of its payload, and what it does not name does not count.
//!
//! [SLSA verification summary v1]: https://slsa.dev/spec/v1.0/verification_summary

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::verification::{PASSED, Resource, Verifier};
use crate::{
    bounded::Object,
    digest::Sha256Digest,
    gate::{Inputs, Measurement},
    image::Descriptor,
};

const VERIFIER: &str = "https://goldseal.dev/verifiers/gate/v1";
/// Levels of SLSA's own begin with `SLSA_`; this is none.
const LEVEL: &str = "GOLDSEAL_GATE_PASSED";

/// A gate result that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    verifier: Verifier,
    time_verified: Timestamp,
    resource_uri: String,
    policy: Resource,
    input_attestations: Vec<Resource>,
    verification_result: String,
    verified_levels: Vec<String>,
    #[serde(rename = "https://goldseal.dev/gate/v1")]
    gate: Object<Gate>,
}

/// What was evaluated, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gate {
    inputs: Inputs,
    accepted_risks: Sha256Digest,
    measurement: Measurement,
}

/// What a gate result says: the fields of a summary that passed.
#[derive(Debug, Clone, Copy)]
pub struct GateResult<'a> {
    /// The instant of the evaluation.
    pub at: Timestamp,
    /// The files that were evaluated.
    pub inputs: &'a Inputs,
    /// The policy that was held against them.
    pub policy: Sha256Digest,
    /// What an approval of this result is about.
    pub accepted_risks: Sha256Digest,
    /// What was measured.
    pub measurement: &'a Measurement,
    /// The other statements that count, by the SHA-256 of their payloads.
    pub statements: &'a [Sha256Digest],
}

/// Why a summary is no gate result of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SummaryFault {
    /// It did not pass.
    #[error("its result is {0:?}, not PASSED")]
    NotPassed(String),
    /// Another verifier wrote it.
    #[error("its verifier is {0:?}, not the gate's")]
    Verifier(String),
    /// It is about another resource than its subject.
    #[error("its resource is {0:?}")]
    Resource(String),
}

impl Summary {
    /// Writes a gate result that passed.
    pub fn passed(image: &Descriptor, result: &GateResult<'_>) -> Self {
        Self {
            verifier: Verifier { id: VERIFIER.to_owned() },
            time_verified: result.at,
            resource_uri: image.arn(),
            policy: Resource::policy(result.policy),
            input_attestations: result.statements.iter().copied().map(Resource::input).collect(),
            verification_result: PASSED.to_owned(),
            verified_levels: vec![LEVEL.to_owned()],
            gate: Object(Gate {
                inputs: result.inputs.clone(),
                accepted_risks: result.accepted_risks,
                measurement: result.measurement.clone(),
            }),
        }
    }

    /// Checks that it says that this image passed.
    ///
    /// # Errors
    /// See [`SummaryFault`].
    pub fn check(&self, image: &Descriptor) -> Result<(), SummaryFault> {
        if self.verifier.id != VERIFIER {
            return Err(SummaryFault::Verifier(self.verifier.id.chars().take(200).collect()));
        }
        if self.verification_result != PASSED {
            return Err(SummaryFault::NotPassed(self.verification_result.chars().take(80).collect()));
        }
        if self.resource_uri != image.arn() {
            return Err(SummaryFault::Resource(self.resource_uri.chars().take(200).collect()));
        }
        Ok(())
    }

    /// Returns the instant of the evaluation.
    pub fn at(&self) -> Timestamp {
        self.time_verified
    }

    /// Returns the SHA-256 of the policy that the producer held against them.
    pub fn policy(&self) -> Sha256Digest {
        self.policy.digest.sha256
    }

    /// Returns the files that were evaluated.
    pub fn inputs(&self) -> &Inputs {
        &self.gate.0.inputs
    }

    /// Returns what was measured.
    pub fn measurement(&self) -> &Measurement {
        &self.gate.0.measurement
    }

    /// Returns what an approval of this result is about.
    pub fn accepted_risks(&self) -> Sha256Digest {
        self.gate.0.accepted_risks
    }

    /// Says whether it names a statement.
    pub fn names(&self, statement: Sha256Digest) -> bool {
        self.input_attestations.iter().any(|input| input.digest.sha256 == statement)
    }
}
