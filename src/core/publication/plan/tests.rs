use std::collections::BTreeMap;

use super::*;
use crate::{
    publication::Parameter,
    testing::{images::descriptor, publication::bare},
};

const NOW: &str = "2026-11-24T12:00:00Z";
const ACCOUNT: &str = "222222222222";
const ORGANIZATION: &str = "arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5";
const SNAPSHOTS: [&str; 2] = ["snap-0123456789abcdef0", "snap-0123456789abcdef1"];

fn tags() -> Vec<(String, String)> {
    vec![("ec2:SharedTag/a".to_owned(), "1".to_owned()), ("ec2:SharedTag/b".to_owned(), "2".to_owned())]
}

fn everything() -> Wishes {
    Wishes {
        lock: Some("30".parse().unwrap()),
        protect: true,
        share: [ORGANIZATION, ACCOUNT].map(|one| one.parse().unwrap()).into(),
        parameters: ["/golden/b", "/golden/a"].map(|name| name.parse().unwrap()).into(),
    }
}

fn planned(wishes: &Wishes, state: &State) -> Result<Vec<Planned>, Obstacle> {
    let image = descriptor().image();
    plan(&Goal { image: &image, tags: &tags(), wishes, now: NOW.parse().unwrap() }, state)
}

/// The missing steps, as text.
fn missing(wishes: &Wishes, state: &State) -> Vec<String> {
    let planned = planned(wishes, state).unwrap().into_iter();
    planned.filter(|one| !one.already).map(|one| one.step.to_string()).collect()
}

fn locked(mode: LockMode, until: &str) -> State {
    let lock = Lock { mode, until: until.parse().unwrap() };
    State { snapshots: [(SNAPSHOTS[0].parse().unwrap(), Some(lock))].into(), ..bare() }
}

#[test]
fn every_step_reads_like_its_call_and_stands_in_the_safe_order() {
    assert_eq!(
        missing(&everything(), &bare()),
        [
            "ec2:LockSnapshot eu-west-1 snap-0123456789abcdef0 governance until 2026-12-25T00:00:00Z",
            "ec2:LockSnapshot eu-west-1 snap-0123456789abcdef1 governance until 2026-12-25T00:00:00Z",
            "ec2:EnableImageDeregistrationProtection eu-west-1 ami-0123456789abcdef0",
            "ec2:CreateTags eu-west-1 ami-0123456789abcdef0 ec2:SharedTag/a=1, ec2:SharedTag/b=2",
            "ec2:ModifyImageAttribute eu-west-1 ami-0123456789abcdef0 launchPermission +222222222222 \
             +arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5",
            "ssm:PutParameter eu-west-1 /golden/a =ami-0123456789abcdef0",
            "ssm:PutParameter eu-west-1 /golden/b =ami-0123456789abcdef0",
        ]
    );
}

#[test]
fn without_wishes_the_shared_tags_are_all() {
    let expected = ["ec2:CreateTags eu-west-1 ami-0123456789abcdef0 ec2:SharedTag/a=1, ec2:SharedTag/b=2"];
    assert_eq!(missing(&Wishes::default(), &bare()), expected);
}

#[test]
fn only_what_is_missing_is_planned() {
    let parameter = |value: &str| Parameter { value: value.to_owned(), data_type: IMAGE_DATA_TYPE.to_owned() };
    let mut state = bare();
    state.protected = true;
    state.tags = [("ec2:SharedTag/a", "1"), ("ec2:SharedTag/b", "old"), ("c", "3")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    state.audience = [ACCOUNT.to_owned(), "333333333333".to_owned()].into();
    state.parameters = [
        ("/golden/a".parse().unwrap(), parameter("ami-0fedcba9876543210")),
        ("/golden/b".parse().unwrap(), parameter("ami-0123456789abcdef0")),
    ]
    .into();
    let wishes = Wishes { lock: None, ..everything() };
    assert_eq!(
        missing(&wishes, &state),
        [
            "ec2:CreateTags eu-west-1 ami-0123456789abcdef0 ec2:SharedTag/b=2",
            "ec2:ModifyImageAttribute eu-west-1 ami-0123456789abcdef0 launchPermission \
             +arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5",
            "ssm:PutParameter eu-west-1 /golden/a =ami-0123456789abcdef0 (was ami-0fedcba9876543210)",
        ]
    );
    let already = planned(&wishes, &state).unwrap().into_iter().filter(|one| one.already);
    assert_eq!(
        already.map(|one| one.step.to_string()).collect::<Vec<_>>(),
        [
            "ec2:EnableImageDeregistrationProtection eu-west-1 ami-0123456789abcdef0",
            "ec2:CreateTags eu-west-1 ami-0123456789abcdef0 ec2:SharedTag/a=1",
            "ec2:ModifyImageAttribute eu-west-1 ami-0123456789abcdef0 launchPermission +222222222222",
            "ssm:PutParameter eu-west-1 /golden/b =ami-0123456789abcdef0",
        ]
    );
}

#[test]
fn no_lock_is_made_shorter_or_weaker() {
    let lock = Wishes { lock: Some("30".parse().unwrap()), ..Wishes::default() };
    let locks = |state: &State| missing(&lock, state).iter().filter(|step| step.contains("LockSnapshot")).count();
    for (mode, until, expected) in [
        (LockMode::Governance, "2026-12-25T00:00:00Z", 0),
        (LockMode::Governance, "2030-01-01T00:00:00Z", 0),
        (LockMode::Compliance, "2026-12-25T00:00:00Z", 0),
        (LockMode::Governance, "2026-12-24T23:59:59Z", 1),
    ] {
        let state = locked(mode, until);
        assert_eq!(locks(&state), expected, "{mode} {until}");
        let shown = planned(&lock, &state).unwrap().remove(0);
        assert_eq!(shown.already, expected == 0);
        assert!(expected == 1 || shown.step.detail() == format!("{mode} until {until}"), "{}", shown.step);
    }
    let short = locked(LockMode::Compliance, "2026-12-24T23:59:59Z");
    let obstacle = planned(&lock, &short).unwrap_err();
    assert_eq!(
        obstacle.to_string(),
        "snap-0123456789abcdef0 is locked in compliance mode until 2026-12-24T23:59:59Z, which is shorter than asked for"
    );
    assert_eq!(locks(&State { snapshots: BTreeMap::new(), ..bare() }), 0);
}

#[test]
fn what_stands_in_the_way_is_named() {
    for state in ["pending", "disabled", "deregistered", ""] {
        let refused = planned(&Wishes::default(), &State { state: state.to_owned(), ..bare() });
        assert_eq!(refused, Err(Obstacle::NotAvailable { state: state.to_owned() }));
    }
    // The value is right, and the data type never will be.
    let name: ParameterName = "/golden/a".parse().unwrap();
    let text = Parameter { value: "ami-0123456789abcdef0".to_owned(), data_type: "text".to_owned() };
    let refused = planned(&everything(), &State { parameters: [(name.clone(), text)].into(), ..bare() });
    assert_eq!(refused, Err(Obstacle::NotAnImageParameter { name, data_type: "text".to_owned() }));
}
