//! `[gate]`, `[provenance]`, and what a policy must require: the gate, the SBOM, and approval by another key.

use std::{collections::BTreeSet, ops::Range};

use toml::Spanned;

use super::{Compiler, rules};
use crate::{
    attestation::Kind,
    digest::Sha256Digest,
    document::Field,
    gate::Limits,
    policy::{
        document::{GateEntry, ProvenanceEntry, RequireEntry},
        rule::{ApprovalFor, GateRule, ProvenanceRule, Requirement, Signatory},
    },
};

impl Compiler<'_> {
    /// Says whether the policy is one with a gate, and lists what it lacks as such.
    pub(super) fn gated(&mut self, entries: &[Spanned<RequireEntry>], field: Field<bool>) -> bool {
        let (span, known) = (field.span().unwrap_or(0..0), !matches!(field, Field::Wrong { .. }));
        let without = self.optional("dangerous_without_gate".into(), field).unwrap_or_default();
        let asked = |kind: &Kind| rules::asks_for(entries, *kind);
        if without {
            for kind in [Kind::Gate, Kind::Approval].iter().filter(|kind| asked(kind)) {
                let message = format!("the {kind} is required, so this must go");
                self.problem(&span, "dangerous_without_gate", message);
            }
            return false;
        }
        let missing = [Kind::Gate, Kind::Sbom, Kind::Approval].iter().filter(|kind| !asked(kind));
        let missing: Vec<&str> = missing.map(|kind| kind.as_str()).collect();
        // An empty document, and one that did not say whether it goes without, have a problem that says more.
        if !missing.is_empty() && !entries.is_empty() && known {
            let message = format!(
                "no [[require]] asks for {}; a policy must, or say `dangerous_without_gate = true` (every report will)",
                missing.join(", ")
            );
            self.problem(&span, "require", message);
        }
        true
    }

    /// Who approves must not be who seals: the keys differ, whatever they are called.
    pub(super) fn approvers(&mut self, requirements: &[(Range<usize>, Requirement)], signatories: &[Signatory]) {
        let keys = |requirement: &Requirement| -> BTreeSet<Sha256Digest> {
            let named = signatories.iter().filter(|signatory| requirement.authorities.contains(&signatory.name));
            named.map(|signatory| signatory.key.digest()).collect()
        };
        let Some((span, approval)) = requirements.iter().find(|(_, one)| one.kind == Kind::Approval) else { return };
        let approving = keys(approval);
        for (_, other) in requirements.iter().filter(|(_, one)| one.kind != Kind::Approval) {
            if !approving.is_disjoint(&keys(other)) {
                let message = format!(
                    "a key that approves also signs the {} statement; nobody approves their own work",
                    other.kind
                );
                self.problem(span, "require.authorities", message);
            }
        }
    }

    pub(super) fn gate(&mut self, entry: GateEntry) -> GateRule {
        let mut limits = Limits::BUILT_IN;
        let mut written = BTreeSet::new();
        let GateEntry {
            fail_on,
            max_scan_age,
            max_database_age,
            max_data_age,
            max_exception_life,
            end_of_life,
            approval,
        } = entry;
        macro_rules! take {
            ($field:ident into $place:expr) => {
                let name = stringify!($field);
                if let Some(value) = self.optional(format!("gate.{name}"), $field) {
                    $place = value.into();
                    written.insert(name);
                }
            };
        }
        take!(fail_on into limits.fail_on);
        take!(max_scan_age into limits.scan_age);
        take!(max_database_age into limits.database_age);
        take!(max_data_age into limits.data_age);
        take!(max_exception_life into limits.exception_life);
        take!(end_of_life into limits.end_of_life);
        let approval = self.optional("gate.approval".into(), approval).unwrap_or(ApprovalFor::AcceptedRisks);
        GateRule { limits, written, approval }
    }

    pub(super) fn builds(&mut self, entry: ProvenanceEntry, required: bool) -> ProvenanceRule {
        let span = [entry.builders.span(), entry.repositories.span(), entry.base_owners.span()];
        let span = span.into_iter().flatten().next();
        let rule = ProvenanceRule {
            builders: self.list("provenance.builders".into(), entry.builders),
            repositories: self.list("provenance.repositories".into(), entry.repositories),
            base_owners: self.list("provenance.base_owners".into(), entry.base_owners),
        };
        if let Some(span) = span.filter(|_| !required) {
            self.problem(&span, "provenance", "these limits are about the provenance, which no [[require]] asks for");
        }
        rule
    }
}
