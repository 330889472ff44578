//! Fakes of what a launch hook asks of the world.

#![expect(clippy::unwrap_used, reason = "a lock that was poisoned should stop the test")]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Mutex,
};

use super::ports::{Journal, revision};
use crate::{
    enforcement::Completion,
    ids::{GroupName, InstanceId, VolumeId},
    lifecycle::{Answer, Enrolment, Group, Guarded, Hook, Instance, Member, Volume, Wait},
    ports::{
        Enrols, Expected, Groups, Instances, PortError, PortErrorKind, STATE_LIMIT, StateName, StateStore, Stored,
        Waits, Written,
    },
};

/// Answers to the same question, each given once and the last one for ever.
#[derive(Debug)]
pub struct Script<T>(Mutex<VecDeque<Result<T, PortErrorKind>>>);

impl<T: Clone> Script<T> {
    /// Gives these answers, of which there must be one.
    pub fn of(answers: impl IntoIterator<Item = Result<T, PortErrorKind>>) -> Self {
        Self(Mutex::new(answers.into_iter().collect()))
    }

    /// Always gives this answer.
    pub fn always(answer: T) -> Self {
        Self::of([Ok(answer)])
    }

    pub(super) fn next(&self, operation: &'static str, resource: impl std::fmt::Display) -> Result<T, PortError> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        answer.unwrap().map_err(|kind| PortError::new(kind, operation, resource))
    }
}

/// EC2: what it says of instances and volumes. Of others it shows none.
#[derive(Debug, Default)]
pub struct FakeInstances {
    /// The instances.
    pub instances: BTreeMap<InstanceId, Script<Option<Instance>>>,
    /// The volumes.
    pub volumes: BTreeMap<VolumeId, Script<Option<Volume>>>,
    /// See [`Journal`].
    pub journal: Journal,
}

impl Instances for FakeInstances {
    async fn instance(&self, id: &InstanceId) -> Result<Option<Instance>, PortError> {
        self.journal.note(&format!("instance {id}"), None)?;
        self.instances.get(id).map_or(Ok(None), |script| script.next("ec2:DescribeInstances", id))
    }

    async fn volume(&self, id: &VolumeId) -> Result<Option<Volume>, PortError> {
        self.journal.note(&format!("volume {id}"), None)?;
        self.volumes.get(id).map_or(Ok(None), |script| script.next("ec2:DescribeVolumes", id))
    }
}

/// Auto Scaling: whose members instances are, and what it answers about waits. Other instances are in no group.
#[derive(Debug)]
pub struct FakeWaits {
    /// The members.
    pub members: BTreeMap<InstanceId, Script<Option<Member>>>,
    /// Answers to heartbeats.
    pub heartbeats: Script<Answer>,
    /// Answers to completions.
    pub completions: Script<Answer>,
    /// See [`Journal`].
    pub journal: Journal,
}

impl Default for FakeWaits {
    /// Accepts everything.
    fn default() -> Self {
        Self {
            members: BTreeMap::new(),
            heartbeats: Script::always(Answer::Accepted),
            completions: Script::always(Answer::Accepted),
            journal: Journal::default(),
        }
    }
}

impl Waits for FakeWaits {
    async fn member(&self, id: &InstanceId) -> Result<Option<Member>, PortError> {
        self.journal.note(&format!("member {id}"), None)?;
        self.members.get(id).map_or(Ok(None), |script| script.next("autoscaling:DescribeAutoScalingInstances", id))
    }

    async fn heartbeat(&self, wait: &Wait) -> Result<Answer, PortError> {
        self.journal.note(&format!("heartbeat {}", wait.instance), None)?;
        self.heartbeats.next("autoscaling:RecordLifecycleActionHeartbeat", &wait.instance)
    }

    async fn complete(&self, wait: &Wait, completion: Completion) -> Result<Answer, PortError> {
        self.journal.note(&format!("{} {}", completion.as_str(), wait.instance), None)?;
        self.completions.next("autoscaling:CompleteLifecycleAction", &wait.instance)
    }
}

/// Auto Scaling's groups, which keep what is suspended.
#[derive(Debug, Default)]
pub struct FakeGroups {
    /// The groups, with their hooks.
    pub groups: Mutex<BTreeMap<GroupName, (Group, Vec<Hook>)>>,
    /// What describing fails with.
    pub read_fault: Option<PortErrorKind>,
    /// What suspending and resuming fails with.
    pub suspend_fault: Option<PortErrorKind>,
    /// See [`Journal`].
    pub journal: Journal,
}

impl FakeGroups {
    /// Returns some groups.
    pub fn of(groups: impl IntoIterator<Item = (Group, Vec<Hook>)>) -> Self {
        let named = groups.into_iter().map(|one| (one.0.name.clone(), one));
        Self { groups: Mutex::new(named.collect()), ..Self::default() }
    }

    /// Returns the groups whose launches are suspended.
    pub fn suspended(&self) -> BTreeSet<GroupName> {
        let groups = self.groups.lock().unwrap();
        groups.values().filter(|(group, _)| group.launch_suspended).map(|(group, _)| group.name.clone()).collect()
    }
}

