use proptest::prelude::*;

use super::*;
use crate::{
    digest::Sha256Digest,
    gate::Shortfall,
    ids::{ImageRef, SnapshotId},
    policy::RootVolume,
    report::{Class, Outcome},
    verdict::{Fault, Faults, Ground, Grounds, Reason, Reasons, Verdict},
};

const HORIZON: i64 = 14 * 24 * 3600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn id(number: u64) -> InstanceId {
    format!("i-{number:017x}").parse().unwrap()
}

fn volume(number: u64, snapshot: u64) -> Volume {
    let snapshot = Some(format!("snap-{snapshot:017x}").parse().unwrap());
    Volume { id: format!("vol-{number:017x}").parse().unwrap(), snapshot, source: None }
}

fn listed(number: u64, tags: &[(&str, &str)]) -> Listed {
    Listed {
        id: id(number),
        image: "ami-0123456789abcdef0".parse().unwrap(),
        state: "running".to_owned(),
        launched: Some(at(0)),
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        operator: None,
        seen: ImageSeen::default(),
    }
}

fn instance(root: Option<u64>) -> Instance {
    Instance {
        image: "ami-0123456789abcdef0".parse().unwrap(),
        launched: None,
        root_device_type: "ebs".to_owned(),
        root_volume: root.map(|number| volume(number, 0).id),
    }
}

fn roots(described: Result<BTreeMap<InstanceId, Result<Instance, String>>, String>, volumes: &[Volume]) -> Root {
    let volumes = volumes.iter().map(|one| (one.id.clone(), one.clone())).collect();
    machines(vec![listed(1, &[])], &described, &volumes).remove(0).root
}

#[test]
fn a_root_is_known_as_far_as_both_calls_and_the_volumes_tell() {
    let one = |instance: Result<Instance, String>| Ok(BTreeMap::from([(id(1), instance)]));
    let store = Instance { root_device_type: "instance-store".to_owned(), ..instance(None) };
    for (described, volumes, root) in [
        (one(Ok(instance(Some(7)))), vec![volume(7, 1)], Root::Volume(Ok(volume(7, 1)))),
        (one(Ok(instance(Some(7)))), vec![], Root::Volume(Err(volume(7, 1).id))),
        (one(Ok(instance(None))), vec![], Root::Unknown("no root volume is attached".to_owned())),
        (one(Ok(store)), vec![], Root::InstanceStore),
        (one(Err("torn".to_owned())), vec![], Root::Unknown("torn".to_owned())),
        (Ok(BTreeMap::new()), vec![], Root::Unknown(format!("EC2 does not show {}", id(1)))),
        (Err("denied".to_owned()), vec![], Root::Unknown("denied".to_owned())),
    ] {
        assert_eq!(roots(described, &volumes), root);
    }
}

#[test]
fn tags_of_aws_say_who_launched() {
    let group = Launcher::Group { group: "web".parse().unwrap() };
    let fleet = |id: &str| Launcher::Fleet { id: id.to_owned() };
    for (tags, operator, expected) in [
        (vec![], None, Launcher::Direct),
        (vec![(GROUP_TAG, "web"), ("aws:ec2:fleet-id", "fleet-1")], None, group),
        (vec![("aws:ec2:fleet-id", "fleet-1")], None, fleet("fleet-1")),
        (vec![("aws:ec2spot:fleet-request-id", "sfr-1")], None, fleet("sfr-1")),
        (vec![(KARPENTER_TAG, "spot"), ("aws:ec2:fleet-id", "f")], None, Launcher::Karpenter { pool: "spot".into() }),
        (vec![], Some("eks.amazonaws.com"), Launcher::Service { principal: "eks.amazonaws.com".into() }),
    ] {
        let mut one = listed(1, &tags);
        one.operator = operator.map(str::to_owned);
        let found = machines(vec![one], &Err(String::new()), &BTreeMap::new()).remove(0);
        assert_eq!(found.launcher, expected, "{tags:?}");
    }
}

fn admitted() -> Verdict {
    let ground = Ground { kind: crate::attestation::Kind::Gate, statement: Sha256Digest::of(b""), by: Vec::new() };
    Verdict::Admit(Grounds::new(vec![ground]).unwrap())
}

fn rejected(reasons: impl IntoIterator<Item = Reason>) -> Verdict {
    Verdict::Reject(Reasons::new(reasons.into_iter().collect()).unwrap())
}

