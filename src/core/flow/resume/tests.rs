mod told;

use futures_executor::block_on;
use jiff::SignedDuration;
use proptest::prelude::*;

use super::{
    super::audit::{
        audit,
        tests::{Kind, World, auditing, now, place, policy},
    },
    *,
};
use crate::{
    doctor::{Launchable, Unasked, Why},
    fleet::{AllowedImages, Listed, ReplacedRoot},
    ids::AmiId,
    lifecycle::{Instance, Volume},
    ports::Grouped,
    report::ImageSeen,
    testing::{
        fleet::{FakeFleet, FakeView, Running, group, hook},
        launches::FakeState,
        ports::{FakeKeys, FakeStore, Journal},
    },
};

fn at(seconds: i64) -> Timestamp {
    now().saturating_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn selection(text: &str) -> Sha256Digest {
    Sha256Digest::of(text.as_bytes())
}

/// Two places: one with everything that is told of a place, and one with an instance.
struct Two {
    world: BTreeMap<Place, Running>,
    store: FakeStore,
    state: FakeState,
}

impl Two {
    fn new() -> Self {
        let mut world = World::default();
        world.run(&here(), Kind::Sealed, 2);
        world.run(&here(), Kind::Replaced, 1);
        world.run(&there(), Kind::Unsealed, 1);
        let full = world.places.get_mut(&here()).unwrap();
        let image = full.listed[0].image.clone();
        let launches = |image| vec![Launchable { named_by: "launch template".into(), written: "x".into(), image }];
        let hooks = Ok(vec![hook("another")]);
        full.groups = vec![Grouped { group: group("web"), hooks, launches: Ok(launches(Ok(image))) }];
        full.named = launches(Err("no such parameter".to_owned()));
        full.replaced = vec![ReplacedRoot { instance: full.listed[0].id.clone(), state: "succeeded".into() }];
        let store = FakeStore { held: std::mem::take(&mut world.store).into(), ..FakeStore::default() };
        Self { world: world.places, store, state: FakeState::default() }
    }

    fn fleet(&self) -> FakeFleet {
        let view = |(place, running): (&Place, &Running)| {
            let running = Running { journal: Journal::default(), ..running.clone() };
            (place.clone(), Ok(FakeView(running.into())))
        };
        FakeFleet { views: self.world.iter().map(view).collect(), ..FakeFleet::default() }
    }

    /// An audit at an instant, and what it asked of the first place.
    fn audit(&mut self, seconds: i64, selected: &str) -> (AuditReport, Vec<String>) {
        let (fleet, policy) = (self.fleet(), policy());
        let state = std::mem::take(&mut self.state);
        let resumption = Resumption::new(state, selection(selected), Period::hours(1), || at(seconds));
        let looked = resumption.over(&fleet);
        let (auditing, keys) = (auditing(&policy), FakeKeys::default());
        let report = audit(&auditing, &looked, &self.store, &keys, &(), at(seconds));
        let mut report = block_on(report).unwrap();
        resumption.tell(&mut report);
        if report.is_whole() {
            block_on(resumption.clear()).unwrap();
        }
        self.state = resumption.state;
        let mut calls = fleet.views[&here()].as_ref().unwrap().0.journal.calls();
        calls.retain(|call| call != "describe");
        (report, calls)
    }

    fn fault(&mut self, place: &Place, call: &'static str) {
        self.world.get_mut(place).unwrap().faults.insert(call, PortErrorKind::Unavailable);
    }

    /// Leaves the first place kept, and the second unseen.
    fn interrupted() -> Self {
        let mut two = Self::new();
        two.fault(&there(), "listed");
        let (report, calls) = two.audit(0, "all");
        assert!(!report.is_whole() && calls.len() == 7, "{calls:?}");
        assert_eq!(two.kept(), ["000000000001.eu-west-1.json"]);
        two.world.get_mut(&there()).unwrap().faults.clear();
        two
    }

    fn kept(&self) -> Vec<String> {
        self.state.held.lock().unwrap().keys().map(ToString::to_string).collect()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.state.held.lock().unwrap().first_entry().unwrap().get_mut());
    }
}

fn here() -> Place {
    place(1, "eu-west-1")
}

fn there() -> Place {
    place(1, "us-east-1")
}

fn note_of<'r>(report: &'r AuditReport, code: &str) -> Option<&'r str> {
    report.notes.iter().find(|note| note.code == code).map(|note| note.message.as_str())
}

