//! Statements of authorities that retire: the gate result that counts says which of them are old enough.
//!
//! A gate result dates itself, by its signed `timeVerified`; what it names is no newer than it. So whoever holds the key
//! of a retired authority can date a gate result back, and this is for keys that nobody can use any more (ADR 0028).

use crate::{
    attestation::{Kind, Statement, predicate::Summary},
    policy::keys::Read,
    trust::{Discounted, Undated, Verified},
};

impl Read {
    /// Dates everything that is not dated yet: it counts from now on, or does not.
    pub(super) fn date(&mut self, date: impl Fn(Undated) -> Result<Verified<Statement>, Discounted>) {
        for undated in std::mem::take(&mut self.believed.undated) {
            match date(undated) {
                Ok(verified) => self.believed.verified.push(verified),
                Err(discounted) => self.believed.discounted.push(discounted),
            }
        }
        self.believed.verified.sort_by_key(Verified::line);
        self.believed.discounted.sort();
    }

    /// Dates gate results, each by what it says itself.
    pub(super) fn date_gates(&mut self) {
        let gates = |one: &Undated| one.statement().value().kind() == Some(Kind::Gate);
        let (gates, others): (Vec<_>, Vec<_>) = self.believed.undated.drain(..).partition(gates);
        self.believed.undated = gates;
        self.date(|one| match one.statement().value().predicate::<Summary>() {
            Ok(summary) => one.signed_at(summary.at()),
            Err(_) => Err(one.never_dated()),
        });
        self.believed.undated = others;
    }

    /// Dates what is left by the gate result that counts, if it names it.
    pub(super) fn date_named(&mut self, gate: Option<&Summary>) {
        self.date(|one| match gate.filter(|gate| gate.names(one.statement().digest())) {
            Some(gate) => one.signed_at(gate.at()),
            None => Err(one.never_dated()),
        });
    }
}
