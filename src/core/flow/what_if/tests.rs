mod grouped;
mod recorded;

use std::{collections::BTreeMap, sync::Mutex};

use futures_executor::block_on;
use proptest::prelude::*;

use super::{
    super::audit::tests::{KINDS, Kind, World, now, place},
    *,
};
use crate::{
    attestation::predicate::{GrantScope, Revoked},
    fleet::Place,
    flow::Carried,
    ids::{InstanceId, Region},
    lifecycle::Group,
    ports::{Grouped, Listing, Listings, PortErrorKind, Postings},
    report::{Class, Effect, Outcome, WhatIfReport},
    testing::{
        fleet::{FakeFleet, FakeView},
        gated::gated_policy,
        keys::LocalKey,
        launches::FakeState,
        lists::{grant, granters, revocations, signed_grant, signed_list},
        policies::{compiled, kms_authority},
        ports::{FakeKeys, FakeLists, FakeStore},
    },
    trust::KeyAnswer,
};

/// Policies that differ in what they believe, limit, look at and do.
fn policies() -> Vec<Policy> {
    let (ci, boss, other) = (LocalKey::p256(1), LocalKey::p256(2), LocalKey::p256(3));
    let base = gated_policy(&ci, &boss, "");
    let scope = "[[scope]]\nmode = \"warn\"\naccounts = [\"000000000001\"]\n";
    [
        base.clone(),
        gated_policy(&other, &boss, ""),
        base.replace("no_match = \"enforce\"", "no_match = \"warn\""),
        format!("{base}[launch]\nroot_volume = \"unchecked\"\n"),
        format!("{base}[gate]\nmax_scan_age = \"1d\"\n"),
        format!("{base}{scope}"),
    ]
    .map(|text| compiled(&text))
    .into()
}

/// A fleet and a store.
fn hosted(world: World) -> (FakeFleet, FakeStore) {
    let views = world.places.into_iter().map(|(place, running)| (place, Ok(FakeView(running.into()))));
    let fleet = FakeFleet { views: views.collect(), ..FakeFleet::default() };
    (fleet, FakeStore { held: world.store.into(), ..FakeStore::default() })
}

/// Nothing is supposed.
static NOTHING: Supposed = Supposed { revocations: None, overrides: Vec::new() };

fn asked<'a>(current: &'a Policy, candidate: &'a Policy) -> WhatIf<'a> {
    WhatIf { current, candidate, at: now(), soon: Period::days(14), stopped: false, since: now(), supposed: &NOTHING }
}

fn compare(asked: &WhatIf<'_>, fleet: &FakeFleet, store: &FakeStore, state: Option<&FakeState>) -> WhatIfReport {
    block_on(what_if(asked, fleet, store, &FakeKeys::default(), state, &(), now())).unwrap()
}

fn world(runs: &[(u64, usize, usize, u64)]) -> World {
    let regions: [Region; 3] = ["eu-west-1", "us-east-1", "ap-southeast-2"].map(|name| name.parse().unwrap());
    let mut world = World::default();
    for (account, region, kind, instances) in runs {
        let place = Place { region: regions[*region].clone(), ..place(*account, "eu-west-1") };
        world.run(&place, KINDS[*kind].0, *instances);
    }
    world
}

/// One image of every kind, two instances of each, in two accounts by turns.
fn one_of_each() -> World {
    let runs: Vec<_> = (0..KINDS.len()).map(|kind| (1 + kind as u64 % 2, 0, kind, 2)).collect();
    world(&runs)
}

fn told(report: &WhatIfReport) -> Vec<(Effect, Option<Class>, Option<Class>, u64)> {
    let mut told: Vec<_> = report
        .running
        .changes
        .iter()
        .map(|one| (one.effect, one.from.stance.class, one.to.stance.class, one.instances.len() as u64))
        .collect();
    told.sort();
    told
}

