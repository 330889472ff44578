//! Facts, evidence and a policy at an instant → a judgement.
//!
//! Every rule is asked and every reason is kept. Any reason rejects; else any fault leaves the image undetermined; else
//! the statements that met the requirements are the grounds of an admission.

mod builds;
mod retired;
mod root;

pub use root::{Approvals, approvals};

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    keys::{Dossier, Keys, Read, Setback},
    lists::{Launched, Remark, Search},
    receipts::Receipts,
    rule::{Context, Policy, Requirement},
};
use crate::{
    attestation::{
        Kind, Statement,
        predicate::{Provenance, Summary},
    },
    digest::Sha256Digest,
    ids::ImageRef,
    image::{EVIDENCE_TAG, ImageFacts, SUBJECT_TAG, pointer_digest},
    time::earlier,
    trust::{AuthorityName, Believed, Claimed, Discounted, Verified},
    verdict::{Fault, Ground, Grounds, Reason, Verdict},
};

/// What the store answered.
#[derive(Debug, Clone)]
pub enum Gathered<'a> {
    /// There is no evidence.
    Absent {
        /// Where it was looked for.
        place: String,
    },
    /// It could not be asked.
    Unavailable {
        /// Why.
        problem: String,
    },
    /// Evidence, examined by the same keys that it is judged with.
    Found(&'a Dossier),
}

/// A statement that an authority signed, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The line of the evidence.
    pub line: usize,
    /// What it says, if goldseal knows the predicate type.
    pub kind: Option<Kind>,
    /// The predicate type.
    pub predicate_type: String,
    /// SHA-256 of the payload.
    pub statement: Sha256Digest,
    /// Who signed.
    pub by: AuthorityName,
    /// When a witness saw it, if the policy asks for one.
    pub seen: Option<Timestamp>,
    /// Whether the policy required it.
    pub required: bool,
}

/// What was decided about one image, and everything that was looked at.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The clock is before a time that was signed in what counts: everything above that is bound to time is in doubt.
    pub clock: Option<Fault>,
    /// Until when an admission would hold, everything else unchanged; never when nothing in it ends.
    pub until: Option<Timestamp>,
    /// Statements that an authority signed for this image.
    pub checked: Vec<Checked>,
    /// Bundles that count for nothing.
    pub discounted: Vec<Discounted>,
    /// A statement that an authority signed for this image says that a key file on disk signed it.
    pub dangerous_local_key: bool,
    /// The gate result that counts, whether or not it admits.
    pub gate: Option<Summary>,
    /// The provenance that counts, whether or not it admits.
    pub provenance: Option<Provenance>,
    /// Overrides that count and do not let it pass.
    pub short: Vec<Remark>,
}

/// Judges one image at an instant, of which there are no receipts.
pub fn judge(policy: &Policy, keys: &Keys, facts: &ImageFacts, evidence: &Gathered<'_>, now: Timestamp) -> Judgement {
    judge_with(policy, keys, facts, evidence, &Receipts::default(), now)
}

