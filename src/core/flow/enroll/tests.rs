use jiff::SignedDuration;

use super::*;
use crate::testing::{fleet, launches::FakeGroups};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:000000000001:launches";

fn hook() -> Enrolment {
    Enrolment {
        name: "goldseal".parse().unwrap(),
        timeout: SignedDuration::from_secs(600),
        default_result: Completion::Abandon,
        sender: Some(Sender { target: QUEUE.into(), role: "arn:aws:iam::000000000001:role/notify".into() }),
    }
}

fn groups(hooks: Vec<Hook>) -> FakeGroups {
    FakeGroups::of([(fleet::group("web"), hooks)])
}

fn run(
    fleet: &FakeGroups,
    group: &str,
    hook: &Enrolment,
    guarded: Option<&Guarded>,
    apply: bool,
) -> Result<EnrollReport, PortError> {
    let (region, group) = ("eu-west-1".parse().unwrap(), group.parse().unwrap());
    let asked = Enrolling { region: &region, group: &group, hook, guarded, apply };
    futures_executor::block_on(enroll(&asked, fleet, Timestamp::UNIX_EPOCH))
}

fn codes(report: &EnrollReport) -> Vec<&str> {
    report.findings.iter().map(|one| one.code).collect()
}

/// Counts the times that a hook was put.
fn enrolled(fleet: &FakeGroups) -> usize {
    fleet.journal.calls().iter().filter(|call| *call == "enrol web").count()
}

fn web() -> Guarded {
    Guarded::new(&["web"], &["goldseal"]).unwrap()
}

#[test]
fn it_is_listed_then_done_and_then_there_is_nothing_left() {
    let fleet = groups(Vec::new());
    let planned = run(&fleet, "web", &hook(), Some(&web()), false).unwrap();
    assert_eq!((planned.outcome, planned.new, planned.differences.len()), (EnrollOutcome::Planned, true, 4));
    assert_eq!(
        planned.commands,
        [format!(
            "aws autoscaling put-lifecycle-hook --region eu-west-1 --auto-scaling-group-name web --lifecycle-hook-name \
             goldseal --lifecycle-transition autoscaling:EC2_INSTANCE_LAUNCHING --heartbeat-timeout 600 \
             --default-result ABANDON --notification-target-arn {QUEUE} --role-arn arn:aws:iam::000000000001:role/notify"
        )]
    );
    assert!(fleet.groups.lock().unwrap().values().all(|(_, hooks)| hooks.is_empty()), "nothing was changed");

    let done = run(&fleet, "web", &hook(), Some(&web()), true).unwrap();
    assert_eq!((done.outcome, &done.differences), (EnrollOutcome::Enrolled, &planned.differences));
    let again = run(&fleet, "web", &hook(), Some(&web()), true).unwrap();
    assert_eq!((again.outcome, again.new, again.differences.len()), (EnrollOutcome::Already, false, 0));
    assert_eq!((again.commands.len(), again.findings.len()), (0, 0));
    assert_eq!(enrolled(&fleet), 1, "what is so already is not asked for");
}

#[test]
fn a_hook_that_lets_everything_pass_is_never_put_without_a_word() {
    let fleet = groups(Vec::new());
    let lax = Enrolment { default_result: Completion::Continue, ..hook() };
    let report = run(&fleet, "web", &lax, Some(&web()), true).unwrap();
    assert_eq!(codes(&report), ["dangerous-continue"]);
    // One that is there is named, and closed.
    let closed = run(&fleet, "web", &hook(), Some(&web()), true).unwrap();
    assert_eq!((closed.differences.len(), closed.differences[0].from.as_deref()), (1, Some("CONTINUE")));
}

#[test]
fn what_nobody_would_answer_is_refused_and_nothing_is_changed() {
    let other = Guarded::new(&["api"], &["goldseal"]).unwrap();
    let (bare, draining) = (groups(Vec::new()), groups(vec![Hook { launching: false, ..fleet::hook("goldseal") }]));
    for (fleet, guarded, code) in [(bare, Some(&other), "hook-nobody-answers"), (draining, None, "hook-not-launching")]
    {
        let report = run(&fleet, "web", &hook(), guarded, true).unwrap();
        assert_eq!((report.outcome, report.findings[0].severity), (EnrollOutcome::Refused, Problem));
        assert_eq!((codes(&report)[0], report.findings[0].commands.len()), (code, 1));
        assert_eq!(enrolled(&fleet), 0);
    }
}

#[test]
fn what_a_reader_should_know_is_said() {
    let fleet = groups(vec![fleet::hook("other")]);
    let events = Enrolment { sender: None, ..hook() };
    let report = run(&fleet, "web", &events, None, false).unwrap();
    assert_eq!(codes(&report), ["guarded-not-looked-at", "hook-through-eventbridge", "other-launch-hooks"]);
    assert!(report.commands[0].ends_with("--notification-target-arn ''"), "{}", report.commands[0]);
}

#[test]
fn a_group_that_is_not_there_and_a_call_that_fails_are_errors() {
    let fleet = groups(Vec::new());
    let missing = run(&fleet, "api", &hook(), None, false).unwrap_err();
    assert_eq!(missing.kind, PortErrorKind::NotFound);
    for (read, put) in [(Some(PortErrorKind::Denied), None), (None, Some(PortErrorKind::Denied))] {
        let fleet = FakeGroups { read_fault: read, suspend_fault: put, ..groups(Vec::new()) };
        assert_eq!(run(&fleet, "web", &hook(), None, true).unwrap_err().kind, PortErrorKind::Denied);
    }
}
