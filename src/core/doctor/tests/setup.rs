//! A set-up in which everything is good, and what changes a part of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::super::*;
use crate::{
    attestation::predicate::{Grant, GrantScope, Revocations},
    digest::Sha256Digest,
    enforcement::Completion,
    gate::Period,
    ids::{GroupName, HookName, ImageRef},
    lifecycle::{Group, Hook},
    policy::{GrantState, Granted, Judgement, Mode, Published, SignedList, Unfit},
    report::ImageReport,
    testing::lists::{grant, now},
    trust::KeyAnswer,
    verdict::{Fault, Faults, Ground, Grounds, Reason, Reasons, Verdict},
};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:goldseal";
const URL: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/goldseal";
pub(super) const LIST: &str = "s3://evidence/golden/v1/revocations/default.jsonl";
const AMI: &str = "ami-0123456789abcdef0";

pub(super) fn refused(operation: &'static str, why: Why) -> Unasked {
    Unasked { operation, resource: "x".into(), why, problem: format!("{operation} x: no") }
}

pub(super) fn hook() -> Hook {
    Hook {
        name: "goldseal".parse().unwrap(),
        launching: true,
        timeout: SignedDuration::from_mins(10),
        longest: SignedDuration::from_mins(1000),
        default_result: Some(Completion::Abandon),
        target: Some(QUEUE.into()),
        role: None,
    }
}

pub(super) fn launch(verdict: Verdict) -> LaunchFacts {
    let image = ImageRef { region: "eu-west-1".parse().unwrap(), id: AMI.parse().unwrap() };
    let judgement =
        Judgement { verdict, ..crate::policy::undescribed(Err(Fault::Internal { problem: String::new() })) };
    let report = ImageReport::new(image.clone(), judgement, Mode::Enforce, "s3://b/k".into());
    let found =
        Launchable { named_by: "launch template lt-1 version 3".into(), written: AMI.into(), image: Ok(image.id) };
    LaunchFacts { found, report: Some(report) }
}

pub(super) fn admitted() -> Verdict {
    let ground = Ground { kind: crate::attestation::Kind::Sbom, statement: Sha256Digest::of(b""), by: Vec::new() };
    Verdict::Admit(Grounds::new(vec![ground]).unwrap())
}

pub(super) fn rejected() -> Verdict {
    Verdict::Reject(Reasons::one(Reason::EvidenceAbsent { place: String::new() }))
}

pub(super) fn unknown() -> Verdict {
    Verdict::Undetermined(Faults::one(Fault::ImageUnavailable { problem: String::new() }))
}

pub(super) fn group(name: &str) -> GroupFacts {
    let id = "00000000-0000-0000-0000-000000000000";
    let arn = format!("arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:{id}:autoScalingGroupName/{name}");
    let name: GroupName = name.parse().unwrap();
    let group =
        Group { name, arn: arn.parse().unwrap(), waiting: Vec::new(), attached: Vec::new(), launch_suspended: false };
    let launches = Ok(vec![launch(admitted())]);
    GroupFacts { group, guarded: true, mode: Mode::Enforce, hooks: Ok(vec![hook()]), launches }
}

pub(super) fn spki() -> Vec<u8> {
    b"a public key".to_vec()
}

