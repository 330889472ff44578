use std::collections::BTreeSet;

use aws_sdk_ec2::types::{BlockDeviceMapping, EbsBlockDevice};
use goldseal_core::publication::{Goal, IMAGE_DATA_TYPE, Obstacle, Parameter, ParameterName, plan};

use super::*;
use crate::adapters::cloud::cloud;

const ORGANIZATION: &str = "arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5";
const UNIT: &str = "arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab12-c3d4e5f6";
const REGION: &str = "eu-west-1";

/// An account with one image of two snapshots, out of the way of other tests.
struct Owner {
    aws: AwsConfig,
    image: ImageRef,
}

impl Owner {
    async fn new(account: &str) -> Self {
        let aws = AwsConfig::local(&cloud().endpoint, account).await;
        let region: Region = REGION.parse().unwrap();
        let mut request = aws.ec2(&region).register_image().name("published").architecture("x86_64".into());
        for device in ["/dev/xvda", "/dev/xvdb"] {
            let ebs = aws.ebs(&region);
            let snapshot = ebs.start_snapshot().volume_size(1).send().await.unwrap().snapshot_id.unwrap();
            ebs.complete_snapshot().snapshot_id(&snapshot).changed_blocks_count(0).send().await.unwrap();
            let disk = EbsBlockDevice::builder().snapshot_id(snapshot).build();
            request =
                request.block_device_mappings(BlockDeviceMapping::builder().device_name(device).ebs(disk).build());
        }
        let request = request.root_device_name("/dev/xvda").virtualization_type("hvm");
        let id = request.send().await.unwrap().image_id.unwrap().parse().unwrap();
        Self { aws, image: ImageRef { region, id } }
    }

    async fn state(&self) -> State {
        Publisher::new(&self.aws).state(&self.image, &everything()).await.unwrap()
    }

    async fn apply(&self, step: &Step) {
        Publisher::new(&self.aws).apply(step).await.unwrap();
    }

    fn plan(&self, state: &State) -> Result<Vec<Step>, Obstacle> {
        let tags = [("ec2:SharedTag/a".to_owned(), "1".to_owned())];
        let goal = Goal { image: &self.image, tags: &tags, wishes: &everything(), now: Timestamp::now() };
        let planned = plan(&goal, state)?;
        Ok(planned.into_iter().filter(|one| !one.already).map(|one| one.step).collect())
    }

    fn ssm(&self) -> aws_sdk_ssm::Client {
        self.aws.ssm(&self.image.region)
    }

    fn name(&self, name: &str) -> Step {
        Step::Name { image: self.image.clone(), parameter: name.parse().unwrap(), instead_of: None }
    }

    /// Orders an error for a call of this account.
    fn fault(account: &str, call: &str, status: u16, code: &str) {
        let (service, action) = call.split_once(':').unwrap();
        cloud().order_fault(&format!(
            r#"{{"service":"{service}","action":"{action}","account":"{account}","status":{status},"code":"{code}"}}"#
        ));
    }
}

fn everything() -> Wishes {
    Wishes {
        lock: Some("30".parse().unwrap()),
        protect: true,
        share: [ORGANIZATION, UNIT, "222222222222"].map(|one| one.parse().unwrap()).into(),
        parameters: ["/golden/base".parse().unwrap()].into(),
    }
}

#[tokio::test]
async fn a_state_is_what_the_steps_before_it_made() {
    let owner = Owner::new("200000000001").await;
    let bare = owner.state().await;
    assert_eq!((bare.state.as_str(), bare.protected, bare.public), ("available", false, false));
    assert_eq!(bare.snapshots.values().collect::<Vec<_>>(), [&None, &None]);
    assert!(bare.tags.is_empty() && bare.audience.is_empty() && bare.parameters.is_empty());
    let steps = owner.plan(&bare).unwrap();
    assert_eq!(steps.len(), 6, "two locks and one of each other step");
    for step in &steps {
        owner.apply(step).await;
    }
    let state = owner.state().await;
    assert_eq!(owner.plan(&state), Ok(Vec::new()), "{state:?}");
    assert!(state.protected);
    assert_eq!(state.audience, [ORGANIZATION, UNIT, "222222222222"].map(str::to_owned).into());
    assert_eq!(state.tags, [("ec2:SharedTag/a".to_owned(), "1".to_owned())].into());
    let parameter = Parameter { value: owner.image.id.to_string(), data_type: IMAGE_DATA_TYPE.to_owned() };
    assert_eq!(state.parameters.values().collect::<Vec<_>>(), [&parameter]);
    let governance = |lock: &Option<Lock>| lock.is_some_and(|lock| lock.mode == LockMode::Governance);
    assert!(state.snapshots.values().all(governance));
}

#[tokio::test]
async fn what_nobody_wishes_to_change_is_not_asked() {
    let owner = Owner::new("200000000002").await;
    let calls = || {
        let calls = cloud().calls("account=200000000002");
        ["DescribeImageAttribute", "DescribeLockedSnapshots", "GetParameters"].map(|call| calls.contains(call))
    };
    Publisher::new(&owner.aws).state(&owner.image, &Wishes::default()).await.unwrap();
    assert_eq!(calls(), [false; 3]);
    owner.state().await;
    assert_eq!(calls(), [true; 3]);
}

