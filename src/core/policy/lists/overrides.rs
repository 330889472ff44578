//! Overrides → the one that lets pass what a verdict stops.
//!
//! It counts when enough of its authorities signed it, inside its window and the policy's longest life, for the image, the
//! group or the account that is asked for, and when it names every cause that stands in the way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Launched, Remark, Source, Withdrawn};
use crate::{
    attestation::{
        Statement,
        predicate::{GRANT_TYPE, Grant, GrantScope},
    },
    digest::Sha256Digest,
    policy::{
        keys::Keys,
        rule::{OverrideRule, OverrideScope},
    },
    trust::{AuthorityName, RevokedKeys, Surveyed, Verified},
    verdict::{Fault, Overridden, Reason, Verdict, is_overridable},
};

/// See the module.
#[derive(Debug)]
pub(super) struct Overrides(Vec<Surveyed>);

impl Overrides {
    pub(super) fn read(keys: &Keys, sources: &[Source<'_>], remarks: &mut Vec<Remark>) -> Self {
        let mut found = Vec::new();
        for Source { place, answer, .. } in sources {
            let surveyed = match answer {
                Ok(Some(bytes)) => {
                    keys.survey(*bytes).into_content().map_err(|(line, why)| format!("line {line}: {why}"))
                }
                Ok(None) => continue,
                Err(problem) => Err(problem.clone()),
            };
            match surveyed {
                Ok(surveyed) => found.push(surveyed),
                Err(problem) => {
                    remarks.push(Remark::OverridesUnreadable { problem: format!("{place}: {problem}") });
                }
            }
        }
        Self(found)
    }

    pub(super) fn find(
        &self,
        rule: &OverrideRule,
        (withdrawn, revoked): (&Withdrawn, &RevokedKeys),
        launched: Launched<'_>,
        verdict: &Verdict,
        at: Timestamp,
    ) -> Option<Overridden> {
        let (reasons, faults) = match verdict {
            Verdict::Admit(_) => return None,
            Verdict::Reject(reasons) => (reasons.as_slice(), reasons.beside()),
            Verdict::Undetermined(faults) => (&[][..], faults.as_slice()),
        };
        let mut best: Option<Overridden> = None;
        for scope in scopes(rule, launched) {
            let subject = Sha256Digest::of(scope.name().as_bytes());
            let believed: Vec<_> = self.0.iter().map(|surveyed| surveyed.about(subject).believe(revoked, at)).collect();
            let mut signed: BTreeMap<Sha256Digest, BTreeMap<&AuthorityName, &Verified<Statement>>> = BTreeMap::new();
            for one in believed.iter().flat_map(|believed| &believed.verified) {
                if one.value().predicate_type() == GRANT_TYPE && rule.authorities.contains(one.by()) {
                    signed.entry(one.digest()).or_default().insert(one.by(), one);
                }
            }
            for (digest, signatures) in signed {
                let signatures: Vec<_> = signatures.into_values().collect();
                if signatures.len() < rule.threshold || !withdrawn.evidence(digest).is_empty() {
                    continue;
                }
                let grant = signatures.first().and_then(|one| one.value().predicate::<Grant>().ok());
                let Some(grant) = grant.filter(|grant| counts(grant, rule, &scope, at)) else { continue };
                if !covers(&grant, reasons, faults) {
                    continue;
                }
                let later = best.as_ref().is_none_or(|best| grant.until > best.until());
                let found = Overridden::of(&signatures, grant, reasons.to_vec(), faults.to_vec());
                best = if later { found.or(best) } else { best };
            }
        }
        best
    }
}

/// Returns for what overrides are looked for. What is not known of a launch is not matched.
fn scopes(rule: &OverrideRule, Launched { image, context }: Launched<'_>) -> Vec<GrantScope> {
    let group = context.group.as_deref().and_then(|group| group.parse().ok());
    let scopes = rule.scopes.iter().filter_map(|scope| match scope {
        OverrideScope::Image => Some(GrantScope::Image(image.clone())),
        OverrideScope::Group => group.clone().map(GrantScope::Group),
        OverrideScope::Account => context.account.clone().map(GrantScope::Account),
    });
    scopes.collect()
}

fn counts(grant: &Grant, rule: &OverrideRule, scope: &GrantScope, at: Timestamp) -> bool {
    let allowed = |code: &String| is_overridable(code) && rule.causes.as_ref().is_none_or(|list| list.contains(code));
    grant.check().is_ok()
        && grant.scope == *scope
        && grant.causes.iter().all(allowed)
        && (grant.from..grant.until).contains(&at)
        && grant.until <= rule.max_life.after(grant.from)
}

/// Says whether an override names everything that stands in the way.
fn covers(grant: &Grant, reasons: &[Reason], faults: &[Fault]) -> bool {
    let named: BTreeSet<&str> = grant.causes.iter().map(String::as_str).collect();
    let entry = |reason: &Reason| reason.revocation().is_none_or(|entry| grant.revocations.contains(&entry));
    let reason = |one: &Reason| named.contains(one.code()) && entry(one);
    reasons.iter().all(reason) && faults.iter().all(|one| named.contains(one.code()))
}
