use proptest::prelude::*;

use super::*;
use crate::{
    attestation::predicate::BootGuard,
    digest::Sha256Digest,
    report::{Class, instance_arn},
    testing::audits::fleet,
};

const WENT_ON: BootRecordIs = BootRecordIs { verdict: Outcome::Reject, ended: None, minutes: 60 };

/// A record of so many minutes ago.
#[derive(Clone, Copy)]
struct BootRecordIs {
    verdict: Outcome,
    ended: Option<BootEnd>,
    minutes: i64,
}

fn ended(ended: BootEnd, minutes: i64) -> Heard {
    record(BootRecordIs { verdict: Outcome::Reject, ended: Some(ended), minutes })
}

fn record(BootRecordIs { verdict, ended, minutes }: BootRecordIs) -> Heard {
    let region: Region = "eu-west-1".parse().unwrap();
    let at = now() - SignedDuration::from_mins(minutes);
    let instance = "i-0123456789abcdef0".parse().unwrap();
    Heard::Record(BootRecord { at, instance, arn: String::new(), region, verdict, ended })
}

fn now() -> Timestamp {
    fleet(0).started
}

fn guard(records: bool) -> Option<BootGuard> {
    let executable = Sha256Digest::of(b"");
    let (recipe, version) = ("sysinit".to_owned(), "1".to_owned());
    Some(BootGuard { recipe, version, executable, report_only: false, records, findings: Vec::new() })
}

/// An instance that was admitted, started so many minutes ago, of an image with or without a guard.
fn one(guard: Option<BootGuard>, launcher: Launcher, minutes: Option<i64>) -> AuditReport {
    let mut report = fleet(60);
    let mut instance = report.instances.iter().find(|one| one.class == Class::Admitted).unwrap().clone();
    instance.launcher = launcher;
    instance.launched = minutes.map(|minutes| now() - SignedDuration::from_mins(minutes));
    report.images[instance.image].guard = guard;
    report.instances = vec![instance];
    report
}

fn doors_of(report: &AuditReport, heard: Heard) -> Vec<Door> {
    guard_doors(report, &BTreeMap::from([(0, heard)]), now())
}

fn group() -> Launcher {
    Launcher::Group { group: "web".parse().unwrap() }
}

#[test]
fn what_is_said_of_an_instance_follows_from_its_image_and_its_newest_record() {
    use Severity::{Problem, Unknown, Warning};
    let admit = || record(BootRecordIs { verdict: Outcome::Admit, ..WENT_ON });
    let unread = || Heard::Unread("denied".to_owned());
    let direct = || Launcher::Direct;
    for (carries, launcher, minutes, heard, expected) in [
        (guard(true), group(), Some(60), Heard::Nothing, Some((Problem, "guard-silent"))),
        (guard(true), group(), Some(15), Heard::Nothing, Some((Problem, "guard-silent"))),
        (guard(true), group(), None, Heard::Nothing, Some((Problem, "guard-silent"))),
        (guard(true), direct(), Some(14), Heard::Nothing, None),
        (guard(false), direct(), Some(60), Heard::Nothing, None),
        (None, direct(), Some(1), Heard::Nothing, Some((Warning, "guard-absent"))),
        (None, group(), Some(60), Heard::Nothing, None),
        (None, direct(), Some(60), admit(), None),
        (guard(true), group(), Some(60), admit(), None),
        (guard(true), group(), Some(60), record(WENT_ON), Some((Warning, "guard-reports"))),
        (None, group(), Some(60), ended(BootEnd::Poweroff, 15), Some((Problem, "guard-overruled"))),
        (None, group(), Some(60), ended(BootEnd::Poweroff, 14), None),
        (guard(true), group(), Some(60), ended(BootEnd::Halt, 60), Some((Warning, "guard-held"))),
        (guard(true), group(), Some(1), ended(BootEnd::Emergency, 1), Some((Warning, "guard-held"))),
        (guard(true), group(), Some(1), unread(), Some((Unknown, "guard-unread"))),
        (None, group(), Some(60), unread(), Some((Unknown, "guard-unread"))),
    ] {
        let report = one(carries, launcher, minutes);
        let doors = doors_of(&report, heard.clone());
        let found = doors.first().map(|door| (door.severity, &*door.code));
        assert_eq!((doors.len(), found), (usize::from(expected.is_some()), expected), "{heard:?} {minutes:?}");
        assert!(doors.iter().all(|door| door.message.contains(report.instances[0].instance.as_str())));
        let listed =
            |door: &Door| GUARD_CODES.iter().any(|one| (one.0, one.1) == (&*door.code, door.severity.as_str()));
        assert!(doors.iter().all(listed), "docs list it: {expected:?}");
    }
}

#[test]
fn a_group_whose_launches_wait_for_nobody_holds_nothing() {
    let mut report = one(None, group(), Some(60));
    let (account, region) = (report.instances[0].account.clone(), report.instances[0].region.clone());
    let open = |code: &'static str, place: &str| Door {
        severity: Severity::Problem,
        code: code.into(),
        account: account.clone(),
        region: region.clone(),
        place: place.to_owned(),
        message: String::new(),
        commands: Vec::new(),
    };
    let cases =
        [("hook-missing", "web", 1), ("hook-not-launching", "web", 1), ("hook-missing", "api", 0), ("x", "web", 0)];
    for (code, place, expected) in cases {
        report.doors = Some(vec![open(code, place)]);
        assert_eq!(doors_of(&report, Heard::Nothing).len(), expected, "{code} {place}");
    }
}

