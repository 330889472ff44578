mod doors;
mod overridden;
mod world;

use futures_executor::block_on;
use jiff::SignedDuration;
use proptest::prelude::*;

pub(in crate::flow) use self::world::{KINDS, Kind, World};
use super::*;
use crate::{
    attestation::predicate::{Grant, GrantScope},
    doctor::Launchable,
    enforcement::Completion,
    fleet::AllowedImages,
    ids::{AccountId, AmiId, Region},
    lifecycle::Hook,
    ports::{Grouped, Listing, PortErrorKind},
    report::{FailOn, Outcome, Severity},
    testing::{
        evidence::changed,
        fleet::{FakeFleet, FakeView, Running, group, hook, image},
        gated::{Gated, gated_policy},
        keys::LocalKey,
        lists::{grant, granters, revocations, signed_grant, signed_list},
        policies::compiled,
        ports::{FakeKeys, FakeLists, FakeStore},
    },
};

pub(in crate::flow) const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(in crate::flow) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub(in crate::flow) fn policy() -> Policy {
    compiled(&gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), ""))
}

pub(in crate::flow) fn auditing(policy: &Policy) -> Auditing<'_> {
    Auditing {
        policy,
        at: now(),
        soon: Period::days(14),
        stopped: false,
        hooks: vec!["goldseal".parse().unwrap()],
        queue: None,
        deadline: SignedDuration::from_mins(10),
    }
}

pub(in crate::flow) fn place(account: u64, region: &str) -> Place {
    Place { account: format!("{account:012}").parse::<AccountId>().unwrap(), region: region.parse().unwrap() }
}

fn report_of(fleet: &FakeFleet, store: &FakeStore) -> AuditReport {
    let policy = policy();
    block_on(audit(&auditing(&policy), fleet, store, &FakeKeys::default(), &(), now())).unwrap()
}

#[test]
fn ten_thousand_instances_of_five_hundred_images_are_each_in_their_class() {
    let mut world = World::default();
    let places: Vec<Place> = (1..=3)
        .flat_map(|account| ["eu-west-1", "us-east-1", "ap-southeast-2"].map(|region| place(account, region)))
        .collect();
    let mut expected: BTreeMap<Class, u64> = BTreeMap::new();
    for (number, (place, (kind, class))) in places.iter().cycle().zip(KINDS.iter().cycle()).take(500).enumerate() {
        let instances = 13 + number as u64 % 15;
        world.run(place, *kind, instances);
        *expected.entry(*class).or_default() += instances;
    }
    let machines = world.machines;
    assert!(machines >= 9_000, "{machines}");
    let (report, views) = world.audited();
    assert_eq!(report.classes, expected);
    assert_eq!((report.total(), report.instances.len() as u64, report.images.len()), (machines, machines, 500));
    assert_eq!(report.places.iter().map(|place| place.instances).sum::<u64>(), machines);
    assert!(report.is_whole());
    for view in views.values() {
        let calls = view.0.journal.calls();
        let count = |name: &str| calls.iter().filter(|call| *call == name).count();
        assert_eq!((count("listed"), count("described"), count("volumes")), (1, 1, 1));
        assert!(count("describe") <= view.0.images.0.len() + 64, "an image is asked for once");
    }
}

