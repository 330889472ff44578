use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::*;
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
const LIST: &str = "s3://evidence/golden/v1/revocations/default.jsonl";
const AMI: &str = "ami-0123456789abcdef0";

fn refused(operation: &'static str, why: Why) -> Unasked {
    Unasked { operation, resource: "x".into(), why, problem: format!("{operation} x: no") }
}

fn hook() -> Hook {
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

fn launch(verdict: Verdict) -> LaunchFacts {
    let image = ImageRef { region: "eu-west-1".parse().unwrap(), id: AMI.parse().unwrap() };
    let judgement =
        Judgement { verdict, ..crate::policy::undescribed(Err(Fault::Internal { problem: String::new() })) };
    let report = ImageReport::new(image.clone(), judgement, Mode::Enforce, "s3://b/k".into());
    let found =
        Launchable { named_by: "launch template lt-1 version 3".into(), written: AMI.into(), image: Ok(image.id) };
    LaunchFacts { found, report: Some(report) }
}

fn admitted() -> Verdict {
    let ground = Ground { kind: crate::attestation::Kind::Sbom, statement: Sha256Digest::of(b""), by: Vec::new() };
    Verdict::Admit(Grounds::new(vec![ground]).unwrap())
}

fn rejected() -> Verdict {
    Verdict::Reject(Reasons::one(Reason::EvidenceAbsent { place: String::new() }))
}

fn unknown() -> Verdict {
    Verdict::Undetermined(Faults::one(Fault::ImageUnavailable { problem: String::new() }))
}

fn group(name: &str) -> GroupFacts {
    let id = "00000000-0000-0000-0000-000000000000";
    let arn = format!("arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:{id}:autoScalingGroupName/{name}");
    let name: GroupName = name.parse().unwrap();
    let group =
        Group { name, arn: arn.parse().unwrap(), waiting: Vec::new(), attached: Vec::new(), launch_suspended: false };
    let launches = Ok(vec![launch(admitted())]);
    GroupFacts { group, guarded: true, mode: Mode::Enforce, hooks: Ok(vec![hook()]), launches }
}

fn spki() -> Vec<u8> {
    b"a public key".to_vec()
}

fn good() -> Facts {
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
fn list(serial: u64, hours: i64) -> SignedList {
    SignedList {
        list: Revocations { serial, issued_at: later(hours), ..Revocations::new("default") },
        statement: Sha256Digest::of(b"list"),
        by: BTreeSet::from(["revoker".parse().unwrap()]),
        dangerous_local_key: false,
        bundles: Vec::new(),
    }
}

fn later(hours: i64) -> Timestamp {
    now().saturating_add(SignedDuration::from_hours(hours)).unwrap()
}

fn revocations(facts: &mut Facts) -> &mut RevocationFacts {
    facts.revocations.as_mut().unwrap()
}

/// The list of the store is unfit.
fn unfit(facts: &mut Facts, why: Unfit) {
    revocations(facts).found = Ok(Err(why));
}

/// The list of the store was signed so many hours after now.
fn issued(facts: &mut Facts, hours: i64) {
    revocations(facts).found = Ok(Ok(Published { current: Some(list(7, hours)), waiting: None }));
}

/// An override that began some hours after now and ends some hours after now.
fn overridden(facts: &mut Facts, (from, until): (i64, i64), state: GrantState) {
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

fn first(facts: &mut Facts) -> &mut GroupFacts {
    facts.launching.groups.as_mut().unwrap().first_mut().unwrap()
}

fn ours(facts: &mut Facts) -> &mut Hook {
    first(facts).hooks.as_mut().unwrap().first_mut().unwrap()
}

fn queue(facts: &mut Facts) -> &mut QueueSettings {
    facts.queue.as_mut().unwrap().settings.as_mut().unwrap()
}

fn asked(facts: &mut Facts) -> &mut Asked<QueueSettings> {
    &mut facts.queue.as_mut().unwrap().settings
}

fn letters(facts: &mut Facts) -> &mut DeadLetters {
    queue(facts).dead_letters.as_mut().unwrap()
}

fn unguarded(facts: &mut Facts, hooks: Vec<Hook>) {
    let other = GroupFacts { guarded: false, hooks: Ok(hooks), launches: Ok(Vec::new()), ..group("other") };
    facts.launching.groups.as_mut().unwrap().push(other);
}

type Change = fn(&mut Facts);

/// A change of the good facts, the code and severity that it brings, and something to type.
const CHANGES: &[(&str, Severity, &str, Change)] = &[
    ("group-pattern-unmatched", Severity::Warning, "describe-auto-scaling-groups", |f| f.unmatched.push("x*".into())),
    ("group-not-guarded", Severity::Warning, "--guard-group other", |f| unguarded(f, vec![])),
    ("groups-left-out", Severity::Note, "", |f| f.groups_left_out = 3),
    ("hook-nobody-answers", Severity::Problem, "delete-lifecycle-hook", |f| unguarded(f, vec![hook()])),
    ("hook-missing", Severity::Problem, "--lifecycle-transition autoscaling:EC2_INSTANCE_LAUNCHING", |f| {
        first(f).hooks = Ok(vec![Hook { name: "another".parse().unwrap(), ..hook() }]);
    }),
    ("hook-not-launching", Severity::Problem, "delete-lifecycle-hook", |f| ours(f).launching = false),
    ("hook-default-continue", Severity::Problem, "--default-result ABANDON", |f| {
        ours(f).default_result = Some(Completion::Continue);
    }),
    ("hook-default-continue", Severity::Problem, "--default-result ABANDON", |f| ours(f).default_result = None),
    ("hook-timeout-short", Severity::Warning, "--heartbeat-timeout 600", |f| {
        ours(f).timeout = SignedDuration::from_secs(119);
    }),
    ("hook-ends-before-deadline", Severity::Warning, "--heartbeat-timeout 600", |f| {
        ours(f).longest = SignedDuration::from_secs(599);
    }),
    ("hook-tells-another-queue", Severity::Problem, "--notification-target-arn", |f| {
        ours(f).target = Some("arn:aws:sqs:eu-west-1:123456789012:other".into());
    }),
    ("hook-tells-something-else", Severity::Note, "list-subscriptions-by-topic", |f| {
        ours(f).target = Some("arn:aws:sns:eu-west-1:123456789012:topic".into());
    }),
    ("hook-through-eventbridge", Severity::Note, "list-rule-names-by-target", |f| ours(f).target = None),
    ("launch-suspended", Severity::Warning, "resume-processes", |f| first(f).group.launch_suspended = true),
    ("mode-warn", Severity::Warning, "goldseal policy check", |f| first(f).mode = Mode::Warn),
    ("queue-not-set", Severity::Note, "--queue URL", |f| f.queue = None),
    ("queue-missing", Severity::Problem, "create-queue --region eu-west-1 --queue-name goldseal", |f| {
        *asked(f) = Err(refused("sqs:GetQueueAttributes", Why::Absent));
    }),
    ("queue-fifo", Severity::Problem, "create-queue", |f| queue(f).arn.push_str(".fifo")),
    ("queue-retention-short", Severity::Warning, "MessageRetentionPeriod", |f| {
        queue(f).retention = SignedDuration::from_secs(3599);
    }),
    ("queue-nobody-reads", Severity::Warning, "systemctl status", |f| queue(f).waiting = 1),
    ("queue-policy-unreadable", Severity::Problem, "get-queue-attributes", |f| queue(f).policy = Some("{".into())),
    ("queue-open-to-all", Severity::Problem, "set-queue-attributes", |f| {
        queue(f).policy = Some(r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:*"}}"#.into());
    }),
    ("queue-closed-to-events", Severity::Problem, "events.amazonaws.com", |f| ours(f).target = None),
    ("queue-key-closed-to-events", Severity::Problem, "SqsManagedSseEnabled", |f| {
        ours(f).target = None;
        queue(f).key = Some("alias/aws/sqs".into());
    }),
    ("queue-encrypted", Severity::Note, "get-key-policy", |f| queue(f).key = Some("alias/queues".into())),
    ("queue-without-dead-letters", Severity::Warning, "RedrivePolicy", |f| queue(f).dead_letters = None),
    ("dead-letters-too-soon", Severity::Warning, "maxReceiveCount", |f| letters(f).after = 2),
    ("dead-letters-missing", Severity::Problem, "--queue-name goldseal-dead", |f| {
        letters(f).held = Err(refused("sqs:GetQueueAttributes", Why::Absent));
    }),
    ("dead-letters-held", Severity::Warning, "start-message-move-task", |f| letters(f).held = Ok(2)),
    ("image-refused", Severity::Problem, "goldseal verify eu-west-1:ami-", |f| {
        first(f).launches = Ok(vec![launch(rejected())]);
    }),
    ("image-refused", Severity::Warning, "goldseal verify", |f| {
        (first(f).mode, first(f).launches) = (Mode::Warn, Ok(vec![launch(rejected())]));
    }),
    ("image-undetermined", Severity::Problem, "goldseal verify", |f| first(f).launches = Ok(vec![launch(unknown())])),
    ("image-not-found", Severity::Problem, "describe-auto-scaling-groups", |f| {
        let mut one = launch(admitted());
        one.found.image = Err("ParameterNotFound".into());
        first(f).launches = Ok(vec![one]);
    }),
    ("image-not-named", Severity::Problem, "describe-auto-scaling-groups", |f| first(f).launches = Ok(Vec::new())),
    ("permission-missing", Severity::Problem, "--role-name goldseal-hook", |f| {
        f.rights[0].tried = Err(refused("ec2:DescribeImages", Why::Denied));
    }),
    ("permission-missing", Severity::Problem, "kms:GetPublicKey", |f| {
        f.keys[0].answer = Err(refused("kms:DescribeKey", Why::Denied));
    }),
    ("key-withdrawn", Severity::Problem, "enable-key", |f| {
        f.keys[0].answer = Ok(KeyAnswer::Withdrawn { state: "Disabled".into() });
    }),
    ("key-withdrawn", Severity::Problem, "cancel-key-deletion", |f| {
        f.keys[0].answer = Ok(KeyAnswer::Withdrawn { state: "PendingDeletion".into() });
    }),
    ("key-not-the-pinned-one", Severity::Problem, "describe-key", |f| f.keys[0].pin = Sha256Digest::of(b"another")),
    ("key-unusable", Severity::Problem, "describe-key", |f| {
        f.keys[0].answer = Err(refused("kms:DescribeKey", Why::Absent));
    }),
    ("store-unusable", Severity::Problem, "head-bucket --region eu-west-1 --bucket evidence", |f| {
        f.store.tried = Err(refused("s3:GetObject", Why::Absent));
    }),
    ("state-unusable", Severity::Problem, "ls -ld /var/lib/goldseal", |f| {
        f.state.tried = Err(refused("dir:write", Why::Denied));
    }),
    ("revocation-list-absent", Severity::Problem, "revoke renew --first --key awskms:///KEY", |f| {
        unfit(f, Unfit::Absent);
    }),
    ("revocation-list-absent", Severity::Problem, "revoke renew --first --key awskms:///alias/ci", |f| {
        unfit(f, Unfit::Absent);
        revocations(f).authorities.insert("ci".parse().unwrap());
    }),
    ("revocation-list-foreign", Severity::Problem, "goldseal revoke list", |f| unfit(f, Unfit::Foreign(LIST.into()))),
    ("revocation-list-damaged", Severity::Problem, "goldseal revoke list", |f| {
        unfit(f, Unfit::Disputed(vec!["a gap".into()]));
    }),
    ("revocation-list-damaged", Severity::Problem, "goldseal revoke list", |f| {
        revocations(f).found = Err(refused("dir:read", Why::Denied));
    }),
    (
        "revocation-list-rolled-back",
        Severity::Problem,
        "revoke renew --go-on-from /var/lib/goldseal/v1/revocations/default.jsonl --key",
        |f| unfit(f, Unfit::RolledBack { found: Some(6), seen: 7 }),
    ),
    (
        "revocation-list-rolled-back",
        Severity::Problem,
        "aws s3 cp s3://state/v1/revocations/default.jsonl kept.jsonl\ngoldseal revoke renew --go-on-from kept.jsonl",
        |f| {
            unfit(f, Unfit::RolledBack { found: None, seen: 7 });
            revocations(f).kept = "s3://state/v1/revocations/default.jsonl".into();
        },
    ),
    ("revocation-list-early", Severity::Problem, "timedatectl set-ntp true", |f| issued(f, 1)),
    ("revocation-list-stale", Severity::Problem, "goldseal revoke renew --key", |f| issued(f, -24)),
    ("revocation-list-ends-soon", Severity::Warning, "goldseal revoke renew --key", |f| issued(f, -19)),
    ("revocation-list-waits", Severity::Note, "goldseal revoke countersign", |f| {
        let waiting = Some(list(8, 0));
        revocations(f).found = Ok(Ok(Published { current: Some(list(7, 0)), waiting }));
    }),
    ("revocation-list-waits", Severity::Problem, "goldseal revoke countersign", |f| {
        revocations(f).found = Ok(Ok(Published { current: None, waiting: Some(list(1, 0)) }));
    }),
    ("not-asked", Severity::Unknown, "goldseal doctor", |f| {
        revocations(f).found = Err(refused("s3:GetObject", Why::Passing));
    }),
    ("not-asked", Severity::Unknown, "goldseal doctor", |f| {
        unfit(f, Unfit::Foreign(LIST.into()));
        revocations(f).authorities = BTreeSet::from(["ci".parse().unwrap()]);
        f.keys[0].answer = Err(refused("kms:DescribeKey", Why::Passing));
    }),
    ("override-active", Severity::Note, "goldseal override show", |f| overridden(f, (-6, 2), GrantState::Active)),
    ("override-ends-soon", Severity::Warning, "goldseal override show", |f| overridden(f, (-7, 2), GrantState::Active)),
    ("overrides-unreadable", Severity::Warning, "goldseal doctor", |f| {
        f.overrides.as_mut().unwrap().unreadable.push("/etc/x: is a directory".into());
    }),
    ("clock-wrong", Severity::Warning, "timedatectl set-ntp true", |f| f.ahead = Ok(SignedDuration::from_secs(61))),
    ("clock-wrong", Severity::Problem, "timedatectl set-ntp true", |f| f.ahead = Ok(SignedDuration::from_secs(-301))),
    ("not-asked", Severity::Unknown, "goldseal doctor", |f| {
        f.ahead = Err(refused("sts:GetCallerIdentity", Why::Passing));
    }),
    ("not-asked", Severity::Unknown, "goldseal doctor", |f| {
        f.launching.caller = Err(refused("sts:GetCallerIdentity", Why::Passing));
    }),
    ("not-asked", Severity::Unknown, "goldseal doctor", |f| {
        f.launching.groups = Err(refused("autoscaling:DescribeAutoScalingGroups", Why::Passing));
    }),
    ("not-asked", Severity::Unknown, "goldseal doctor", |f| {
        first(f).hooks = Err(refused("autoscaling:DescribeLifecycleHooks", Why::Passing));
    }),
    ("not-asked", Severity::Unknown, "ssm:GetParameter", |f| {
        first(f).launches = Err(refused("ssm:GetParameter", Why::Denied));
    }),
    ("not-asked", Severity::Unknown, "sqs:GetQueueAttributes", |f| {
        *asked(f) = Err(refused("sqs:GetQueueAttributes", Why::Denied));
    }),
    ("not-asked", Severity::Unknown, "goldseal doctor", |f| {
        letters(f).held = Err(refused("sqs:GetQueueAttributes", Why::Passing));
    }),
    ("not-asked", Severity::Unknown, "goldseal doctor", |f| {
        f.rights[0].tried = Err(refused("ec2:DescribeImages", Why::Passing));
    }),
    ("not-asked", Severity::Unknown, "goldseal doctor", |f| {
        f.keys[0].answer = Err(refused("kms:DescribeKey", Why::Passing));
    }),
    ("not-asked", Severity::Unknown, "goldseal doctor", |f| f.store.tried = Err(refused("s3:GetObject", Why::Passing))),
];

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
