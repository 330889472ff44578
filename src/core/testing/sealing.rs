//! Inputs of a sealing, and everything that a sealing touches.

#![expect(clippy::unwrap_used, reason = "fixtures that do not parse should stop the test")]

use super::{
    evidence::signed,
    images::facts,
    inputs::{self, SPDX, found, grype},
    keys::LocalKey,
    policies,
};
use crate::{
    attestation::{
        predicate::{APPROVAL_TYPE, Approval, BuildFacts},
        write_statement,
    },
    digest::Sha256Digest,
    flow::{Inputs, Material, Passed, SbomPlace, gate, parse_facts},
    image::{Descriptor, DeviceContent, ImageFacts},
    policy::{Keys, Policy},
};

/// Build facts.
pub const FACTS: &str =
    r#"{"builder":"https://ci.example","finishedOn":"2026-11-01T10:00:00Z","tags":{"Commit":"0a1b"}}"#;

/// Files that can be signed, and the image that they are about.
#[derive(Debug)]
pub struct Files {
    /// The image, with its tags.
    pub image: ImageFacts,
    /// The SBOM.
    pub sbom: String,
    /// What was read.
    pub material: Material,
    /// The build facts.
    pub facts: BuildFacts,
    /// The content digests.
    pub content: Vec<DeviceContent>,
}

impl Files {
    /// Inputs without any finding.
    pub fn clean() -> Self {
        Self::of(&[], None)
    }

    /// Inputs with one low finding: something to approve.
    pub fn accepting() -> Self {
        Self::of(&[found("CVE-1", "tar", "1.34", "Low")], None)
    }

    /// Inputs with findings and exceptions.
    pub fn of(matches: &[String], exceptions: Option<&str>) -> Self {
        Self::reading(SPDX, &grype(matches), exceptions)
    }

    /// Inputs by their texts.
    pub fn reading(sbom: &str, scan: &str, exceptions: Option<&str>) -> Self {
        Self {
            image: facts(),
            sbom: sbom.to_owned(),
            material: inputs::material(sbom, scan, exceptions),
            facts: parse_facts(FACTS.as_bytes()).unwrap(),
            content: Vec::new(),
        }
    }

    /// Returns them as a sealing takes them.
    pub fn inputs(&self) -> Inputs<'_> {
        Inputs {
            material: &self.material,
            sbom: SbomPlace::Inline(self.sbom.as_bytes()),
            facts: &self.facts,
            tests: None,
            guard: None,
            packer: None,
            content: &self.content,
        }
    }

    /// Runs the gate under a policy; it must pass.
    pub fn passed(&self, policy: &Policy) -> Passed {
        gate(&self.material, Some(policy), None, inputs::now()).1.unwrap()
    }
}

/// A policy with a gate, and its keys: `ci` (1) seals, `boss` (2) approves.
pub fn gated() -> (Policy, Keys) {
    let policy = policies::compiled(&super::gated::gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), ""));
    let keys = Keys::new(&policy, |_| Err(String::new()));
    (policy, keys)
}

/// An approval of accepted risks of an image, signed by a key.
pub fn approval(number: usize, image: &Descriptor, accepted: Sha256Digest) -> Vec<u8> {
    let approval = Approval::new("boss", inputs::now(), Sha256Digest::of(b"policy"), accepted);
    let payload = write_statement(image, APPROVAL_TYPE, &approval, false).unwrap();
    signed(&[(&LocalKey::p256(number), payload)])
}