#[test]
fn what_could_not_be_seen_is_in_the_report() {
    let mut world = World::default();
    let [whole, torn, shut] = [place(1, "eu-west-1"), place(1, "us-east-1"), place(2, "eu-west-1")];
    world.run(&whole, Kind::Sealed, 2);
    world.run(&torn, Kind::Sealed, 3);
    world.places.get_mut(&torn).unwrap().faults.insert("described", PortErrorKind::Denied);
    let store = FakeStore { held: std::mem::take(&mut world.store).into(), ..FakeStore::default() };
    let mut views: BTreeMap<Place, _> =
        world.places.into_iter().map(|(place, running)| (place, Ok(FakeView(running.into())))).collect();
    views.insert(shut.clone(), Err(PortErrorKind::Denied));
    let closed = BTreeMap::from([(place(3, "eu-west-1").account, PortErrorKind::Unavailable)]);
    let report = report_of(&FakeFleet { views, closed, fault: None }, &store);
    let told: Vec<(bool, u64, bool)> =
        report.places.iter().map(|place| (place.region.is_some(), place.instances, place.faults.is_empty())).collect();
    assert_eq!(told, [(true, 2, true), (true, 3, false), (true, 0, false), (false, 0, false)]);
    assert_eq!(report.classes, BTreeMap::from([(Class::Undetermined, 3), (Class::Admitted, 2)]));
    assert!(!report.is_whole());
    let faults: Vec<&str> =
        report.places.iter().flat_map(|place| &place.faults).map(|fault| fault.code.as_str()).collect();
    assert_eq!(faults, ["place-unavailable"; 3]);
}

#[test]
fn without_accounts_there_is_no_report() {
    let policy = policy();
    let fleet = FakeFleet { fault: Some(PortErrorKind::Denied), ..FakeFleet::default() };
    let answer = block_on(audit(&auditing(&policy), &fleet, &FakeStore::default(), &FakeKeys::default(), &(), now()));
    assert_eq!(answer.unwrap_err().kind, PortErrorKind::Denied);
}

#[test]
fn another_instant_tells_what_will_expire_and_exceptions_are_listed_by_their_end() {
    let mut world = World::default();
    world.run(&place(1, "eu-west-1"), Kind::Ending, 1);
    let store = FakeStore { held: std::mem::take(&mut world.store).into(), ..FakeStore::default() };
    let views = world.places.into_iter().map(|(place, running)| (place, Ok(FakeView(running.into())))).collect();
    let (fleet, policy) = (FakeFleet { views, ..FakeFleet::default() }, policy());
    for (days, class) in [(0, Class::Expiring), (1, Class::Expired), (2, Class::Expired)] {
        let at = now().saturating_add(days * DAY).unwrap();
        let auditing = Auditing { at, ..auditing(&policy) };
        let report = block_on(audit(&auditing, &fleet, &store, &FakeKeys::default(), &(), now())).unwrap();
        assert_eq!(report.classes, BTreeMap::from([(class, 1)]), "in {days} days");
        let ends: Vec<Timestamp> = report.images[0].exceptions.iter().map(|one| one.expires).collect();
        assert_eq!(ends, [now().saturating_add(DAY).unwrap()]);
    }
}

#[test]
fn instances_that_have_ended_do_not_count_and_stopped_ones_if_asked_for() {
    let mut world = World::default();
    let here = place(1, "eu-west-1");
    world.run(&here, Kind::Sealed, 5);
    let states = ["running", "stopped", "terminated", "shutting-down", "pending"];
    for (one, state) in world.places.get_mut(&here).unwrap().listed.iter_mut().zip(states) {
        one.state = state.to_owned();
    }
    let store = FakeStore { held: std::mem::take(&mut world.store).into(), ..FakeStore::default() };
    let views = world.places.into_iter().map(|(place, running)| (place, Ok(FakeView(running.into())))).collect();
    let (fleet, policy) = (FakeFleet { views, ..FakeFleet::default() }, policy());
    for (stopped, count) in [(false, 2), (true, 3)] {
        let auditing = Auditing { stopped, ..auditing(&policy) };
        let report = block_on(audit(&auditing, &fleet, &store, &FakeKeys::default(), &(), now())).unwrap();
        assert_eq!(report.total(), count);
    }
}

