use futures_executor::block_on;
use jiff::SignedDuration;
use proptest::prelude::*;

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

/// Accounts and regions with images of every kind, and what class their instances must come to be in.
#[derive(Default)]
pub(in crate::flow) struct World {
    pub(in crate::flow) places: BTreeMap<Place, Running>,
    pub(in crate::flow) store: BTreeMap<ImageRef, Vec<u8>>,
    pub(in crate::flow) images: u64,
    pub(in crate::flow) machines: u64,
}

/// What is wrong with an image, or with what runs it.
#[derive(Debug, Clone, Copy)]
pub(in crate::flow) enum Kind {
    Sealed,
    Ending,
    Ended,
    Unsealed,
    Tampered,
    Borrowed,
    Replaced,
    Gone,
    Deregistered,
    Sold,
    EndedTampered,
}

pub(in crate::flow) const KINDS: [(Kind, Class); 11] = [
    (Kind::Sealed, Class::Admitted),
    (Kind::Ending, Class::Expiring),
    (Kind::Ended, Class::Expired),
    (Kind::Unsealed, Class::Unsealed),
    (Kind::Tampered, Class::Refused),
    (Kind::Borrowed, Class::Refused),
    (Kind::Replaced, Class::RootReplaced),
    (Kind::Gone, Class::Unsealed),
    (Kind::Deregistered, Class::Admitted),
    (Kind::Sold, Class::Refused),
    // One of its statements does not verify, and its exception has ended.
    (Kind::EndedTampered, Class::Refused),
];

impl World {
    /// Makes an image of a kind in a region, and lets so many instances of it run in a place there.
    pub(in crate::flow) fn run(&mut self, place: &Place, kind: Kind, instances: u64) {
        self.images += 1;
        let number = self.images;
        let (described, descriptor) = image(&place.region, number);
        let (ci, boss) = (LocalKey::p256(1), LocalKey::p256(2));
        let exception = match kind {
            Kind::Ended | Kind::EndedTampered => now(),
            Kind::Ending => now().saturating_add(DAY).unwrap(),
            Kind::Sealed
            | Kind::Unsealed
            | Kind::Tampered
            | Kind::Borrowed
            | Kind::Replaced
            | Kind::Gone
            | Kind::Deregistered
            | Kind::Sold => now().saturating_add(60 * DAY).unwrap(),
        };
        let gate = Gated::at(now().saturating_sub(2 * DAY).unwrap()).excepting(exception);
        let evidence = || gate.clone().of(descriptor.clone()).evidence(&ci, &boss);
        let held = match kind {
            Kind::Unsealed | Kind::Gone => None,
            Kind::Borrowed => Some(gate.clone().evidence(&ci, &boss)),
            Kind::Tampered | Kind::EndedTampered => Some(changed(&evidence(), "\"payload\":\"e", "\"payload\":\"f")),
            Kind::Sealed | Kind::Ending | Kind::Ended | Kind::Replaced | Kind::Deregistered | Kind::Sold => {
                Some(evidence())
            }
        };
        self.store.extend(held.map(|held| (descriptor.image(), held)));
        let running = self.places.entry(place.clone()).or_default();
        if !matches!(kind, Kind::Gone | Kind::Deregistered | Kind::Sold) {
            running.images.0.insert(descriptor.image(), Ok(described));
        }
        let ami: AmiId = descriptor.image().id;
        for _ in 0..instances {
            self.machines += 1;
            running.launch(self.machines, &ami, if matches!(kind, Kind::Replaced) { 0 } else { number });
            let owner =
                if matches!(kind, Kind::Sold) { "999999999999".parse().unwrap() } else { descriptor.owner().clone() };
            running.listed.last_mut().unwrap().seen.owner = Some(owner);
        }
    }