#[test]
fn what_was_seen_is_not_asked_again_and_the_report_is_that_of_one_go() {
    let mut two = Two::interrupted();
    let (mut report, calls) = two.audit(600, "all");
    assert_eq!(calls, Vec::<String>::new());
    let seen: Vec<Option<Timestamp>> = report.places.iter().map(|place| place.seen).collect();
    assert_eq!((seen, report.oldest()), (vec![Some(at(0)), None], at(0)));
    let said = note_of(&report, "resumed").unwrap();
    assert!(said.starts_with("1 of 2 places") && said.contains("the first at 2027-01-15T08:00:00Z"), "{said}");
    assert_eq!(two.kept(), Vec::<String>::new(), "an audit that ended leaves nothing");

    let (one_go, calls) = two.audit(600, "all");
    assert_eq!((calls.len(), note_of(&one_go, "resumed")), (7, None));
    report.notes.retain(|note| note.code != "resumed");
    report.places[0].seen = None;
    let json = |report: &AuditReport| serde_json::to_value(report).unwrap();
    assert_eq!(json(&report), json(&one_go));
    assert_eq!(report.total(), 4);
    for code in ["roots-replaced", "hook-missing"] {
        assert!(report.doors().iter().any(|door| door.code == code), "{code}: {:#?}", report.doors());
    }
}

#[test]
fn verdicts_are_new_ones_whatever_was_kept() {
    let mut two = Two::interrupted();
    let (before, _) = two.audit(600, "all");
    let mut two = Two::interrupted();
    two.store.held.lock().unwrap().clear();
    let (after, calls) = two.audit(600, "all");
    assert_eq!(calls, Vec::<String>::new());
    assert!(before.bad() < after.bad() && after.bad() == 4, "evidence that is gone admits nothing: {after:#?}");
}

#[test]
fn what_is_too_old_of_the_future_or_of_another_audit_is_asked_again() {
    for (seconds, selected, told) in [
        (3599, "all", None),
        (3600, "all", Some("longer ago than 1h")),
        (-1, "all", Some("after now")),
        (600, "other", Some("another role")),
    ] {
        let mut two = Two::interrupted();
        let (report, calls) = two.audit(seconds, selected);
        assert_eq!(calls.is_empty(), told.is_none(), "{seconds} {selected}");
        assert_eq!(report.places[0].seen.is_some(), told.is_none());
        let said = note_of(&report, "asked-again");
        assert_eq!(said.is_some(), told.is_some());
        told.iter().for_each(|text| assert!(said.unwrap().contains(text), "{said:?}"));
        assert_eq!(two.kept(), Vec::<String>::new(), "{seconds} {selected}");
    }
}

#[test]
fn what_was_used_does_not_become_younger() {
    let mut two = Two::interrupted();
    two.fault(&there(), "listed");
    assert!(two.audit(3000, "all").1.is_empty());
    let (report, calls) = two.audit(3700, "all");
    assert_eq!((calls.len(), report.places[0].seen), (7, None));
    assert!(two.audit(3700 + 3599, "all").1.is_empty(), "it is kept as it was seen then");
}

#[test]
fn what_is_damaged_or_of_another_place_is_asked_again() {
    let other = {
        let mut two = Two::new();
        two.fault(&here(), "listed");
        two.audit(0, "all");
        let held = two.state.held.into_inner().unwrap();
        held.into_values().next().unwrap()
    };
    let asked_again = |change: &dyn Fn(&mut Vec<u8>), told: &str| {
        let mut two = Two::interrupted();
        two.change(change);
        let (report, calls) = two.audit(600, "all");
        assert_eq!((calls.len(), report.places[0].seen), (7, None), "{told}");
        let said = note_of(&report, "asked-again").unwrap();
        assert!(said.contains("000000000001 in eu-west-1") && said.contains(told), "{said}");
        assert_eq!(report.total(), 4);
    };
    asked_again(&|bytes| bytes.clone_from(&other), "us-east-1");
    asked_again(&|bytes| bytes.truncate(bytes.len() - 1), "damaged");
    asked_again(&Vec::clear, "damaged");
}

#[test]
fn a_place_that_did_not_tell_everything_is_not_kept() {
    let unasked = || {
        let problem = "denied".to_owned();
        Unasked { operation: "autoscaling:DescribeLifecycleHooks", resource: "web".into(), why: Why::Denied, problem }
    };
    let kept = |change: &dyn Fn(&mut Running)| {
        let mut two = Two::new();
        two.fault(&there(), "listed");
        change(two.world.get_mut(&here()).unwrap());
        two.audit(0, "all");
        two.kept()
    };
    assert_eq!(kept(&|_| ()).len(), 1);
    for call in ["described", "volumes", "grouped", "named", "replaced_roots", "allowed_images"] {
        let denied = |running: &mut Running| running.faults.extend([(call, PortErrorKind::Denied)]);
        assert_eq!(kept(&denied), Vec::<String>::new(), "{call}");
    }
    assert_eq!(kept(&|running| running.groups[0].hooks = Err(unasked())), Vec::<String>::new());
    assert_eq!(kept(&|running| running.groups[0].launches = Err(unasked())), Vec::<String>::new());
    let unread = |running: &mut Running| running.described.values_mut().for_each(|one| *one = Err("no state".into()));
    assert_eq!(kept(&unread), Vec::<String>::new());
}

