//! What is there, and what was approved → what is to be signed and stored.

use super::{Existing, Gating, SignError, Signing, unfit};
use crate::{
    attestation::{Bundle, Content, Defect, Kind, Material, lines},
    digest::Sha256Digest,
    flow::{gate::Passed, statements::UnsignedStatement},
    image::{ImageFacts, Tags},
    policy::{Approvals, Gathered, Judgement, approvals, judge},
    ports::{Expected, SigningKey, Stored},
    report::{Note, StatementReport},
    verdict::{Fault, Reason, Verdict},
};

/// What a sealing is to do.
pub(super) struct Plan {
    pub(super) expected: Expected,
    /// Lines that stand before the new ones: approvals, or another signer's evidence.
    pub(super) kept: Vec<u8>,
    pub(super) passed: Option<Passed>,
    pub(super) approvals: Vec<Sha256Digest>,
    /// Evidence that is there and is all there is to be.
    pub(super) complete: Option<Complete>,
    /// Whether new signatures go beside others.
    adds: bool,
}

/// Evidence of an earlier run. What it seals is what is tagged and reported, whatever is known of the build now.
pub(super) struct Complete {
    pub(super) evidence: Vec<u8>,
    pub(super) statements: Vec<StatementReport>,
    tags: Vec<(String, String)>,
}

/// Decides what to do with what the store holds.
pub(super) fn plan(
    signing: &Signing<'_>,
    key: &SigningKey,
    found: Option<Stored>,
    place: &str,
) -> Result<Plan, SignError> {
    if let Some(Gating { policy, .. }) = &signing.gate
        && policy.approving_keys().contains(&key.public.digest())
    {
        return Err(SignError::ApproverSeals { key: key.name.clone() });
    }
    let exists = || SignError::Exists { image: signing.facts.descriptor.image(), place: place.to_owned() };
    let fresh = |expected, bundles: &[u8], passed: Option<Passed>| -> Result<Plan, SignError> {
        let (kept, approvals) = approved(signing, bundles)?;
        Ok(Plan { expected, kept, passed, approvals, complete: None, adds: false })
    };
    let passed = signing.gate.map(|gate| gate.passed.clone());
    let given = signing.gate.map_or(&[][..], |gate| gate.approvals);
    match (found, signing.existing) {
        (None, _) => fresh(Expected::Absent, given, passed),
        (Some(_), Existing::Refuse) => Err(exists()),
        (Some(found), Existing::Replace) => fresh(Expected::Unchanged(found.revision), given, passed),
        (Some(found), Existing::Add) => {
            let fault =
                |problem| SignError::Store { image: signing.facts.descriptor.image(), source: unfit(place, problem) };
            payloads(&found.bytes).map_err(fault)?;
            // The gate's statement bears the time of the first signer; the gate passed again just now.
            let result = signing.gate.map(|gate| judged(&gate, signing, &found.bytes)).and_then(|judged| judged.gate);
            let passed = match (passed, result) {
                (Some(passed), Some(result)) => Some(passed.dated(result.at())),
                (Some(_), None) => {
                    return Err(SignError::OtherInputs { kind: Kind::Gate, place: place.to_owned() });
                }
                (None, _) => None,
            };
            let plan = fresh(Expected::Unchanged(found.revision), &found.bytes, passed)?;
            Ok(Plan { kept: ended(found.bytes), adds: true, ..plan })
        }
        (Some(found), Existing::Resume | Existing::Renew) => {
            let Some(gate) = signing.gate else { return Err(exists()) };
            let Judgement { verdict, gate: result, provenance, checked, .. } = judged(&gate, signing, &found.bytes);
            let result = result.filter(|result| result.inputs() == gate.passed.inputs());
            match result {
                Some(result) if stands(&verdict) => {
                    let passed = passed.map(|passed| passed.dated(result.at()));
                    let plan = fresh(Expected::Unchanged(found.revision), &found.bytes, passed)?;
                    let statements = checked.iter().filter_map(|one| {
                        let (kind, predicate_type) = (one.kind?, one.predicate_type.clone());
                        Some(StatementReport { kind, predicate_type, statement: one.statement })
                    });
                    let statements = statements.filter(|one| one.kind != Kind::Approval).collect();
                    let tags = provenance.iter().flat_map(|provenance| provenance.tags());
                    let tags = tags.map(|(name, value)| (name.clone(), value.clone())).collect();
                    Ok(Plan { complete: Some(Complete { evidence: found.bytes, statements, tags }), ..plan })
                }
                _ if signing.existing == Existing::Renew => fresh(Expected::Unchanged(found.revision), given, passed),
                _ => Err(exists()),
            }
        }
    }
}

