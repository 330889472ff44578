mod described;
mod later;

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
