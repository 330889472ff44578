//! `[receipt]`: whose word about earlier decisions counts, and whether one is needed.

use std::collections::BTreeSet;

use toml::Spanned;

use super::Compiler;
use crate::{
    document::{Field, Place, below},
    policy::{
        document::ReceiptEntry,
        rule::{ReceiptRule, RequiredReceipt},
    },
    trust::AuthorityName,
};

impl Compiler<'_> {
    /// `others` are the authorities that sign something else.
    pub(super) fn receipts(
        &mut self,
        entry: Spanned<ReceiptEntry>,
        known: &BTreeSet<AuthorityName>,
        others: &BTreeSet<AuthorityName>,
    ) -> Option<ReceiptRule> {
        let at = Place { key: "receipt", span: entry.span() };
        let ReceiptEntry { authorities, required, max_age, policies } = entry.into_inner();
        let span = at.of(&authorities);
        // One of them is enough: a second signature over one decision would prove nothing that the first does not.
        let one = Field::Is(Spanned::new(at.span.clone(), 1));
        let quorum = self.quorum(&at, authorities, one, known);
        for name in quorum.iter().flat_map(|(authorities, _)| authorities.intersection(others)) {
            let message = format!("{name} also signs other statements; receipts take a key of their own");
            self.problem(&span, below(at.key, "authorities"), message);
        }
        let required = match required {
            Field::Absent => Some(false),
            written @ (Field::Is(_) | Field::Wrong { .. }) => self.optional(below(at.key, "required"), written),
        };
        let required = match required? {
            true => {
                if matches!(max_age, Field::Absent) {
                    let message = "required with `required`: a receipt says what was so once";
                    self.problem(&at.span, below(at.key, "max_age"), message);
                }
                let max_age = self.optional(below(at.key, "max_age"), max_age);
                if matches!(policies, Field::Absent) {
                    let message = "required with `required`: a receipt says that a policy was met, and only you know which \
                                   one is good enough";
                    self.problem(&at.span, below(at.key, "policies"), message);
                }
                let empty = match &policies {
                    Field::Is(written) if written.get_ref().is_empty() => Some(written.span()),
                    Field::Is(_) | Field::Absent | Field::Wrong { .. } => None,
                };
                if let Some(span) = empty {
                    let message = "an empty list, under which no receipt is accepted; name at least one policy";
                    self.problem(&span, below(at.key, "policies"), message);
                    return None;
                }
                let policies = self.list(below(at.key, "policies"), policies);
                Some(RequiredReceipt { max_age: max_age?, policies: policies? })
            }
            false => {
                for (key, span) in [("max_age", max_age.span()), ("policies", policies.span())] {
                    if let Some(span) = span {
                        self.problem(&span, below(at.key, key), "only with `required = true`: no receipt is asked for");
                    }
                }
                None
            }
        };
        let (authorities, _) = quorum?;
        Some(ReceiptRule { authorities, required })
    }
}
