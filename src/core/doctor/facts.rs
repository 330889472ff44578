//! The facts that are examined, as far as they could be asked for.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    digest::Sha256Digest,
    gate::Period,
    ids::{AccountId, AmiId, GroupName, HookName, Region},
    lifecycle::{Group, Hook},
    policy::{Granted, Mode, Published, Unfit},
    report::ImageReport,
    trust::{AuthorityName, KeyAnswer},
};

/// A fact, or why it is none.
pub type Asked<T> = Result<T, Unasked>;

/// Why something could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// The call, such as `ec2:DescribeImages`.
    pub operation: &'static str,
    /// On what.
    pub resource: String,
    /// What stood in the way.
    pub why: Why,
    /// What was answered, for people.
    pub problem: String,
}

/// What stands in the way of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The caller may not.
    Denied,
    /// What was named is not there.
    Absent,
    /// There was no answer now; another time there may be.
    Passing,
    /// Asking again would bring the same.
    Lasting,
}

impl Unasked {
    /// Says whether a statement in the caller's policy would help.
    pub fn is_missing_right(&self) -> bool {
        const SERVICES: [&str; 7] = ["autoscaling", "ec2", "kms", "s3", "sqs", "ssm", "sts"];
        let service = self.operation.split_once(':').map_or("", |(service, _)| service);
        self.why == Why::Denied && SERVICES.contains(&service)
    }
}

/// All of them.
#[derive(Debug)]
pub struct Facts {
    /// The groups of the region, and what they launch.
    pub launching: Launching,
    /// How far this clock is ahead of that of AWS.
    pub ahead: Asked<SignedDuration>,
    /// Patterns of guarded groups that match none.
    pub unmatched: Vec<String>,
    /// How many groups more there are, whose hooks were not asked for.
    pub groups_left_out: usize,
    /// The queue, if one is set.
    pub queue: Option<QueueFacts>,
    /// What the caller may do of what a launch hook does.
    pub rights: Vec<Right>,
    /// The keys of authorities in KMS.
    pub keys: Vec<KeyFacts>,
    /// The store of the evidence.
    pub store: Place,
    /// The place for state.
    pub state: Place,
    /// The revocation list, if the policy asks for one.
    pub revocations: Option<RevocationFacts>,
    /// The overrides, if the policy lets anybody make one.
    pub overrides: Option<OverrideFacts>,
}

/// What the groups of an account and region launch, and what those launches wait for. An audit looks at it as well.
#[derive(Debug)]
pub struct Launching {
    /// The region.
    pub region: Region,
    /// Who asks.
    pub caller: Asked<Caller>,
    /// How long a verdict may take.
    pub deadline: SignedDuration,
    /// The names of our lifecycle hooks.
    pub hooks: Vec<HookName>,
    /// The ARN of the queue that our hooks should tell, when it is known.
    pub queue: Option<String>,
    /// The groups.
    pub groups: Asked<Vec<GroupFacts>>,
    /// What launch templates and parameters name beside them, when somebody looks at it.
    pub named: Asked<Vec<LaunchFacts>>,
    /// What is typed to ask again.
    pub again: &'static str,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its account.
    pub account: AccountId,
    /// Its ARN, when it was told.
    pub arn: Option<String>,
}

/// A group of the region.
#[derive(Debug)]
pub struct GroupFacts {
    /// The group.
    pub group: Group,
    /// A pattern matches it.
    pub guarded: bool,
    /// What is done with a verdict that is not to admit.
    pub mode: Mode,
    /// Its lifecycle hooks.
    pub hooks: Asked<Vec<Hook>>,
    /// What it would launch; asked for guarded groups only.
    pub launches: Asked<Vec<LaunchFacts>>,
}

/// An image that a group would launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Launchable {
    /// What names it: `launch template lt-… version 3`, `override m7g.large`.
    pub named_by: String,
    /// How it is written there, such as `resolve:ssm:/golden/web`; empty when it is not.
    pub written: String,
    /// The image, or why none is found.
    pub image: Result<AmiId, String>,
}

/// An image that a group would launch, judged.
#[derive(Debug)]
pub struct LaunchFacts {
    /// Where it was found.
    pub found: Launchable,
    /// What `verify` says of it, if there is one.
    pub report: Option<ImageReport>,
}

/// A queue, as far as it was told.
#[derive(Debug)]
pub struct QueueFacts {
    /// Its URL.
    pub url: String,
    /// Its settings.
    pub settings: Asked<QueueSettings>,
}

/// What a queue is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSettings {
    /// Its ARN.
    pub arn: String,
    /// Who may use it, as JSON.
    pub policy: Option<String>,
    /// Where messages go that were received too often.
    pub dead_letters: Option<DeadLetters>,
    /// How long a message is kept.
    pub retention: SignedDuration,
    /// The KMS key that encrypts it, if it is one.
    pub key: Option<String>,
    /// About how many messages wait.
    pub waiting: u32,
    /// About how many were received and not deleted yet.
    pub in_flight: u32,
}

/// The dead-letter queue of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// Its ARN.
    pub arn: String,
    /// After how many receives a message goes there.
    pub after: u32,
    /// About how many messages are in it.
    pub held: Asked<u32>,
}

/// Something that a launch hook does, and whether the caller may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// The action of IAM.
    pub action: &'static str,
    /// On what: ARNs, or `*`.
    pub on: Vec<String>,
    /// What came of trying it without effect.
    pub tried: Asked<()>,
}

/// The key of an authority in KMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// The authority.
    pub authority: AuthorityName,
    /// `awskms:///…`
    pub uri: String,
    /// The SHA-256 that the policy pins.
    pub pin: Sha256Digest,
    /// What KMS says.
    pub answer: Asked<KeyAnswer>,
}

/// A place that documents are read from, or written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its URL.
    pub url: String,
    /// What came of using it.
    pub tried: Asked<()>,
}

/// The revocation list of the store.
#[derive(Debug)]
pub struct RevocationFacts {
    /// Where it is.
    pub place: String,
    /// Where the hook keeps the newest one that it saw.
    pub kept: String,
    /// Who may sign it.
    pub authorities: BTreeSet<AuthorityName>,
    /// How long ago it may have been signed.
    pub max_age: Period,
    /// When it was asked for.
    pub at: Timestamp,
    /// What is there, held against what the hook has seen.
    pub found: Asked<Result<Published, Unfit>>,
}

/// The overrides that the hook finds.
#[derive(Debug)]
pub struct OverrideFacts {
    /// When they were asked for.
    pub at: Timestamp,
    /// Those that an authority signed.
    pub granted: Vec<Granted>,
    /// Why there may be more.
    pub unreadable: Vec<String>,
}

impl Launching {
    /// Returns the groups that are guarded.
    pub(super) fn guarded(&self) -> impl Iterator<Item = &GroupFacts> {
        self.groups.iter().flatten().filter(|one| one.guarded)
    }

    /// Says whether a hook is ours.
    pub(super) fn is_ours(&self, hook: &Hook) -> bool {
        self.hooks.contains(&hook.name)
    }

    /// Returns the names of some groups, the first ones of many.
    pub(super) fn names<'n>(groups: impl Iterator<Item = &'n GroupName>) -> String {
        const SHOWN: usize = 20;
        let names: Vec<&str> = groups.map(GroupName::as_str).collect();
        let more = names.len().saturating_sub(SHOWN);
        let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    }
}