#[test]
fn what_has_a_class_of_its_own_is_not_said_to_be_without_a_guard() {
    let mut report = one(None, Launcher::Direct, Some(60));
    assert_eq!(doors_of(&report, Heard::Nothing).len(), 1);
    for verdict in [Outcome::Reject, Outcome::Undetermined] {
        report.instances[0].verdict = verdict;
        assert_eq!(doors_of(&report, Heard::Nothing), []);
    }
}

#[test]
fn of_an_image_in_a_place_there_is_one_door_with_a_few_of_its_instances() {
    let mut report = one(guard(true), group(), Some(60));
    let first = report.instances[0].clone();
    for number in 1..25_u32 {
        let instance = format!("i-{number:08x}").parse().unwrap();
        report.instances.push(AuditedInstance { instance, ..first.clone() });
    }
    report.instances[24].account = "999900001111".parse().unwrap();
    let heard = (0..25).map(|place| (place, Heard::Nothing)).collect();
    let doors = guard_doors(&report, &heard, now());
    assert_eq!(doors.len(), 2);
    let (many, single) = (&doors[0], &doors[1]);
    assert!(many.message.starts_with("24 instances (") && many.message.contains(" and 14 more)"), "{}", many.message);
    assert!(single.message.starts_with("1 instance (i-00000018): "), "{}", single.message);
    assert_eq!(many.place, first.ami.as_str());
    assert!(many.commands[0].contains("get-console-output"));
}

#[test]
fn images_have_doors_of_their_own_where_each_may_be_the_cause_and_share_one_where_the_account_is() {
    for (carries, heard, doors) in [
        (guard(true), Heard::Nothing, 2),
        (guard(true), record(WENT_ON), 2),
        (guard(true), ended(BootEnd::Halt, 60), 2),
        (guard(true), ended(BootEnd::Poweroff, 60), 2),
        (None, Heard::Nothing, 1),
        (None, Heard::Unread("denied".to_owned()), 1),
    ] {
        let mut report = one(carries.clone(), Launcher::Direct, Some(60));
        let mut other = report.instances[0].clone();
        other.image = (other.image + 1) % report.images.len();
        report.images[other.image].guard = carries;
        report.instances.push(other);
        let all = BTreeMap::from([(0, heard.clone()), (1, heard.clone())]);
        assert_eq!(guard_doors(&report, &all, now()).len(), doors, "{heard:?}");
    }
}

#[test]
fn a_record_is_believed_of_its_own_instance_and_its_own_time_only() {
    let id = fleet(60).instances[0].instance.clone();
    let (region, account) = ("eu-west-1".parse().unwrap(), "123456789012".parse().unwrap());
    let arn = instance_arn(&region, &account, &id);
    let text = |at: Timestamp| {
        serde_json::json!({"schema": "goldseal/boot/v1", "at": at, "verdict": "admit", "action": null, "enforced": true,
                           "instance": {"id": id, "account": account, "region": region}})
        .to_string()
    };
    let heard = |arn: &str, text: &str| Heard::of(arn, Ok(Some(text.as_bytes())), now());
    assert!(matches!(heard(&arn, &text(now())), Heard::Record(_)));
    assert!(matches!(heard(&arn, &text(now() + AHEAD)), Heard::Record(_)));
    for (arn, text) in [
        (format!("{arn}0"), text(now())),
        (arn.clone(), text(now() + AHEAD + SignedDuration::from_secs(1))),
        (arn.clone(), "{}".to_owned()),
    ] {
        assert!(matches!(heard(&arn, &text), Heard::Unread(_)), "{text}");
    }
    assert_eq!(Heard::of(&arn, Ok(None), now()), Heard::Nothing);
    assert_eq!(Heard::of(&arn, Err("denied".to_owned()), now()), Heard::Unread("denied".to_owned()));
}

fn any_heard() -> impl Strategy<Value = Heard> {
    let verdict = prop::sample::select(vec![Outcome::Admit, Outcome::Reject, Outcome::Undetermined]);
    let ends = vec![None, Some(BootEnd::Poweroff), Some(BootEnd::Halt), Some(BootEnd::Emergency)];
    let written = (verdict, prop::sample::select(ends), -30_i64..90);
    let written = written.prop_map(|(verdict, ended, minutes)| record(BootRecordIs { verdict, ended, minutes }));
    prop_oneof![Just(Heard::Nothing), Just(Heard::Unread("x".to_owned())), written]
}

proptest! {
    /// Every instance stands behind one door at most, and one that stands behind none either told of an admission, or
    /// nothing says that it should have told anything.
    #[test]
    fn whoever_says_nothing_wins_nothing(heard in any_heard(), carries in any::<bool>(), minutes in 0_i64..90) {
        let report = one(carries.then(|| guard(true).unwrap()), group(), Some(minutes));
        let doors = doors_of(&report, heard.clone());
        prop_assert!(doors.len() <= 1);
        let fine = match &heard {
            Heard::Nothing => !carries || minutes < 15,
            Heard::Unread(_) => false,
            Heard::Record(record) => match record.ended {
                None => record.verdict == Outcome::Admit,
                Some(BootEnd::Poweroff) => now().duration_since(record.at) < SETTLED,
                Some(BootEnd::Halt | BootEnd::Emergency) => false,
            },
        };
        prop_assert_eq!(doors.is_empty(), fine);
    }
}