#[test]
fn what_a_candidate_would_change_is_told_by_image_and_what_it_would_not_is_counted() {
    use Class::{Admitted, Expired, Expiring, Refused, RootReplaced, Unsealed};
    let policies = policies();
    let refused = |class| (Effect::Refused, Some(class), Some(Refused), 2);
    for (candidate, changes, other_mode) in [
        (0, vec![], 0),
        // A deregistered image is admitted by its provenance, which counts no more.
        (
            1,
            vec![
                refused(Admitted),
                refused(Admitted),
                refused(Expiring),
                (Effect::Class, Some(RootReplaced), Some(Refused), 2),
                (Effect::Class, Some(Expired), Some(Refused), 2),
            ],
            0,
        ),
        (
            2,
            vec![
                (Effect::LetIn, Some(Refused), Some(Refused), 2),
                (Effect::LetIn, Some(Refused), Some(Refused), 2),
                (Effect::LetIn, Some(Refused), Some(Refused), 2),
                (Effect::LetIn, Some(Refused), Some(Refused), 2),
                (Effect::LetIn, Some(RootReplaced), Some(RootReplaced), 2),
                (Effect::LetIn, Some(Unsealed), Some(Unsealed), 2),
                (Effect::LetIn, Some(Unsealed), Some(Unsealed), 2),
                (Effect::LetIn, Some(Expired), Some(Expired), 2),
            ],
            6,
        ),
        (3, vec![(Effect::LetIn, Some(RootReplaced), Some(Admitted), 2)], 0),
        (
            4,
            vec![
                (Effect::Refused, Some(Expiring), Some(Expired), 2),
                (Effect::Refused, Some(Admitted), Some(Expired), 2),
                (Effect::Refused, Some(Admitted), Some(Expired), 2),
            ],
            0,
        ),
    ] {
        let (fleet, store) = hosted(one_of_each());
        let report = compare(&asked(&policies[0], &policies[candidate]), &fleet, &store, None);
        let mut expected = changes;
        expected.sort();
        assert_eq!(told(&report), expected, "candidate {candidate}");
        assert_eq!((report.running.total, report.running.unchanged.other_mode), (22, other_mode));
        assert!(report.running.changes.iter().map(|one| one.effect).is_sorted());
        let outcome = if expected.is_empty() { Outcome::Admit } else { Outcome::Reject };
        assert_eq!(report.outcome(), outcome);
    }
}

#[test]
fn what_would_be_refused_says_why_and_where() {
    let (policies, mut world) = (policies(), World::default());
    let [here, there] = [place(1, "eu-west-1"), place(2, "eu-west-1")];
    world.run(&here, Kind::Sealed, 2);
    let sold = world.places[&here].listed[0].clone();
    world.places.entry(there.clone()).or_default().launch(77, &sold.image, 1);
    world.places.get_mut(&there).unwrap().listed[0].seen = sold.seen;
    let (fleet, store) = hosted(world);
    let report = compare(&asked(&policies[0], &policies[1]), &fleet, &store, None);
    let [change] = &report.running.changes[..] else { panic!("{:?}", report.running.changes) };
    assert!(change.from.causes.is_empty());
    assert!(change.to.causes.iter().any(|cause| cause.code == "attestation-missing"), "{:?}", change.to.causes);
    let accounts: Vec<&str> = change.instances.iter().map(|one| one.account.as_str()).collect();
    assert_eq!(accounts, ["000000000001", "000000000001", "000000000002"]);
    assert_eq!((change.to.stance.verdict, change.from.stance.verdict), (Outcome::Reject, Outcome::Admit));
}

/// KMS without any key, and how often it was asked.
#[derive(Default)]
struct Counted(Mutex<usize>);

impl KeyCatalog for Counted {
    async fn public_key(&self, uri: &str) -> Result<KeyAnswer, PortError> {
        *self.0.lock().unwrap() += 1;
        Err(PortError::new(PortErrorKind::Unavailable, "kms:GetPublicKey", uri))
    }
}

impl Listings for Counted {
    async fn posted(&self, _: &Listing) -> Postings {
        Postings { at: now(), posts: Vec::new() }
    }

    async fn keep(&self, _: &Listing, _: &[u8]) -> Result<(), PortError> {
        Ok(())
    }
}

#[test]
fn an_image_and_a_key_are_asked_for_once_for_both() {
    let (ci, boss) = (LocalKey::p256(1), LocalKey::p256(2));
    let text = gated_policy(&ci, &boss, "");
    let text = text.replace(&crate::testing::policies::authority_table("ci", &ci), &kms_authority("ci", &ci));
    let warn = compiled(&text.replace("no_match = \"enforce\"", "no_match = \"warn\""));
    let (kms, policy) = (Counted::default(), compiled(&text));
    let (fleet, store) = hosted(world(&[(1, 0, 0, 3)]));
    let asked = asked(&policy, &warn);
    let report = block_on(what_if(&asked, &fleet, &store, &kms, None::<&FakeState>, &(), now())).unwrap();
    assert_eq!(*kms.0.lock().unwrap(), 1);
    assert_eq!(store.journal.calls(), ["read"]);
    // The key is not there, so nobody knows; in warn mode they would be let in.
    assert_eq!(told(&report), [(Effect::LetIn, Some(Class::Undetermined), Some(Class::Undetermined), 3)]);
}

