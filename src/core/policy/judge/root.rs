//! The gate result as the root of an image's evidence: which one counts, whether it still holds, and what it names.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Case, Eligible};
use crate::{
    attestation::{
        Kind, Statement,
        predicate::{Approval, Summary, SummaryFault},
    },
    digest::Sha256Digest,
    gate::{shortfalls, until},
    image::ImageFacts,
    policy::{
        keys::{Keys, Read},
        rule::{Policy, Requirement},
    },
    time::earlier,
    trust::{AuthorityName, Believed, Claimed, Proven, RevokedKeys, Verified},
    verdict::{Fault, Ground, Reason, Reasons, Verdict},
};

impl Case {
    /// Judges evidence under a policy with a gate: the root, then what it names, then who approved it.
    pub(super) fn gated(&mut self, policy: &Policy, read: &mut Read, keys: &Keys, facts: &ImageFacts, now: Timestamp) {
        // The compiler made sure that there is one; a policy without would admit nothing, for want of grounds.
        let Some(requirement) = policy.requirement(Kind::Gate) else { return };
        read.date_gates();
        let newest = newest(requirement, read);
        read.date_named(newest.as_ref().ok().and_then(Option::as_ref).map(|(_, summary)| summary));
        let read = &*read;
        let newest = match newest {
            Ok(newest) => newest,
            Err(reason) => {
                self.unmet = true;
                self.reasons.push(reason);
                return;
            }
        };
        let chosen = newest.as_ref().map(|(digest, _)| *digest);
        // A result that nobody could verify may be newer than the newest that somebody could.
        let eligible = Eligible { verified: &|digest| Some(digest) == chosen, claimed: &|_| true };
        self.require(requirement, read, keys, &eligible);
        let Some((_, summary)) = newest else { return };
        self.gate = Some(summary.clone());
        self.result(policy, &summary, facts, now);
        let named = |digest| summary.names(digest);
        let eligible = Eligible { verified: &named, claimed: &named };
        for requirement in policy.requirements() {
            match requirement.kind {
                Kind::Gate => {}
                Kind::Approval if policy.asks_approval(summary.measurement()) => {
                    let approving = Approving { accepted: summary.accepted_risks(), named: &named, now };
                    self.approved(requirement, &approving, read, keys);
                }
                Kind::Approval => {}
                Kind::Provenance | Kind::Sbom | Kind::Scan | Kind::Tests => {
                    self.require(requirement, read, keys, &eligible);
                }
            }
        }
    }

    /// Holds the signed fields against the policy's limits and the present time.
    fn result(&mut self, policy: &Policy, summary: &Summary, facts: &ImageFacts, now: Timestamp) {
        match summary.check(&facts.descriptor) {
            Ok(()) => {}
            Err(SummaryFault::NotPassed(result)) => self.reasons.push(Reason::GateNotPassed { result }),
            Err(fault @ (SummaryFault::Verifier(_) | SummaryFault::Resource(_))) => {
                self.reasons.push(malformed(Kind::Gate, fault.to_string()));
            }
        }
        if summary.at() > now {
            self.faults.push(Fault::ClockBeforeSignedTime { now, signed: summary.at() });
        }
        let limits = &policy.gate().limits;
        let short = shortfalls(summary.measurement(), limits, now).into_iter();
        self.reasons.extend(short.map(|shortfall| Reason::GateShort { shortfall }));
        self.until = earlier(self.until, until(summary.measurement(), limits));
    }

