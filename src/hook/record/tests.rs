use goldseal_core::policy::Mode;
use goldseal_core::{
    gate::Period,
    ids::{AmiId, GroupName},
    lifecycle::{Group, Wait},
    ports::PortErrorKind,
    report::{FoundBy, Judged, LAUNCH_SCHEMA, LaunchEnd, Outcome},
    testing::launches::{FakeGroups, FakeState},
};

use super::*;

const RULE: BreakerRule = BreakerRule { instances: 3, within: Period::hours(1), suspend_launch: true };

fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

fn web() -> GroupName {
    "web".parse().unwrap()
}

fn abandoned(number: u8) -> LaunchReport {
    let image: AmiId = "ami-0123abcd".parse().unwrap();
    LaunchReport {
        schema: LAUNCH_SCHEMA.into(),
        at: Timestamp::now(),
        policy: Sha256Digest::of(b""),
        wait: Wait {
            group: web(),
            hook: "goldseal".parse().unwrap(),
            instance: format!("i-000000{number:02x}").parse().unwrap(),
            token: None,
        },
        group_arn: None,
        account: None,
        region: region(),
        found_by: FoundBy::Message,
        first_sight: Timestamp::now(),
        action: Some(Completion::Abandon),
        enforced: true,
        judged: Judged {
            verdict: Outcome::Reject,
            mode: Mode::Enforce,
            image: Some(goldseal_core::ids::ImageRef { region: region(), id: image }),
            subject: None,
            evidence_sha256: None,
            until: None,
            reasons: Vec::new(),
            faults: Vec::new(),
            overridden: None,
            basis: Default::default(),
            notes: Vec::new(),
        },
        end: Some(LaunchEnd::Completed),
    }
}

fn groups() -> FakeGroups {
    let arn = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:\
               0a1b2c3d-0000-0000-0000-000000000000:autoScalingGroupName/web";
    let group = Group {
        name: web(),
        arn: arn.parse().unwrap(),
        waiting: Vec::new(),
        attached: Vec::new(),
        launch_suspended: false,
    };
    FakeGroups::of([(group, Vec::new())])
}

fn recorder(state: FakeState, groups: FakeGroups) -> Recorder<FakeState, FakeGroups> {
    Recorder::new(state, groups, region(), Arc::default())
}

fn pending(reports: impl IntoIterator<Item = LaunchReport>) -> Pending {
    let mut pending = Pending::default();
    reports.into_iter().for_each(|report| pending.take(report));
    pending
}

fn breakers(recorder: &Recorder<FakeState, FakeGroups>) -> Breakers {
    let stored = recorder.state.of(&breakers_name(&region()).unwrap());
    stored.map_or_else(Breakers::default, |bytes| Breakers::from_json(&bytes).unwrap())
}

#[tokio::test]
async fn a_bundle_is_one_document_of_a_line_each_under_its_day() {
    let recorder = recorder(FakeState::default(), groups());
    let reports: Vec<LaunchReport> = (0..2).map(abandoned).collect();
    for _ in 0..2 {
        // The second time because the answer got lost: the same document.
        let mut pending = pending(reports.clone());
        recorder.record(&mut pending, &RULE).await.unwrap();
        assert!(pending.is_empty());
    }
    let all = StateName::new("v1/decisions").unwrap();
    let names = recorder.state.list(&all, 10).await.unwrap();
    assert_eq!(names.len(), 1, "{names:?}");
    let day = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    assert!(names[0].as_str().starts_with(&format!("v1/decisions/{day}/")), "{names:?}");
    let document = recorder.state.of(&names[0]).unwrap();
    let lines: Vec<&[u8]> = document.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), 2);
    for (line, report) in lines.into_iter().zip(&reports) {
        let read = LaunchReport::read(line).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(report).unwrap());
    }
}

#[tokio::test]
async fn the_third_distinct_instance_opens_the_breaker_and_suspends_launches() {
    let recorder = recorder(FakeState::default(), groups());
    recorder.record(&mut pending([1, 1, 2].map(abandoned)), &RULE).await.unwrap();
    assert!(recorder.groups.suspended().is_empty() && breakers(&recorder).open() == 0);
    recorder.record(&mut pending([abandoned(3)]), &RULE).await.unwrap();
    assert_eq!(recorder.groups.suspended(), [web()].into());
    assert_eq!(breakers(&recorder).suspensions(Suspension::Done), [web()].into());
}

#[tokio::test]
async fn what_was_still_to_be_counted_when_a_breaker_was_reset_does_not_open_it_again() {
    let recorder = recorder(FakeState::default(), groups());
    let reset_at = Timestamp::now();
    let ended = |number, second| {
        let at = reset_at.saturating_add(SignedDuration::from_secs(second)).unwrap();
        LaunchReport { at, ..abandoned(number) }
    };
    recorder.record(&mut pending((0..3).map(|number| ended(number, -2))), &RULE).await.unwrap();
    let mut late = pending((3..9).map(|number| ended(number, -1)));
    let region = region();
    let reset = change(&recorder.state, &region, |breakers| breakers.reset(Some(&web()), None, reset_at));
    assert_eq!(reset.await.unwrap().0.len(), 1);
    recorder.record(&mut late, &RULE).await.unwrap();
    assert!(late.is_empty());
    assert_eq!(breakers(&recorder).open(), 0);
    recorder.record(&mut pending((9..12).map(|number| ended(number, 1))), &RULE).await.unwrap();
    assert_eq!(breakers(&recorder).open(), 1, "what is abandoned after the reset counts");
}

