use std::collections::BTreeMap;

use futures_executor::block_on;
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    attestation::predicate::{SPDX_TYPE, VULNS_TYPE},
    enforcement::BootEnd,
    image::{DescribedImage, ImageFacts},
    ports::{InstanceMetadata as _, PortErrorKind},
    report::{FactsFrom, Outcome},
    testing::{
        evidence::{carrying, signed, statement},
        gated::{Gated, gated_policy},
        identity::{FORGED, FakeMetadata, OF_ANOTHER_IMAGE, SIGNED, certificates},
        images::{described, descriptor, facts, other_facts},
        keys::LocalKey,
        launches::{FakeState, Script},
        policies::{compiled, minimal},
        ports::{FakeCatalog, FakeStore},
    },
};

const KEEPS: &str = "\n[launch]\non_unreachable = \"last-known-good\"\nlast_known_good = \"12h\"\n";

/// A minute after the launch of the instance in `testing::identity`.
fn now() -> Timestamp {
    "2026-11-20T09:01:00Z".parse().unwrap()
}

fn ci() -> LocalKey {
    LocalKey::p256(1)
}

/// Provenance that carries the descriptor, SBOM and scan, about any image.
fn sealed(of: &ImageFacts, key: &LocalKey) -> Vec<u8> {
    let bare = |kind| statement(of.descriptor.digest(), kind, "{}");
    signed(&[(key, carrying(&of.descriptor, r#"{"builder":"c"}"#)), (key, bare(SPDX_TYPE)), (key, bare(VULNS_TYPE))])
}

fn changed(change: impl FnOnce(&mut DescribedImage)) -> DescribedImage {
    let mut image = described();
    change(&mut image);
    image
}

fn facts_of(image: DescribedImage) -> ImageFacts {
    ImageFacts::in_region(&"eu-west-1".parse().unwrap(), image).unwrap()
}

/// The world that one instance boots in; everything is good unless a test changes it.
struct World {
    policy: String,
    imds: Result<&'static str, PortErrorKind>,
    ec2: Option<Result<DescribedImage, PortErrorKind>>,
    evidence: Option<Vec<u8>>,
    store_fault: Option<PortErrorKind>,
    state: FakeState,
    now: Timestamp,
    patience: Patience,
}

impl World {
    fn good() -> Self {
        Self {
            policy: minimal(&ci()),
            imds: Ok(SIGNED),
            ec2: Some(Ok(described())),
            evidence: Some(sealed(&facts(), &ci())),
            store_fault: None,
            state: FakeState::default(),
            now: now(),
            patience: Patience::Over,
        }
    }

    fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut world = Self::good();
        change(&mut world);
        world
    }

    /// One boot, as the guard drives it.
    fn boot(&self) -> Decision {
        block_on(self.boots())
    }

    async fn boots(&self) -> Decision {
        let policy = compiled(&self.policy);
        let keys = Arc::new(Keys::new(&policy, |_| Err("nobody asks KMS at boot".to_owned())));
        let imds = FakeMetadata(Script::of([self.imds.map(|text| text.as_bytes().to_vec())]));
        let instance = recognise(imds.identity().await, &certificates(), self.now);
        let identity = match &instance {
            Ok(identity) => identity,
            Err(verdict) => {
                return decide(Err(verdict.clone()), &Memory::default(), &policy, self.patience, self.now);
            }
        };
        let image = identity.image().clone();
        let ec2 = self.ec2.clone().map(|answer| FakeCatalog(BTreeMap::from([(image.clone(), answer)])));
        let held = self.evidence.clone().map(|bytes| (image, bytes)).into_iter().collect();
        let store =
            FakeStore { held: std::sync::Mutex::new(held), read_fault: self.store_fault, ..FakeStore::default() };
        let memory = Memory::recall(&self.state, identity).await;
        let mut sight = look(identity, ec2.as_ref(), &store, &policy, &keys).await;
        if self.patience == Patience::Over {
            sight.stand_in(&self.state, &policy, &memory, self.now).await;
        }
        let mut decision = decide(Ok((identity, &sight)), &memory, &policy, self.patience, self.now);
        let kept = memory.keep(&self.state, identity, &sight, &policy, &decision).await;
        decision.report.judged.notes.extend(kept);
        decision
    }

    /// The same instance later.
    fn again(self, change: impl FnOnce(&mut Self)) -> Decision {
        assert_eq!(self.boot().step, BootStep::GoOn);
        let mut later = self;
        change(&mut later);
        later.boot()
    }
}

fn codes(decision: &Decision) -> Vec<&str> {
    let judged = &decision.report.judged;
    judged.reasons.iter().chain(&judged.faults).map(|cause| cause.code.as_str()).collect()
}

fn noted(decision: &Decision, code: &str) -> bool {
    decision.report.judged.notes.iter().any(|note| note.code == code)
}

fn ended(decision: &Decision, verdict: Outcome, causes: &[&str]) {
    assert_eq!(decision.step, BootStep::End(BootEnd::Poweroff), "{decision:#?}");
    assert_eq!((decision.report.judged.verdict, codes(decision).as_slice()), (verdict, causes));
    assert_eq!(decision.report.action, Some(BootEnd::Poweroff));
}

#[test]
fn an_image_that_ec2_describes_is_admitted() {
    let decision = World::good().boot();
    assert_eq!((decision.step, decision.report.judged.verdict), (BootStep::GoOn, Outcome::Admit), "{decision:#?}");
    assert_eq!(decision.report.facts_from, Some(FactsFrom::Ec2));
    assert_eq!(decision.report.judged.subject, Some(descriptor().digest()));
    let instance = decision.report.instance.unwrap();
    assert_eq!(instance.arn(), "arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0");
    assert!(decision.report.action.is_none());
}

#[test]
fn without_ec2_the_signed_provenance_says_what_the_image_is_and_the_report_says_so() {
    for ec2 in [None, Some(Err(PortErrorKind::Denied)), Some(Err(PortErrorKind::Unavailable))] {
        let decision = World::with(|world| world.ec2 = ec2).boot();
        assert_eq!((decision.step, decision.report.judged.verdict), (BootStep::GoOn, Outcome::Admit), "{decision:#?}");
        assert_eq!(decision.report.facts_from, Some(FactsFrom::Provenance));
        assert_eq!(decision.report.judged.subject, Some(descriptor().digest()));
        assert!(noted(&decision, "facts-from-provenance"));
    }
}

#[test]
fn an_image_that_ec2_no_longer_shows_is_judged_by_its_provenance() {
    let policy = compiled(&minimal(&ci()));
    let keys = Arc::new(Keys::new(&policy, |_| Err(String::new())));
    let identity = crate::testing::identity::identity();
    let store = FakeStore::holding(identity.image(), &sealed(&facts(), &ci()));
    let sight = block_on(look(&identity, Some(&FakeCatalog::default()), &store, &policy, &keys));
    let decision = decide(Ok((&identity, &sight)), &Memory::default(), &policy, Patience::Over, now());
    assert_eq!(decision.report.judged.verdict, Outcome::Admit);
    assert!(decision.report.judged.notes.iter().any(|note| note.message.contains("deregistered")));
}

#[test]
fn evidence_of_another_image_region_or_architecture_is_none() {
    let elsewhere = ImageFacts::in_region(&"us-east-1".parse().unwrap(), described()).unwrap();
    let other_machine = facts_of(changed(|image| image.architecture = Some("arm64".to_owned())));
    for (of, what) in [(other_facts(), "image"), (elsewhere, "region"), (other_machine.clone(), "architecture")] {
        let decision = World::with(|world| {
            world.ec2 = None;
            world.evidence = Some(sealed(&of, &ci()));
        })
        .boot();
        ended(&decision, Outcome::Reject, &["identity-mismatch"]);
        let cause = decision.report.judged.reasons.first().unwrap();
        assert_eq!(cause.detail["what"], what);
    }
    // What EC2 says is held against the identity document as well.
    let decision = World::with(|world| {
        world.ec2 = Some(Ok(changed(|image| image.architecture = Some("arm64".to_owned()))));
        world.evidence = Some(sealed(&other_machine, &ci()));
    })
    .boot();
    ended(&decision, Outcome::Reject, &["identity-mismatch"]);
}

#[test]
fn with_ec2_the_evidence_must_be_of_what_it_says() {
    let decision = World::with(|world| world.evidence = Some(sealed(&other_facts(), &ci()))).boot();
    assert!(codes(&decision).contains(&"subject-mismatch"), "{:?}", codes(&decision));
    assert_eq!(decision.step, BootStep::End(BootEnd::Poweroff));
}

#[test]
fn only_what_an_authority_signed_says_what_the_image_is() {
    let stranger = LocalKey::p256(2);
    let decision = World::with(|world| {
        world.ec2 = None;
        world.evidence = Some(sealed(&facts(), &stranger));
    })
    .boot();
    let unknown = "signer-unknown";
    ended(&decision, Outcome::Reject, &[unknown, unknown, unknown, "attestation-missing"]);
    // A provenance that carries no descriptor says nothing.
    let decision = World::with(|world| {
        world.ec2 = None;
        world.evidence = Some(crate::testing::evidence::sealed(&ci()));
    })
    .boot();
    ended(&decision, Outcome::Reject, &["attestation-missing"]);
}

#[test]
fn two_signed_descriptors_of_one_image_say_nothing() {
    let renamed = facts_of(changed(|image| image.name = Some("other".to_owned())));
    let both = [sealed(&facts(), &ci()), sealed(&renamed, &ci())].concat();
    let decision = World::with(|world| (world.ec2, world.evidence) = (None, Some(both))).boot();
    ended(&decision, Outcome::Reject, &["attestation-ambiguous"]);
}

#[test]
fn a_policy_without_provenance_needs_ec2() {
    let ci = ci();
    let policy = crate::testing::policies::document(&[("ci", &ci)], &[("sbom", &["ci"], 1)], "");
    assert_eq!(World::with(|world| world.policy = policy.clone()).boot().step, BootStep::GoOn);
    let decision = World::with(|world| (world.policy, world.ec2) = (policy, None)).boot();
    ended(&decision, Outcome::Undetermined, &["image-unavailable"]);
}

#[test]
fn who_the_instance_is_must_be_proven() {
    for (imds, verdict, code) in [
        (Ok(FORGED), Outcome::Reject, "identity-not-verified"),
        (Ok("bm8="), Outcome::Reject, "identity-not-verified"),
        (Err(PortErrorKind::Unavailable), Outcome::Undetermined, "identity-unavailable"),
        (Err(PortErrorKind::Denied), Outcome::Undetermined, "identity-unavailable"),
    ] {
        let decision = World::with(|world| world.imds = imds).boot();
        ended(&decision, verdict, &[code]);
        assert!(decision.report.instance.is_none() && decision.report.judged.image.is_none());
    }
    let decision = World::with(|world| world.imds = Ok(OF_ANOTHER_IMAGE)).boot();
    assert_eq!(decision.step, BootStep::End(BootEnd::Poweroff), "the evidence is of the first image");
}

#[test]
fn there_is_time_to_ask_again_only_while_nobody_knows() {
    let early = |world: &mut World| world.patience = Patience::Left;
    for fault in [PortErrorKind::Unavailable, PortErrorKind::Denied] {
        let decision = World::with(|world| (early(world), world.store_fault = Some(fault)).1).boot();
        assert_eq!((decision.step, decision.report.action), (BootStep::AskAgain, None));
    }
    let decision = World::with(|world| (early(world), world.evidence = None).1).boot();
    ended(&decision, Outcome::Reject, &["evidence-absent"]);
    let decision = World::with(|world| (world.ec2, world.evidence) = (None, None)).boot();
    ended(&decision, Outcome::Reject, &["evidence-absent"]);
    let decision = World::with(|world| (world.ec2, world.store_fault) = (None, Some(PortErrorKind::Denied))).boot();
    ended(&decision, Outcome::Undetermined, &["evidence-unavailable"]);
    assert_eq!(World::with(early).boot().step, BootStep::GoOn);
}

#[test]
fn a_clock_before_the_launch_knows_nothing() {
    // Long before, not even the certificate is valid.
    for clock in ["2026-11-20T08:58:00Z", "1970-01-01T00:00:10Z"] {
        let decision = World::with(|world| world.now = clock.parse().unwrap()).boot();
        ended(&decision, Outcome::Undetermined, &["clock-behind"]);
        let decision = World::with(|world| (world.now, world.evidence) = (clock.parse().unwrap(), None)).boot();
        ended(&decision, Outcome::Undetermined, &["clock-behind"]);
    }
}

#[test]
fn a_clock_before_what_was_signed_rejects_nothing_for_good() {
    let (ci, boss) = (ci(), LocalKey::p256(2));
    let later = now() + SignedDuration::from_hours(24);
    let gated = Gated::at(later).excepting(later + SignedDuration::from_hours(24));
    let decision = World::with(|world| {
        world.policy = gated_policy(&ci, &boss, "");
        world.evidence = Some(gated.evidence(&ci, &boss));
    })
    .boot();
    ended(&decision, Outcome::Undetermined, &["clock-before-signed-time"]);
    let decision = World::with(|world| {
        world.policy = gated_policy(&ci, &boss, "");
        world.evidence = Some(gated.evidence(&ci, &boss));
        world.patience = Patience::Left;
    })
    .boot();
    assert_eq!(decision.step, BootStep::AskAgain);
}

/// A world with a gate whose exception ends a day after the first boot.
fn excepted() -> World {
    let (ci, boss) = (ci(), LocalKey::p256(2));
    let end = now() + SignedDuration::from_hours(24);
    World::with(|world| {
        world.policy = gated_policy(&ci, &boss, "");
        world.evidence = Some(Gated::at(now()).excepting(end).evidence(&ci, &boss));
    })
}

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

#[test]
fn mode_and_action_change_what_is_done_and_never_the_verdict() {
    for (more, step, note) in [
        ("[boot]\naction = \"poweroff\"\n", BootStep::End(BootEnd::Poweroff), None),
        ("[boot]\naction = \"halt\"\n", BootStep::End(BootEnd::Halt), None),
        ("[boot]\naction = \"emergency\"\n", BootStep::End(BootEnd::Emergency), None),
        ("[boot]\naction = \"report\"\n", BootStep::GoOn, Some("goes-on-by-action")),
    ] {
        let decision = World::with(|world| (world.policy += more, world.evidence = None).1).boot();
        assert_eq!((decision.step, decision.report.judged.verdict), (step, Outcome::Reject), "{more}");
        assert!(note.is_none_or(|note| noted(&decision, note)), "{more}");
    }
    // `no_match` is not asked where a scope matches.
    let scoped = |account: &str| {
        let more = format!("[[scope]]\nmode = \"warn\"\naccounts = [\"{account}\"]\nregions = [\"eu-west-1\"]\n");
        World::with(|world| {
            world.policy += &more;
            world.evidence = None;
        })
        .boot()
    };
    let decision = scoped("123456789012");
    assert_eq!((decision.step, noted(&decision, "goes-on-by-mode")), (BootStep::GoOn, true));
    assert_eq!(scoped("210987654321").step, BootStep::End(BootEnd::Poweroff));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    /// Whatever the world is like: a boot goes on admitted, or for a reason that the report names.
    #[test]
    fn no_boot_goes_on_without_an_admission_or_a_word(
        imds in prop_oneof![Just(Ok(SIGNED)), Just(Ok(FORGED)), Just(Ok(OF_ANOTHER_IMAGE)), Just(Err(PortErrorKind::Unavailable))],
        ec2 in prop_oneof![Just(None), Just(Some(Err(PortErrorKind::Denied))), Just(Some(Ok(described())))],
        key in 1..3_usize,
        evidence in 0..4,
        store_fault in prop_oneof![Just(None), Just(Some(PortErrorKind::Unavailable)), Just(Some(PortErrorKind::Denied))],
        action in prop_oneof![Just("poweroff"), Just("report")],
        keeps in any::<bool>(),
        before in any::<bool>(),
        hours in prop_oneof![Just(-1_i64), Just(0), Just(20), Just(24 * 400)],
        over in any::<bool>(),
    ) {
        let boss = LocalKey::p256(2);
        let gated = |key: &LocalKey| Gated::at(now()).excepting(now() + SignedDuration::from_hours(24)).evidence(key, &boss);
        let mut world = excepted();
        world.policy += &format!("[boot]\naction = \"{action}\"\n");
        if keeps {
            world.policy += KEEPS;
        }
        if before {
            world.boot();
        }
        world.imds = imds;
        world.ec2 = ec2;
        world.evidence = match evidence {
            0 => None,
            1 => Some(b"{}\n".to_vec()),
            2 => Some(sealed(&facts(), &LocalKey::p256(key))),
            _ => Some(gated(&LocalKey::p256(key))),
        };
        world.store_fault = store_fault;
        world.now = now() + SignedDuration::from_hours(hours);
        world.patience = if over { Patience::Over } else { Patience::Left };
        let decision = world.boot();
        let verdict = decision.report.judged.verdict;
        match decision.step {
            BootStep::GoOn => prop_assert!(
                verdict == Outcome::Admit
                    || noted(&decision, "goes-on-by-action")
                    || (before && hours == 24 * 400 && noted(&decision, "lapsed-since"))
            ),
            BootStep::AskAgain => prop_assert!(!over && verdict == Outcome::Undetermined),
            BootStep::End(_) => prop_assert!(verdict != Outcome::Admit && action == "poweroff"),
        }
        if verdict == Outcome::Admit {
            prop_assert!(world.imds == Ok(SIGNED) && (0..24).contains(&hours));
        }
    }
}
