//! A gate report → the accepted risks, as a person should see them; and, when they say yes, a signed approval.
//!
//! The report is not believed: `sign` evaluates the raw inputs again, and what was approved has to be what it finds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::{
    SignError,
    sign::bundles,
    statements::{InputFault, UnsignedStatement},
};
use crate::{
    attestation::{
        Kind,
        predicate::{APPROVAL_TYPE, Approval},
        write_statement,
    },
    bounded::{self, JsonFault, Limits, Object},
    digest::Sha256Digest,
    gate::{Excepted, Found, Inputs, Measurement, accepted_risks},
    ids::ImageRef,
    image::{Descriptor, ImageFacts, ImageFault},
    policy::{Gathered, Judgement, Policy, judge},
    ports::{EvidenceStore, ImageCatalog, KeyCatalog, Listings, PortError, Signer},
    report::{APPROVE_SCHEMA, ApproveReport, ApprovedImage, GATE_SCHEMA, KeyReport, Risk, Risks},
    scan::Severity,
    verdict::Verdict,
};

/// A gate report of the largest scans has some MiB.
const LIMITS: Limits = Limits { bytes: 64 << 20, depth: 32 };

/// A gate report, as far as an approval needs it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateFile {
    schema: String,
    passed: bool,
    images: Vec<ImageRef>,
    approval_needed: bool,
    inputs: Inputs,
    measurement: Measurement,
}

/// Why a file is nothing that could be approved.
#[derive(Debug, thiserror::Error)]
pub enum GateFileFault {
    /// It does not read as a gate report.
    #[error("not a report of `goldseal gate --output json`")]
    Json(#[source] JsonFault),
    /// It is another report.
    #[error("a {0:?}, not a {GATE_SCHEMA:?}: approve what `goldseal gate --output json` wrote")]
    Schema(String),
    /// The gate failed.
    #[error("the gate failed, and nobody can approve that: fix what it lists, or write exceptions")]
    Failed,
    /// It was made without a policy.
    #[error("the gate was run without a policy, so nothing can be signed of it: run it with --policy")]
    WithoutPolicy,
    /// The digest could not be made.
    #[error("writing the accepted risks: {0}")]
    Unwritable(String),
}

impl GateFile {
    /// Reads the JSON of a gate report that passed under a policy.
    ///
    /// # Errors
    /// See [`GateFileFault`].
    pub fn parse(bytes: &[u8]) -> Result<Self, GateFileFault> {
        let Object(file): Object<Self> = bounded::json(bytes, LIMITS).map_err(GateFileFault::Json)?;
        if file.schema != GATE_SCHEMA {
            return Err(GateFileFault::Schema(file.schema.chars().take(80).collect()));
        }
        if !file.passed {
            return Err(GateFileFault::Failed);
        }
        match file.inputs.policy {
            Some(_) => Ok(file),
            None => Err(GateFileFault::WithoutPolicy),
        }
    }

    /// Returns the images of the Packer manifest that the gate was given.
    pub fn images(&self) -> &[ImageRef] {
        &self.images
    }

    /// Says whether the policy asks for an approval.
    pub fn approval_needed(&self) -> bool {
        self.approval_needed
    }

    /// Returns the policy that the gate was run under.
    pub fn policy(&self) -> Option<Sha256Digest> {
        self.inputs.policy
    }

    /// Returns what an approval for an image is about.
    ///
    /// # Errors
    /// [`GateFileFault::Unwritable`], and [`GateFileFault::WithoutPolicy`].
    pub fn accepted_risks(&self, image: &Descriptor) -> Result<Sha256Digest, GateFileFault> {
        let policy = self.inputs.policy.ok_or(GateFileFault::WithoutPolicy)?;
        accepted_risks(image.digest(), policy, &self.inputs, &self.measurement)
            .map_err(|error| GateFileFault::Unwritable(error.to_string()))
    }

    /// Returns the accepted risks, each marked as new unless it was accepted `before`; new ones first.
    pub fn risks(&self, before: Option<&Measurement>) -> Risks {
        // Versions change with every build; what was accepted is the vulnerability in the package, up to its severity.
        let key = |found: &Found| (found.id.clone(), found.package.clone());
        let mut known: BTreeMap<(String, String), Severity> = BTreeMap::new();
        for found in before.iter().flat_map(|before| before.findings.iter().chain(excepted(before))) {
            let worst = known.entry(key(found)).or_insert(found.severity);
            *worst = found.severity.max(*worst);
        }
        let new_finding = |one: &Found| known.get(&key(one)).is_none_or(|worst| one.severity > *worst);
        let said = |one: &Excepted| Excepted { findings: Vec::new(), ..one.clone() };
        let same: BTreeSet<Excepted> = before.iter().flat_map(|before| &before.exceptions).map(said).collect();
        let new_exception = |one: &Excepted| !same.contains(&said(one)) || one.findings.iter().any(new_finding);
        let mut exceptions: Vec<Risk<Excepted>> = Vec::new();
        exceptions
            .extend(self.measurement.exceptions.iter().map(|one| Risk { new: new_exception(one), risk: one.clone() }));
        let mut findings: Vec<Risk<Found>> =
            self.measurement.findings.iter().map(|one| Risk { new: new_finding(one), risk: one.clone() }).collect();
        exceptions.sort_by_key(|one| (!one.new, one.risk.expires));
        findings.sort_by_key(|one| (!one.new, std::cmp::Reverse(one.risk.severity)));
        Risks { exceptions, findings, compared: before.is_some() }
    }
}

fn excepted(measured: &Measurement) -> impl Iterator<Item = &Found> {
    measured.exceptions.iter().flat_map(|one| &one.findings)
}

/// What somebody approves.
#[derive(Debug)]
pub struct Approving<'a> {
    /// The gate report.
    pub gate: &'a GateFile,
    /// The images: one statement each.
    pub images: &'a [Descriptor],
    /// What they were shown.
    pub risks: Risks,
    /// Who they are, in their own words.
    pub approver: &'a str,
    /// The present time.
    pub now: Timestamp,
}