pub(super) fn good() -> Facts {
    let place = |url: &str| Place { url: url.into(), tried: Ok(()) };
    let settings = QueueSettings {
        arn: QUEUE.into(),
        policy: None,
        dead_letters: Some(DeadLetters { arn: format!("{QUEUE}-dead"), after: 20, held: Ok(0) }),
        retention: SignedDuration::from_hours(24),
        key: None,
        waiting: 0,
        in_flight: 0,
    };
    Facts {
        launching: Launching {
            region: "eu-west-1".parse().unwrap(),
            caller: Ok(Caller {
                account: "123456789012".parse().unwrap(),
                arn: Some("arn:aws:sts::123456789012:assumed-role/goldseal-hook/i-1".into()),
            }),
            deadline: SignedDuration::from_mins(10),
            hooks: vec!["goldseal".parse::<HookName>().unwrap()],
            queue: Some(QUEUE.into()),
            groups: Ok(vec![group("web")]),
            named: Ok(Vec::new()),
            again: "goldseal doctor",
        },
        ahead: Ok(SignedDuration::from_secs(1)),
        unmatched: Vec::new(),
        groups_left_out: 0,
        queue: Some(QueueFacts { url: URL.into(), settings: Ok(settings) }),
        rights: vec![Right { action: "ec2:DescribeImages", on: vec!["*".into()], tried: Ok(()) }],
        keys: vec![KeyFacts {
            authority: "ci".parse().unwrap(),
            uri: "awskms:///alias/ci".into(),
            pin: Sha256Digest::of(&spki()),
            answer: Ok(KeyAnswer::Enabled { spki: spki() }),
        }],
        store: place("s3://evidence/golden"),
        state: place("file:///var/lib/goldseal"),
        revocations: Some(RevocationFacts {
            place: LIST.into(),
            kept: "file:///var/lib/goldseal/v1/revocations/default.jsonl".into(),
            authorities: BTreeSet::from(["revoker".parse().unwrap()]),
            max_age: Period::hours(24),
            at: now(),
            found: Ok(Ok(Published { current: Some(list(7, -18)), waiting: None })),
        }),
        overrides: Some(OverrideFacts { at: now(), granted: Vec::new(), unreadable: Vec::new() }),
    }
}

/// A list that was signed so many hours after now.
pub(super) fn list(serial: u64, hours: i64) -> SignedList {
    SignedList {
        list: Revocations { serial, issued_at: later(hours), ..Revocations::new("default") },
        statement: Sha256Digest::of(b"list"),
        by: BTreeSet::from(["revoker".parse().unwrap()]),
        dangerous_local_key: false,
        bundles: Vec::new(),
    }
}

pub(super) fn later(hours: i64) -> Timestamp {
    now().saturating_add(SignedDuration::from_hours(hours)).unwrap()
}

pub(super) fn revocations(facts: &mut Facts) -> &mut RevocationFacts {
    facts.revocations.as_mut().unwrap()
}

/// The list of the store is unfit.
pub(super) fn unfit(facts: &mut Facts, why: Unfit) {
    revocations(facts).found = Ok(Err(why));
}

/// The list of the store was signed so many hours after now.
pub(super) fn issued(facts: &mut Facts, hours: i64) {
    revocations(facts).found = Ok(Ok(Published { current: Some(list(7, hours)), waiting: None }));
}

/// An override that began some hours after now and ends some hours after now.
pub(super) fn overridden(facts: &mut Facts, (from, until): (i64, i64), state: GrantState) {
    let scope = GrantScope::Account("123456789012".parse().unwrap());
    let grant = Grant { from: later(from), until: later(until), ..grant(scope, &["key-unavailable"]) };
    facts.overrides.as_mut().unwrap().granted.push(Granted {
        statement: Sha256Digest::of(b"override"),
        payload: Vec::new(),
        grant,
        by: vec!["one".parse().unwrap(), "two".parse().unwrap()],
        needed: 2,
        dangerous_local_key: false,
        found: Vec::new(),
        state,
    });
}

pub(super) fn first(facts: &mut Facts) -> &mut GroupFacts {
    facts.launching.groups.as_mut().unwrap().first_mut().unwrap()
}

pub(super) fn ours(facts: &mut Facts) -> &mut Hook {
    first(facts).hooks.as_mut().unwrap().first_mut().unwrap()
}

pub(super) fn queue(facts: &mut Facts) -> &mut QueueSettings {
    facts.queue.as_mut().unwrap().settings.as_mut().unwrap()
}

pub(super) fn asked(facts: &mut Facts) -> &mut Asked<QueueSettings> {
    &mut facts.queue.as_mut().unwrap().settings
}

pub(super) fn letters(facts: &mut Facts) -> &mut DeadLetters {
    queue(facts).dead_letters.as_mut().unwrap()
}

pub(super) fn unguarded(facts: &mut Facts, hooks: Vec<Hook>) {
    let other = GroupFacts { guarded: false, hooks: Ok(hooks), launches: Ok(Vec::new()), ..group("other") };
    facts.launching.groups.as_mut().unwrap().push(other);
}
