use futures_executor::block_on;

use super::*;
use crate::{
    enforcement::Completion,
    ids::{InstanceId, VolumeId},
    lifecycle::Answer,
    policy::Keys,
    ports::PortErrorKind,
    report::Outcome,
    testing::{
        evidence::sealed,
        images::facts,
        keys::LocalKey,
        policies::{compiled, minimal},
    },
};

const GROUP: &str = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:\
                     0a1b2c3d-0000-0000-0000-000000000000:autoScalingGroupName/web";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// The world that one instance launches in; everything is good unless a test changes it.
struct World {
    policy: String,
    instance: Result<Option<Instance>, PortErrorKind>,
    volume: Result<Option<Volume>, PortErrorKind>,
    member: Result<Option<Member>, PortErrorKind>,
    evidence: Vec<u8>,
    group: Option<GroupArn>,
}

fn failing<T: Clone>(answer: &Result<T, PortErrorKind>, operation: &'static str) -> Result<T, PortError> {
    answer.clone().map_err(|kind| PortError::new(kind, operation, "it"))
}

impl Instances for World {
    async fn instance(&self, _: &InstanceId) -> Result<Option<Instance>, PortError> {
        failing(&self.instance, "ec2:DescribeInstances")
    }

    async fn volume(&self, _: &VolumeId) -> Result<Option<Volume>, PortError> {
        failing(&self.volume, "ec2:DescribeVolumes")
    }
}

impl Waits for World {
    async fn member(&self, _: &InstanceId) -> Result<Option<Member>, PortError> {
        failing(&self.member, "autoscaling:DescribeAutoScalingInstances")
    }

    async fn heartbeat(&self, _: &Wait) -> Result<Answer, PortError> {
        panic!("a look changes nothing")
    }

    async fn complete(&self, _: &Wait, _: Completion) -> Result<Answer, PortError> {
        panic!("a look changes nothing")
    }
}

impl Cases for World {
    async fn case(&self, image: &ImageRef) -> Arc<Case> {
        assert_eq!(*image, facts().descriptor.image());
        let policy = compiled(&self.policy);
        let keys = Arc::new(Keys::new(&policy, |_| Err(String::new())));
        Arc::new(Case::of(facts(), &self.evidence, "the store", &keys))
    }
}

impl World {
    fn good() -> Self {
        let ci = LocalKey::p256(1);
        let instance = Instance {
            image: "ami-0123456789abcdef0".parse().unwrap(),
            launched: Some(now()),
            root_device_type: "ebs".to_owned(),
            root_volume: Some("vol-0123abcd".parse().unwrap()),
        };
        let snapshot = Some("snap-0123456789abcdef0".parse().unwrap());
        Self {
            policy: minimal(&ci),
            instance: Ok(Some(instance)),
            volume: Ok(Some(Volume { id: "vol-0123abcd".parse().unwrap(), snapshot, source: None })),
            member: Ok(Some(member(None))),
            evidence: sealed(&ci),
            group: Some(GROUP.parse().unwrap()),
        }
    }

    fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut world = Self::good();
        change(&mut world);
        world
    }

    fn launch(&self) -> Launch {
        Launch {
            wait: Wait {
                group: "web".parse().unwrap(),
                hook: "goldseal".parse().unwrap(),
                instance: "i-0123abcd".parse().unwrap(),
                token: None,
            },
            group: self.group.clone(),
            account: Some("123456789012".parse().unwrap()),
            region: "eu-west-1".parse().unwrap(),
            found_by: FoundBy::Message,
            first_sight: now(),
        }
    }

    fn decide(&self, patience: Patience) -> Decision {
        let (launch, policy) = (self.launch(), compiled(&self.policy));
        let sight = block_on(look(&launch, None, &policy, self, self, self));
        decide(&launch, &sight, &policy, patience, now())
    }

    /// The verdict with its codes, and what is done with time left and at the deadline.
    fn outcome(&self) -> (String, Action, Action) {
        let decision = self.decide(Patience::Left);
        let judged = &decision.report.judged;
        let codes = judged.reasons.iter().chain(&judged.faults).map(|cause| cause.code.clone());
        let word = format!("{:?}", judged.verdict).to_lowercase();
        let told = std::iter::once(word).chain(codes).collect::<Vec<_>>().join(" ");
        (told, decision.action, self.decide(Patience::Over).action)
    }
}

fn member(image: Option<&str>) -> Member {
    let image = image.map(|id| id.parse().unwrap());
    Member { group: "web".parse().unwrap(), state: "Pending:Wait".to_owned(), image }
}

fn instance(world: &mut World) -> &mut Instance {
    world.instance.as_mut().unwrap().as_mut().unwrap()
}

fn volume(world: &mut World) -> &mut Volume {
    world.volume.as_mut().unwrap().as_mut().unwrap()
}

const GO: Action = Action::Complete(Completion::Continue);
const NO: Action = Action::Complete(Completion::Abandon);