#[test]
fn a_scope_of_a_group_holds_for_its_instances_as_it_does_for_its_launches() {
    let here = place(1, "eu-west-1");
    let text = gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), "");
    let scoped = format!("{text}[[scope]]\nmode = \"warn\"\ngroups = [\"{}\"]\n", group("web").arn);
    let (plain, scoped) = (compiled(&text), compiled(&scoped));
    let audited = |policy: &Policy, fault: bool| {
        let mut world = World::default();
        world.run(&here, Kind::Unsealed, 2);
        let running = world.places.get_mut(&here).unwrap();
        running.listed[0].tags.insert("aws:autoscaling:groupName".to_owned(), "web".to_owned());
        running.groups = vec![Grouped { group: group("web"), hooks: Ok(Vec::new()), launches: Ok(Vec::new()) }];
        if fault {
            running.faults.insert("grouped", PortErrorKind::Denied);
        }
        let views = world.places.into_iter().map(|(place, running)| (place, Ok(FakeView(running.into())))).collect();
        let (fleet, store) = (FakeFleet { views, ..FakeFleet::default() }, FakeStore::default());
        block_on(audit(&auditing(policy), &fleet, &store, &FakeKeys::default(), &(), now())).unwrap()
    };
    let report = audited(&scoped, false);
    let modes: Vec<(bool, Mode)> = report
        .instances
        .iter()
        .map(|one| (matches!(one.launcher, crate::report::Launcher::Group { .. }), one.mode))
        .collect();
    assert_eq!(modes.len(), 2);
    for (of_group, mode) in modes {
        assert_eq!(mode, if of_group { Mode::Warn } else { Mode::Enforce });
    }
    // Where nobody tells which groups there are, their modes are not known.
    assert!(report.is_whole() && !audited(&scoped, true).is_whole() && audited(&plain, true).is_whole());
}

#[test]
fn a_scope_of_an_account_and_a_region_holds_for_its_instances_and_images() {
    let text = gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), "");
    let scope = "[[scope]]\nmode = \"warn\"\naccounts = [\"000000000001\"]\nregions = [\"eu-west-1\"]\n";
    let (policy, mut world) = (compiled(&format!("{text}{scope}")), World::default());
    let [scoped, elsewhere, others] = [place(1, "eu-west-1"), place(1, "us-east-1"), place(2, "ap-southeast-2")];
    for place in [&scoped, &elsewhere, &others] {
        world.run(place, Kind::Unsealed, 1);
    }
    let views = world.places.into_iter().map(|(place, running)| (place, Ok(FakeView(running.into())))).collect();
    let (fleet, store) = (FakeFleet { views, ..FakeFleet::default() }, FakeStore::default());
    let report = block_on(audit(&auditing(&policy), &fleet, &store, &FakeKeys::default(), &(), now())).unwrap();
    assert_eq!(report.instances.len(), 3);
    for one in &report.instances {
        let warns = (&one.account, &one.region) == (&scoped.account, &scoped.region);
        let mode = if warns { Mode::Warn } else { Mode::Enforce };
        assert_eq!((one.mode, report.images[one.image].report.mode), (mode, mode), "{} {}", one.account, one.region);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_classes_add_up_to_the_fleet(
        runs in prop::collection::vec((1u64..4, 0usize..3, 0usize..KINDS.len(), 0u64..5), 0..12)
    ) {
        let regions: [Region; 3] = ["eu-west-1", "us-east-1", "ap-southeast-2"].map(|name| name.parse().unwrap());
        let mut world = World::default();
        for (account, region, kind, instances) in runs {
            let place = Place { region: regions[region].clone(), ..place(account, "eu-west-1") };
            world.run(&place, KINDS[kind].0, instances);
        }
        let machines = world.machines;
        let (report, _) = world.audited();
        prop_assert_eq!(report.total(), machines);
        prop_assert_eq!(report.instances.len() as u64, machines);
        let by_image: u64 = report.images.iter().flat_map(|image| image.classes.values()).sum();
        prop_assert_eq!(by_image, machines);
        for one in &report.instances {
            prop_assert_eq!(&report.images[one.image].report.image.id, &one.ami);
        }
    }
}