    fn audited(self) -> (AuditReport, BTreeMap<Place, FakeView>) {
        let views: BTreeMap<Place, FakeView> =
            self.places.into_iter().map(|(place, running)| (place, FakeView(running.into()))).collect();
        let fleet = FakeFleet {
            views: views.iter().map(|(place, view)| (place.clone(), Ok(view.clone()))).collect(),
            ..FakeFleet::default()
        };
        let store = FakeStore { held: self.store.into(), ..FakeStore::default() };
        (report_of(&fleet, &store), views)
    }
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

/// A place with a sealed image, one without evidence, and groups that launch either.
fn groups_of_both() -> (Running, FakeStore) {
    let here = place(1, "eu-west-1");
    let mut world = World::default();
    world.run(&here, Kind::Sealed, 1);
    world.run(&here, Kind::Unsealed, 0);
    let launches = |number: u64| {
        let image = image(&here.region, number).1.image().id;
        Launchable { named_by: format!("launch template {number}"), written: image.to_string(), image: Ok(image) }
    };
    let hook = hook("goldseal");
    let mut running = world.places.remove(&here).unwrap();
    running.allowed = Some(AllowedImages::On);
    running.groups = vec![
        Grouped { group: group("good"), hooks: Ok(vec![hook.clone()]), launches: Ok(vec![launches(1)]) },
        Grouped { group: group("bare"), hooks: Ok(Vec::new()), launches: Ok(vec![launches(1)]) },
        Grouped { group: group("refused"), hooks: Ok(vec![hook.clone()]), launches: Ok(vec![launches(2)]) },
        Grouped {
            group: group("elsewhere"),
            hooks: Ok(vec![Hook { target: Some("arn:aws:sqs:eu-west-1:000000000001:other".into()), ..hook.clone() }]),
            launches: Ok(vec![launches(1)]),
        },
        Grouped {
            group: group("open"),
            hooks: Ok(vec![Hook { default_result: Some(Completion::Continue), ..hook }]),
            launches: Ok(vec![launches(1)]),
        },
    ];
    running.named = vec![launches(1), launches(2)];
    (running, FakeStore { held: world.store.into(), ..FakeStore::default() })
}

fn doors_of(running: Running, store: &FakeStore) -> AuditReport {
    let policy = policy();
    let views = BTreeMap::from([(place(1, "eu-west-1"), Ok(FakeView(running.into())))]);
    let auditing = Auditing { queue: Some("launches".into()), ..auditing(&policy) };
    let fleet = FakeFleet { views, ..FakeFleet::default() };
    block_on(audit(&auditing, &fleet, store, &FakeKeys::default(), &(), now())).unwrap()
}

#[test]
fn every_group_that_is_not_guarded_is_a_door_and_so_is_what_would_be_refused() {
    let (running, store) = groups_of_both();
    let report = doors_of(running, &store);
    let told: Vec<(Severity, &str, &str)> =
        report.doors().iter().map(|door| (door.severity, &*door.code, door.place.as_str())).collect();
    let direct = (Severity::Warning, "instances-direct", "RunInstances");
    assert_eq!(
        told,
        [
            (Severity::Problem, "hook-default-continue", "open/goldseal"),
            (Severity::Problem, "hook-missing", "bare"),
            (Severity::Problem, "hook-tells-another-queue", "elsewhere/goldseal"),
            (Severity::Problem, "image-refused", "refused: launch template 2"),
            (Severity::Warning, "image-refused", "launch template 2"),
            direct,
        ]
    );
    // An image that nothing runs has no instances, and is not in the list of those that run.
    assert_eq!((report.images.len(), report.total()), (1, 1));
    assert_eq!("door".parse().map(|one| FailOn::from_iter([one]).outcome(&report)), Ok(Outcome::Reject));
}

#[test]
fn a_door_that_could_not_be_looked_at_is_not_shut() {
    for (call, action) in [
        ("grouped", "autoscaling:DescribeAutoScalingGroups"),
        ("named", "ec2:DescribeLaunchTemplateVersions"),
        ("replaced_roots", "ec2:DescribeReplaceRootVolumeTasks"),
        ("allowed_images", "ec2:GetAllowedImagesSettings"),
    ] {
        for kind in [PortErrorKind::Denied, PortErrorKind::Unavailable] {
            let (mut running, store) = groups_of_both();
            running.groups.clear();
            running.named.clear();
            running.faults.insert(call, kind);
            let report = doors_of(running, &store);
            let unknown = |door: &&Door| door.severity == Severity::Unknown;
            let told: Vec<&str> = report.doors().iter().filter(unknown).map(|door| door.place.as_str()).collect();
            assert_eq!(told.len(), 1, "{action}: {told:?}");
            assert_eq!("door".parse().map(|one| FailOn::from_iter([one]).outcome(&report)), Ok(Outcome::Undetermined));
            // What runs was seen all the same.
            assert!(report.is_whole());
        }
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

/// The policy of the fleet, with people who may let pass.
fn letting_pass() -> Policy {
    let table = |(name, key): (&str, LocalKey)| crate::testing::policies::authority_table(name, &key);
    let people = ["one", "two"].into_iter().zip(granters()).chain([("revoker", LocalKey::p256(5))]);
    let authorities: String = people.map(table).collect();
    let rule = "[revocation]\nauthorities = [\"revoker\"]\nmax_age = \"48h\"\n[override]\nauthorities = [\"one\", \"two\"]\nmax_life = \"24h\"\n\
                scopes = [\"image\", \"group\", \"account\"]\n";
    compiled(&(gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), "") + &authorities + rule))
}

#[test]
fn what_an_override_lets_run_or_let_in_is_named_instance_by_instance() {
    let place = place(1, "eu-west-1");
    let mut world = World::default();
    world.run(&place, Kind::Unsealed, 4);
    world.run(&place, Kind::Sealed, 2);
    world.run(&place, Kind::Replaced, 1);
    let at = |hours: i64| now() + SignedDuration::from_hours(hours);
    let running = world.places.get_mut(&place).unwrap();
    for (one, launched) in running.listed.iter_mut().zip([-48, -20, -1, -48, -20, -48, -20]) {
        one.launched = Some(at(launched));
    }
    // The fourth is of a group that is let pass, now.
    running.groups = vec![Grouped { group: group("web"), hooks: Ok(Vec::new()), launches: Ok(Vec::new()) }];
    running.listed[3].tags.insert("aws:autoscaling:groupName".into(), "web".into());
    let arn = running.groups[0].group.arn.clone();
    let images: Vec<ImageRef> = running.listed.iter().map(|one| place.image(&one.image)).collect();
    let window = |grant: Grant, from: i64, until: i64| {
        let grant = Grant { granted_at: at(from), from: at(from), until: at(until), ..grant };
        signed_grant(&grant, &granters())
    };
    let over = |image: &ImageRef| window(grant(GrantScope::Image(image.clone()), &["evidence-absent"]), -24, -12);
    let lines = [
        over(&images[0]),
        over(&images[4]),
        over(&images[6]),
        window(grant(GrantScope::Group(arn), &["evidence-absent"]), -1, 1),
    ];
    let views: BTreeMap<Place, _> =
        world.places.into_iter().map(|(place, running)| (place, Ok(FakeView(running.into())))).collect();
    let fleet = FakeFleet { views, ..FakeFleet::default() };
    let store = FakeStore { held: world.store.into(), ..FakeStore::default() };
    let lists = FakeLists(
        vec![
            (Listing::Overrides, lines.concat()),
            (Listing::Revocations(Default::default()), signed_list(&revocations(1, &[]), &LocalKey::p256(5))),
        ],
        now(),
    );
    let policy = letting_pass();
    let report = block_on(audit(&auditing(&policy), &fleet, &store, &lists, &(), now())).unwrap();
    let mut instances: Vec<_> = report.instances.iter().collect();
    instances.sort_by_key(|one| &one.instance);
    let ended = |one: &AuditedInstance| one.overridden.as_ref().map(|by| by.ended.is_some());
    let told: Vec<_> = instances.into_iter().map(|one| (one.class, one.verdict, ended(one))).collect();
    assert_eq!(
        told,
        [
            (Class::Unsealed, Outcome::Reject, None),
            (Class::Overridden, Outcome::Reject, Some(true)),
            (Class::Unsealed, Outcome::Reject, None),
            (Class::Overridden, Outcome::Admit, Some(false)),
            // It is sealed by now, and came in by an override.
            (Class::Overridden, Outcome::Admit, Some(true)),
            (Class::Admitted, Outcome::Admit, None),
            // Nobody let a foreign root volume pass.
            (Class::RootReplaced, Outcome::Reject, None),
        ]
    );
    assert_eq!((report.count(Class::Overridden), FailOn::default().outcome(&report)), (3, Outcome::Reject));
    let only: FailOn = ["overridden".parse().unwrap()].into_iter().collect();
    assert_eq!(only.outcome(&report), Outcome::Reject);
    assert!(AuditReport::read(&serde_json::to_vec(&report).unwrap()).is_ok());
}