impl Plan {
    /// Where signatures stand beside others, they must be over the same statements, and of another key; where an
    /// earlier run signed, SBOM, scan and tests must be those that are given now. The facts of a build may have changed:
    /// another job may go on with it.
    pub(super) fn check(
        &self,
        signing: &Signing<'_>,
        key: &SigningKey,
        unsigned: &[UnsignedStatement],
        place: &str,
    ) -> Result<(), SignError> {
        if let Some(Complete { statements, .. }) = &self.complete {
            let mut given = unsigned.iter().filter(|one| !matches!(one.kind, Kind::Provenance | Kind::Gate));
            let unknown = |one: &&UnsignedStatement| {
                let digest = Sha256Digest::of(&one.payload);
                !statements.iter().any(|signed| signed.statement == digest)
            };
            return match given.find(unknown) {
                Some(other) => Err(SignError::OtherInputs { kind: other.kind, place: place.to_owned() }),
                None => Ok(()),
            };
        }
        if !self.adds {
            return Ok(());
        }
        let fault =
            |problem| SignError::Store { image: signing.facts.descriptor.image(), source: unfit(place, problem) };
        let there = payloads(&self.kept).map_err(fault)?;
        for statement in unsigned {
            let digest = Sha256Digest::of(&statement.payload);
            let mut signers = there.iter().filter(|(payload, _)| *payload == digest).peekable();
            if signers.peek().is_none() {
                return Err(SignError::OtherInputs { kind: statement.kind, place: place.to_owned() });
            }
            if signers.any(|(_, hint)| *hint == key.public.hint()) {
                return Err(SignError::AlreadySigned { key: key.name.clone(), place: place.to_owned() });
            }
        }
        Ok(())
    }
}

/// Checks the tags to be sealed against those that the image bears; returns what is to be written.
pub(super) fn tags(signing: &Signing<'_>, plan: &Plan) -> Result<Vec<(String, String)>, SignError> {
    let given = || signing.inputs.facts.tags.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let sealed: Vec<(String, String)> = plan.complete.as_ref().map_or_else(given, |complete| complete.tags.clone());
    for (tag, value) in &sealed {
        if let Some(found) = signing.facts.tags.values(tag).find(|found| found != value) {
            let (image, tag) = (signing.facts.descriptor.image(), tag.clone());
            return Err(SignError::TagConflict { image, tag, sealed: value.clone(), found: found.to_owned() });
        }
    }
    Ok(sealed)
}

/// Checks that what the gate accepted is approved, before anything else is done.
///
/// # Errors
/// [`SignError::NotApproved`] and its like.
pub(in crate::flow) fn check_approval(signing: &Signing<'_>) -> Result<(), SignError> {
    approved(signing, signing.gate.map_or(&[], |gate| gate.approvals)).map(drop)
}

/// Finds the approvals that the gate needs; returns their bundles as JSON Lines, and the digests of their payloads.
fn approved(signing: &Signing<'_>, bundles: &[u8]) -> Result<(Vec<u8>, Vec<Sha256Digest>), SignError> {
    let Some(Gating { policy, keys, passed, .. }) = signing.gate else { return Ok(Default::default()) };
    if !policy.asks_approval(passed.measurement()) {
        return Ok(Default::default());
    }
    let descriptor = &signing.facts.descriptor;
    let unwritable = |e: serde_json::Error| super::InputFault::Statement { kind: Kind::Gate, problem: e.to_string() };
    let accepted = passed.accepted_risks(descriptor).map_err(unwritable)?;
    let found = approvals(policy, keys, bundles, descriptor.digest(), accepted, signing.now);
    let Approvals { statements } =
        found.map_err(|verdict| SignError::NotApproved { image: descriptor.image(), accepted, verdict })?;
    let all = lines(bundles).unwrap_or_default();
    let bundle = |line: &usize| all.iter().find(|(number, _)| number == line).map(|(_, bytes)| *bytes);
    let kept = statements.iter().filter_map(|(line, _)| bundle(line));
    let kept = crate::attestation::join(kept);
    Ok((kept, statements.into_iter().map(|(_, digest)| digest).collect()))
}