fn expired() -> Reason {
    let (id, package, owner) = ("CVE-1".to_owned(), "tar".to_owned(), "o".to_owned());
    Reason::GateShort { shortfall: Shortfall::ExceptionExpired { id, package, owner, expires: at(-1) } }
}

#[test]
fn the_class_of_an_image_follows_from_its_verdict() {
    let absent = || Reason::EvidenceAbsent { place: String::new() };
    let image: ImageRef = ImageRef { region: "eu-west-1".parse().unwrap(), id: listed(1, &[]).image };
    let other = || Reason::GateNotPassed { result: "FAILED".to_owned() };
    let undetermined = Verdict::Undetermined(Faults::one(Fault::Internal { problem: String::new() }));
    for (verdict, lapsed, until, class) in [
        (admitted(), false, None, Class::Admitted),
        (admitted(), false, Some(at(HORIZON + 1)), Class::Admitted),
        (admitted(), false, Some(at(HORIZON)), Class::Expiring),
        (undetermined, false, None, Class::Undetermined),
        (rejected([absent()]), false, None, Class::Unsealed),
        (rejected([absent(), Reason::ImageNotFound { image }]), false, None, Class::Unsealed),
        (rejected([expired()]), true, None, Class::Expired),
        (rejected([expired()]), false, None, Class::Refused),
        (rejected([expired(), other()]), false, None, Class::Refused),
        (rejected([absent(), other()]), false, None, Class::Refused),
    ] {
        assert_eq!(Image::of(&verdict, lapsed, until, at(HORIZON), None).class, class, "{verdict:?} {until:?}");
    }
}

#[test]
fn a_machine_is_never_better_than_its_image_and_its_root() {
    let machine = |root: Root| Machine {
        root,
        ..machines(vec![listed(1, &[])], &Err(String::new()), &BTreeMap::new()).remove(0)
    };
    let own: SnapshotId = volume(0, 1).snapshot.unwrap();
    let (good, foreign) = (Root::Volume(Ok(volume(7, 1))), Root::Volume(Ok(volume(7, 2))));
    let unknown = Root::Volume(Err(volume(7, 1).id));
    for (class, root, expected) in [
        (Class::Admitted, &good, Class::Admitted),
        (Class::Admitted, &Root::InstanceStore, Class::Admitted),
        (Class::Expiring, &foreign, Class::RootReplaced),
        (Class::Unsealed, &foreign, Class::RootReplaced),
        (Class::Refused, &foreign, Class::Refused),
        (Class::Admitted, &unknown, Class::Undetermined),
        (Class::Expired, &unknown, Class::Expired),
    ] {
        let image = Image { class, snapshots: Some(vec![own.clone()]) };
        let found = classify(&machine(root.clone()), &image, RootVolume::OfImage);
        assert_eq!(found.class, expected, "{class:?} {root:?}");
        assert_eq!(
            found.reasons.is_empty(),
            !matches!(root, Root::Volume(Ok(volume)) if volume.foreign_to(std::slice::from_ref(&own)).is_some())
        );
        assert_eq!(classify(&machine(root.clone()), &image, RootVolume::Unchecked).class, class);
        let unseen = Image { class, snapshots: None };
        assert_eq!(classify(&machine(root.clone()), &unseen, RootVolume::OfImage).class, class);
    }
}

#[test]
fn the_worst_class_comes_first_and_only_two_admit() {
    assert!(Class::ALL.is_sorted());
    let admits: Vec<Class> = Class::ALL.into_iter().filter(|class| class.verdict() == Outcome::Admit).collect();
    assert_eq!(admits, [Class::Expiring, Class::Admitted]);
}

proptest! {
    #[test]
    fn every_machine_that_was_listed_is_there_whatever_the_other_call_says(
        listed_count in 0u64..20, described in prop::collection::btree_map(0u64..30, prop::option::of(0u64..30), 0..20),
        denied: bool,
    ) {
        let all: Vec<Listed> = (0..listed_count).map(|number| listed(number, &[])).collect();
        let told = described.into_iter().map(|(number, root)| (id(number), Ok(instance(root)))).collect();
        let found = machines(all.clone(), &if denied { Err("denied".to_owned()) } else { Ok(told) }, &BTreeMap::new());
        prop_assert_eq!(found.iter().map(|one| &one.id).collect::<Vec<_>>(), all.iter().map(|one| &one.id).collect::<Vec<_>>());
    }
}