/// Judges one image at an instant.
pub fn judge_with(
    policy: &Policy,
    keys: &Keys,
    facts: &ImageFacts,
    evidence: &Gathered<'_>,
    receipts: &Receipts,
    now: Timestamp,
) -> Judgement {
    let withdrawn = keys.lists().withdrawn(policy);
    let revoked = withdrawn.keys(policy);
    let subject = facts.descriptor.digest();
    let mut case = Case { reasons: identity(policy, facts), ..Case::default() };
    case.reasons.extend(withdrawn.image(&facts.descriptor.image()));
    case.faults.extend(withdrawn.faults.iter().cloned());
    let read = match evidence {
        Gathered::Absent { place } => {
            case.reasons.push(Reason::EvidenceAbsent { place: place.clone() });
            None
        }
        Gathered::Unavailable { problem } => {
            case.faults.push(Fault::EvidenceUnavailable { problem: problem.clone() });
            None
        }
        Gathered::Found(dossier) => {
            case.reasons.extend(pointers(facts, dossier.evidence));
            case.reasons.extend(withdrawn.evidence(dossier.evidence));
            let proven = receipts.proven(policy, &withdrawn, &revoked, subject, now);
            match dossier.read(&revoked, &proven, now) {
                // The caller paired them wrongly; that must not decide anything.
                Ok(_) if !dossier.is_of(keys, subject) => {
                    let problem = "evidence that was examined for another image, or with other keys".to_owned();
                    case.faults.push(Fault::Internal { problem });
                    None
                }
                Ok(read) => Some(read),
                Err((line, defect)) => {
                    case.reasons.push(Reason::defect(line, &defect));
                    None
                }
            }
        }
    };
    let found = if let Gathered::Found(dossier) = evidence { Some(dossier.evidence) } else { None };
    match receipts.required(policy, (keys, &withdrawn, &revoked), &facts.descriptor, found, now) {
        Ok(until) => case.until = earlier(case.until, until),
        Err((reasons, faults)) => {
            case.reasons.extend(reasons);
            case.faults.extend(faults);
        }
    }
    let Some(mut read) = read else { return case.close(Believed::default()) };
    // If it was signed by the key that could not be asked for, all of it is unreadable.
    let defects = read.claims.iter().filter(|claim| claim.says == Claimed::Defect);
    case.faults.extend(defects.filter_map(|claim| keys.fault(claim)));
    if policy.dangerous_without_gate() {
        read.date(|one| one.seen_at(now));
        let eligible = Eligible { verified: &|_| true, claimed: &|_| true };
        for requirement in policy.requirements() {
            case.require(requirement, &read, keys, &eligible);
        }
    } else {
        case.gated(policy, &mut read, keys, facts, now);
    }
    let Read { believed, .. } = read;
    if case.unmet {
        let cause = |one: &Discounted| Reason::EvidenceDiscounted { line: one.line, discount: one.discount.clone() };
        case.reasons.extend(believed.discounted.iter().map(cause));
        case.faults.extend(receipts.unasked(&believed.discounted));
    }
    case.sealed(policy, &believed, facts, &withdrawn, now);
    case.tested(&believed);
    case.reasons.extend(case.grounds.iter().flat_map(|ground| withdrawn.evidence(ground.statement)));
    case.close(believed)
}

impl Judgement {
    /// Adds what the revocation list says of an image of which nothing else is known.
    #[must_use]
    pub fn listed(self, policy: &Policy, keys: &Keys, image: &ImageRef) -> Self {
        let withdrawn = keys.lists().withdrawn(policy);
        Self { verdict: self.verdict.and(withdrawn.image(image), withdrawn.faults.clone()), ..self }
    }

    /// Lets pass what an override says, of an image that is launched in `context`. What is added to the verdict later is
    /// not overridden.
    pub fn let_pass(&mut self, policy: &Policy, keys: &Keys, image: &ImageRef, context: &Context, now: Timestamp) {
        let launched = Launched { image, context };
        let Search { overridden, short } = keys.lists().search(policy, launched, &self.verdict, now);
        match overridden {
            Some(overridden) => {
                self.until = Some(overridden.until());
                self.verdict = Verdict::Admit(overridden.into());
            }
            None => self.short = short,
        }
    }
}

/// Judges an image of which there are no facts: because there is no such image, or because nobody could be asked.
pub fn undescribed(cause: Result<Reason, Fault>) -> Judgement {
    let case = match cause {
        Ok(reason) => Case { reasons: vec![reason], ..Case::default() },
        Err(fault) => Case { faults: vec![fault], ..Case::default() },
    };
    case.close(Believed::default())
}

/// A judgement in the making.
#[derive(Default)]
struct Case {
    reasons: Vec<Reason>,
    faults: Vec<Fault>,
    grounds: Vec<Ground>,
    until: Option<Timestamp>,
    unmet: bool,
    gate: Option<Summary>,
    provenance: Option<Provenance>,
}

/// Which statements may count, by the SHA-256 of their payloads.
struct Eligible<'e> {
    /// Of those that were verified.
    verified: &'e dyn Fn(Sha256Digest) -> bool,
    /// Of those that could not be.
    claimed: &'e dyn Fn(Sha256Digest) -> bool,
}

