//! Everything that can be wrong, a change at a time.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{super::*, Change, setup::*};
use crate::{
    digest::Sha256Digest,
    enforcement::Completion,
    lifecycle::Hook,
    policy::{GrantState, Mode, Published, Unfit},
    trust::KeyAnswer,
};

/// A change of the good facts, the code and severity that it brings, and something to type.
pub(super) const CHANGES: &[(&str, Severity, &str, Change)] = &[
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
