//! Boots after the first: what lapsed, what is remembered, and what was kept.

use super::*;

fn much_later(world: &mut World) {
    world.now = now() + SignedDuration::from_hours(24 * 400);
}

#[test]
fn expiry_alone_stops_a_first_boot_and_is_reported_at_a_later_one() {
    let mut first = excepted();
    much_later(&mut first);
    let decision = first.boot();
    assert!(codes(&decision).contains(&"exception-expired") && codes(&decision).contains(&"scan-too-old"));
    assert_eq!(decision.step, BootStep::End(BootEnd::Poweroff));
    let decision = excepted().again(much_later);
    assert_eq!((decision.step, decision.report.judged.verdict), (BootStep::GoOn, Outcome::Reject));
    assert!(decision.report.admitted_before && noted(&decision, "lapsed-since"));
}

#[test]
fn an_authority_whose_window_is_over_has_expired_too() {
    let ended = format!("valid_until = {}\n", now() + SignedDuration::from_hours(24));
    let world = World::with(|world| {
        world.policy = world.policy.replacen("name = \"ci\"\n", &format!("name = \"ci\"\n{ended}"), 1);
    });
    let decision = world.again(much_later);
    assert_eq!((decision.step, decision.report.judged.verdict), (BootStep::GoOn, Outcome::Reject), "{decision:#?}");
    assert_eq!(codes(&decision).iter().filter(|code| **code == "authority-expired").count(), 3);
}

#[test]
fn a_later_boot_is_stopped_by_everything_else() {
    let (ci, boss) = (ci(), LocalKey::p256(2));
    // Expired, and a finding that was never let pass.
    let mut bad = Gated::at(now()).excepting(now() + SignedDuration::from_hours(24));
    bad.measurement.findings.iter_mut().for_each(|finding| finding.severity = crate::scan::Severity::Critical);
    let decision = excepted().again(|world| {
        much_later(world);
        world.evidence = Some(bad.evidence(&ci, &boss));
    });
    assert!(codes(&decision).contains(&"exception-expired") && codes(&decision).contains(&"finding-at-threshold"));
    assert_eq!(decision.step, BootStep::End(BootEnd::Poweroff));
    // What never was there has not expired.
    let unapproved = Gated { approved: None, ..Gated::at(now()).excepting(now() + SignedDuration::from_hours(24)) };
    let decision = excepted().again(|world| {
        much_later(world);
        world.evidence = Some(unapproved.evidence(&ci, &boss));
    });
    assert!(codes(&decision).contains(&"attestation-missing"), "{:?}", codes(&decision));
    assert_eq!(decision.step, BootStep::End(BootEnd::Poweroff));
    // Nor has what does not verify any more, although what it said would have ended.
    let decision = excepted().again(|world| {
        much_later(world);
        let spoilt = |evidence: Vec<u8>| crate::testing::evidence::changed(&evidence, "\"sig\":\"M", "\"sig\":\"N");
        world.evidence = world.evidence.take().map(spoilt);
    });
    assert!(codes(&decision).contains(&"exception-expired") && codes(&decision).contains(&"signature-invalid"));
    assert_eq!(decision.step, BootStep::End(BootEnd::Poweroff));
    let decision = excepted().again(|world| world.evidence = None);
    ended(&decision, Outcome::Reject, &["evidence-absent"]);
}

#[test]
fn who_was_not_admitted_is_not_remembered_and_is_told_that_nothing_stands_in() {
    let world = World::with(|world| {
        world.policy += "[boot]\naction = \"report\"\n";
        world.evidence = None;
    });
    assert_eq!(world.boot().step, BootStep::GoOn);
    assert!(world.state.held.lock().unwrap().is_empty());
    let out = World::with(|world| {
        world.policy += KEEPS;
        world.store_fault = Some(PortErrorKind::Unavailable);
    });
    let decision = out.boot();
    assert!(decision.report.judged.faults[0].message.contains("was not admitted before"), "{decision:#?}");
    assert!(out.state.held.lock().unwrap().is_empty());
}

#[test]
fn what_another_instance_remembers_is_nothing() {
    let world = excepted();
    world.boot();
    let name = crate::ports::StateName::new("v1/admitted.json").unwrap();
    let text = String::from_utf8(world.state.of(&name).unwrap()).unwrap();
    let own = "i-0123456789abcdef0";
    assert!(text.contains(own));
    for (from, to) in [(own, "i-0fedcba9876543210"), ("ami-0123456789abcdef0", "ami-0fedcba9876543210"), ("{", "")] {
        let text = text.replacen(from, to, 1);
        world.state.held.lock().unwrap().insert(name.clone(), text.into_bytes());
        let cloned =
            World { now: now() + SignedDuration::from_hours(24 * 400), state: FakeState::default(), ..excepted() };
        *cloned.state.held.lock().unwrap() = world.state.held.lock().unwrap().clone();
        let decision = cloned.boot();
        assert_eq!(decision.step, BootStep::End(BootEnd::Poweroff), "{to}");
        assert!(!decision.report.admitted_before);
        assert_eq!(noted(&decision, "state-unreadable"), to.is_empty());
    }
}

#[test]
fn evidence_that_was_kept_stands_in_where_the_policy_says_so_and_this_instance_was_admitted() {
    let keeping = || World::with(|world| world.policy += KEEPS);
    let out = |world: &mut World| world.store_fault = Some(PortErrorKind::Unavailable);
    let decision = keeping().again(out);
    assert_eq!((decision.step, decision.report.judged.verdict), (BootStep::GoOn, Outcome::Admit), "{decision:#?}");
    assert!(noted(&decision, "last-known-good"));
    // Not needing EC2 either.
    let decision = keeping().again(|world| (out(world), world.ec2 = None).1);
    assert_eq!((decision.report.facts_from, decision.step), (Some(FactsFrom::Provenance), BootStep::GoOn));
    for stays_out in [
        World::good().again(out),
        keeping().again(|world| (out(world), world.now = now() + SignedDuration::from_hours(13)).1),
        keeping().again(|world| world.store_fault = Some(PortErrorKind::Denied)),
        keeping().again(|world| {
            out(world);
            world.state.held.lock().unwrap().retain(|name, _| !name.as_str().contains("admitted"));
        }),
        World::with(|world| (world.policy += KEEPS, out(world)).1).boot(),
    ] {
        ended(&stays_out, Outcome::Undetermined, &["evidence-unavailable"]);
    }
    // While there is time, the store is asked.
    let decision = keeping().again(|world| (out(world), world.patience = Patience::Left).1);
    assert_eq!(decision.step, BootStep::AskAgain);
}

#[test]
fn state_that_cannot_be_written_stops_no_boot() {
    let decision = World::with(|world| world.state.write_fault = Some(PortErrorKind::Refused)).boot();
    assert_eq!(decision.step, BootStep::GoOn);
    assert!(noted(&decision, "state-not-kept"));
    let decision = World::with(|world| world.state.read_fault = Some(PortErrorKind::Unavailable)).boot();
    assert_eq!(decision.step, BootStep::GoOn);
    assert!(noted(&decision, "state-unreadable"));
}
