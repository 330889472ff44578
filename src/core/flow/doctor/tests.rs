mod asked;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use futures_executor::block_on;

use super::*;
use crate::{
    attestation::predicate::GrantScope,
    doctor::{Caller, QueueSettings},
    enforcement::Completion,
    ids::{GroupName, InstanceId, VolumeId},
    lifecycle::{Answer, Guarded, Hook, Instance, Member, Volume, Wait},
    ports::{Expected, Listing, PortErrorKind, Revision, StateName, Stored, Written},
    report::Severity,
    testing::{
        evidence::sealed,
        fleet::group,
        images::{described, facts},
        keys::LocalKey,
        lists::{self, grant, granters, listed_policy, revocations, revoker, signed_grant, signed_list},
        policies::{compiled, minimal},
        ports::{FakeCatalog, FakeKeys, FakeLists, FakeStore},
    },
};

/// Auto Scaling, EC2, STS, the queue and the state in one: what they hold, what they refuse, and what they were told.
#[derive(Default)]
struct World {
    groups: Vec<Group>,
    launches: Vec<Launchable>,
    refused: BTreeMap<&'static str, PortErrorKind>,
    asked: Mutex<Vec<String>>,
    held: Mutex<BTreeSet<String>>,
    /// The revocation list that the hook keeps.
    kept: Option<Vec<u8>>,
    forgets: bool,
}

impl World {
    fn ask<T>(&self, operation: &'static str, on: impl std::fmt::Display, answer: T) -> Result<T, PortError> {
        self.asked.lock().unwrap().push(format!("{operation} {on}"));
        match self.refused.get(operation) {
            Some(kind) => Err(PortError::new(*kind, operation, on)),
            None => Ok(answer),
        }
    }

    fn report(&self, more: &str) -> DoctorReport {
        self.report_by(&format!("{}{more}", minimal(&LocalKey::p256(1))), &FakeKeys::default())
    }

    fn report_by(&self, policy: &str, keys: &(impl KeyCatalog + Listings)) -> DoctorReport {
        let policy = compiled(policy);
        let image = facts().descriptor.image();
        let guarded = Guarded::new(&["web*"], &["goldseal"]).unwrap();
        let setup = Setup {
            region: &image.region,
            guarded: &guarded,
            deadline: SignedDuration::from_mins(10),
            policy: &policy,
            store: "s3://evidence/golden".into(),
            state: "s3://state".into(),
        };
        let asking = Asking {
            fleet: self,
            instances: self,
            account: self,
            queue: Some(self),
            catalog: &FakeCatalog(BTreeMap::from([(image.clone(), Ok(described()))])),
            store: &FakeStore::holding(&image, &sealed(&LocalKey::p256(1))),
            keys,
            state: self,
        };
        block_on(doctor(&setup, &asking, Timestamp::from_second(1_800_000_000).unwrap())).unwrap()
    }
}

impl Groups for World {
    async fn group(&self, name: &GroupName) -> Result<Option<Group>, PortError> {
        self.ask("autoscaling:DescribeAutoScalingGroups", name, None)
    }
    async fn groups(&self, _: Option<&Guarded>) -> Result<Vec<Group>, PortError> {
        self.ask("autoscaling:DescribeAutoScalingGroups", "all", self.groups.clone())
    }
    async fn hooks(&self, group: &GroupName) -> Result<Vec<Hook>, PortError> {
        let hook = Hook {
            name: "goldseal".parse().unwrap(),
            launching: true,
            timeout: SignedDuration::from_mins(10),
            longest: SignedDuration::from_hours(16),
            default_result: Some(Completion::Abandon),
            target: Some("arn:aws:sqs:eu-west-1:123456789012:q".into()),
            role: None,
        };
        let hooks = if group.as_str().starts_with("web") { vec![hook] } else { Vec::new() };
        self.ask("autoscaling:DescribeLifecycleHooks", group, hooks)
    }
    async fn suspend_launch(&self, group: &GroupName, _: bool) -> Result<(), PortError> {
        panic!("doctor suspends {group}")
    }
}

impl Waits for World {
    async fn member(&self, id: &InstanceId) -> Result<Option<Member>, PortError> {
        self.ask("autoscaling:DescribeAutoScalingInstances", id, None)
    }
    async fn heartbeat(&self, wait: &Wait) -> Result<Answer, PortError> {
        self.ask("autoscaling:RecordLifecycleActionHeartbeat", &wait.instance, Answer::NoSuchWait)
    }
    async fn complete(&self, wait: &Wait, _: Completion) -> Result<Answer, PortError> {
        self.ask("autoscaling:CompleteLifecycleAction", &wait.instance, Answer::NoSuchWait)
    }
}

