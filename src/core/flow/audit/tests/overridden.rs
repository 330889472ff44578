//! What an override lets run.

use super::*;

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
