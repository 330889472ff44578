use futures_executor::block_on;
use jiff::SignedDuration;

use super::*;
use crate::{
    ports::{PortErrorKind, record_path},
    report::{Class, Outcome, Severity},
    testing::{audits::fleet, records::FakeRecords},
};

fn write(records: &mut FakeRecords, one: &AuditedInstance, at: Timestamp, verdict: &str, action: Option<&str>) {
    let (id, account, region) = (&one.instance, &one.account, &one.region);
    let body = serde_json::json!({"schema": "goldseal/boot/v1", "at": at, "verdict": verdict, "action": action,
                                  "enforced": true, "instance": {"id": id, "account": account, "region": region}});
    records.held.insert(record_path(&instance_arn(region, account, id), at), body.to_string().into_bytes());
}

/// A fleet whose doors nobody looked for and of which nothing was heard.
fn unheard() -> AuditReport {
    let mut report = fleet(1000);
    (report.doors, report.boot_records) = (None, None);
    report.instances.iter_mut().for_each(|one| one.boot = None);
    report
}

fn places(report: &AuditReport, class: Class) -> Vec<usize> {
    let own = report.instances.iter().enumerate();
    own.filter(|(_, one)| one.class == class && one.state == "running").map(|(place, _)| place).collect()
}

fn codes(report: &AuditReport) -> Vec<String> {
    let mut codes: Vec<String> = report.doors().iter().map(|door| door.code.to_string()).collect();
    codes.dedup();
    codes
}

#[test]
fn the_newest_record_since_the_start_is_shown_and_makes_nothing_better() {
    let mut report = unheard();
    let mut records = FakeRecords::default();
    let (refused, admitted) = (places(&report, Class::Refused)[0], places(&report, Class::Admitted)[0]);
    let launched = |report: &AuditReport, place: usize| report.instances[place].launched.unwrap();
    let minute = SignedDuration::from_mins(1);
    for place in [refused, admitted] {
        let one = &report.instances[place];
        write(&mut records, one, launched(&report, place) - minute, "undetermined", Some("halt"));
        write(&mut records, one, launched(&report, place) + minute, "reject", Some("poweroff"));
        write(&mut records, one, launched(&report, place) + 2 * minute, "admit", None);
    }
    let before = report.clone();
    block_on(boots(&mut report, &records, &()));
    for place in [refused, admitted] {
        let boot = report.instances[place].boot.clone().unwrap();
        assert_eq!((boot.verdict.as_str(), boot.action.as_str()), ("admit", "none"));
        assert_eq!(boot.at, launched(&report, place) + 2 * minute);
    }
    // An admission that the instance itself wrote down changes no class and no verdict.
    let verdicts = |report: &AuditReport| -> Vec<(Class, Outcome)> {
        report.instances.iter().map(|one| (one.class, one.verdict)).collect()
    };
    assert_eq!(verdicts(&report), verdicts(&before));
    assert_eq!(report.classes, before.classes);
    assert_eq!(report.boot_records.as_deref(), Some("memory"));
}

#[test]
fn instances_that_run_are_asked_about_once_and_no_others() {
    let mut report = unheard();
    let records = FakeRecords::default();
    block_on(boots(&mut report, &records, &()));
    let running = report.instances.iter().filter(|one| one.state == "running").count();
    assert_eq!(records.journal.calls().len(), running);
    assert!(running < report.instances.len());
}

#[test]
fn silence_of_a_guard_that_was_sealed_in_is_a_door_and_what_cannot_be_read_is_not_silence() {
    let mut report = unheard();
    let mut records = FakeRecords::default();
    report.instances.retain(|one| one.state == "running" && one.class == Class::Admitted);
    let carries = |report: &AuditReport, one: &AuditedInstance| report.images[one.image].guard.is_some();
    for one in &report.instances {
        let (guarded, start) = (carries(&report, one), one.launched.unwrap());
        if guarded {
            write(&mut records, one, start + SignedDuration::from_secs(20), "admit", None);
        }
    }
    let first = report.instances.iter().find(|one| carries(&report, one)).unwrap().clone();
    let arn = instance_arn(&first.region, &first.account, &first.instance);
    let heard = |records: &FakeRecords| {
        let mut report = report.clone();
        block_on(boots(&mut report, records, &()));
        codes(&report)
    };
    assert_eq!(heard(&records), ["guard-absent"]);
    records.faults.insert(arn.clone(), PortErrorKind::Denied);
    assert_eq!(heard(&records), ["guard-unread", "guard-absent"]);
    records.faults.clear();
    records.held.retain(|path, _| !path.contains(&arn));
    assert_eq!(heard(&records), ["guard-silent", "guard-absent"]);
    let own = first.launched.unwrap() + SignedDuration::from_secs(1);
    write(&mut records, &first, own, "reject", Some("poweroff"));
    assert_eq!(heard(&records), ["guard-overruled", "guard-absent"]);
}

#[test]
fn doors_that_were_found_before_stay_and_the_worst_is_first() {
    let mut report = fleet(1000);
    let before = report.doors().len();
    block_on(boots(&mut report, &FakeRecords::default(), &()));
    let severities: Vec<Severity> = report.doors().iter().map(|door| door.severity).collect();
    assert!(severities.is_sorted() && severities.len() > before);
}

#[test]
fn doors_are_added_whether_or_not_anybody_looked_for_others() {
    let door = fleet(1000).doors()[0].clone();
    let mut unlooked = unheard();
    add(&mut unlooked, Vec::new());
    assert_eq!(unlooked.doors, None, "nobody looked");
    add(&mut unlooked, vec![door.clone()]);
    assert_eq!(unlooked.doors(), [door]);
}

#[test]
fn a_guard_that_writes_without_end_is_not_read_to_the_end() {
    let mut report = unheard();
    report.instances.truncate(1);
    report.instances[0].state = "running".to_owned();
    let mut records = FakeRecords::default();
    for minute in 0..1001 {
        let at = report.instances[0].launched.unwrap() + SignedDuration::from_mins(minute);
        write(&mut records, &report.instances[0], at, "admit", None);
    }
    block_on(boots(&mut report, &records, &()));
    assert_eq!(codes(&report), ["guard-unread"]);
    assert_eq!(report.instances[0].boot, None);
}
