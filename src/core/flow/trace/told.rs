//! What the statements that count tell of an image, and what a policy says of the instant at which it was sealed.

use jiff::Timestamp;

use super::{
    super::{case::Case, payload},
    Tracing,
};
use crate::{
    attestation::{
        Kind, Statement,
        predicate::{Approval, Provenance, REFERENCE_TYPE, Reference, Summary},
    },
    gate::Excepted,
    policy::{Checked, Judgement, Policy},
    report::{ApprovalTrace, BuildTrace, ExceptionTrace, GateTrace, SbomTrace, SignatureTrace, ThenTrace},
    scan::sbom::{self, SbomFormat},
    verdict::Reason,
};

/// See the module.
pub(super) struct Told {
    pub(super) build: Option<BuildTrace>,
    pub(super) sbom: Option<SbomTrace>,
    pub(super) gate: Option<GateTrace>,
    pub(super) approvals: Vec<ApprovalTrace>,
    pub(super) signatures: Vec<SignatureTrace>,
    pub(super) then: Option<ThenTrace>,
}

impl Told {
    /// Reads what counts in a judgement, from the evidence that it is about. What stands against the image at any instant
    /// stood against it then.
    pub(super) fn of(
        tracing: &Tracing<'_>,
        case: &Case,
        judgement: &Judgement,
        evidence: Option<&[u8]>,
        standing: Vec<Reason>,
    ) -> Self {
        let Tracing { policy, at, .. } = *tracing;
        let read = |checked: &Checked| payload::statement(evidence?, checked);
        let gate = gate(judgement);
        let approvals = approvals(policy, judgement, gate, read);
        let then = sealed(judgement, gate, &approvals).map(|at| {
            let verdict = case.judge(policy, at).verdict.and(standing, Vec::new());
            ThenTrace::new(at, &verdict)
        });
        Self {
            build: judgement.provenance.as_ref().map(build),
            sbom: counted(judgement, Kind::Sbom).map(|checked| sbom_of(checked, read(checked).as_ref(), gate)),
            gate: gate.map(|gate| of_gate(gate, at)),
            approvals,
            signatures: judgement.checked.iter().map(|checked| signature(policy, checked)).collect(),
            then,
        }
    }
}

/// Returns the gate result that counts, signed by as many as the policy asks for.
pub(super) fn gate(judgement: &Judgement) -> Option<&Summary> {
    judgement.gate.as_ref().filter(|_| counted(judgement, Kind::Gate).is_some())
}

fn counted(judgement: &Judgement, kind: Kind) -> Option<&Checked> {
    judgement.checked.iter().find(|one| one.required && one.kind == Some(kind))
}

/// Returns the latest instant that is signed, or witnessed, in what counts: before it, it was not sealed.
fn sealed(judgement: &Judgement, gate: Option<&Summary>, approvals: &[ApprovalTrace]) -> Option<Timestamp> {
    let gate = gate?.at();
    let approved = approvals.iter().filter(|one| one.counts).map(|one| one.at);
    let witnessed = judgement.checked.iter().filter(|one| one.required).filter_map(|one| one.seen);
    let finished = judgement.provenance.as_ref().and_then(Provenance::finished_on);
    approved.chain(witnessed).chain(finished).chain([gate]).max()
}

fn build(provenance: &Provenance) -> BuildTrace {
    let text = |text: Option<&str>| text.map(str::to_owned);
    BuildTrace {
        builder: provenance.builder().to_owned(),
        invocation: text(provenance.invocation()),
        repository: provenance.repository(),
        commit: text(provenance.commit()),
        dirty: provenance.dirty(),
        packer: provenance.tools().get("packer").cloned(),
        packer_run: text(provenance.packer_run()),
        tools: provenance.tools().clone(),
        started: provenance.started_on(),
        finished: provenance.finished_on(),
        content_digests: provenance.content_digests(),
        ancestry: provenance.ancestry(),
    }
}

fn sbom_of(checked: &Checked, statement: Option<&Statement>, gate: Option<&Summary>) -> SbomTrace {
    let mut told = SbomTrace {
        statement: checked.statement,
        sha256: gate.map(|gate| gate.inputs().sbom),
        location: None,
        format: None,
        created: None,
        packages: None,
        problem: None,
    };
    let Some(statement) = statement else {
        told.problem = Some("the evidence does not hold the statement that was verified".to_owned());
        return told;
    };
    if statement.predicate_type() == REFERENCE_TYPE {
        match statement.predicate::<Reference>() {
            Ok(reference) => {
                if let Some((sha256, location)) = reference.document() {
                    if told.sha256.replace(sha256).is_some_and(|gated| gated != sha256) {
                        told.problem = Some("it refers to another document than the one that the gate read".to_owned());
                    }
                    told.location = Some(location.to_owned());
                }
            }
            Err(fault) => told.problem = Some(fault.to_string()),
        }
        return told;
    }
    match sbom::read(statement.predicate_bytes()) {
        Ok(read) => {
            told.sha256 = told.sha256.or(Some(read.sha256));
            told.created = read.value.created;
            told.packages = Some(read.value.packages.len());
            told.format = Some(match read.value.format {
                SbomFormat::Spdx => "SPDX",
                SbomFormat::CycloneDx => "CycloneDX",
            });
        }
        Err(fault) => told.problem = Some(fault.to_string()),
    }
    told
}

fn of_gate(gate: &Summary, at: Timestamp) -> GateTrace {
    let measured = gate.measurement();
    let exception = |one: &Excepted| ExceptionTrace { exception: one.clone(), in_force: at < one.expires };
    let mut exceptions: Vec<ExceptionTrace> = measured.exceptions.iter().map(exception).collect();
    exceptions.sort_by_key(|one| one.exception.expires);
    GateTrace {
        at: gate.at(),
        policy: gate.policy(),
        inputs: gate.inputs().clone(),
        fail_on: measured.fail_on,
        scanner: measured.scanner.clone(),
        packages: measured.packages.clone(),
        findings: measured.findings.clone(),
        exceptions,
    }
}

fn approvals(
    policy: &Policy,
    judgement: &Judgement,
    gate: Option<&Summary>,
    read: impl Fn(&Checked) -> Option<Statement>,
) -> Vec<ApprovalTrace> {
    let requirement = policy.requirement(Kind::Approval);
    let may = |checked: &Checked| requirement.is_none_or(|one| one.authorities.contains(&checked.by));
    let told = judgement.checked.iter().filter(|one| one.kind == Some(Kind::Approval)).filter_map(|checked| {
        let statement = read(checked)?;
        let approval: Approval = statement.predicate().ok()?;
        let of_it =
            |gate: &Summary| gate.names(checked.statement) && approval.accepted_risks() == Some(gate.accepted_risks());
        Some(ApprovalTrace {
            statement: checked.statement,
            by: checked.by.clone(),
            approver: approval.approver().to_owned(),
            at: approval.at(),
            counts: may(checked) && gate.is_some_and(of_it),
        })
    });
    told.collect()
}

fn signature(policy: &Policy, checked: &Checked) -> SignatureTrace {
    let signatory = policy.signatories().iter().find(|one| one.name == checked.by);
    SignatureTrace {
        kind: checked.kind,
        predicate_type: checked.predicate_type.clone(),
        statement: checked.statement,
        by: checked.by.clone(),
        key: signatory.map(|one| one.key.digest()),
        kms: signatory.and_then(|one| one.key.kms()).map(str::to_owned),
        seen: checked.seen,
        required: checked.required,
    }
}
