//! What the launch hook asks of the world: instances, Auto Scaling, and a place for its own state.

use std::future::Future;

use super::{Expected, PortError, Stored, Written};
use crate::{
    enforcement::Completion,
    ids::{GroupName, InstanceId, VolumeId},
    lifecycle::{Answer, Enrolment, Group, Guarded, Hook, Instance, Member, Volume, Wait},
};

/// Where instances and their volumes are described: EC2.
pub trait Instances {
    /// Returns an instance, or none when EC2 does not show it (yet).
    fn instance(&self, id: &InstanceId) -> impl Future<Output = Result<Option<Instance>, PortError>> + Send;

    /// Returns a volume, or none when EC2 does not show it (yet).
    fn volume(&self, id: &VolumeId) -> impl Future<Output = Result<Option<Volume>, PortError>> + Send;
}

/// Where instances wait: Auto Scaling.
pub trait Waits {
    /// Returns what Auto Scaling says of an instance, or none when it is in no group.
    fn member(&self, id: &InstanceId) -> impl Future<Output = Result<Option<Member>, PortError>> + Send;

    /// Restarts the timeout of a wait.
    fn heartbeat(&self, wait: &Wait) -> impl Future<Output = Result<Answer, PortError>> + Send;

    /// Ends a wait.
    fn complete(&self, wait: &Wait, completion: Completion) -> impl Future<Output = Result<Answer, PortError>> + Send;
}

/// Where groups are described, and their launches suspended: Auto Scaling.
pub trait Groups {
    /// Returns a group, or none when there is none of the name.
    fn group(&self, name: &GroupName) -> impl Future<Output = Result<Option<Group>, PortError>> + Send;

    /// Returns all groups, or only the guarded ones, with the instances in them that wait.
    fn groups(&self, only: Option<&Guarded>) -> impl Future<Output = Result<Vec<Group>, PortError>> + Send;

    /// Returns the lifecycle hooks of a group, of launches and of terminations.
    fn hooks(&self, group: &GroupName) -> impl Future<Output = Result<Vec<Hook>, PortError>> + Send;

    /// Suspends or resumes the launches of a group.
    fn suspend_launch(&self, group: &GroupName, suspend: bool) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Where lifecycle hooks are put: Auto Scaling.
pub trait Enrols {
    /// Puts our lifecycle hook into a group, or changes the one that is there.
    fn enrol(&self, group: &GroupName, hook: &Enrolment) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Where an enforcement point keeps what it must not forget: documents by name, none of them a verdict to go by.
///
/// A name is a relative path of lowercase segments: [`StateName`].
pub trait StateStore {
    /// Returns a document, or none when there is none.
    fn read(&self, name: &StateName) -> impl Future<Output = Result<Option<Stored>, PortError>> + Send;

    /// Writes a whole document if the place is as expected; else changes nothing and says so.
    fn write(
        &self,
        name: &StateName,
        bytes: &[u8],
        expected: Expected,
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// Returns the names under a prefix, sorted: the first so many.
    fn list(&self, prefix: &StateName, most: usize) -> impl Future<Output = Result<Vec<StateName>, PortError>> + Send;

    /// Removes a document; that there is none is no failure.
    fn remove(&self, name: &StateName) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The name of a state document: up to 8 segments, joined by `/`, of up to 128 lowercase letters, digits, `-`, `_` and
/// `.`, not beginning with a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateName(String);

/// The largest state document.
pub const STATE_LIMIT: usize = crate::attestation::EVIDENCE_LIMITS.bytes + (64 << 10);

impl StateName {
    /// Joins segments.
    ///
    /// # Errors
    /// The text, when it is not a name.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
        let segment = |one: &str| (1..=128).contains(&one.len()) && !one.starts_with('.') && one.bytes().all(legal);
        let valid = text.split('/').count() <= 8 && text.split('/').all(segment);
        if valid { Ok(Self(text)) } else { Err(format!("{text:?} is not the name of a state document")) }
    }

    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for StateName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_names_stay_in_their_place() {
        for good in ["v1/breakers.json", "v1/decisions/2026-11-23/a-b_c.jsonl"] {
            assert_eq!(StateName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "/a", "a/", "a//b", "../a", "a/..", "A", "a b", ".lock", "1/2/3/4/5/6/7/8/9"] {
            assert!(StateName::new(bad).is_err(), "{bad}");
        }
    }
}
