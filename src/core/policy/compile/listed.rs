//! `[revocation]` and `[override]`: who speaks about images from outside their evidence.

use std::{collections::BTreeSet, ops::Range};

use toml::Spanned;

use super::Compiler;
use crate::{
    document::{Field, Place, below},
    policy::{
        document::{OverrideEntry, RevocationEntry},
        rule::{KeySource, OverrideRule, OverrideScope, RevocationRule, Signatory},
    },
    trust::AuthorityName,
    verdict::{is_cause, is_overridable},
};

impl Compiler<'_> {
    pub(super) fn revocation(
        &mut self,
        entry: Spanned<RevocationEntry>,
        signatories: &[Signatory],
        known: &BTreeSet<AuthorityName>,
        required: &BTreeSet<AuthorityName>,
    ) -> Option<RevocationRule> {
        let at = Place { key: "revocation", span: entry.span() };
        let RevocationEntry { authorities, threshold, max_age, list } = entry.into_inner();
        let span = at.of(&authorities);
        let quorum = self.quorum(&at, authorities, threshold, known);
        if let Some((authorities, _)) = &quorum {
            self.of_their_own(&span, &at, authorities, required);
            self.in_office(&span, &at, authorities, signatories);
        }
        let max_age = self.required(&at, "max_age", max_age);
        let list = match list {
            Field::Absent => Some(Default::default()),
            list @ (Field::Is(_) | Field::Wrong { .. }) => self.optional(below(at.key, "list"), list),
        };
        let (authorities, threshold) = quorum?;
        Some(RevocationRule { authorities, threshold, max_age: max_age?, list: list? })
    }

    pub(super) fn overrides(
        &mut self,
        entry: Spanned<OverrideEntry>,
        signatories: &[Signatory],
        known: &BTreeSet<AuthorityName>,
        required: &BTreeSet<AuthorityName>,
    ) -> Option<(Range<usize>, OverrideRule)> {
        let at = Place { key: "override", span: entry.span() };
        let OverrideEntry { authorities, threshold, max_life, scopes, causes } = entry.into_inner();
        let (span, threshold_span) = (at.of(&authorities), at.of(&threshold));
        let threshold = match threshold {
            Field::Absent => Field::Is(Spanned::new(at.span.clone(), 2)),
            written @ (Field::Is(_) | Field::Wrong { .. }) => written,
        };
        let quorum = self.quorum(&at, authorities, threshold, known);
        if quorum.as_ref().is_some_and(|(_, threshold)| *threshold < 2) {
            let message = "two people sign an override, or more";
            self.problem(&threshold_span, below(at.key, "threshold"), message);
        }
        if let Some((authorities, _)) = &quorum {
            self.of_their_own(&span, &at, authorities, required);
            self.in_office(&span, &at, authorities, signatories);
            let in_kms = |one: &&Signatory| matches!(one.key, KeySource::Kms { .. }) && authorities.contains(&one.name);
            for signatory in signatories.iter().filter(in_kms) {
                let message = format!(
                    "the key of {} would be asked for in KMS, and an override has to work when KMS does not: give it by \
                     key or key_file",
                    signatory.name
                );
                self.problem(&span, below(at.key, "authorities"), message);
            }
        }
        let max_life = self.required(&at, "max_life", max_life);
        let scopes = match scopes {
            Field::Absent => Some(BTreeSet::from([OverrideScope::Image])),
            scopes @ (Field::Is(_) | Field::Wrong { .. }) => self.list(below(at.key, "scopes"), scopes),
        };
        let (causes_span, written) = (at.of(&causes), !matches!(causes, Field::Absent));
        let causes = self.list(below(at.key, "causes"), causes);
        for code in causes.iter().flatten().filter(|code| !is_overridable(code)) {
            let why = if is_cause(code) { "cannot be overridden" } else { "is no code of docs/reasons.md" };
            self.problem(&causes_span, below(at.key, "causes"), format!("{code:?} {why}"));
        }
        if written && causes.is_none() {
            return None;
        }
        let (authorities, threshold) = quorum?;
        let rule = OverrideRule { authorities, threshold, max_life: max_life?, scopes: scopes?, causes };
        Some((at.span, rule))
    }

    /// Lists and overrides say themselves how old they are, and no gate result names them.
    fn in_office(
        &mut self,
        span: &Range<usize>,
        at: &Place<'_>,
        authorities: &BTreeSet<AuthorityName>,
        signatories: &[Signatory],
    ) {
        for one in signatories.iter().filter(|one| one.retired.is_some() && authorities.contains(&one.name)) {
            let message = format!(
                "{} retires, and no gate result says how old its lists and overrides are: take it out of here, or give it \
                 valid_until",
                one.name
            );
            self.problem(span, below(at.key, "authorities"), message);
        }
    }

    /// Whoever seals or approves neither revokes, nor lets pass, nor says what was decided.
    pub(super) fn of_their_own(
        &mut self,
        span: &Range<usize>,
        at: &Place<'_>,
        authorities: &BTreeSet<AuthorityName>,
        required: &BTreeSet<AuthorityName>,
    ) {
        for name in authorities.intersection(required) {
            let message = format!("{name} also signs evidence of images; this takes a key of its own");
            self.problem(span, below(at.key, "authorities"), message);
        }
    }
}