#[test]
fn a_launch_has_the_verdict_of_its_image_and_what_is_known_of_the_instance_beside_it() {
    for (what, world, told, left, over) in [
        ("good", World::good(), "admit", GO, GO),
        (
            "no evidence counts",
            World::with(|w| w.evidence.clear()),
            "reject attestation-missing attestation-missing attestation-missing",
            NO,
            NO,
        ),
        (
            "not visible yet",
            World::with(|w| w.instance = Ok(None)),
            "undetermined instance-unavailable",
            Action::AskAgain,
            NO,
        ),
        (
            "EC2 throttles",
            World::with(|w| w.instance = Err(PortErrorKind::Throttled)),
            "undetermined instance-unavailable",
            Action::AskAgain,
            NO,
        ),
        (
            "Auto Scaling throttles",
            World::with(|w| w.member = Err(PortErrorKind::Throttled)),
            "undetermined instance-unavailable",
            Action::AskAgain,
            NO,
        ),
        (
            "the same image for both",
            World::with(|w| w.member = Ok(Some(member(Some("ami-0123456789abcdef0"))))),
            "admit",
            GO,
            GO,
        ),
        (
            "the root is being replaced",
            World::with(|w| w.member = Ok(Some(member(Some("ami-0fedcba9876543210"))))),
            "undetermined instance-inconsistent",
            Action::AskAgain,
            NO,
        ),
        (
            "no root yet",
            World::with(|w| instance(w).root_volume = None),
            "undetermined root-volume-unavailable",
            Action::AskAgain,
            NO,
        ),
        (
            "the root is not visible yet",
            World::with(|w| w.volume = Ok(None)),
            "undetermined root-volume-unavailable",
            Action::AskAgain,
            NO,
        ),
        (
            "the root may not be looked at",
            World::with(|w| w.volume = Err(PortErrorKind::Denied)),
            "undetermined root-volume-unavailable",
            Action::AskAgain,
            NO,
        ),
        (
            "another snapshot",
            World::with(|w| volume(w).snapshot = Some("snap-0fedcba9876543210".parse().unwrap())),
            "reject root-volume-foreign",
            NO,
            NO,
        ),
        ("no snapshot", World::with(|w| volume(w).snapshot = None), "reject root-volume-foreign", NO, NO),
        (
            "a copy of a volume",
            World::with(|w| volume(w).source = Some("vol-0fedcba9".parse().unwrap())),
            "reject root-volume-foreign",
            NO,
            NO,
        ),
        (
            "an instance store has no root volume",
            World::with(|w| {
                instance(w).root_device_type = "instance-store".to_owned();
                instance(w).root_volume = None;
            }),
            "admit",
            GO,
            GO,
        ),
        (
            "the policy does not look at roots",
            World::with(|w| {
                w.policy += "[launch]\nroot_volume = \"unchecked\"\n";
                volume(w).snapshot = None;
            }),
            "admit",
            GO,
            GO,
        ),
    ] {
        assert_eq!(world.outcome(), (told.to_owned(), left, over), "{what}");
    }
}

#[test]
fn a_warning_lets_pass_and_says_so() {
    let mut world = World::with(|w| w.evidence.clear());
    world.policy = world.policy.replace("no_match = \"enforce\"", "no_match = \"warn\"");
    let decision = world.decide(Patience::Left);
    assert_eq!((decision.action, decision.report.judged.verdict), (GO, Outcome::Reject));
    assert!(decision.report.is_warning() && !decision.report.enforced && !decision.report.really_abandoned());
    world.instance = Ok(None);
    assert_eq!(world.outcome(), ("undetermined instance-unavailable".to_owned(), Action::AskAgain, GO));
}

#[test]
fn a_group_that_is_not_known_is_in_every_scope_that_enforces_and_in_none_that_warns() {
    let scope = format!("[[scope]]\nmode = \"warn\"\ngroups = [\"{GROUP}\"]\n");
    let mut world = World::with(|w| {
        w.evidence.clear();
        w.policy += &scope;
    });
    assert_eq!(world.decide(Patience::Left).action, GO);
    world.group = None;
    assert_eq!(world.decide(Patience::Left).action, NO);
}

#[test]
fn what_nobody_saw_before_the_deadline_is_undetermined() {
    let world = World::good();
    let decision = decide_unseen(&world.launch(), &compiled(&world.policy), now());
    assert_eq!((decision.action, decision.report.judged.verdict), (NO, Outcome::Undetermined));
    assert_eq!(decision.report.first_code(), "instance-unavailable");
}

#[test]
fn the_report_says_whose_launch_it_was_and_on_what_it_was_judged() {
    let report = World::good().decide(Patience::Left).report;
    let json = serde_json::to_value(&report).unwrap();
    for (field, value) in [
        ("schema", "goldseal/launch/v1"),
        ("group", "web"),
        ("hook", "goldseal"),
        ("instance", "i-0123abcd"),
        ("groupArn", GROUP),
        ("action", "continue"),
        ("verdict", "admit"),
        ("foundBy", "message"),
    ] {
        assert_eq!(json[field], value, "{json:#}");
    }
    assert_eq!(json["image"]["id"], "ami-0123456789abcdef0");
    assert!(json["evidenceSha256"].is_string() && json["end"].is_null());
}
