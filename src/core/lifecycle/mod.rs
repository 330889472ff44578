//! Launch lifecycle hooks of Auto Scaling: queue messages → notices; leases and breakers as pure state machines.
//!
//! Nothing here asks what time it is or talks to AWS: instants and answers come in, what is due goes out. The facts it
//! stands on are in the [Auto Scaling user guide](https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html).

mod breaker;
mod enrolment;
mod guarded;
mod lease;
mod notice;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    breaker::{Breaker, BreakerFault, Breakers, Suspension, Trip},
    enrolment::{Difference, Enrolment, Obstacle, Sender},
    guarded::{Guarded, NotAPattern},
    lease::{Due, End, Lease, Terms, Tried},
    notice::{MESSAGE_LIMITS, Message, MessageFault, Notice, parse_message},
};
use crate::{
    enforcement::Completion,
    ids::{ActionToken, AmiId, GroupArn, GroupName, HookName, InstanceId, SnapshotId, VolumeId},
};

/// One wait of one instance on one launch hook.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// The group.
    pub group: GroupName,
    /// The hook.
    pub hook: HookName,
    /// The instance.
    pub instance: InstanceId,
    /// Which of its waits, as a message named it; without, the one that it is in.
    pub token: Option<ActionToken>,
}

/// What Auto Scaling says of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its group.
    pub group: GroupName,
    /// Its lifecycle state, such as `Pending:Wait`.
    pub state: String,
    /// Its image, told only where it is not the launch template's.
    pub image: Option<AmiId>,
}

/// Where an instance stands as seen from a launch hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits to go into service, or into the warm pool.
    Waiting,
    /// It may come to wait.
    NotYet,
    /// It does not wait, or no longer.
    Over,
}

impl Standing {
    /// Reads a lifecycle state.
    pub fn of(state: &str) -> Self {
        match state {
            "Pending:Wait" | "Warmed:Pending:Wait" => Self::Waiting,
            "Pending"
            | "Warmed:Pending"
            | "ReplacingRootVolume"
            | "ReplacingRootVolume:Wait"
            | "ReplacingRootVolume:Proceed"
            | "RootVolumeReplaced" => Self::NotYet,
            _ => Self::Over,
        }
    }
}

/// Which way an instance goes whose wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It is terminated.
    Out,
    /// It is in its group or warm pool.
    In,
    /// That is not to be seen yet.
    Open,
}

impl Way {
    /// Reads what Auto Scaling says of the instance; none when it knows no such member.
    pub fn of(member: Option<&Member>) -> Self {
        let Some(member) = member else { return Self::Out };
        let state = member.state.strip_prefix("Warmed:").unwrap_or(&member.state);
        match state.split(':').next() {
            Some("Terminating" | "Terminated") => Self::Out,
            Some("Pending") => Self::Open,
            _ => Self::In,
        }
    }
}

/// A lifecycle hook of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hook {
    /// Its name.
    pub name: HookName,
    /// It is about launches, not terminations.
    pub launching: bool,
    /// How long an instance waits from its beginning, or from a heartbeat.
    pub timeout: SignedDuration,
    /// How long it waits at most, heartbeats or not.
    pub longest: SignedDuration,
    /// How the wait ends when nobody ends it.
    pub default_result: Option<Completion>,
    /// Where its notifications go, if not to EventBridge alone.
    pub target: Option<String>,
    /// The role that sends them there.
    #[serde(default)]
    pub role: Option<String>,
}

/// An Auto Scaling group, as far as a launch hook is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// Its ARN, which is what policy scopes name.
    pub arn: GroupArn,
    /// Its instances that wait, those of its warm pool too.
    pub waiting: Vec<InstanceId>,
    /// Its instances that it did not launch, but was given: they passed no lifecycle hook.
    pub attached: Vec<InstanceId>,
    /// `Launch` is suspended.
    pub launch_suspended: bool,
}

/// What EC2 says of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Instance {
    /// The image that it was launched from.
    pub image: AmiId,
    /// When it was launched, or last started.
    pub launched: Option<Timestamp>,
    /// `ebs` or `instance-store`.
    pub root_device_type: String,
    /// The volume that it boots from; none while it is not attached yet, and for instance stores.
    pub root_volume: Option<VolumeId>,
}

/// What EC2 says of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// The snapshot that it was made of.
    pub snapshot: Option<SnapshotId>,
    /// The volume that it is a copy of.
    pub source: Option<VolumeId>,
}

impl Volume {
    /// Returns what it was made of, if that is none of these snapshots.
    pub fn foreign_to(&self, snapshots: &[SnapshotId]) -> Option<String> {
        match (&self.source, &self.snapshot) {
            (Some(source), _) => Some(format!("the volume {source}")),
            (None, Some(snapshot)) if snapshots.contains(snapshot) => None,
            (None, Some(snapshot)) => Some(snapshot.to_string()),
            (None, None) => Some("no snapshot".to_owned()),
        }
    }
}

/// What Auto Scaling answered to a heartbeat or a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Accepted,
    /// There is no such wait any more: it was completed, ran out, or never was.
    NoSuchWait,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_that_wait_may_wait_or_do_not() {
        for (state, standing) in [
            ("Pending:Wait", Standing::Waiting),
            ("Warmed:Pending:Wait", Standing::Waiting),
            ("Pending", Standing::NotYet),
            ("Warmed:Pending", Standing::NotYet),
            ("ReplacingRootVolume:Wait", Standing::NotYet),
            ("RootVolumeReplaced", Standing::NotYet),
            ("Pending:Proceed", Standing::Over),
            ("InService", Standing::Over),
            ("Terminating:Wait", Standing::Over),
            ("Warmed:Stopped", Standing::Over),
            ("", Standing::Over),
        ] {
            assert_eq!(Standing::of(state), standing, "{state}");
        }
    }

    #[test]
    fn states_after_a_wait_lead_in_or_out() {
        let way = |state: &str| {
            let group = "web".parse().unwrap();
            Way::of(Some(&Member { group, state: state.to_owned(), image: None }))
        };
        assert_eq!(Way::of(None), Way::Out);
        for (state, expected) in [
            ("Terminating", Way::Out),
            ("Terminating:Wait", Way::Out),
            ("Terminated", Way::Out),
            ("Warmed:Terminating:Proceed", Way::Out),
            ("Pending:Wait", Way::Open),
            ("Pending:Proceed", Way::Open),
            ("Warmed:Pending:Proceed", Way::Open),
            ("InService", Way::In),
            ("Warmed:Stopped", Way::In),
            ("", Way::In),
        ] {
            assert_eq!(way(state), expected, "{state}");
        }
    }
}
