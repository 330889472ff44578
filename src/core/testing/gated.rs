//! Evidence with a gate result as its root, and the policy that asks for it.

#![expect(clippy::unwrap_used, reason = "fixtures that do not parse should stop the test")]

use jiff::Timestamp;

use super::{
    evidence::{carrying, signed, statement},
    images::descriptor,
    keys::LocalKey,
    policies::document,
};
use crate::{
    attestation::{
        Kind,
        predicate::{APPROVAL_TYPE, Approval, GateResult, SPDX_TYPE, SUMMARY_TYPE, Summary},
        write_statement,
    },
    digest::Sha256Digest,
    gate::{Database, Excepted, Found, Inputs, Measurement, Packages, Scanner},
    image::Descriptor,
    scan::Severity,
};

/// The smallest policy with a gate: `ci` seals, `boss` approves.
pub fn gated_policy(ci: &LocalKey, boss: &LocalKey, more: &str) -> String {
    let (seals, approves): (&[&str], &[&str]) = (&["ci"], &["boss"]);
    let require = [("gate", seals, 1), ("provenance", seals, 1), ("sbom", seals, 1), ("approval", approves, 1)];
    document(&[("ci", ci), ("boss", boss)], &require, more).replace("dangerous_without_gate = true\n", "")
}

/// Everything that a gate result and its approval say.
#[derive(Debug, Clone)]
pub struct Gated {
    /// The image.
    pub image: Descriptor,
    /// The instant of the gate.
    pub at: Timestamp,
    /// What was measured.
    pub measurement: Measurement,
    /// What was approved; none when nobody did.
    pub approved: Option<Sha256Digest>,
    /// When.
    pub approved_at: Timestamp,
    /// The statements that the gate result does not name, though they are there.
    pub unnamed: Vec<Kind>,
    /// What the SBOM's statement holds, and of which predicate type.
    pub sbom: (&'static str, String),
}

impl Gated {
    /// A gate that passed at an instant, on inputs of the hour before, with a finding below the threshold.
    pub fn at(at: Timestamp) -> Self {
        let hour = jiff::SignedDuration::from_hours(1);
        let before = at.saturating_sub(hour).unwrap();
        Self {
            image: descriptor(),
            at,
            measurement: Measurement {
                fail_on: Severity::High,
                scanner: Scanner {
                    uri: "pkg:github/anchore/grype".into(),
                    version: "0.121.2".into(),
                    finished: Some(before),
                    database: Some(Database { built: before, captured: Some(before) }),
                },
                packages: Packages {
                    source: "golden".into(),
                    count: 3,
                    distribution: Some("debian 12.15".into()),
                    end_of_life: Some(false),
                },
                findings: vec![found(Severity::Low)],
                exceptions: Vec::new(),
            },
            approved: Some(accepted()),
            approved_at: at,
            unnamed: Vec::new(),
            sbom: (SPDX_TYPE, "{}".to_owned()),
        }
    }

    /// The same with an SBOM.
    pub fn listing(self, predicate_type: &'static str, sbom: &str) -> Self {
        Self { sbom: (predicate_type, sbom.to_owned()), ..self }
    }

    /// The same without anything that a person would have to approve, and nobody who did.
    pub fn clean(self) -> Self {
        let measurement = Measurement { findings: Vec::new(), ..self.measurement };
        Self { measurement, approved: None, ..self }
    }

    /// The same of another image.
    pub fn of(self, image: Descriptor) -> Self {
        Self { image, ..self }
    }

    /// The same with an exception that ends at an instant.
    pub fn excepting(mut self, expires: Timestamp) -> Self {
        self.measurement.exceptions.push(Excepted {
            id: "CVE-2".into(),
            package: "tar".into(),
            owner: "owner@example.com".into(),
            justification: "not reachable".into(),
            expires,
            ticket: None,
            findings: vec![found(Severity::High)],
        });
        self
    }

    /// Returns the payload of the gate's statement, naming others by digest.
    pub fn payload(&self, named: &[Sha256Digest]) -> Vec<u8> {
        let digest = Sha256Digest::of(b"input");
        let (exceptions, manifest, database) = (None, None, None);
        let inputs = Inputs { sbom: digest, scan: digest, database, exceptions, policy: Some(digest), manifest };
        let result = GateResult {
            at: self.at,
            inputs: &inputs,
            policy: digest,
            accepted_risks: accepted(),
            measurement: &self.measurement,
            statements: named,
        };
        write_statement(&self.image, SUMMARY_TYPE, Summary::passed(&self.image, &result), false).unwrap()
    }

    /// Returns the payload of the approval.
    pub fn approval(&self) -> Option<Vec<u8>> {
        let approval = Approval::new("boss@example.com", self.approved_at, Sha256Digest::of(b"input"), self.approved?);
        Some(write_statement(&self.image, APPROVAL_TYPE, &approval, false).unwrap())
    }

    /// Returns the evidence: approval, provenance, SBOM, and the gate result that names them.
    pub fn evidence(&self, ci: &LocalKey, boss: &LocalKey) -> Vec<u8> {
        let mut lines: Vec<(&LocalKey, Kind, Vec<u8>)> = Vec::new();
        lines.extend(self.approval().map(|payload| (boss, Kind::Approval, payload)));
        lines.push((ci, Kind::Provenance, carrying(&self.image, r#"{"builder":"c"}"#)));
        let (predicate_type, sbom) = &self.sbom;
        lines.push((ci, Kind::Sbom, statement(self.image.digest(), predicate_type, sbom)));
        let named = lines.iter().filter(|(_, kind, _)| !self.unnamed.contains(kind));
        let named: Vec<Sha256Digest> = named.map(|(.., payload)| Sha256Digest::of(payload)).collect();
        lines.push((ci, Kind::Gate, self.payload(&named)));
        let lines: Vec<(&LocalKey, Vec<u8>)> = lines.into_iter().map(|(key, _, payload)| (key, payload)).collect();
        signed(&lines)
    }
}

/// The digest of what the gate accepted.
pub fn accepted() -> Sha256Digest {
    Sha256Digest::of(b"accepted")
}

fn found(severity: Severity) -> Found {
    Found { severity, id: "CVE-1".into(), package: "tar".into(), version: "1.34".into() }
}
