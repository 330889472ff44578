mod changes;
mod setup;

use std::collections::BTreeSet;

use jiff::SignedDuration;

use self::{
    changes::CHANGES,
    setup::{first, good, issued, launch, ours, overridden, queue, refused, rejected, revocations},
};
use super::*;
use crate::policy::GrantState;

type Change = fn(&mut Facts);

#[test]
fn a_good_set_up_has_nothing_to_mend() {
    let found = examine(&good());
    assert!(found.iter().all(|one| one.severity >= Severity::Note), "{found:#?}");
    let codes: BTreeSet<&str> = found.iter().map(|one| one.code).collect();
    let expected = [
        "clock-good",
        "hook-good",
        "image-admitted",
        "key-good",
        "permission-good",
        "permission-not-tried",
        "queue-good",
        "revocation-list-good",
        "state-good",
        "store-good",
    ];
    assert_eq!(codes, BTreeSet::from(expected));
}

#[test]
fn every_change_brings_its_finding_and_what_to_type() {
    for (index, (code, severity, typed, change)) in CHANGES.iter().enumerate() {
        let mut facts = good();
        change(&mut facts);
        let found = examine(&facts);
        let one = found.iter().find(|one| one.code == *code);
        let one = one.unwrap_or_else(|| panic!("{index}: no {code} in {found:#?}"));
        assert_eq!(one.severity, *severity, "{index}: {one:#?}");
        assert!(one.commands.join("\n").contains(typed), "{index}: {one:#?}");
    }
}

#[test]
fn one_change_brings_one_finding_and_takes_the_good_word_away() {
    for (code, change, gone) in [
        ("hook-default-continue", (|f| ours(f).default_result = None) as Change, "hook-good"),
        ("queue-retention-short", |f| queue(f).retention = SignedDuration::ZERO, "queue-good"),
        ("image-refused", |f| first(f).launches = Ok(vec![launch(rejected())]), "image-admitted"),
        ("clock-wrong", |f| f.ahead = Ok(SignedDuration::from_mins(2)), "clock-good"),
        (
            "permission-missing",
            |f| f.rights[0].tried = Err(refused("ec2:DescribeImages", Why::Denied)),
            "permission-good",
        ),
        ("revocation-list-stale", |f| issued(f, -24), "revocation-list-good"),
        ("revocation-list-ends-soon", |f| issued(f, -19), "revocation-list-good"),
    ] {
        let mut facts = good();
        change(&mut facts);
        let found = examine(&facts);
        let bad: Vec<&str> = found.iter().filter(|one| one.severity < Severity::Note).map(|one| one.code).collect();
        assert_eq!(bad, [code]);
        assert!(!found.iter().any(|one| one.code == gone), "{found:#?}");
    }
}

#[test]
fn every_code_is_listed_and_every_listed_code_is_found() {
    let mut found: BTreeSet<&str> = examine(&good()).iter().map(|one| one.code).collect();
    for (_, _, _, change) in CHANGES {
        let mut facts = good();
        change(&mut facts);
        found.extend(examine(&facts).iter().map(|one| one.code));
    }
    let listed: BTreeSet<&str> = CODES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(found, listed);
    assert_eq!(CODES.len(), listed.len(), "a code is listed twice");
}

#[test]
fn whatever_is_worse_than_a_note_says_what_to_type() {
    for (code, _, _, change) in CHANGES {
        let mut facts = good();
        change(&mut facts);
        for one in examine(&facts).iter().filter(|one| one.severity < Severity::Note) {
            assert!(!one.commands.is_empty(), "{code}: {one:#?}");
        }
    }
}

#[test]
fn a_missing_right_is_named_once_with_all_that_it_is_missing_on() {
    let mut facts = good();
    let action = "autoscaling:CompleteLifecycleAction";
    let denied = |on: &str| Right { action, on: vec![on.into()], tried: Err(refused(action, Why::Denied)) };
    facts.rights = vec![denied("arn:a"), denied("arn:b"), Right { tried: Ok(()), ..denied("arn:c") }];
    facts.launching.caller.as_mut().unwrap().arn = Some("arn:aws:iam::123456789012:user/ops/ann".into());
    let found = examine(&facts);
    let found: Vec<&Finding> = found.iter().filter(|one| one.severity == Severity::Problem).collect();
    assert_eq!((found.len(), found[0].place.as_str()), (1, action));
    let statement = r#"{"Action":"autoscaling:CompleteLifecycleAction","Effect":"Allow","Resource":["arn:a","arn:b"]}"#;
    assert!(found[0].commands[0].contains(statement), "{found:#?}");
    assert!(found[0].commands[0].starts_with("aws iam put-user-policy --user-name ann "), "{found:#?}");
}

#[test]
fn what_may_not_be_asked_at_all_is_said_once() {
    let mut facts = good();
    let fault = refused("autoscaling:DescribeAutoScalingGroups", Why::Denied);
    facts.rights = vec![Right { action: fault.operation, on: vec!["*".into()], tried: Err(fault.clone()) }];
    facts.launching.groups = Err(fault);
    let found = examine(&facts);
    let bad: Vec<&str> = found.iter().filter(|one| one.severity < Severity::Note).map(|one| one.code).collect();
    assert_eq!(bad, ["permission-missing"]);
}

#[test]
fn nothing_is_said_of_lists_that_the_policy_does_not_ask_for_and_of_overrides_that_let_nothing_pass() {
    let none = examine(&Facts { revocations: None, overrides: None, ..good() });
    assert!(
        !none.iter().any(|one| one.code.starts_with("revocation") || one.code.starts_with("override")),
        "{none:#?}"
    );
    for state in [GrantState::NotYet, GrantState::HalfSigned, GrantState::Over, GrantState::Void("long".into())] {
        let mut facts = good();
        overridden(&mut facts, (-7, 2), state);
        let found = examine(&facts);
        assert!(!found.iter().any(|one| one.code.starts_with("override")), "{found:#?}");
    }
}

#[test]
fn a_list_that_may_not_be_read_is_one_missing_right_and_nothing_more() {
    let mut facts = good();
    let fault = refused("s3:GetObject", Why::Denied);
    facts.rights.push(Right { action: fault.operation, on: vec!["arn:a".into()], tried: Err(fault.clone()) });
    revocations(&mut facts).found = Err(fault);
    let found = examine(&facts);
    let bad: Vec<&str> = found.iter().filter(|one| one.severity < Severity::Note).map(|one| one.code).collect();
    assert_eq!(bad, ["permission-missing"]);
}
