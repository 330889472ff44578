use proptest::prelude::*;

use super::*;
use crate::{
    attestation::Kind,
    verdict::{Fault, Faults, Ground, Grounds, Reason, Reasons},
};

fn verdict(outcome: Outcome) -> Verdict {
    let ground = Ground { kind: Kind::Gate, statement: Sha256Digest::of(b""), by: Vec::new() };
    match outcome {
        Outcome::Admit => Verdict::Admit(Grounds::new(vec![ground]).unwrap()),
        Outcome::Reject => Verdict::Reject(Reasons::one(Reason::EvidenceAbsent { place: String::new() })),
        Outcome::Undetermined => Verdict::Undetermined(Faults::one(Fault::Internal { problem: String::new() })),
    }
}

#[test]
fn what_a_change_comes_to() {
    use Outcome::{Admit, Reject, Undetermined};
    let stance = |class, outcome, mode| Stance::new(Some(class), &verdict(outcome), mode);
    let (enforced, warned) = (Mode::Enforce, Mode::Warn);
    let admitted = |mode| stance(Class::Admitted, Admit, mode);
    let refused = |mode| stance(Class::Refused, Reject, mode);
    let unknown = |mode| stance(Class::Undetermined, Undetermined, mode);
    for (from, to, effect) in [
        (admitted(enforced), refused(enforced), Some(Effect::Refused)),
        (admitted(enforced), unknown(enforced), Some(Effect::Refused)),
        (refused(warned), refused(enforced), Some(Effect::Refused)),
        (admitted(warned), refused(enforced), Some(Effect::Refused)),
        (admitted(warned), refused(warned), Some(Effect::Worse)),
        (admitted(enforced), refused(warned), Some(Effect::Worse)),
        (unknown(enforced), refused(enforced), Some(Effect::Worse)),
        (refused(enforced), admitted(enforced), Some(Effect::LetIn)),
        (refused(enforced), refused(warned), Some(Effect::LetIn)),
        (refused(warned), admitted(enforced), Some(Effect::Better)),
        (refused(enforced), unknown(enforced), Some(Effect::Better)),
        (refused(enforced), stance(Class::Expired, Reject, enforced), Some(Effect::Class)),
        (admitted(enforced), stance(Class::Expiring, Admit, enforced), Some(Effect::Class)),
        (admitted(enforced), admitted(warned), None),
        (refused(enforced), refused(enforced), None),
    ] {
        assert_eq!(from.effect(to), effect, "{from:?} {to:?}");
    }
    assert!(Effect::ALL.is_sorted());
}

/// A report of which nothing is known but this.
fn report(running: Unchanged, changed: bool) -> WhatIfReport {
    let stance = Stance::new(None, &verdict(Outcome::Admit), Mode::Enforce);
    let standing = Standing { stance, causes: Vec::new() };
    let instance = ChangedInstance {
        account: "123456789012".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        instance: "i-0123abcd".parse().unwrap(),
        name: None,
    };
    let change = ChangedImage {
        effect: Effect::Refused,
        image: None,
        name: None,
        from: standing.clone(),
        to: standing,
        instances: vec![instance.clone()],
    };
    let place = PlaceReport {
        account: instance.account,
        name: None,
        region: Some(instance.region),
        instances: running.count,
        faults: Vec::new(),
        seen: None,
    };
    let changes = if changed { vec![change] } else { Vec::new() };
    WhatIfReport {
        schema: WHAT_IF_SCHEMA,
        at: Timestamp::UNIX_EPOCH,
        started: Timestamp::UNIX_EPOCH,
        finished: Timestamp::UNIX_EPOCH,
        current: Sha256Digest::of(b""),
        candidate: Sha256Digest::of(b""),
        supposed: Vec::new(),
        places: vec![place],
        running: Comparison { total: running.count + u64::from(changed), unchanged: running, changes },
        decisions: None,
        notes: Vec::new(),
    }
}

#[test]
fn nothing_changes_only_where_all_of_it_is_known() {
    let known = Unchanged { count: 3, ..Unchanged::default() };
    let unknown = Unchanged { undetermined: 1, ..known };
    let missed = || vec![Cause::fault(&Fault::PlaceUnavailable { problem: String::new() })];
    let decisions = |unchanged: Unchanged, faults| DecisionsReport {
        since: Timestamp::UNIX_EPOCH,
        compared: Comparison { total: unchanged.count, unchanged, changes: Vec::new() },
        unjudged: Vec::new(),
        faults,
    };
    assert_eq!(report(known, false).outcome(), Outcome::Admit);
    assert_eq!(report(known, true).outcome(), Outcome::Reject);
    assert_eq!(report(unknown, false).outcome(), Outcome::Undetermined);
    assert_eq!(report(unknown, true).outcome(), Outcome::Reject, "what is known is said first");
    let mut nowhere = report(known, false);
    nowhere.places.clear();
    assert_eq!(nowhere.outcome(), Outcome::Undetermined);
    let mut torn = report(known, false);
    torn.places[0].faults = missed();
    assert_eq!(torn.outcome(), Outcome::Undetermined);
    for (recorded, outcome) in [
        (decisions(known, Vec::new()), Outcome::Admit),
        (decisions(unknown, Vec::new()), Outcome::Undetermined),
        (decisions(known, missed()), Outcome::Undetermined),
    ] {
        assert_eq!(WhatIfReport { decisions: Some(recorded), ..report(known, false) }.outcome(), outcome);
    }
}

fn stance() -> impl Strategy<Value = Stance> {
    let outcome = prop::sample::select(vec![Outcome::Admit, Outcome::Undetermined, Outcome::Reject]);
    let class = prop::option::of(prop::sample::select(Class::ALL.to_vec()));
    let mode = prop::sample::select(vec![Mode::Warn, Mode::Enforce]);
    (class, outcome, mode).prop_map(|(class, outcome, mode)| Stance::new(class, &verdict(outcome), mode))
}

proptest! {
    #[test]
    fn there_is_an_effect_exactly_where_class_verdict_or_action_differ(from in stance(), to in stance()) {
        let same = (from.class, from.verdict, from.action) == (to.class, to.verdict, to.action);
        prop_assert_eq!(from.effect(to).is_none(), same);
        let back = match from.effect(to) {
            Some(Effect::Refused) => Some(Effect::LetIn),
            Some(Effect::LetIn) => Some(Effect::Refused),
            Some(Effect::Worse) => Some(Effect::Better),
            Some(Effect::Better) => Some(Effect::Worse),
            other => other,
        };
        prop_assert_eq!(to.effect(from), back, "the way back is the opposite");
    }
}
