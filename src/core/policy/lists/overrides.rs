//! Overrides → the one that lets pass what a verdict stops, the one that held when something was launched, and how each of
//! them stands.
//!
//! One counts when enough of its authorities signed it, inside its window and the policy's longest life, for the image, the
//! group or the account that is asked for, and when it names every cause that stands in the way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{GrantState, Granted, Held, Launched, Remark, Source, Withdrawn};
use crate::{
    attestation::{
        Statement, named,
        predicate::{GRANT_TYPE, Grant, GrantScope, RevokedBy},
    },
    digest::Sha256Digest,
    policy::{
        keys::Keys,
        rule::{OverrideRule, OverrideScope},
    },
    trust::{AuthorityName, Proven, RevokedKeys, Surveyed, Verified},
    verdict::{Fault, Overridden, Reason, Verdict, is_cause, is_overridable},
};

/// The overrides of every place that has some.
#[derive(Debug)]
pub(super) struct Overrides(Vec<(String, Surveyed)>);

/// A launch may wait so long for its verdict.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// What stands in the way of overrides themselves: entries, and keys that are revoked.
pub(super) type Against<'a> = (&'a Withdrawn, &'a RevokedKeys);

/// Who signed one statement.
type Signatures = BTreeMap<AuthorityName, Verified<Statement>>;

/// What was found for a verdict.
#[derive(Debug, Default)]
pub(in crate::policy) struct Search {
    /// The override that lets it pass.
    pub(in crate::policy) overridden: Option<Overridden>,
    /// Those that count and do not name everything that stands in the way.
    pub(in crate::policy) short: Vec<Remark>,
}

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
                Ok(surveyed) => found.push((place.clone(), surveyed)),
                Err(problem) => {
                    remarks.push(Remark::OverridesUnreadable { problem: format!("{place}: {problem}") });
                }
            }
        }
        Self(found)
    }

    /// Finds the override that lets pass what a verdict stops; of several the one that ends last.
    pub(super) fn find(
        &self,
        rule: &OverrideRule,
        (withdrawn, revoked): Against<'_>,
        launched: Launched<'_>,
        verdict: &Verdict,
        at: Timestamp,
    ) -> Search {
        let mut search = Search::default();
        let Some((reasons, faults)) = stopped(verdict) else { return search };
        let open = |grant: &Grant| (grant.from..grant.until).contains(&at);
        for (digest, signatures, grant) in self.counting(rule, revoked, launched, at, open) {
            if !withdrawn.evidence(digest).is_empty() {
                continue;
            }
            let missing = missing(&grant, reasons, faults);
            if !missing.is_empty() {
                search.short.push(Remark::OverrideShort { statement: digest, missing });
                continue;
            }
            let later = search.overridden.as_ref().is_none_or(|best| grant.until > best.until());
            let signatures: Vec<_> = signatures.values().collect();
            let found = Overridden::of(&signatures, grant, reasons.to_vec(), faults.to_vec());
            search.overridden = if later { found.or(search.overridden) } else { search.overridden };
        }
        search
    }

    /// Finds the override that held when something was launched. What stands against it today must be named in it: nobody
    /// knows any more what stood against it then. One that was revoked since held all the same, and one that began while the
    /// launch may still have waited for its verdict.
    pub(super) fn held(
        &self,
        rule: &OverrideRule,
        (withdrawn, revoked): Against<'_>,
        launched: Launched<'_>,
        verdict: &Verdict,
        at: Timestamp,
    ) -> Option<Held> {
        let (reasons, faults) = stopped(verdict).unwrap_or_default();
        let mut best: Option<Held> = None;
        let waited = at.saturating_add(LONGEST_WAIT).unwrap_or(at);
        let open = |grant: &Grant| grant.from <= waited && at < grant.until;
        for (digest, signatures, grant) in self.counting(rule, revoked, launched, at, open) {
            let ended = entries(withdrawn, digest);
            if ended.iter().any(|entry| entry.at <= at.max(grant.from)) || !missing(&grant, reasons, faults).is_empty()
            {
                continue;
            }
            let later = best.as_ref().is_none_or(|best| grant.until > best.overridden.until());
            let signatures: Vec<_> = signatures.values().collect();
            let overridden = Overridden::of(&signatures, grant, reasons.to_vec(), faults.to_vec());
            let held = overridden.map(|overridden| Held { overridden, revoked: ended.into_iter().next() });
            best = if later { held.or(best) } else { best };
        }
        best
    }

    /// Returns every override, however it stands at an instant.
    pub(super) fn all(&self, rule: &OverrideRule, (withdrawn, revoked): Against<'_>, at: Timestamp) -> Vec<Granted> {
        let statements = self.0.iter().flat_map(|(_, surveyed)| surveyed.statements());
        let statements: BTreeMap<Sha256Digest, &Statement> =
            statements.filter(|one| one.predicate_type() == GRANT_TYPE).map(|one| (one.digest(), one)).collect();
        let granted = |(digest, statement): (Sha256Digest, &Statement)| {
            let grant = statement.predicate::<Grant>().ok()?;
            let signatures = self.signed(statement.subject(), rule, revoked, at).remove(&digest).unwrap_or_default();
            let state = match (entries(withdrawn, digest).into_iter().next(), rule.refusal(&grant)) {
                (Some(entry), _) => GrantState::Revoked(entry),
                (None, Some(why)) => GrantState::Void(why),
                (None, None) if named(&grant.scope.name()) != statement.subject() => {
                    GrantState::Void("its subject is not the name of its scope".to_owned())
                }
                (None, None) if at >= grant.until => GrantState::Over,
                (None, None) if signatures.len() < rule.threshold => GrantState::HalfSigned,
                (None, None) if at < grant.from => GrantState::NotYet,
                (None, None) => GrantState::Active,
            };
            let has = |surveyed: &Surveyed| surveyed.statements().any(|one| one.digest() == digest);
            Some(Granted {
                statement: digest,
                payload: statement.payload().to_vec(),
                by: signatures.into_keys().collect(),
                needed: rule.threshold,
                dangerous_local_key: statement.by_dangerous_local_key(),
                found: self.0.iter().filter(|(_, surveyed)| has(surveyed)).map(|(place, _)| place.clone()).collect(),
                grant,
                state,
            })
        };
        statements.into_iter().filter_map(granted).collect()
    }

    /// Returns the overrides that enough people signed, for something that is launched, and whose window is `open`.
    fn counting(
        &self,
        rule: &OverrideRule,
        revoked: &RevokedKeys,
        launched: Launched<'_>,
        at: Timestamp,
        open: impl Fn(&Grant) -> bool,
    ) -> Vec<(Sha256Digest, Signatures, Grant)> {
        let mut found = Vec::new();
        for scope in scopes(rule, launched) {
            for (digest, signatures) in self.signed(named(&scope.name()), rule, revoked, at) {
                if signatures.len() < rule.threshold {
                    continue;
                }
                let grant = signatures.values().next().and_then(|one| one.value().predicate::<Grant>().ok());
                let counts = |grant: &Grant| rule.refusal(grant).is_none() && grant.scope == scope && open(grant);
                found.extend(grant.filter(counts).map(|grant| (digest, signatures, grant)));
            }
        }
        found
    }

    /// Returns who signed what about a subject, as far as that counts at an instant.
    fn signed(
        &self,
        subject: Sha256Digest,
        rule: &OverrideRule,
        revoked: &RevokedKeys,
        at: Timestamp,
    ) -> BTreeMap<Sha256Digest, Signatures> {
        let mut signed: BTreeMap<Sha256Digest, Signatures> = BTreeMap::new();
        let about = |surveyed: &&Surveyed| surveyed.statements().any(|one| one.subject() == subject);
        for surveyed in self.0.iter().map(|(_, surveyed)| surveyed).filter(about) {
            for one in surveyed.about(subject).believe(revoked, &Proven::new(), at).verified {
                if one.value().predicate_type() == GRANT_TYPE && rule.authorities.contains(one.by()) {
                    signed.entry(one.digest()).or_default().insert(one.by().clone(), one);
                }
            }
        }
        signed
    }
}

