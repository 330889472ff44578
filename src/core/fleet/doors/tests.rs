use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::*;
use crate::{
    doctor::{Caller, Unasked, Why},
    fleet::Root,
    report::ImageSeen,
};

fn place() -> Launching {
    Launching {
        region: "eu-west-1".parse().unwrap(),
        caller: Ok(Caller { account: "123456789012".parse().unwrap(), arn: None }),
        deadline: SignedDuration::from_mins(10),
        hooks: vec!["goldseal".parse().unwrap()],
        queue: None,
        groups: Ok(Vec::new()),
        again: "goldseal audit",
    }
}

fn machine(number: u64, launcher: Launcher) -> Machine {
    Machine {
        id: format!("i-{number:017x}").parse().unwrap(),
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
    let found = examine(&machines, &Ok(AllowedImages::On), &place());
    let told: Vec<(&str, &str)> = found.iter().map(|one| (one.code, one.place.as_str())).collect();
    assert_eq!(
        told,
        [
            (DIRECT, "25 instances of RunInstances"),
            (OF_FLEET, "1 instance of fleet-1"),
            (OF_FLEET, "1 instance of fleet-2"),
            (OF_KARPENTER, "1 instance of default"),
            (OF_SERVICE, "1 instance of eks.amazonaws.com"),
        ]
    );
    let direct = &found[0];
    assert!(direct.message.ends_with(" and 5 more"), "{}", direct.message);
    assert_eq!(direct.commands[0].matches(" i-").count(), SHOWN);
    assert!(direct.commands[0].starts_with("aws ec2 describe-instances --region eu-west-1 --instance-ids i-"));
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
        let found = examine(&[], &allowed, &place());
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