/// Says whether evidence is all that it is to be: the image is admitted with it, or would be if the lists did not leave
/// that open. What they withdraw is found out at every launch.
fn stands(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Admit(_) => true,
        Verdict::Undetermined(faults) => faults.as_slice().iter().all(Fault::is_of_lists),
        Verdict::Reject(_) => false,
    }
}

/// Judges evidence as a consumer would who sees no tags: they are written later.
fn judged(gate: &Gating<'_>, signing: &Signing<'_>, evidence: &[u8]) -> Judgement {
    let facts = ImageFacts { tags: Tags::default(), ..signing.facts.clone() };
    let dossier = gate.keys.examine(evidence, facts.descriptor.digest());
    judge(gate.policy, gate.keys, &facts, &Gathered::Found(&dossier), signing.now)
}

/// Checks that a consumer will admit the image, or will once others have signed too.
pub(super) fn admitted(signing: &Signing<'_>, evidence: &[u8]) -> Result<Vec<Note>, SignError> {
    let Some(gate) = &signing.gate else { return Ok(Vec::new()) };
    let wait = |why: String| vec![Note::new("not-admitted-yet", why)];
    match judged(gate, signing, evidence).verdict {
        Verdict::Admit(_) => Ok(Vec::new()),
        Verdict::Undetermined(faults) => {
            let faults: Vec<String> = faults.as_slice().iter().map(ToString::to_string).collect();
            Ok(wait(faults.join("; ")))
        }
        Verdict::Reject(reasons) => {
            let others = |reason: &&Reason| {
                // Nobody can have decided about an image before it is sealed, so its first receipt comes later.
                matches!(
                    reason,
                    Reason::AttestationMissing { .. }
                        | Reason::AttestationUnderThreshold { .. }
                        | Reason::ReceiptMissing { .. }
                )
            };
            let (missing, wrong): (Vec<&Reason>, Vec<&Reason>) = reasons.as_slice().iter().partition(others);
            if wrong.is_empty() {
                return Ok(wait(missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")));
            }
            let (image, reasons) = (signing.facts.descriptor.image(), wrong.into_iter().cloned().collect());
            Err(SignError::NotAdmitted { image, reasons })
        }
    }
}

/// Ends the last line of evidence, which a writer may leave open: what is added must not run on in it.
pub(in crate::flow) fn ended(mut evidence: Vec<u8>) -> Vec<u8> {
    if evidence.last().is_some_and(|last| *last != b'\n') {
        evidence.push(b'\n');
    }
    evidence
}

/// Lists the payloads of evidence, each with the hint of its signer. Evidence to put more behind must read as such:
/// else the whole would not, and nothing would be gained.
fn payloads(evidence: &[u8]) -> Result<Vec<(Sha256Digest, String)>, String> {
    let told = |line: usize, defect: &Defect| format!("line {line}: {defect}");
    let mut payloads = Vec::new();
    for (line, bytes) in lines(evidence).map_err(|(line, defect)| told(line, &defect))? {
        let bundle = Bundle::parse(bytes).map_err(|defect| told(line, &defect))?;
        let Content::Envelope(envelope) = bundle.content else { return Err(told(line, &Defect::NotAnEnvelope)) };
        let hint = match bundle.material {
            Material::PublicKey { hint } => hint,
            _ => String::new(),
        };
        payloads.push((Sha256Digest::of(&envelope.payload), hint));
    }
    Ok(payloads)
}