#[test]
fn what_could_not_be_seen_leaves_it_open() {
    let policies = policies();
    let mut torn = world(&[(1, 0, 0, 2), (2, 0, 3, 1)]);
    torn.places.values_mut().next().unwrap().faults.insert("described", PortErrorKind::Denied);
    let (mut fleet, store) = hosted(torn);
    fleet.closed.insert("000000000009".parse().unwrap(), PortErrorKind::Denied);
    let report = compare(&asked(&policies[0], &policies[0]), &fleet, &store, None);
    assert_eq!((report.running.changed(), report.outcome()), (0, Outcome::Undetermined));
    assert_eq!(report.places.iter().filter(|place| !place.faults.is_empty()).count(), 2);
    // Without the root volumes nobody knows about two of them.
    assert_eq!(report.running.unchanged.undetermined, 2);
    // A policy that does not look at them knows.
    let report = compare(&asked(&policies[0], &policies[3]), &fleet, &store, None);
    assert_eq!(told(&report), [(Effect::LetIn, Some(Class::Undetermined), Some(Class::Admitted), 2)]);

    let lost = FakeFleet { fault: Some(PortErrorKind::Denied), ..FakeFleet::default() };
    let lost = block_on(what_if(
        &asked(&policies[0], &policies[1]),
        &lost,
        &store,
        &FakeKeys::default(),
        None::<&FakeState>,
        &(),
        now(),
    ));
    assert_eq!(lost.unwrap_err().kind, PortErrorKind::Denied);
}

#[test]
fn an_instance_is_in_the_mode_of_its_group() {
    let arn = "arn:aws:autoscaling:eu-west-1:000000000001:autoScalingGroup:\
               0a1b2c3d-0000-0000-0000-000000000000:autoScalingGroupName/web";
    let text = gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), "");
    let trial = compiled(&format!("{text}[[scope]]\nmode = \"warn\"\ngroups = [\"{arn}\"]\n"));
    let (policies, here) = (policies(), place(1, "eu-west-1"));
    let grouped = |fault: bool| {
        let mut world = world(&[(1, 0, 3, 2)]);
        let running = world.places.get_mut(&here).unwrap();
        running.listed[0].tags.insert("aws:autoscaling:groupName".to_owned(), "web".to_owned());
        let (name, arn) = ("web".parse().unwrap(), arn.parse().unwrap());
        let group = Group { name, arn, waiting: Vec::new(), attached: Vec::new(), launch_suspended: false };
        running.groups = vec![Grouped { group, hooks: Ok(Vec::new()), launches: Ok(Vec::new()) }];
        if fault {
            running.faults.insert("grouped", PortErrorKind::Denied);
        }
        hosted(world)
    };
    let (fleet, store) = grouped(false);
    let report = compare(&asked(&policies[0], &trial), &fleet, &store, None);
    assert_eq!(told(&report), [(Effect::LetIn, Some(Class::Unsealed), Some(Class::Unsealed), 1)]);
    assert_eq!(report.running.unchanged.count, 1);
    let (fleet, store) = grouped(true);
    let report = compare(&asked(&policies[0], &trial), &fleet, &store, None);
    assert_eq!((report.running.changed(), report.outcome()), (0, Outcome::Undetermined));
    let calls =
        |fleet: &FakeFleet| fleet.views[&here].as_ref().unwrap().0.journal.calls().contains(&"grouped".to_owned());
    assert!(calls(&fleet));
    let (fleet, store) = grouped(true);
    assert_eq!(compare(&asked(&policies[0], &policies[0]), &fleet, &store, None).outcome(), Outcome::Admit);
    assert!(!calls(&fleet), "no policy asks for it");
}