/// Why there is no approval.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    /// The gate report is nothing that could be approved.
    #[error(transparent)]
    Gate(#[from] GateFileFault),
    /// A statement could not be written.
    #[error(transparent)]
    Input(#[from] InputFault),
    /// A statement could not be signed.
    #[error("signing the approval")]
    Sign(#[from] SignError),
}

/// Signs the approval of each image; returns the bundles as JSON Lines.
///
/// # Errors
/// See [`ApproveError`].
pub async fn approve(
    approving: &Approving<'_>,
    signer: &(impl Signer + Sync),
) -> Result<(Vec<u8>, ApproveReport), ApproveError> {
    let Approving { gate, images, risks, approver, now } = approving;
    let key = signer.key();
    let policy = gate.policy().ok_or(GateFileFault::WithoutPolicy)?;
    let mut all = Vec::new();
    let mut approved = Vec::new();
    for image in *images {
        let accepted = gate.accepted_risks(image)?;
        let approval = Approval::new(approver, *now, policy, accepted);
        let payload = write_statement(image, APPROVAL_TYPE, &approval, key.dangerous_local)
            .map_err(|e| InputFault::Statement { kind: Kind::Approval, problem: e.to_string() })?;
        let statement = UnsignedStatement { kind: Kind::Approval, predicate_type: APPROVAL_TYPE, payload };
        let digest = Sha256Digest::of(&statement.payload);
        all.extend(bundles::sign(image, &[&statement.payload], signer).await?);
        approved.push(ApprovedImage { image: image.image(), accepted_risks: accepted, statement: Some(digest) });
    }
    let report = ApproveReport {
        schema: APPROVE_SCHEMA,
        at: *now,
        signed: true,
        approver: Some((*approver).to_owned()),
        key: Some(KeyReport::from(key)),
        images: approved,
        risks: risks.clone(),
        written: None,
        notes: Vec::new(),
    };
    Ok((all, report))
}

/// Why nobody can say what was accepted for an earlier image.
#[derive(Debug, thiserror::Error)]
pub enum BeforeFault {
    /// It could not be asked.
    #[error("asking")]
    Port(#[from] PortError),
    /// It is not there.
    #[error("there is no {0}")]
    Absent(String),
    /// Its facts do not read as an image's.
    #[error(transparent)]
    Image(#[from] ImageFault),
    /// No gate result counts under the policy.
    #[error("no gate result counts: {0}")]
    NoGate(String),
}

/// Returns what was measured, and so accepted, for an earlier image: by its gate result, which must still be signed by
/// an accepted authority, but need not admit any more.
///
/// # Errors
/// See [`BeforeFault`].
pub async fn accepted_before(
    policy: &Policy,
    image: &ImageRef,
    catalog: &impl ImageCatalog,
    store: &impl EvidenceStore,
    keys: &(impl KeyCatalog + Listings),
    now: Timestamp,
) -> Result<Measurement, BeforeFault> {
    let keys = super::keys(policy, keys).await;
    let described = catalog.describe(image).await?;
    let described = described.ok_or_else(|| BeforeFault::Absent(format!("image {image}")))?;
    let facts = ImageFacts::from_described(image, described)?;
    let stored = store.read(image).await?;
    let stored = stored.ok_or_else(|| BeforeFault::Absent(format!("evidence at {}", store.locate(image))))?;

    let dossier = keys.examine(&stored.bytes, facts.descriptor.digest());
    let Judgement { verdict, gate, .. } = judge(policy, &keys, &facts, &Gathered::Found(&dossier), now);
    gate.map(|gate| gate.measurement().clone()).ok_or_else(|| {
        let said: Vec<String> = match &verdict {
            Verdict::Admit(_) => Vec::new(),
            Verdict::Reject(reasons) => reasons.as_slice().iter().map(ToString::to_string).collect(),
            Verdict::Undetermined(faults) => faults.as_slice().iter().map(ToString::to_string).collect(),
        };
        BeforeFault::NoGate(said.join("; "))
    })
}

#[cfg(test)]
mod tests;
