//! Decisions that a launch hook recorded, judged again.

mod elsewhere;

use super::*;
use crate::{
    digest::Sha256Digest,
    enforcement::Completion,
    gate::Period,
    lifecycle::Wait,
    policy::Mode,
    ports::StateName,
    report::{Cause, DecisionsReport, FoundBy, Judged as Recorded, LAUNCH_SCHEMA, LaunchEnd, LaunchReport},
    testing::fleet::image,
    verdict::{Fault, Reason},
};

type Hosted = (FakeFleet, FakeStore);

/// A state with some lines of decisions in one document of an hour ago.
fn state(lines: &[Vec<u8>]) -> FakeState {
    let state = FakeState::default();
    let name = StateName::new(format!("v1/decisions/{}/101500-0123456789abcdef.jsonl", day(then()))).unwrap();
    state.held.lock().unwrap().insert(name, lines.concat());
    state
}

fn day(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

fn then() -> Timestamp {
    now().saturating_sub(jiff::SignedDuration::from_hours(1)).unwrap()
}

fn line(launch: &LaunchReport) -> Vec<u8> {
    let mut line = serde_json::to_vec(launch).unwrap();
    line.push(b'\n');
    line
}

/// A launch of the first image that a policy admitted an hour ago.
fn launch(policy: &Policy, (_, store): &Hosted) -> LaunchReport {
    let place = place(1, "eu-west-1");
    let (_, descriptor) = image(&place.region, 1);
    LaunchReport {
        schema: LAUNCH_SCHEMA.into(),
        at: then(),
        policy: policy.digest(),
        wait: Wait {
            group: "web".parse().unwrap(),
            hook: "goldseal".parse().unwrap(),
            instance: "i-0123abcd".parse().unwrap(),
            token: None,
        },
        group_arn: None,
        account: Some(place.account),
        region: place.region,
        found_by: FoundBy::Message,
        first_sight: then(),
        action: Some(Completion::Continue),
        enforced: true,
        judged: Recorded {
            verdict: Outcome::Admit,
            mode: Mode::Enforce,
            subject: Some(descriptor.digest()),
            evidence_sha256: store.of(&descriptor.image()).map(|bytes| Sha256Digest::of(&bytes)),
            image: Some(descriptor.image()),
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

/// One image of a kind in one place, which nobody runs.
fn of_kind(kind: usize) -> Hosted {
    hosted(world(&[(1, 0, kind, 0)]))
}

/// Compares launches of an hour ago.
fn again(
    (fleet, store): &Hosted,
    current: &Policy,
    candidate: &Policy,
    launches: &[LaunchReport],
) -> (DecisionsReport, Outcome) {
    let lines: Vec<Vec<u8>> = launches.iter().map(line).collect();
    let asked = WhatIf { since: Period::days(30).before(now()), ..asked(current, candidate) };
    let report = compare(&asked, fleet, store, Some(&state(&lines)));
    let outcome = report.outcome();
    let decisions = report.decisions.unwrap();
    let compared = &decisions.compared;
    let all = compared.changed() + compared.unchanged.count + decisions.unjudged.len() as u64;
    assert_eq!(all, launches.len() as u64, "none is lost: {decisions:?}");
    (decisions, outcome)
}

/// What changes, with the codes of what then stands against it.
fn changes(decisions: &DecisionsReport) -> Vec<(Effect, Outcome, Outcome, Vec<&str>)> {
    decisions
        .compared
        .changes
        .iter()
        .map(|one| {
            let codes = one.to.causes.iter().map(|cause| cause.code.as_str()).collect();
            (one.effect, one.from.stance.verdict, one.to.stance.verdict, codes)
        })
        .collect()
}

#[test]
fn a_recorded_launch_is_judged_again_by_both_at_its_own_instant() {
    let policies = policies();
    let sealed = of_kind(0);
    let recorded = launch(&policies[0], &sealed);
    let (same, outcome) = again(&sealed, &policies[0], &policies[0], std::slice::from_ref(&recorded));
    assert_eq!((same.compared.unchanged.count, outcome), (1, Outcome::Admit));

    let (refused, outcome) = again(&sealed, &policies[0], &policies[1], std::slice::from_ref(&recorded));
    let [change] = &refused.compared.changes[..] else { panic!("{refused:?}") };
    assert_eq!((change.effect, outcome), (Effect::Refused, Outcome::Reject));
    assert_eq!(change.from.stance.class, None);
    let [one] = &change.instances[..] else { panic!("{change:?}") };
    assert_eq!((one.launch.verdict, one.launch.action), (Outcome::Admit, Some(Completion::Continue)));
    assert!(one.notes.is_empty());

    // The scan was young enough for the stricter limit when a launch a day earlier was decided.
    let early = now().saturating_sub(jiff::SignedDuration::from_hours(30)).unwrap();
    let mut earlier = recorded.clone();
    earlier.at = early;
    let (strict, _) = again(&sealed, &policies[0], &policies[4], &[recorded, earlier]);
    assert_eq!(strict.compared.unchanged.count, 1);
    let instants: Vec<Timestamp> = strict.compared.changes[0].instances.iter().map(|one| one.launch.at).collect();
    assert_eq!((strict.compared.changes.len(), instants), (1, vec![then()]));
}

#[test]
fn what_is_of_today_is_said_and_what_is_gone_is_listed() {
    let (policies, sealed) = (policies(), of_kind(0));
    let good = launch(&policies[0], &sealed);
    let with = |change: &dyn Fn(&mut Recorded)| {
        let mut launch = good.clone();
        change(&mut launch.judged);
        launch
    };
    let digest = Sha256Digest::of(b"another");
    for (launch, code) in [
        (with(&|judged| judged.evidence_sha256 = Some(digest)), "evidence-of-today"),
        (with(&|judged| judged.evidence_sha256 = None), "evidence-of-today"),
        (with(&|judged| judged.subject = None), "facts-of-today"),
    ] {
        let (decisions, _) = again(&sealed, &policies[0], &policies[1], &[launch]);
        let notes = &decisions.compared.changes[0].instances[0].notes;
        assert_eq!(notes.iter().map(|note| note.code.as_ref()).collect::<Vec<_>>(), [code]);
    }
    let elsewhere = {
        let mut launch = good.clone();
        launch.account = Some("999999999999".parse().unwrap());
        launch
    };
    let (no_evidence, gone) = ((of_kind(0).0, FakeStore::default()), of_kind(7));
    for (hosted, launch, why) in [
        (&no_evidence, good.clone(), "the evidence is gone"),
        (&gone, good.clone(), "the image is gone"),
        (&gone, with(&|judged| judged.subject = None), "does not say what it was"),
        (&sealed, with(&|judged| judged.subject = Some(digest)), "not what it was then"),
        (&sealed, elsewhere, "cannot be asked for its image"),
    ] {
        let (decisions, outcome) = again(hosted, &policies[0], &policies[1], &[launch]);
        let [one] = &decisions.unjudged[..] else { panic!("{why}: {decisions:?}") };
        assert_eq!((one.why.code.as_str(), outcome), ("record-unavailable", Outcome::Undetermined));
        assert!(one.why.message.contains(why), "{}", one.why.message);
    }
    // What was never there is not gone: it is refused by every policy.
    let unsealed = of_kind(3);
    let (decisions, outcome) = again(&unsealed, &policies[0], &policies[1], &[launch(&policies[0], &unsealed)]);
    assert_eq!((decisions.compared.unchanged.count, outcome), (1, Outcome::Admit));
}

#[test]
fn a_deregistered_image_is_what_its_provenance_and_the_record_say() {
    let policies = policies();
    let deregistered = of_kind(8);
    let recorded = launch(&policies[0], &deregistered);
    let (decisions, _) = again(&deregistered, &policies[0], &policies[1], &[recorded]);
    let [(effect, from, to, codes)] = &changes(&decisions)[..] else { panic!("{decisions:?}") };
    assert_eq!((*effect, *from, *to), (Effect::Refused, Outcome::Admit, Outcome::Reject));
    assert!(codes.contains(&"attestation-missing"), "{codes:?}");
}

#[test]
fn the_root_volume_is_as_the_record_says() {
    let (policies, sealed) = (policies(), of_kind(0));
    let (checking, unchecked, strangers) = (&policies[0], &policies[3], &policies[5]);
    let foreign = Reason::RootVolumeForeign {
        instance: "i-0123abcd".parse().unwrap(),
        volume: "vol-0123abcd".parse().unwrap(),
        origin: "snap-0123abcd".to_owned(),
    };
    let hidden = Fault::RootVolumeUnavailable { problem: "denied".to_owned() };
    let recorded = |by: &Policy, reasons: &[Reason], faults: &[Fault]| {
        let mut launch = launch(by, &sealed);
        launch.judged.reasons = reasons.iter().map(Cause::reason).collect();
        launch.judged.faults = faults.iter().map(Cause::fault).collect();
        launch
    };
    let good = recorded(checking, &[], &[]);
    let bad = recorded(checking, std::slice::from_ref(&foreign), &[]);
    let unseen = recorded(checking, &[], &[hidden]);
    // Nobody looked: the policy of then did not ask.
    let unlooked = recorded(unchecked, &[], &[]);
    // Nobody knows which policy it was.
    let unknown = recorded(strangers, &[], &[]);
    for (launch, current, candidate, expected) in [
        (&good, checking, unchecked, None),
        (&good, unchecked, checking, None),
        (&bad, checking, unchecked, Some((Effect::LetIn, Outcome::Reject, Outcome::Admit))),
        (&bad, unchecked, checking, Some((Effect::Refused, Outcome::Admit, Outcome::Reject))),
        (&unseen, unchecked, checking, Some((Effect::Refused, Outcome::Admit, Outcome::Undetermined))),
        (&unlooked, unchecked, checking, Some((Effect::Refused, Outcome::Admit, Outcome::Undetermined))),
        (&unknown, unchecked, checking, Some((Effect::Refused, Outcome::Admit, Outcome::Undetermined))),
        (&unknown, checking, checking, None),
    ] {
        let (decisions, _) = again(&sealed, current, candidate, std::slice::from_ref(launch));
        let told = changes(&decisions).first().map(|(effect, from, to, _)| (*effect, *from, *to));
        assert_eq!(told, expected, "{:?} {:?}", launch.judged.reasons, launch.judged.faults);
    }
}

#[test]
fn what_was_not_known_of_the_instance_is_not_known_again_and_its_mode_counts() {
    let (policies, sealed) = (policies(), of_kind(0));
    let warn = &policies[2];
    let mut blind = launch(&policies[0], &sealed);
    blind.judged.image = None;
    blind.judged.faults = vec![Cause::fault(&Fault::InstanceUnavailable { problem: "denied".to_owned() })];
    let mut torn = launch(&policies[0], &sealed);
    let inconsistent = Fault::InstanceInconsistent {
        instance: "i-0123abcd".parse().unwrap(),
        ec2: "ami-0123abcd".parse().unwrap(),
        group: "ami-0123abce".parse().unwrap(),
    };
    torn.judged.faults = vec![Cause::fault(&inconsistent)];
    let unseen = Recorded { image: torn.judged.image.clone(), ..blind.judged.clone() };
    let unseen = LaunchReport { judged: unseen, ..torn.clone() };
    // An image that is known is refused by the other policy, whatever the instance was.
    for (launch, code, says, rejected) in [
        (blind, "instance-unavailable", "denied", false),
        (unseen, "instance-unavailable", "denied", true),
        (torn, "instance-inconsistent", "ami-0123abce", true),
    ] {
        let launches = [launch];
        let (same, outcome) = again(&sealed, &policies[0], &policies[1], &launches);
        assert_eq!(same.compared.changed(), u64::from(rejected));
        assert_eq!(outcome, if rejected { Outcome::Reject } else { Outcome::Undetermined });
        let (warned, _) = again(&sealed, &policies[0], warn, &launches);
        let [(effect, _, to, codes)] = &changes(&warned)[..] else { panic!("{warned:?}") };
        assert_eq!((*effect, *to, codes.as_slice()), (Effect::LetIn, Outcome::Undetermined, [code].as_slice()));
        let cause = &warned.compared.changes[0].to.causes[0];
        assert!(cause.message.contains(says), "what was recorded is told: {}", cause.message);
    }
}

#[test]
fn a_group_may_have_a_mode_of_its_own() {
    let arn = "arn:aws:autoscaling:eu-west-1:000000000001:autoScalingGroup:\
               0a1b2c3d-0000-0000-0000-000000000000:autoScalingGroupName/web";
    let text = gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), "");
    let trial = compiled(&format!("{text}[[scope]]\nmode = \"warn\"\ngroups = [\"{arn}\"]\n"));
    let (policies, unsealed) = (policies(), of_kind(3));
    let of_group = LaunchReport { group_arn: Some(arn.parse().unwrap()), ..launch(&policies[0], &unsealed) };
    let other = launch(&policies[0], &unsealed);
    let (decisions, _) = again(&unsealed, &policies[0], &trial, &[of_group, other]);
    assert_eq!((decisions.compared.changed(), decisions.compared.unchanged.count), (1, 1));
    assert_eq!(decisions.compared.changes[0].effect, Effect::LetIn);
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_judged() {
    let (policies, sealed) = (policies(), of_kind(0));
    let good = launch(&policies[0], &sealed);
    let old = LaunchReport { at: now().saturating_sub(jiff::SignedDuration::from_hours(3)).unwrap(), ..good.clone() };
    let other = String::from_utf8(line(&good)).unwrap().replace("goldseal/launch/v1", "goldseal/launch/v9");
    let lines = [line(&good), b"{}\n".to_vec(), line(&old), other.into_bytes(), b"\n".to_vec(), line(&good)];
    let held = state(&lines);
    let asked = WhatIf { since: Period::hours(2).before(now()), ..asked(&policies[0], &policies[0]) };
    let report = compare(&asked, &sealed.0, &sealed.1, Some(&held));
    let decisions = report.decisions.as_ref().unwrap();
    assert_eq!((decisions.compared.total, decisions.since), (2, asked.since));
    let [fault] = &decisions.faults[..] else { panic!("{:?}", decisions.faults) };
    assert!(fault.message.contains("line 2 of v1/decisions/"), "{}", fault.message);
    assert!(fault.message.contains("1 lines more"), "{}", fault.message);
    assert_eq!(report.outcome(), Outcome::Undetermined);

    let denied = FakeState { read_fault: Some(PortErrorKind::Denied), ..FakeState::default() };
    let report = compare(&asked, &sealed.0, &sealed.1, Some(&denied));
    assert_eq!(report.decisions.as_ref().unwrap().faults.len(), 1, "said once, not for every day");
    assert_eq!(report.outcome(), Outcome::Undetermined);
    assert!(compare(&asked, &sealed.0, &sealed.1, None).decisions.is_none());
}

#[test]
fn the_newest_are_read_first_and_what_was_too_much_is_said() {
    let (policies, sealed) = (policies(), of_kind(0));
    let state = FakeState::default();
    let record = line(&launch(&policies[0], &sealed));
    for number in 0..5_003 {
        let name = format!("v1/decisions/{}/{number:06}-0123456789abcdef.jsonl", day(then()));
        let bytes = if number < 5_000 { Vec::new() } else { record.clone() };
        state.held.lock().unwrap().insert(StateName::new(name).unwrap(), bytes);
    }
    let asked = WhatIf { since: Period::days(30).before(now()), ..asked(&policies[0], &policies[0]) };
    let report = compare(&asked, &sealed.0, &sealed.1, Some(&state));
    let decisions = report.decisions.unwrap();
    assert_eq!(decisions.compared.total, 3);
    let [fault] = &decisions.faults[..] else { panic!("{:?}", decisions.faults) };
    assert!(fault.message.contains("/000002-0123456789abcdef.jsonl and older ones were not read"), "{}", fault.message);
}