/// Returns the class of every instance by an audit.
fn classes(
    policy: &Policy,
    fleet: &FakeFleet,
    store: &FakeStore,
) -> BTreeMap<InstanceId, (Class, crate::policy::Mode)> {
    let (auditing, kms) = (super::super::audit::tests::auditing(policy), FakeKeys::default());
    block_on(super::super::audit(&auditing, fleet, store, &kms, &(), now()))
        .unwrap()
        .instances
        .into_iter()
        .map(|one| (one.instance, (one.class, one.mode)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn by_the_same_policy_nothing_changes_and_by_two_everything_is_counted_once(
        runs in prop::collection::vec((1u64..4, 0usize..3, 0usize..KINDS.len(), 0u64..4), 0..10),
        current in 0usize..6, candidate in 0usize..6,
    ) {
        let policies = policies();
        let world = world(&runs);
        let machines = world.machines;
        let (fleet, store) = hosted(world);
        let (current, candidate) = (&policies[current], &policies[candidate]);

        let same = compare(&asked(current, current), &fleet, &store, None);
        prop_assert_eq!(same.running.changed(), 0);
        prop_assert_eq!((same.running.total, same.running.unchanged.count), (machines, machines));

        let report = compare(&asked(current, candidate), &fleet, &store, None);
        prop_assert_eq!(report.running.changed() + report.running.unchanged.count, machines);
        prop_assert_eq!(report.running.total, machines);

        // It says what an audit by each of them says.
        let (before, after) = (classes(current, &fleet, &store), classes(candidate, &fleet, &store));
        let mut changed = std::collections::BTreeSet::new();
        for change in &report.running.changes {
            for one in &change.instances {
                prop_assert!(changed.insert(one.instance.clone()), "{} changes twice", one.instance);
                let of = |stance: crate::report::Stance| (stance.class.unwrap(), stance.mode);
                prop_assert_eq!(before[&one.instance], of(change.from.stance));
                prop_assert_eq!(after[&one.instance], of(change.to.stance));
            }
        }
        for (id, before) in &before {
            if !changed.contains(id) {
                prop_assert_eq!(before.0, after[id].0);
            }
        }

        // The way back is the opposite.
        let back = compare(&asked(candidate, current), &fleet, &store, None);
        prop_assert_eq!(back.running.count(Effect::LetIn), report.running.count(Effect::Refused));
        prop_assert_eq!(back.running.count(Effect::Worse), report.running.count(Effect::Better));
        prop_assert_eq!(back.running.changed(), report.running.changed());
    }
}

#[test]
fn lists_that_nobody_published_are_the_candidates_alone() {
    let policy = {
        let table = |(name, key): (&str, LocalKey)| crate::testing::policies::authority_table(name, &key);
        let people = ["one", "two"].into_iter().zip(granters()).chain([("revoker", LocalKey::p256(5))]);
        let authorities: String = people.map(table).collect();
        let rules = "[revocation]\nauthorities = [\"revoker\"]\nmax_age = \"48h\"\n\
                     [override]\nauthorities = [\"one\", \"two\"]\nmax_life = \"24h\"\n";
        compiled(&(gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), "") + &authorities + rules))
    };
    let place = place(1, "eu-west-1");
    let mut world = World::default();
    world.run(&place, Kind::Sealed, 3);
    world.run(&place, Kind::Unsealed, 2);
    let listed = &world.places[&place].listed;
    let (sealed, bare) = (place.image(&listed[0].image), place.image(&listed[3].image));
    let (fleet, store) = hosted(world);
    let list = Listing::Revocations(Default::default());
    let published = FakeLists(vec![(list, signed_list(&revocations(1, &[]), &LocalKey::p256(5)))], now());
    let carried = |bytes: Vec<u8>| Carried { place: "next.jsonl".into(), answer: Ok(Some(bytes)) };
    let compare = |supposed: &Supposed| {
        assert_eq!(supposed.is_empty(), supposed.places().is_empty());
        let asked = WhatIf { supposed, ..asked(&policy, &policy) };
        block_on(what_if(&asked, &fleet, &store, &published, None::<&FakeState>, &(), now())).unwrap()
    };
    let codes = |report: &WhatIfReport| -> Vec<String> {
        report.notes.iter().map(|note| note.code.to_string()).filter(|code| code != "no-decisions").collect()
    };
    let nothing = compare(&NOTHING);
    assert_eq!((told(&nothing), codes(&nothing)), (vec![], vec![]));

    let revoked = Revoked::Image { image: sealed, content: Vec::new() };
    let next = signed_list(&revocations(2, &[revoked]), &LocalKey::p256(5));
    let report = compare(&Supposed { revocations: Some(carried(next)), overrides: Vec::new() });
    assert_eq!(told(&report), [(Effect::Refused, Some(Class::Admitted), Some(Class::Refused), 3)]);
    assert_eq!(report.supposed, ["next.jsonl"]);
    let same = signed_list(&revocations(1, &[]), &LocalKey::p256(5));
    let report = compare(&Supposed { revocations: Some(carried(same)), overrides: Vec::new() });
    assert_eq!((told(&report), codes(&report)), (vec![], vec!["revocations-not-counted".to_owned()]));

    let granted = grant(GrantScope::Image(bare), &["evidence-absent"]);
    let whole = carried(signed_grant(&granted, &granters()));
    let report = compare(&Supposed { revocations: None, overrides: vec![whole] });
    assert_eq!(told(&report), [(Effect::LetIn, Some(Class::Unsealed), Some(Class::Overridden), 2)]);
    assert_eq!(codes(&report), Vec::<String>::new());
    let half = carried(signed_grant(&granted, &granters()[..1]));
    let report = compare(&Supposed { revocations: None, overrides: vec![half] });
    assert_eq!((told(&report), codes(&report)), (vec![], vec!["override-not-active".to_owned()]));
}
