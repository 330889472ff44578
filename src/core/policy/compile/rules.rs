//! `[[require]]` and `[[scope]]`.

use std::{collections::BTreeSet, ops::Range};

use toml::Spanned;

use super::Compiler;
use crate::{
    attestation::Kind,
    document::{Field, Place, below},
    ids::GroupArn,
    policy::{
        document::{RequireEntry, ScopeEntry},
        rule::{Requirement, Scope},
    },
    trust::AuthorityName,
};

/// Says whether a kind is asked for, be it in an entry with problems of its own.
pub(super) fn asks_for(entries: &[Spanned<RequireEntry>], kind: Kind) -> bool {
    let kinds = entries.iter().map(|entry| &entry.get_ref().attestation);
    kinds.into_iter().any(|field| matches!(field, Field::Is(asked) if *asked.get_ref() == kind))
}

impl Compiler<'_> {
    pub(super) fn requirements(
        &mut self,
        entries: Vec<Spanned<RequireEntry>>,
        known: &BTreeSet<AuthorityName>,
    ) -> Vec<(Range<usize>, Requirement)> {
        if entries.is_empty() {
            self.problem(&(0..0), "require", "a policy that requires nothing would admit everything");
        }
        let mut requirements: Vec<(Range<usize>, Requirement)> = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let (key, span) = (format!("require[{index}]"), entry.span());
            let at = Place { key: &key, span: span.clone() };
            let entry = entry.into_inner();
            let kind_span = at.of(&entry.attestation);
            let Some(requirement) = self.requirement(&at, entry, known) else { continue };
            if requirements.iter().any(|(_, earlier)| earlier.kind == requirement.kind) {
                let message = format!("{} is required twice", requirement.kind);
                self.problem(&kind_span, below(&key, "attestation"), message);
            }
            requirements.push((span, requirement));
        }
        requirements
    }

    fn requirement(
        &mut self,
        at: &Place<'_>,
        entry: RequireEntry,
        known: &BTreeSet<AuthorityName>,
    ) -> Option<Requirement> {
        let kind = self.required(at, "attestation", entry.attestation);
        let (authorities, threshold) = self.quorum(at, entry.authorities, entry.threshold, known)?;
        Some(Requirement { kind: kind?, authorities, threshold })
    }

    /// Takes so many of a list of authorities that are known.
    pub(super) fn quorum(
        &mut self,
        at: &Place<'_>,
        authorities: Field<Vec<AuthorityName>>,
        threshold: Field<i64>,
        known: &BTreeSet<AuthorityName>,
    ) -> Option<(BTreeSet<AuthorityName>, usize)> {
        let authorities_span = at.of(&authorities);
        if matches!(authorities, Field::Absent) {
            self.problem(&at.span, below(at.key, "authorities"), "required, and has no default");
        }
        let authorities = self.list(below(at.key, "authorities"), authorities);
        for stranger in authorities.iter().flatten().filter(|name| !known.contains(name)) {
            let message = format!("no [[authority]] is called {stranger}");
            self.problem(&authorities_span, below(at.key, "authorities"), message);
        }
        let (span, written) = (at.of(&threshold), !matches!(threshold, Field::Absent));
        let threshold = self.optional(below(at.key, "threshold"), threshold);
        // Without a list of authorities there is nothing to compare a threshold with.
        let count = authorities.as_ref()?.len();
        let legal = match threshold {
            Some(threshold) => usize::try_from(threshold).ok().filter(|threshold| (1..=count).contains(threshold)),
            None => Some(1).filter(|_| count == 1 && !written),
        };
        if legal.is_none() && (threshold.is_some() || !written) {
            let message = format!("required: how many of the {count} authorities must have signed, from 1 to {count}");
            self.problem(&span, below(at.key, "threshold"), message);
        }
        Some((authorities?, legal?))
    }

    pub(super) fn scope(&mut self, index: usize, entry: Spanned<ScopeEntry>) -> Option<Scope> {
        let (key, span) = (format!("scope[{index}]"), entry.span());
        let at = Place { key: &key, span: span.clone() };
        let ScopeEntry { mode, accounts, regions, groups } = entry.into_inner();
        let mode = self.required(&at, "mode", mode);
        if let (Field::Absent, Field::Absent, Field::Absent) = (&accounts, &regions, &groups) {
            let message = "a scope names accounts, regions or groups; for all the rest there is no_match";
            self.problem(&span, key.clone(), message);
        }
        let accounts = self.list(below(&key, "accounts"), accounts);
        let regions = self.list(below(&key, "regions"), regions);
        let groups_span = at.of(&groups);
        let groups = self.list(below(&key, "groups"), groups);
        for group in groups.iter().flatten().filter(|group| group.parse::<GroupArn>().is_err()) {
            let message = format!("{group:?} is not the ARN of an Auto Scaling group, so it would match none");
            self.problem(&groups_span, below(&key, "groups"), message);
        }
        Some(Scope { mode: mode?, accounts, regions, groups })
    }
}
