use futures_executor::block_on;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    report::{Cause, Door, PlaceReport},
    testing::{audits, findings::FakeHub},
    verdict::Fault,
};

fn place(number: u64) -> Place {
    Place { account: format!("{number:012}").parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

fn report(places: u64) -> AuditReport {
    let mut report = audits::fleet(0);
    let seen = |number| {
        let Place { account, region } = place(number);
        PlaceReport { account, name: None, region: Some(region), instances: 0, faults: Vec::new(), seen: None }
    };
    (report.places, report.doors) = ((0..places).map(seen).collect(), Some(Vec::new()));
    report
}

fn findings(ids: &[&str]) -> Vec<Finding> {
    ids.iter().map(|id| Finding { id: (*id).to_owned(), body: json!({}) }).collect()
}

fn told(hub: &FakeHub, report: &AuditReport, of: &[(u64, &[&str])]) -> Told {
    let findings = of.iter().map(|(number, ids)| (place(*number), findings(ids))).collect();
    block_on(tell(hub, report, findings, &()))
}

#[test]
fn what_is_found_is_sent_and_what_is_gone_is_closed() {
    let (hub, report) = (FakeHub::default(), report(2));
    let first = told(&hub, &report, &[(0, &["a", "b"]), (1, &["c"])]);
    assert!(first.whole);
    assert_eq!(first.notes[0].message, "findings sent: 3, closed: 0, places: 2");
    let second = told(&hub, &report, &[(0, &["b"])]);
    assert_eq!(second.notes[0].message, "findings sent: 1, closed: 2, places: 2");
    assert_eq!((hub.active(&place(0)), hub.active(&place(1))), (vec!["b".to_owned()], vec![]));
}

#[test]
fn nothing_is_closed_of_what_was_not_seen() {
    let (hub, mut report) = (FakeHub::default(), report(1));
    let door = format!("{DOOR_FINDING}1");
    told(&hub, &report, &[(0, &["a", &door])]);
    // Nobody looked for doors.
    report.doors = None;
    told(&hub, &report, &[(0, &["a"])]);
    assert_eq!(hub.active(&place(0)), ["a", &door]);
    // One of them could not be asked about.
    let unknown = Door {
        severity: Severity::Unknown,
        code: "not-asked".into(),
        account: place(0).account,
        region: place(0).region,
        place: String::new(),
        message: String::new(),
        commands: Vec::new(),
    };
    report.doors = Some(vec![unknown.clone()]);
    told(&hub, &report, &[]);
    assert_eq!(hub.active(&place(0)), [door.as_str()]);
    // What could not be asked elsewhere, and what is known of this place, keep nothing open here.
    for other in [
        Door { account: place(1).account, ..unknown.clone() },
        Door { region: "us-east-1".parse().unwrap(), ..unknown.clone() },
        Door { severity: Severity::Problem, ..unknown },
    ] {
        let hub = FakeHub::default();
        told(&hub, &self::report(1), &[(0, &[&door])]);
        let report = AuditReport { doors: Some(vec![other]), ..self::report(1) };
        told(&hub, &report, &[]);
        assert_eq!(hub.active(&place(0)), Vec::<String>::new());
    }
    // Nothing of the place was seen.
    report.doors = Some(Vec::new());
    report.places[0].faults = vec![Cause::fault(&Fault::PlaceUnavailable { problem: "denied".to_owned() })];
    assert!(told(&hub, &report, &[]).whole);
    assert_eq!(hub.active(&place(0)), [door.as_str()]);
}

#[test]
fn what_is_not_taken_is_said() {
    let report = report(3);
    let hub = FakeHub { out: [place(1)].into(), refused: ["b".to_owned()].into(), ..FakeHub::default() };
    let told = told(&hub, &report, &[(0, &["a", "b"]), (1, &["c"])]);
    assert!(!told.whole);
    let said: Vec<&str> = told.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(said[..2], ["findings sent: 1, closed: 0, places: 1", "000000000000 eu-west-1: b: InvalidInput"]);
    assert!(said[2].starts_with("000000000001 eu-west-1: ") && said.len() == 4, "{said:?}");
    assert!(said[2..].iter().all(|why| why.contains("denied")), "{said:?}");
}

#[test]
fn three_that_were_not_taken_are_named_and_the_others_are_counted() {
    let (ids, report) = (["a", "b", "c", "d", "e"], report(1));
    let hub = FakeHub { refused: ids.map(str::to_owned).into(), ..FakeHub::default() };
    for (many, more) in [(1, None), (3, None), (4, Some("1 more")), (5, Some("2 more"))] {
        let told = told(&hub, &report, &[(0, &ids[..many])]);
        let problems: Vec<&str> = told.notes[1..].iter().map(|note| note.message.as_str()).collect();
        let (named, counted): (Vec<&str>, Vec<&str>) = problems.iter().partition(|why| why.contains("InvalidInput"));
        assert_eq!((named.len(), counted.len()), (many.min(3), usize::from(more.is_some())), "{problems:?}");
        assert!(counted.iter().zip(more).all(|(why, more)| why.contains(more)), "{problems:?}");
    }
}

proptest! {
    /// However runs follow each other, what is active after one is what that run found.
    #[test]
    fn after_a_run_exactly_its_findings_are_active(runs in prop::collection::vec(prop::collection::btree_set("[a-f]", 0..5), 1..5)) {
        let (hub, report) = (FakeHub::default(), report(1));
        for run in runs {
            let ids: Vec<&str> = run.iter().map(String::as_str).collect();
            prop_assert!(told(&hub, &report, &[(0, &ids)]).whole);
            prop_assert_eq!(hub.active(&place(0)), ids);
        }
    }
}
