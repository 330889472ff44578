use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::*;
use crate::{
    doctor::{Caller, Unasked, Why},
    fleet::Root,
    lifecycle::Group,
    policy::Mode,
    report::ImageSeen,
    testing::fleet::group,
};

fn place() -> Launching {
    Launching {
        region: "eu-west-1".parse().unwrap(),
        caller: Ok(Caller { account: "123456789012".parse().unwrap(), arn: None }),
        deadline: SignedDuration::from_mins(10),
        hooks: vec!["goldseal".parse().unwrap()],
        queue: None,
        groups: Ok(Vec::new()),
        named: Ok(Vec::new()),
        again: "goldseal audit",
    }
}

/// A place of which nothing more is told.
fn shut() -> Around {
    Around { allowed: Ok(AllowedImages::On), replaced: Ok(Vec::new()) }
}

fn id(number: u64) -> InstanceId {
    format!("i-{number:017x}").parse().unwrap()
}

fn machine(number: u64, launcher: Launcher) -> Machine {
    Machine {
        id: id(number),
        image: "ami-0123456789abcdef0".parse().unwrap(),
        name: None,
        state: "running".into(),
        launched: None,
        launcher,
        seen: ImageSeen::default(),
        root: Root::InstanceStore,
    }
}

#[test]
fn what_no_group_launched_is_one_door_for_each_launcher() {
    let fleet = |id: &str| Launcher::Fleet { id: id.into() };
    let mut machines = vec![
        machine(100, Launcher::Group { group: "web".parse().unwrap() }),
        machine(101, fleet("fleet-1")),
        machine(102, fleet("fleet-2")),
        machine(103, Launcher::Karpenter { pool: "default".into() }),
        machine(104, Launcher::Service { principal: "eks.amazonaws.com".into() }),
    ];
    machines.extend((0..25).map(|number| machine(number, Launcher::Direct)));
    let found = examine(&machines, &shut(), &place());
    let told: Vec<(&str, &str)> = found.iter().map(|one| (one.code, one.place.as_str())).collect();
    assert_eq!(
        told,
        [
            (DIRECT, "RunInstances"),
            (OF_FLEET, "fleet-1"),
            (OF_FLEET, "fleet-2"),
            (OF_KARPENTER, "default"),
            (OF_SERVICE, "eks.amazonaws.com"),
        ]
    );
    let direct = &found[0];
    assert!(direct.message.starts_with("25 instances (i-00000000000000000, "), "{}", direct.message);
    assert!(direct.message.contains(" and 15 more): "), "{}", direct.message);
    assert_eq!(direct.commands[0].matches(" i-").count(), SHOWN);
    assert!(direct.commands[0].starts_with("aws ec2 describe-instances --region eu-west-1 --instance-ids i-"));
}

#[test]
fn what_a_group_was_given_is_a_door_of_that_group() {
    let mut place = place();
    let group = |name: &str, attached: &[u64]| GroupFacts {
        group: Group { attached: attached.iter().map(|number| id(*number)).collect(), ..group(name) },
        guarded: true,
        mode: Mode::Enforce,
        hooks: Ok(Vec::new()),
        launches: Ok(Vec::new()),
    };
    place.groups = Ok(vec![group("web", &[1, 2]), group("queue", &[])]);
    let found = examine(&[], &shut(), &place);
    let told: Vec<(&str, &str)> = found.iter().map(|one| (one.code, one.place.as_str())).collect();
    assert_eq!(told, [(ATTACHED, "web")]);
    assert!(found[0].message.contains(id(2).as_str()), "{}", found[0].message);
}

#[test]
fn a_replaced_root_counts_for_what_runs_here_unless_it_failed() {
    let group = || Launcher::Group { group: "web".parse().unwrap() };
    let machines: Vec<Machine> = (1..=6).map(|number| machine(number, group())).collect();
    let task = |number, state: &str| ReplacedRoot { instance: id(number), state: state.into() };
    let tasks = [(1, "succeeded"), (2, "in-progress"), (3, "pending"), (1, "failed"), (4, "failed"), (5, "failing")];
    let mut told: Vec<ReplacedRoot> = tasks.into_iter().map(|(number, state)| task(number, state)).collect();
    told.push(task(99, "succeeded"));
    let found = examine(&machines, &Around { replaced: Ok(told), ..shut() }, &place());
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.code, one.place.as_str()), (REPLACED, "eu-west-1"));
    for (number, named) in [(1, true), (2, true), (3, true), (4, false), (5, false), (6, false), (99, false)] {
        assert_eq!(one.message.contains(id(number).as_str()), named, "{number}: {}", one.message);
    }
}

#[test]
fn the_setting_of_ec2_is_a_door_unless_it_is_on() {
    let denied = Unasked {
        operation: "ec2:GetAllowedImagesSettings",
        resource: "eu-west-1".into(),
        why: Why::Denied,
        problem: "no".into(),
    };
    for (allowed, expected, command) in [
        (Ok(AllowedImages::On), None, ""),
        (Ok(AllowedImages::Off), Some((Severity::Warning, OFF)), "audit-mode"),
        (Ok(AllowedImages::Audit), Some((Severity::Warning, AUDIT)), "enabled"),
        (Err(denied), Some((Severity::Unknown, "not-asked")), "put-role-policy"),
    ] {
        let found = examine(&[], &Around { allowed, ..shut() }, &place());
        assert_eq!(found.first().map(|one| (one.severity, one.code)), expected);
        assert!(found.iter().all(|one| one.commands.iter().any(|line| line.contains(command))), "{found:?}");
    }
}

#[test]
fn codes_are_listed_once() {
    let codes: BTreeSet<&str> = DOOR_CODES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes.len(), DOOR_CODES.len());
    assert!(codes.is_disjoint(&crate::doctor::CODES.iter().map(|(code, ..)| *code).collect()));
}