#[test]
fn a_place_for_facts_that_is_out_stops_no_audit() {
    let mut two = Two::new();
    two.state.write_fault = Some(PortErrorKind::Unavailable);
    let (report, _) = two.audit(0, "all");
    assert_eq!((report.is_whole(), report.total()), (true, 4));
    let said = note_of(&report, "not-resumable").unwrap();
    assert!(said.starts_with("2 places were seen and not kept") && said.contains("unavailable"), "{said}");
}

#[test]
fn the_last_whole_audit_is_as_old_as_the_first_that_it_stands_on() {
    let mut two = Two::interrupted();
    let (mut report, _) = two.audit(600, "all");
    let state = FakeState::default();
    let last = block_on(super::super::LastAudit::recall(&state)).unwrap();
    let next = last.compare(&mut report, crate::report::Outcome::Reject);
    assert_eq!((next.last_whole, next.started), (Some(at(0)), at(600)));
}

fn told() -> impl Strategy<Value = Facts> {
    let id = |prefix: &'static str| (0u64..1 << 60).prop_map(move |number| format!("{prefix}-{number:017x}"));
    let text = || prop::option::of("\\PC{0,12}");
    let instant = || (0i64..4_000_000_000).prop_map(|second| Timestamp::from_second(second).unwrap());
    let seen = (text(), prop::option::of(instant()), prop::option::of(any::<bool>()))
        .prop_map(|(name, created, allowed)| ImageSeen { name, created, allowed, ..ImageSeen::default() });
    let listed = (id("i"), id("ami"), "\\PC{0,8}", prop::option::of(instant()), text(), seen).prop_map(
        |(id, image, state, launched, operator, seen)| Listed {
            id: id.parse().unwrap(),
            image: image.parse().unwrap(),
            tags: BTreeMap::from([(state.clone(), operator.clone().unwrap_or_default())]),
            state,
            launched,
            operator,
            seen,
        },
    );
    let instance = (id("i"), id("ami"), prop::option::of(id("vol")), prop::option::of(id("snap")));
    let launch = ("\\PC{0,8}", "\\PC{0,8}", prop_oneof![id("ami").prop_map(Ok), "\\PC{0,8}".prop_map(Err)]).prop_map(
        |(named_by, written, image): (_, _, Result<String, String>)| Launchable {
            named_by,
            written,
            image: image.map(|id| id.parse::<AmiId>().unwrap()),
        },
    );
    let lists = (
        prop::collection::vec(listed, 0..4),
        prop::collection::vec(instance, 0..4),
        prop::collection::vec(launch, 0..3),
        prop_oneof![Just(AllowedImages::Off), Just(AllowedImages::Audit), Just(AllowedImages::On)],
    );
    (lists, instant()).prop_map(|((listed, instances, named, allowed), seen)| {
        let mut heard = facts::Heard {
            described: Some(BTreeMap::new()),
            volumes: Some(BTreeMap::new()),
            groups: Some(vec![Grouped {
                group: group("web"),
                hooks: Ok(vec![hook("a")]),
                launches: Ok(named.clone()),
            }]),
            replaced: Some(
                listed.iter().map(|one| ReplacedRoot { instance: one.id.clone(), state: one.state.clone() }).collect(),
            ),
            listed: Some(listed),
            named: Some(named),
            allowed: Some(allowed),
        };
        for (id, image, root, snapshot) in instances {
            let root_volume = root.map(|root| root.parse().unwrap());
            if let Some(root) = &root_volume {
                let snapshot = snapshot.map(|id| id.parse().unwrap());
                let volume = Volume { id: Clone::clone(root), snapshot, source: None };
                heard.volumes.as_mut().unwrap().insert(volume.id.clone(), volume);
            }
            let one =
                Instance { image: image.parse().unwrap(), launched: None, root_device_type: "ebs".into(), root_volume };
            heard.described.as_mut().unwrap().insert(id.parse().unwrap(), Ok(one));
        }
        let Place { account, region } = here();
        Facts { account, region, seen, selection: selection("all"), told: heard.whole().unwrap() }
    })
}

proptest! {
    #[test]
    fn what_is_kept_is_read_again_as_it_was_and_with_no_bit_another(facts in told(), at: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = facts.to_bytes().unwrap();
        prop_assert_eq!(Facts::from_bytes(&bytes), Ok(facts));
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Facts::from_bytes(&bytes).is_err(), "bit {} of byte {}", bit, at);
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Facts::from_bytes(&bytes).is_err());
    }
}
