//! The gate: inputs that were read → a report; and, where it passed under a policy, what may be signed.

use jiff::{SignedDuration, Timestamp};

use crate::{
    bounded::stream::Streamed,
    build::Manifest,
    digest::Sha256Digest,
    gate::{
        Evaluation, Given, Inputs, Limits, Measurement, Standing, StandingException, Threshold, accepted_risks,
        evaluate, shortfalls, until,
    },
    image::Descriptor,
    policy::Policy,
    report::{Cause, ExceptionReport, GATE_SCHEMA, GateFiles, GateReport, LimitReport, Note},
    scan::{Exceptions, Sbom, Scan, Severity},
};

/// The inputs of a gate, read.
#[derive(Debug)]
pub struct Material {
    /// What is on the image.
    pub sbom: Streamed<Sbom>,
    /// What the scanner found.
    pub scan: Streamed<Scan>,
    /// The file that names the scanner's database, where the report does not.
    pub database: Option<Sha256Digest>,
    /// What was accepted, and the file's digest.
    pub exceptions: Option<(Exceptions, Sha256Digest)>,
    /// The Packer manifest, and the file's digest.
    pub manifest: Option<(Manifest, Sha256Digest)>,
    /// The files as they were named.
    pub files: GateFiles,
}

/// A gate that passed under a policy. Only [`gate`] makes one.
#[derive(Debug, Clone)]
pub struct Passed {
    at: Timestamp,
    policy: Sha256Digest,
    inputs: Inputs,
    measurement: Measurement,
}

impl Passed {
    /// Returns the instant of the evaluation.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns the same result as it was at an earlier instant, which a second signer signs again.
    pub(super) fn dated(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    /// Returns the policy.
    pub fn policy(&self) -> Sha256Digest {
        self.policy
    }

    /// Returns the files that were evaluated.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Returns what was measured.
    pub fn measurement(&self) -> &Measurement {
        &self.measurement
    }

    /// Returns what an approval for an image is about.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn accepted_risks(&self, image: &Descriptor) -> Result<Sha256Digest, serde_json::Error> {
        accepted_risks(image.digest(), self.policy, &self.inputs, &self.measurement)
    }
}

/// Evaluates inputs at an instant, under a policy or, without one, under the built-in limits.
///
/// `fail_on` only tightens what a policy says.
pub fn gate(
    material: &Material,
    policy: Option<&Policy>,
    fail_on: Option<Threshold>,
    now: Timestamp,
) -> (GateReport, Option<Passed>) {
    let (limits, reports, mut notes) = limits(policy, fail_on);
    let none = Exceptions::default();
    let given = Given {
        sbom: &material.sbom.value,
        scan: &material.scan.value,
        exceptions: material.exceptions.as_ref().map_or(&none, |(exceptions, _)| exceptions),
        run: material.manifest.as_ref().map(|(manifest, _)| manifest.run.as_str()),
        fail_on: limits.fail_on,
    };
    let Evaluation { measurement, shortfalls: mut found, exceptions, hidden_by_default } = evaluate(&given, now);
    found.extend(shortfalls(&measurement, &limits, now));
    found.sort();
    found.dedup();
    let passed = found.is_empty();
    let inputs = Inputs {
        sbom: material.sbom.sha256,
        scan: material.scan.sha256,
        database: material.database,
        exceptions: material.exceptions.as_ref().map(|(_, digest)| *digest),
        policy: policy.map(Policy::digest),
        manifest: material.manifest.as_ref().map(|(_, digest)| *digest),
    };
    if hidden_by_default > 0 {
        let message = format!(
            "{hidden_by_default} findings in kernel headers, which Grype leaves out by default, are not counted"
        );
        notes.push(Note::new("kernel-headers", message));
    }
    let report = GateReport {
        schema: GATE_SCHEMA,
        at: now,
        passed,
        until: until(&measurement, &limits).filter(|_| passed),
        files: material.files.clone(),
        inputs: inputs.clone(),
        images: material
            .manifest
            .iter()
            .flat_map(|(manifest, _)| &manifest.images)
            .map(|one| one.image.clone())
            .collect(),
        limits: reports,
        approval_needed: policy.is_some_and(|policy| policy.asks_approval(&measurement)),
        measurement: measurement.clone(),
        failures: found.iter().map(Cause::shortfall).collect(),
        exceptions: exceptions.into_iter().map(|one| standing(one, now)).collect(),
        notes,
    };
    let digest = policy.map(Policy::digest).filter(|_| passed);
    let passed = digest.map(|policy| Passed { at: now, policy, inputs, measurement });
    (report, passed)
}

fn limits(policy: Option<&Policy>, fail_on: Option<Threshold>) -> (Limits, Vec<LimitReport>, Vec<Note>) {
    let mut limits = policy.map_or(Limits::BUILT_IN, |policy| policy.gate().limits.clone());
    let written = |name| policy.is_some_and(|policy| policy.gate().written.contains(name));
    let origin = |name| if written(name) { "policy" } else { "built-in" };
    let mut notes = Vec::new();
    let mut threshold = origin("fail_on");
    if policy.is_none() {
        notes.push(Note::new("without-policy", "made without a policy, so it cannot be signed"));
    }
    if let Some(asked) = fail_on.map(Severity::from) {
        if asked < limits.fail_on || policy.is_none() {
            (limits.fail_on, threshold) = (asked, "--fail-on");
        } else if asked > limits.fail_on {
            let message = format!("--fail-on {asked} is laxer than the policy, whose {} holds", limits.fail_on);
            notes.push(Note::new("fail-on-laxer", message));
        }
    }
    let reports = vec![
        LimitReport { name: "fail_on", value: limits.fail_on.to_string(), origin: threshold },
        report("max_scan_age", limits.scan_age, origin),
        report("max_database_age", limits.database_age, origin),
        report("max_data_age", limits.data_age, origin),
        report("max_exception_life", limits.exception_life, origin),
        report("end_of_life", limits.end_of_life, origin),
    ];
    (limits, reports, notes)
}

fn report(
    name: &'static str,
    value: impl std::fmt::Display,
    origin: impl Fn(&'static str) -> &'static str,
) -> LimitReport {
    LimitReport { name, value: value.to_string(), origin: origin(name) }
}

fn standing(exception: StandingException, now: Timestamp) -> ExceptionReport {
    let days = |days: u8| SignedDuration::from_hours(i64::from(days) * 24);
    let left = exception.expires.duration_since(now);
    let ends_within_days = match exception.standing {
        Standing::Expired => None,
        Standing::Used | Standing::Overlapped | Standing::NotNeeded | Standing::Unused => {
            [7, 14].into_iter().find(|limit| left <= days(*limit))
        }
    };
    ExceptionReport { exception, ends_within_days }
}

#[cfg(test)]
mod tests;