impl Groups for FakeGroups {
    async fn group(&self, name: &GroupName) -> Result<Option<Group>, PortError> {
        self.journal.note(&format!("group {name}"), self.read_fault)?;
        Ok(self.groups.lock().unwrap().get(name).map(|(group, _)| group.clone()))
    }

    async fn groups(&self, only: Option<&Guarded>) -> Result<Vec<Group>, PortError> {
        self.journal.note("groups", self.read_fault)?;
        let groups = self.groups.lock().unwrap();
        let chosen = groups.values().filter(|(group, _)| only.is_none_or(|guarded| guarded.group(&group.name)));
        Ok(chosen.map(|(group, _)| group.clone()).collect())
    }

    async fn hooks(&self, group: &GroupName) -> Result<Vec<Hook>, PortError> {
        self.journal.note(&format!("hooks {group}"), self.read_fault)?;
        let found = self.groups.lock().unwrap().get(group).map(|(_, hooks)| hooks.clone());
        found.ok_or_else(|| PortError::new(PortErrorKind::NotFound, "autoscaling:DescribeLifecycleHooks", group))
    }

    async fn suspend_launch(&self, group: &GroupName, suspend: bool) -> Result<(), PortError> {
        let (call, operation) = match suspend {
            true => ("suspend", "autoscaling:SuspendProcesses"),
            false => ("resume", "autoscaling:ResumeProcesses"),
        };
        self.journal.note(&format!("{call} {group}"), self.suspend_fault)?;
        match self.groups.lock().unwrap().get_mut(group) {
            Some((group, _)) => group.launch_suspended = suspend,
            None => return Err(PortError::new(PortErrorKind::NotFound, operation, group)),
        }
        Ok(())
    }
}

impl Enrols for FakeGroups {
    async fn enrol(&self, group: &GroupName, hook: &Enrolment) -> Result<(), PortError> {
        self.journal.note(&format!("enrol {group}"), self.suspend_fault)?;
        let Enrolment { name, timeout, default_result, sender } = hook;
        let hook = Hook {
            name: name.clone(),
            launching: true,
            timeout: *timeout,
            longest: *timeout * 100,
            default_result: Some(*default_result),
            target: sender.as_ref().map(|sender| sender.target.clone()),
            role: sender.as_ref().map(|sender| sender.role.clone()),
        };
        let mut groups = self.groups.lock().unwrap();
        let (_, hooks) = groups
            .get_mut(group)
            .ok_or_else(|| PortError::new(PortErrorKind::NotFound, "autoscaling:PutLifecycleHook", group))?;
        hooks.retain(|one| one.name != *name);
        hooks.push(hook);
        Ok(())
    }
}

/// A place for state, in memory.
#[derive(Debug, Default)]
pub struct FakeState {
    /// What it holds.
    pub held: Mutex<BTreeMap<StateName, Vec<u8>>>,
    /// What reading and listing fails with.
    pub read_fault: Option<PortErrorKind>,
    /// What writing and removing fails with.
    pub write_fault: Option<PortErrorKind>,
    /// What somebody else writes there just before the next write.
    pub meanwhile: Mutex<Option<Vec<u8>>>,
    /// See [`Journal`].
    pub journal: Journal,
}

impl FakeState {
    /// Returns what it holds under a name.
    pub fn of(&self, name: &StateName) -> Option<Vec<u8>> {
        self.held.lock().unwrap().get(name).cloned()
    }
}

impl StateStore for FakeState {
    async fn read(&self, name: &StateName) -> Result<Option<Stored>, PortError> {
        self.journal.note(&format!("read {name}"), self.read_fault)?;
        Ok(self.of(name).map(|bytes| Stored { revision: revision(&bytes), bytes }))
    }

    async fn write(&self, name: &StateName, bytes: &[u8], expected: Expected) -> Result<Written, PortError> {
        let size = (bytes.len() > STATE_LIMIT).then_some(PortErrorKind::Refused);
        self.journal.note(&format!("write {name}"), self.write_fault.or(size))?;
        let mut held = self.held.lock().unwrap();
        if let Some(other) = self.meanwhile.lock().unwrap().take() {
            held.insert(name.clone(), other);
        }
        let now = held.get(name).map(|bytes| Expected::Unchanged(revision(bytes)));
        if now.unwrap_or(Expected::Absent) != expected {
            return Ok(Written::Conflict);
        }
        held.insert(name.clone(), bytes.to_vec());
        Ok(Written::Stored)
    }

    async fn list(&self, prefix: &StateName, most: usize) -> Result<Vec<StateName>, PortError> {
        self.journal.note(&format!("list {prefix}"), self.read_fault)?;
        let under = |name: &&StateName| name.as_str().strip_prefix(prefix.as_str()).is_some_and(|x| x.starts_with('/'));
        Ok(self.held.lock().unwrap().keys().filter(under).take(most).cloned().collect())
    }

    async fn remove(&self, name: &StateName) -> Result<(), PortError> {
        self.journal.note(&format!("remove {name}"), self.write_fault)?;
        self.held.lock().unwrap().remove(name);
        Ok(())
    }
}