    /// Enough approvers, each with a statement of their own, approved exactly what the gate accepted.
    fn approved(&mut self, requirement: &Requirement, approving: &Approving<'_>, read: &Read, keys: &Keys) {
        let Approving { accepted, named: counts, now } = *approving;
        let Requirement { kind, authorities, threshold } = requirement;
        let named = read.believed.verified.iter();
        let named = named.filter(|one| one.value().kind() == Some(*kind) && authorities.contains(one.by()));
        let mut approvals: BTreeMap<&AuthorityName, &Verified<Statement>> = BTreeMap::new();
        let mut others = Vec::new();
        for one in named.filter(|one| counts(one.digest())) {
            let approval: Approval = match one.value().predicate() {
                Ok(approval) => approval,
                Err(fault) => {
                    self.reasons.push(malformed(*kind, fault.to_string()));
                    continue;
                }
            };
            match approval.accepted_risks() {
                Some(approved) if approved == accepted => {}
                approved => {
                    others.push(Reason::ApprovalMismatch { approved, accepted });
                    continue;
                }
            }
            if approval.at() > now {
                self.faults.push(Fault::ClockBeforeSignedTime { now, signed: approval.at() });
            }
            approvals.insert(one.by(), one);
        }
        let found = approvals.len();
        if found >= *threshold {
            self.until = approvals.values().fold(self.until, |until, one| earlier(until, one.until()));
            self.grounds.extend(approvals.values().filter_map(|one| Ground::of(*kind, &[one])));
            return;
        }
        let claims = read.claims.iter().filter(|claim| authorities.contains(&claim.by));
        let claims = claims.filter(|claim| match claim.says {
            Claimed::Statement { kind: claimed, digest } => claimed == *kind && counts(digest),
            Claimed::Defect => false,
        });
        let mut possible: Vec<_> = claims.filter(|claim| !approvals.contains_key(&claim.by)).collect();
        possible.sort_by(|a, b| a.by.cmp(&b.by));
        possible.dedup_by(|a, b| a.by == b.by);
        if found + possible.len() >= *threshold {
            self.faults.extend(possible.iter().filter_map(|claim| keys.fault(claim)));
            return;
        }
        self.reasons.append(&mut others);
        self.unmet(requirement, found, keys);
    }
}

/// What approvals are looked for.
struct Approving<'a> {
    accepted: Sha256Digest,
    /// Which statements may count.
    named: &'a dyn Fn(Sha256Digest) -> bool,
    now: Timestamp,
}

/// Looks for the approvals that a gate result will need, in bundles that are not evidence yet.
///
/// # Errors
/// Why there are not enough: as a verdict, so that nobody has to be asked twice what could not be asked once.
pub fn approvals(
    policy: &Policy,
    keys: &Keys,
    bundles: &[u8],
    image: Sha256Digest,
    accepted: Sha256Digest,
    now: Timestamp,
) -> Result<Approvals, Verdict> {
    let mut case = Case::default();
    let Some(requirement) = policy.requirement(Kind::Approval) else { return Ok(Approvals::default()) };
    let mut read = keys
        .examine(bundles, image)
        .read(&RevokedKeys::new(), &Proven::new(), now)
        .map_err(|(line, defect)| Verdict::Reject(Reasons::one(Reason::defect(line, &defect))))?;
    read.date(|one| one.seen_at(now));
    case.approved(requirement, &Approving { accepted, named: &|_| true, now }, &read, keys);
    if case.grounds.is_empty() && case.reasons.is_empty() && case.faults.is_empty() {
        case.unmet(requirement, 0, keys);
    }
    let counted: Vec<Sha256Digest> = case.grounds.iter().map(|ground| ground.statement).collect();
    match case.close(Believed::default()).verdict {
        Verdict::Admit(_) => {
            let counted = read.believed.verified.iter().filter(|one| counted.contains(&one.digest()));
            Ok(Approvals { statements: counted.map(|one| (one.line(), one.digest())).collect() })
        }
        verdict @ (Verdict::Reject(_) | Verdict::Undetermined(_)) => Err(verdict),
    }
}

/// Approvals that count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approvals {
    /// The line of each, from 1, and the SHA-256 of its payload.
    pub statements: Vec<(usize, Sha256Digest)>,
}

/// Returns the gate result with the greatest signed time, of those that accepted authorities signed.
fn newest(requirement: &Requirement, read: &Read) -> Result<Option<(Sha256Digest, Summary)>, Reason> {
    let signed = read.believed.verified.iter();
    let signed =
        signed.filter(|one| one.value().kind() == Some(requirement.kind) && requirement.authorities.contains(one.by()));
    let mut newest: Option<(Sha256Digest, Summary)> = None;
    let mut rivals = 1;
    for one in signed {
        let summary: Summary =
            one.value().predicate().map_err(|fault| malformed(requirement.kind, fault.to_string()))?;
        match &newest {
            Some((digest, _)) if *digest == one.digest() => {}
            Some((_, other)) if other.at() > summary.at() => {}
            Some((_, other)) if other.at() == summary.at() => rivals += 1,
            _ => {
                rivals = 1;
                newest = Some((one.digest(), summary));
            }
        }
    }
    if rivals > 1 {
        return Err(Reason::AttestationAmbiguous { kind: requirement.kind, found: rivals });
    }
    Ok(newest)
}

pub(super) fn malformed(kind: Kind, problem: String) -> Reason {
    Reason::PredicateMalformed { kind, problem }
}