#[tokio::test]
async fn a_suspension_that_failed_is_made_up_for_by_whoever_looks_next() {
    let failing = FakeGroups { suspend_fault: Some(PortErrorKind::Throttled), ..groups() };
    let first = recorder(FakeState::default(), failing);
    let mut reports = pending((0..3).map(abandoned));
    first.record(&mut reports, &RULE).await.unwrap();
    assert!(reports.is_empty(), "the decisions do not wait for it");
    assert_eq!(breakers(&first).suspensions(Suspension::Due), [web()].into());
    // Another process, which remembers nothing.
    let held = std::sync::Mutex::new(first.state.held.lock().unwrap().clone());
    let second = recorder(FakeState { held, ..FakeState::default() }, groups());
    second.tend(&RULE).await.unwrap();
    assert_eq!(second.groups.suspended(), [web()].into());
    assert_eq!(breakers(&second).suspensions(Suspension::Due), [].into());
}

#[tokio::test]
async fn a_group_that_cannot_be_suspended_holds_up_no_other() {
    let recorder = recorder(FakeState::default(), groups());
    let of = |group: &str, number| {
        let wait = Wait { group: group.parse().unwrap(), ..abandoned(number).wait };
        LaunchReport { wait, ..abandoned(number) }
    };
    // It comes first, and is gone.
    let reports = (0..3).flat_map(|number| [of("gone", number), of("web", number)]);
    recorder.record(&mut pending(reports), &RULE).await.unwrap();
    assert_eq!(recorder.groups.suspended(), [web()].into());
    assert_eq!(breakers(&recorder).suspensions(Suspension::Due), ["gone".parse().unwrap()].into());
}

#[tokio::test]
async fn what_is_not_really_abandoned_counts_for_nothing() {
    let recorder = recorder(FakeState::default(), groups());
    let warned = |number| LaunchReport { action: Some(Completion::Continue), enforced: false, ..abandoned(number) };
    let late = |number| LaunchReport { end: Some(LaunchEnd::NoSuchWait), ..abandoned(number) };
    let reports = (0..5).flat_map(|number| [warned(number), late(number)]);
    recorder.record(&mut pending(reports), &RULE).await.unwrap();
    assert_eq!(breakers(&recorder), Breakers::default());
}

#[tokio::test]
async fn of_two_who_write_at_once_both_count() {
    let state = FakeState::default();
    let mut others = Breakers::default();
    let image = "ami-0123abcd".parse().unwrap();
    for number in [1u8, 2] {
        let instance = format!("i-000000{number:02x}").parse().unwrap();
        others.abandoned(&RULE, &web(), &image, &instance, Timestamp::now());
    }
    *state.meanwhile.lock().unwrap() = Some(others.to_json());
    let recorder = recorder(state, groups());
    recorder.record(&mut pending([abandoned(3)]), &RULE).await.unwrap();
    assert_eq!(breakers(&recorder).open(), 1);
}

#[tokio::test]
async fn a_state_that_fails_is_told_and_a_document_that_is_none_of_ours_is_not_replaced() {
    let failing = recorder(FakeState { write_fault: Some(PortErrorKind::Denied), ..FakeState::default() }, groups());
    let mut reports = pending([abandoned(1)]);
    assert_eq!(failing.record(&mut reports, &RULE).await.unwrap_err().kind, PortErrorKind::Denied);
    assert_eq!((reports.unwritten.len(), reports.uncounted.len()), (1, 1), "both are tried again");
    let foreign = recorder(FakeState::default(), groups());
    let name = breakers_name(&region()).unwrap();
    foreign.state.held.lock().unwrap().insert(name.clone(), b"{}".to_vec());
    let mut reports = pending([abandoned(1)]);
    assert_eq!(foreign.record(&mut reports, &RULE).await.unwrap_err().kind, PortErrorKind::Malformed);
    assert_eq!(foreign.state.of(&name).unwrap(), b"{}");
    assert_eq!((reports.unwritten.len(), reports.uncounted.len()), (0, 1), "decisions are written all the same");
}

#[tokio::test]
async fn decisions_of_long_ago_are_removed() {
    let recorder = recorder(FakeState::default(), groups());
    let names = ["v1/decisions/2020-01-01/000000-a.jsonl", "v1/decisions/2999-01-01/000000-a.jsonl"];
    for name in names {
        recorder.state.held.lock().unwrap().insert(StateName::new(name).unwrap(), Vec::new());
    }
    recorder.prune(Timestamp::now()).await.unwrap();
    let left = recorder.state.list(&StateName::new("v1").unwrap(), 10).await.unwrap();
    assert_eq!(left.iter().map(StateName::as_str).collect::<Vec<_>>(), [names[1]]);
}