impl OverrideRule {
    /// Says why the policy would let nothing pass by an override, whoever signed it and whenever; none when it might.
    pub fn refusal(&self, grant: &Grant) -> Option<String> {
        if let Err(fault) = grant.check() {
            return Some(fault.to_string());
        }
        let scope = match grant.scope {
            GrantScope::Image(_) => OverrideScope::Image,
            GrantScope::Group(_) => OverrideScope::Group,
            GrantScope::Account(_) => OverrideScope::Account,
        };
        if !self.scopes.contains(&scope) {
            return Some(format!("the policy lets nobody override for {}: [override] scopes", grant.scope));
        }
        let named = |code: &String| self.causes.as_ref().is_none_or(|list| list.contains(code));
        let refused = grant.causes.iter().find_map(|code| match (is_cause(code), is_overridable(code), named(code)) {
            (false, ..) => Some(format!("{code:?} is no code of docs/reasons.md")),
            (true, false, _) => Some(format!("{code} cannot be overridden")),
            (true, true, false) => Some(format!("the policy lets nobody override {code}: [override] causes")),
            (true, true, true) => None,
        });
        let longest = self.max_life.after(grant.from);
        let too_long = || {
            let message = format!("it ends at {}, later than the policy's max_life allows ({longest})", grant.until);
            (grant.until > longest).then_some(message)
        };
        refused.or_else(too_long)
    }
}

/// Returns what stands in the way; nothing does of an admission.
fn stopped(verdict: &Verdict) -> Option<(&[Reason], &[Fault])> {
    match verdict {
        Verdict::Admit(_) => None,
        Verdict::Reject(reasons) => Some((reasons.as_slice(), reasons.beside())),
        Verdict::Undetermined(faults) => Some((&[], faults.as_slice())),
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

/// Returns what an override does not name of that which stands in the way: codes, and entries of the revocation list.
fn missing(grant: &Grant, reasons: &[Reason], faults: &[Fault]) -> Vec<String> {
    let codes = reasons.iter().map(Reason::code).chain(faults.iter().map(Fault::code));
    let codes = codes.filter(|code| !grant.causes.contains(*code)).map(str::to_owned);
    let entries = reasons.iter().filter_map(Reason::revocation);
    let entries = entries.filter(|entry| !grant.revocations.contains(entry)).map(|entry| format!("entry {entry}"));
    let missing: BTreeSet<String> = codes.chain(entries).collect();
    missing.into_iter().collect()
}

/// Returns the entries that revoke a statement.
fn entries(withdrawn: &Withdrawn, statement: Sha256Digest) -> Vec<RevokedBy> {
    let entry = |reason| if let Reason::EvidenceRevoked { revoked, .. } = reason { Some(revoked) } else { None };
    withdrawn.evidence(statement).into_iter().filter_map(entry).collect()
}
