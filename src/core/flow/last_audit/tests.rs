use futures_executor::block_on;

use super::*;
use crate::testing::{audits::fleet, launches::FakeState};

fn report(second: i64, whole: bool) -> AuditReport {
    let mut report = fleet(60);
    report.started = at(second);
    report.finished = at(second + 60);
    for place in report.places.iter_mut().filter(|_| whole) {
        place.faults.clear();
    }
    report
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn kept(state: &FakeState, mut report: AuditReport) -> LastAudit {
    let last = block_on(LastAudit::recall(state)).unwrap();
    let next = last.compare(&mut report, Outcome::Reject);
    assert_eq!(block_on(last.keep(state, &next)).unwrap(), Written::Stored);
    block_on(LastAudit::recall(state)).unwrap()
}

#[test]
fn the_age_is_that_of_the_last_whole_audit() {
    let state = FakeState::default();
    let day = Period::hours(26);
    let age = |last: &LastAudit, second| {
        let report = last.age(day, at(second));
        (report.outcome, report.message)
    };
    let none = block_on(LastAudit::recall(&state)).unwrap();
    assert_eq!(age(&none, 0).0, Outcome::Reject);

    let torn = kept(&state, report(0, false));
    let (outcome, said) = age(&torn, 60);
    assert_eq!(outcome, Outcome::Reject);
    assert!(said.contains("no audit saw everything yet"), "{said}");

    let whole = kept(&state, report(100, true));
    for (second, expected) in
        [(100, Outcome::Admit), (100 + 26 * 3600 - 1, Outcome::Admit), (100 + 26 * 3600, Outcome::Reject)]
    {
        assert_eq!(age(&whole, second).0, expected, "{second}");
    }
    let (outcome, said) = age(&whole, 99);
    assert_eq!(outcome, Outcome::Undetermined, "a clock that was set back knows nothing");
    assert!(said.contains("after now"), "{said}");

    let torn_again = kept(&state, report(90_000, false));
    let (outcome, said) = age(&torn_again, 100 + 26 * 3600);
    assert_eq!(outcome, Outcome::Reject, "a partial audit does not make it younger");
    assert!(said.contains("2027-01-15T08:01:40Z, 26h 0m ago"), "{said}");
}

#[test]
fn what_is_damaged_is_no_first_time() {
    let state = FakeState::default();
    let name = StateName::new(NAME).unwrap();
    for bytes in [&b"{"[..], b"", b"{\"schema\":\"goldseal/audit-state/v1\"}"] {
        state.held.lock().unwrap().insert(name.clone(), bytes.to_vec());
        let fault = block_on(LastAudit::recall(&state)).unwrap_err();
        assert!(matches!(fault, LastAuditFault::Damaged(_)), "{fault:?}");
    }
    let denied = FakeState { read_fault: Some(PortErrorKind::Denied), ..FakeState::default() };
    assert!(matches!(block_on(LastAudit::recall(&denied)), Err(LastAuditFault::Port(_))));
}

#[test]
fn what_lies_ahead_of_an_audit_is_noted() {
    let state = FakeState::default();
    let note = |last: &LastAudit, second| last.note(&report(second, true)).map(|note| note.message);
    assert_eq!(note(&block_on(LastAudit::recall(&state)).unwrap(), 0), None, "there is none");
    let last = kept(&state, report(9_000, true));
    assert!(note(&last, 9_059).unwrap().contains("ended at 2027-01-15T10:31:00Z"));
    assert_eq!(note(&last, 9_060), None);
    // One that did not see everything ran after the clock was set back: the last whole one is still ahead.
    let torn = kept(&state, report(100, false));
    assert!(note(&torn, 200).unwrap().contains("saw everything is said to have begun at 2027-01-15T10:30:00Z"));
    assert_eq!(note(&torn, 9_000), None);
}

#[test]
fn of_two_audits_the_second_sees_what_the_first_kept() {
    let state = FakeState::default();
    let (one, other) = (block_on(LastAudit::recall(&state)).unwrap(), block_on(LastAudit::recall(&state)).unwrap());
    let mut report = report(0, true);
    let next = one.compare(&mut report, Outcome::Reject);
    assert_eq!(block_on(one.keep(&state, &next)).unwrap(), Written::Stored);
    assert_eq!(block_on(other.keep(&state, &next)).unwrap(), Written::Conflict);
    let again = block_on(LastAudit::recall(&state)).unwrap();
    let next = again.compare(&mut report, Outcome::Reject);
    assert!(report.changes().unwrap().is_empty());
    assert!(again.note(&report).is_some(), "it ended after this one began");
    assert_eq!(block_on(again.keep(&state, &next)).unwrap(), Written::Stored);
}