#[tokio::test]
async fn locks_are_understood_or_an_error() {
    let owner = Owner::new("200000000003").await;
    let (ec2, first) = (owner.aws.ec2(&owner.image.region), owner.state().await.snapshots.into_keys().next().unwrap());
    let lock = || ec2.lock_snapshot().snapshot_id(first.as_str());
    let mode = async || owner.state().await.snapshots[&first].unwrap().mode;
    lock().lock_mode(SdkLockMode::Compliance).cool_off_period(2).lock_duration(5).send().await.unwrap();
    assert_eq!(mode().await, LockMode::Compliance, "while it can still be taken away");
    assert!(matches!(owner.plan(&owner.state().await), Err(Obstacle::ComplianceLock { .. })));
    lock().lock_mode(SdkLockMode::Governance).lock_duration(5).send().await.unwrap();
    assert_eq!(mode().await, LockMode::Governance);
    let steps = owner.plan(&owner.state().await).unwrap();
    owner.apply(&steps[0]).await;
    assert_eq!(owner.plan(&owner.state().await).unwrap().len(), steps.len() - 1, "it was made longer");

    let found = LockedSnapshotsInfo::builder().snapshot_id("snap-1").lock_state(LockState::Expired);
    assert_eq!(lock_of(&found.build()).unwrap(), None);
    let end = DateTime::from_secs(1_800_000_000);
    for strange in [
        LockedSnapshotsInfo::builder().lock_expires_on(end).build(),
        LockedSnapshotsInfo::builder().lock_state("new".into()).lock_expires_on(end).build(),
        LockedSnapshotsInfo::builder().lock_state(LockState::Governance).build(),
    ] {
        assert_eq!(lock_of(&strange).unwrap_err().kind, PortErrorKind::Malformed, "{strange:?}");
    }
}

#[tokio::test]
async fn a_parameter_is_overwritten_only_if_somebody_saw_what_it_was() {
    let owner = Owner::new("200000000004").await;
    let other = owner.aws.ec2(&owner.image.region).copy_image().name("other").source_region(REGION);
    let other = other.source_image_id(owner.image.id.as_str()).send().await.unwrap().image_id.unwrap();
    let other = ImageRef { id: other.parse().unwrap(), ..owner.image.clone() };
    owner.apply(&owner.name("/golden/base")).await;
    // The answer to the first attempt got lost: the second one finds its own work.
    owner.apply(&owner.name("/golden/base")).await;
    let unseen = Step::Name { image: other.clone(), parameter: "/golden/base".parse().unwrap(), instead_of: None };
    let error = Publisher::new(&owner.aws).apply(&unseen).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Refused);
    assert!(error.chain().contains("ParameterAlreadyExists"), "{}", error.chain());
    let instead_of = Some(owner.image.id.to_string());
    owner.apply(&Step::Name { image: other.clone(), parameter: "/golden/base".parse().unwrap(), instead_of }).await;
    assert_eq!(owner.state().await.parameters.values().next().unwrap().value, other.id.to_string());
}

#[tokio::test]
async fn a_parameter_that_does_not_take_the_image_is_an_error_though_the_call_was_answered_well() {
    let owner = Owner::new("200000000005").await;
    let nowhere = ImageRef { id: "ami-00000000000000001".parse().unwrap(), ..owner.image.clone() };
    let name: ParameterName = "/golden/none".parse().unwrap();
    let error = ssm::put(&owner.ssm(), &name, &nowhere, false, &[1, 1]).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unavailable);
    assert!(error.chain().contains("ssm:PutParameter /golden/none: unavailable: it was accepted"), "{}", error.chain());
    assert!(ssm::parameters(&owner.ssm(), [&name]).await.unwrap().is_empty());
}

#[tokio::test]
async fn more_parameters_than_one_call_takes_are_read() {
    let owner = Owner::new("200000000006").await;
    let names: BTreeSet<ParameterName> = (0..23).map(|number| format!("/golden/{number}").parse().unwrap()).collect();
    let request = owner.ssm().put_parameter().name("/golden/17").value("x").r#type("String".into());
    request.send().await.unwrap();
    let found = ssm::parameters(&owner.ssm(), &names).await.unwrap();
    let expected = Parameter { value: "x".to_owned(), data_type: "text".to_owned() };
    assert_eq!(found, [("/golden/17".parse().unwrap(), expected)].into());
}

#[tokio::test]
async fn every_call_that_fails_is_named_with_what_it_was_about() {
    const ACCOUNT: &str = "200000000007";
    let owner = Owner::new(ACCOUNT).await;
    let publisher = Publisher::new(&owner.aws);
    let bare = owner.state().await;
    let denied = "UnauthorizedOperation";
    for call in ["ec2:DescribeImages", PERMISSIONS, LOCKS, "ssm:GetParameters"] {
        Owner::fault(ACCOUNT, call, 403, denied);
        let error = publisher.state(&owner.image, &everything()).await.unwrap_err();
        assert_eq!((error.kind, error.operation), (PortErrorKind::Denied, call));
        let about = match call {
            LOCKS => bare.snapshots.keys().next().unwrap().to_string(),
            "ssm:GetParameters" => "/golden/base".to_owned(),
            _ => owner.image.id.to_string(),
        };
        assert!(error.resource.contains(&about), "{}", error.chain());
    }
    for step in owner.plan(&bare).unwrap() {
        Owner::fault(ACCOUNT, step.call(), 403, denied);
        let error = publisher.apply(&step).await.unwrap_err();
        assert_eq!((error.kind, error.operation), (PortErrorKind::Denied, step.call()));
        assert!(error.resource.contains(step.resource()), "{}", error.chain());
    }
    assert_eq!(owner.state().await, bare, "what failed changed nothing");
}

#[tokio::test]
async fn an_image_that_is_not_there_has_no_state() {
    let owner = Owner::new("200000000008").await;
    let gone = ImageRef { id: "ami-00000000000000001".parse().unwrap(), ..owner.image.clone() };
    let error = Publisher::new(&owner.aws).state(&gone, &Wishes::default()).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (PortErrorKind::NotFound, "ec2:DescribeImages"));
}