impl Instances for World {
    async fn instance(&self, id: &InstanceId) -> Result<Option<Instance>, PortError> {
        self.ask("ec2:DescribeInstances", id, None)
    }
    async fn volume(&self, id: &VolumeId) -> Result<Option<Volume>, PortError> {
        self.ask("ec2:DescribeVolumes", id, None)
    }
}

impl Templates for World {
    async fn launches(&self, group: &GroupName) -> Result<Vec<Launchable>, PortError> {
        self.ask("ec2:DescribeLaunchTemplateVersions", group, self.launches.clone())
    }
}

impl Asker for World {
    async fn caller(&self) -> Result<Caller, PortError> {
        let arn = Some("arn:aws:sts::123456789012:assumed-role/hook/i".to_owned());
        self.ask("sts:GetCallerIdentity", "", Caller { account: "123456789012".parse().unwrap(), arn })
    }
    async fn ahead(&self) -> Result<SignedDuration, PortError> {
        self.ask("sts:GetCallerIdentity", "", SignedDuration::ZERO)
    }
    async fn try_suspend(&self, group: &GroupName) -> Result<(), PortError> {
        self.ask("autoscaling:SuspendProcesses", group, ())
    }
}

impl LaunchQueue for World {
    fn url(&self) -> &str {
        "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
    }
    async fn settings(&self) -> Result<QueueSettings, PortError> {
        let settings = QueueSettings {
            arn: "arn:aws:sqs:eu-west-1:123456789012:q".into(),
            policy: None,
            dead_letters: None,
            retention: SignedDuration::from_hours(24),
            key: None,
            waiting: 0,
            in_flight: 0,
        };
        self.ask("sqs:GetQueueAttributes", "", settings)
    }
    async fn try_messages(&self) -> [(&'static str, Result<(), PortError>); 2] {
        ["sqs:DeleteMessage", "sqs:ChangeMessageVisibility"].map(|action| (action, self.ask(action, "", ())))
    }
}

impl StateStore for World {
    async fn read(&self, name: &StateName) -> Result<Option<Stored>, PortError> {
        let stored = |bytes: Vec<u8>| Stored { bytes, revision: Revision(String::new()) };
        let found = match name.as_str().starts_with("v1/revocations/") {
            true => self.kept.clone(),
            false => self.held.lock().unwrap().contains(name.as_str()).then(|| b"{}".to_vec()),
        };
        self.ask("s3:GetObject", name, found.map(stored))
    }
    async fn write(&self, name: &StateName, _: &[u8], _: Expected) -> Result<Written, PortError> {
        let written = self.ask("s3:PutObject", name, Written::Stored)?;
        if !self.forgets {
            self.held.lock().unwrap().insert(name.to_string());
        }
        Ok(written)
    }
    async fn list(&self, prefix: &StateName, _: usize) -> Result<Vec<StateName>, PortError> {
        self.ask("s3:ListBucket", prefix, Vec::new())
    }
    async fn remove(&self, name: &StateName) -> Result<(), PortError> {
        self.ask("s3:DeleteObject", name, ())?;
        self.held.lock().unwrap().remove(name.as_str());
        Ok(())
    }
}

fn world(groups: &[&str]) -> World {
    let image = facts().descriptor.image();
    let launches =
        vec![Launchable { named_by: "launch template lt-1".into(), written: String::new(), image: Ok(image.id) }];
    World { groups: groups.iter().map(|name| group(name)).collect(), launches, ..World::default() }
}

/// The codes that are worse than a note, with their places.
fn bad(report: &DoctorReport) -> Vec<(&str, &str)> {
    let worse = report.findings.iter().filter(|one| one.severity < Severity::Note);
    worse.map(|one| (one.code, one.place.as_str())).collect()
}

const NO_DEAD_LETTERS: (&str, &str) =
    ("queue-without-dead-letters", "https://sqs.eu-west-1.amazonaws.com/123456789012/q");

#[test]
fn everything_is_looked_at_and_the_state_is_left_as_it_was() {
    let world = world(&["web-1", "web-2"]);
    let report = world.report("");
    assert_eq!(bad(&report), [NO_DEAD_LETTERS], "{report:#?}");
    assert!(world.held.lock().unwrap().is_empty());
    let admitted = report.findings.iter().filter(|one| one.code == "image-admitted").count();
    assert_eq!(admitted, 2);
    let asked = world.asked.lock().unwrap();
    assert!(!asked.iter().any(|call| call.starts_with("autoscaling:SuspendProcesses")), "{asked:?}");
    // Only for things that there are not.
    let tried: Vec<_> = asked.iter().filter(|call| call.contains("Lifecycle") && !call.contains("Hooks")).collect();
    assert!(!tried.is_empty() && tried.iter().all(|call| call.ends_with(" i-00000000000000000")), "{tried:?}");
}

#[test]
fn each_action_that_is_denied_is_named() {
    for action in [
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLifecycleHooks",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:SuspendProcesses",
        "ec2:DescribeInstances",
        "ec2:DescribeVolumes",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "s3:PutObject",
        "s3:GetObject",
        "s3:DeleteObject",
    ] {
        let mut world = world(&["web"]);
        world.refused.insert(action, PortErrorKind::Denied);
        let report = world.report("[breaker]\nsuspend_launch = true\n");
        let bad: Vec<_> = bad(&report).into_iter().filter(|one| *one != NO_DEAD_LETTERS).collect();
        assert_eq!(bad, [("permission-missing", action)]);
        assert_eq!(report.worst(), Severity::Problem);
    }
}

#[test]
fn what_fails_for_another_reason_is_allowed_and_what_has_no_answer_is_not_known() {
    for (kind, worst) in [
        (PortErrorKind::Refused, Severity::Warning),
        (PortErrorKind::NotFound, Severity::Warning),
        (PortErrorKind::Unavailable, Severity::Unknown),
        (PortErrorKind::Throttled, Severity::Unknown),
        (PortErrorKind::Denied, Severity::Problem),
    ] {
        let mut world = world(&["web"]);
        world.refused.insert("autoscaling:CompleteLifecycleAction", kind);
        assert_eq!(world.report("").worst(), worst, "{kind:?}");
    }
}

#[test]
fn what_cannot_be_asked_is_said_once() {
    let mut world = world(&["web"]);
    world.refused.insert("autoscaling:DescribeAutoScalingGroups", PortErrorKind::Unavailable);
    world.refused.insert("sts:GetCallerIdentity", PortErrorKind::Unavailable);
    let report = world.report("");
    assert_eq!(report.count(Severity::Unknown), 2, "{report:#?}");
    assert_eq!(report.account, None);
}

#[test]
fn a_state_that_forgets_is_unusable() {
    let world = World { forgets: true, ..world(&["web"]) };
    assert!(bad(&world.report("")).contains(&("state-unusable", "s3://state")));
}

#[test]
fn of_many_groups_that_match_no_pattern_only_some_are_asked_about() {
    let names: Vec<String> = (0..MOST_UNGUARDED + 3).map(|number| format!("other-{number}")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("web");
    let world = world(&names);
    let report = world.report("");
    let left: Vec<_> = report.findings.iter().filter(|one| one.code == "groups-left-out").collect();
    assert_eq!(left.first().map(|one| one.place.as_str()), Some("3 groups"));
    assert!(report.findings.iter().any(|one| one.code == "hook-good"), "those that are guarded are all looked at");
}

#[test]
fn the_lists_of_the_policy_are_looked_at_as_the_hook_and_whoever_keeps_them_do() {
    let list = |serial, key: &LocalKey| signed_list(&revocations(serial, &[]), key);
    let said = |kept: Option<Vec<u8>>, there: Vec<(Listing, Vec<u8>)>, at: Timestamp| {
        let world = World { kept, ..world(&["web"]) };
        let report = world.report_by(&listed_policy(), &FakeLists(there, at));
        let found =
            report.findings.iter().filter(|one| one.code.contains("revocation") || one.code.contains("override"));
        let found: Vec<(&str, Severity)> = found.map(|one| (one.code, one.severity)).collect();
        let admitted = report.findings.iter().any(|one| one.code == "image-admitted");
        (found, admitted)
    };
    let posted = |bytes: Vec<u8>| vec![(Listing::Revocations("default".to_owned().try_into().unwrap()), bytes)];
    let (at, good) = (lists::now(), list(3, &revoker()));
    let later = |minutes| at.saturating_add(SignedDuration::from_mins(minutes)).unwrap();
    let (problem, warning, fine) = (Severity::Problem, Severity::Warning, Severity::Good);

    assert_eq!(said(None, Vec::new(), at), (vec![("revocation-list-absent", problem)], false));
    let strange = posted(list(3, &LocalKey::p256(5)));
    assert_eq!(said(None, strange, at), (vec![("revocation-list-foreign", problem)], false));
    assert_eq!(said(None, posted(b"x\n".to_vec()), at), (vec![("revocation-list-damaged", problem)], false));
    assert_eq!(said(None, posted(good.clone()), at), (vec![("revocation-list-good", fine)], true));
    assert_eq!(said(None, posted(good.clone()), later(46)), (vec![("revocation-list-ends-soon", warning)], true));
    assert_eq!(said(None, posted(good.clone()), later(60)), (vec![("revocation-list-stale", problem)], false));
    let newer = Some(list(4, &revoker()));
    assert_eq!(said(newer, posted(good.clone()), at).0, [("revocation-list-rolled-back", problem)]);

    let overridden = signed_grant(&grant(GrantScope::Image(lists::image()), &["evidence-absent"]), &granters());
    let both = [posted(good), vec![(Listing::Overrides, overridden)]].concat();
    let both = said(None, both, at).0;
    assert_eq!(both, [("override-active", Severity::Note), ("revocation-list-good", fine)]);
}