impl Case {
    /// Exactly one statement of the kind, signed by enough of the authorities.
    ///
    /// An authority whose key could not be asked for leaves the image undetermined only where it may have signed what
    /// is missing, or something else than what is there.
    fn require(&mut self, requirement: &Requirement, read: &Read, keys: &Keys, eligible: &Eligible<'_>) {
        let Requirement { kind, authorities, threshold } = requirement;
        let signatures = read.believed.verified.iter();
        let signatures = signatures.filter(|one| one.value().kind() == Some(*kind) && authorities.contains(one.by()));
        let (mut signatures, unnamed): (Vec<&Verified<Statement>>, Vec<_>) =
            signatures.partition(|one| (eligible.verified)(one.digest()));
        let mut statements: Vec<Sha256Digest> = signatures.iter().map(|one| one.digest()).collect();
        statements.sort();
        statements.dedup();
        if statements.len() > 1 {
            self.reasons.push(Reason::AttestationAmbiguous { kind: *kind, found: statements.len() });
            return;
        }
        let claims = read.claims.iter().filter(|claim| authorities.contains(&claim.by));
        let claims = claims.filter_map(|claim| match claim.says {
            Claimed::Statement { kind: claimed, digest } if claimed == *kind && (eligible.claimed)(digest) => {
                Some((claim, digest))
            }
            Claimed::Statement { .. } | Claimed::Defect => None,
        });
        let (support, rivals): (Vec<_>, Vec<_>) =
            claims.partition(|(_, digest)| statements.first().is_none_or(|found| found == digest));
        // An authority counts once, however often its signature stands there.
        signatures.sort_by(|a, b| a.by().cmp(b.by()));
        signatures.dedup_by(|a, b| a.by() == b.by());
        let found = signatures.len();
        if found >= *threshold {
            self.until = signatures.iter().fold(self.until, |until, one| earlier(until, one.until()));
            self.grounds.extend(Ground::of(*kind, &signatures));
            self.faults.extend(rivals.iter().filter_map(|(claim, _)| keys.fault(claim)));
            return;
        }
        let supporters: BTreeSet<&AuthorityName> = support.iter().map(|(claim, _)| &claim.by).collect();
        if found + supporters.len() >= *threshold {
            self.faults.extend(support.iter().filter_map(|(claim, _)| keys.fault(claim)));
            return;
        }
        if found == 0 && !unnamed.is_empty() {
            self.reasons.push(Reason::AttestationNotNamed { kind: *kind });
            return;
        }
        self.unmet(requirement, found, keys);
    }

    /// Fewer authorities than asked for signed a statement that counts.
    fn unmet(&mut self, requirement: &Requirement, found: usize, keys: &Keys) {
        let Requirement { kind, authorities, threshold } = requirement;
        self.unmet = true;
        self.reasons.push(match found {
            0 => Reason::AttestationMissing { kind: *kind },
            _ => Reason::AttestationUnderThreshold { kind: *kind, found, needed: *threshold },
        });
        self.reasons.extend(keys.setbacks().filter_map(|(name, setback)| match setback {
            Setback::Lost(reason) if authorities.contains(name) => Some(reason.clone()),
            Setback::Lost(_) | Setback::Unknown(_) => None,
        }));
    }

    fn close(self, believed: Believed) -> Judgement {
        let Self { reasons, faults, grounds, until, gate, provenance, unmet: _ } = self;
        let dangerous_local_key = believed.verified.iter().any(|one| one.value().by_dangerous_local_key());
        let required = |one: &Verified<Statement>| grounds.iter().any(|ground| ground.statement == one.digest());
        let checked = believed.verified.iter().map(|one| Checked {
            line: one.line(),
            kind: one.value().kind(),
            predicate_type: one.value().predicate_type().to_owned(),
            statement: one.digest(),
            by: one.by().clone(),
            seen: one.seen(),
            required: required(one),
        });
        let checked = checked.collect();
        let clock = faults.iter().find(|fault| matches!(fault, Fault::ClockBeforeSignedTime { .. })).cloned();
        let verdict = Verdict::of(reasons, faults, Grounds::new(grounds));
        let until = until.filter(|_| matches!(verdict, Verdict::Admit(_)));
        Judgement {
            verdict,
            clock,
            until,
            checked,
            discounted: believed.discounted,
            dangerous_local_key,
            gate,
            provenance,
            short: Vec::new(),
        }
    }
}

fn identity(policy: &Policy, facts: &ImageFacts) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let (owner, region) = (facts.descriptor.owner(), facts.descriptor.image().region);
    if policy.identity.owners.as_ref().is_some_and(|owners| !owners.contains(owner)) {
        reasons.push(Reason::OwnerNotAccepted { owner: owner.clone() });
    }
    if policy.identity.regions.as_ref().is_some_and(|regions| !regions.contains(&region)) {
        reasons.push(Reason::RegionNotAccepted { region });
    }
    reasons
}

/// The pointer tags must name what was read, where they are visible.
fn pointers(facts: &ImageFacts, evidence: Sha256Digest) -> Vec<Reason> {
    let expected = [(EVIDENCE_TAG, evidence), (SUBJECT_TAG, facts.descriptor.digest())];
    let changed = expected.into_iter().flat_map(|(tag, digest)| {
        let values = facts.tags.values(tag).filter(move |value| pointer_digest(value) != Some(digest));
        values.map(move |found| Reason::TagMismatch {
            tag: tag.to_owned(),
            sealed: format!("sha256:{digest}"),
            found: found.to_owned(),
        })
    });
    changed.collect()
}

#[cfg(test)]
mod tests;
