//! What was seen, and what is the same.

use super::*;
use crate::digest::Sha256Digest;

#[test]
fn what_is_not_listed_in_a_place_that_answered_is_gone_even_where_not_all_could_be_told() {
    let (first, _) = after(None, &here(&[(1, Class::Refused), (2, Class::Unsealed)]));
    let (_, report) = after(Some(&first), &here(&[]));
    assert_eq!(told(&report), [(1, Change::Gone), (2, Change::Gone)], "nothing runs there any more");
    let mut torn = self::report(&here(&[(2, Class::Unsealed)]));
    torn.places[0].faults = vec![fault()];
    let next = Snapshot::after(Some(&first), &torn, Outcome::Admit);
    torn.changes = Some(changes(Some(&first), &next));
    assert_eq!(told(&torn), [(1, Change::Gone)], "instances are listed whole or not at all");
}

#[test]
fn only_what_was_bad_and_is_good_is_resolved() {
    use Class::{Admitted, Expiring, Overridden, Refused, Undetermined, Unsealed};
    for (from, to, expected) in [
        (Refused, Admitted, Change::Resolved),
        (Refused, Expiring, Change::Resolved),
        (Refused, Unsealed, Change::Changed),
        (Unsealed, Refused, Change::Changed),
        (Refused, Undetermined, Change::Changed),
        (Expiring, Admitted, Change::Changed),
        (Overridden, Admitted, Change::Changed),
        (Admitted, Refused, Change::Changed),
    ] {
        let (first, _) = after(None, &here(&[(1, from)]));
        let (_, report) = after(Some(&first), &here(&[(1, to)]));
        assert_eq!(told(&report), [(1, expected)], "{from:?} {to:?}");
    }
}

#[test]
fn a_class_that_is_the_same_is_no_change_whatever_else_was_kept_of_it() {
    let (mut first, _) = after(None, &here(&[(1, Class::Refused)]));
    let kept = first.places.values_mut().flat_map(|place| place.instances.values_mut());
    kept.for_each(|was| was.known = Some(Class::Admitted));
    let (_, report) = after(Some(&first), &here(&[(1, Class::Refused)]));
    assert_eq!(told(&report), []);
}

#[test]
fn that_the_policy_is_another_one_is_said() {
    let (first, report) = after(None, &here(&[]));
    let other = |policy| {
        let next = Snapshot::after(Some(&first), &AuditReport { policy, ..report.clone() }, Outcome::Admit);
        changes(Some(&first), &next).since.unwrap().other_policy
    };
    assert_eq!((other(report.policy), other(Sha256Digest::of(b"another"))), (false, true));
}
