//! What launches without being asked about, or would be refused.

use super::*;

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
    doors_by(&policy(), running, store)
}

fn doors_by(policy: &Policy, running: Running, store: &FakeStore) -> AuditReport {
    let views = BTreeMap::from([(place(1, "eu-west-1"), Ok(FakeView(running.into())))]);
    let auditing = Auditing { queue: Some("launches".into()), ..auditing(policy) };
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
fn what_a_group_would_be_refused_is_a_warning_where_the_policy_only_warns_that_group() {
    let text = gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), "");
    for (warned, severity) in [("refused", Severity::Warning), ("good", Severity::Problem)] {
        let scope = format!("[[scope]]\nmode = \"warn\"\ngroups = [\"{}\"]\n", group(warned).arn);
        let (running, store) = groups_of_both();
        let report = doors_by(&compiled(&format!("{text}{scope}")), running, &store);
        let of_group = |door: &&Door| door.code == "image-refused" && door.place.starts_with("refused: ");
        assert_eq!(report.doors().iter().find(of_group).map(|door| door.severity), Some(severity), "{warned}");
    }
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
