//! What tests of launches have in common: an image, and groups whose instances wait, in an account of the test's own.

use aws_sdk_autoscaling::types::{LaunchTemplateSpecification, LifecycleHookSpecification};
use aws_sdk_ec2::types::{
    ArchitectureValues, BlockDeviceMapping, EbsBlockDevice, InstanceType, RequestLaunchTemplateData,
};
use goldseal_core::ids::{AmiId, GroupName, InstanceId, Region, SnapshotId};

use super::AwsConfig;
use crate::adapters::cloud::cloud;

pub(super) struct Fleet {
    pub(super) account: String,
    pub(super) aws: AwsConfig,
    pub(super) region: Region,
    pub(super) image: AmiId,
    pub(super) snapshot: SnapshotId,
}

impl Fleet {
    /// Makes an image in an account.
    pub(super) async fn new(account: &str) -> Self {
        let aws = AwsConfig::local(&cloud().endpoint, account).await;
        let region: Region = "us-east-1".parse().unwrap();
        let ebs = aws.ebs(&region);
        let snapshot = ebs.start_snapshot().volume_size(1).send().await.unwrap().snapshot_id.unwrap();
        ebs.complete_snapshot().snapshot_id(&snapshot).changed_blocks_count(0).send().await.unwrap();
        let disk = EbsBlockDevice::builder().snapshot_id(&snapshot).build();
        let root = BlockDeviceMapping::builder().device_name("/dev/xvda").ebs(disk).build();
        let request = aws.ec2(&region).register_image().name("web").architecture(ArchitectureValues::X8664);
        let request = request.root_device_name("/dev/xvda").virtualization_type("hvm").block_device_mappings(root);
        let image = request.send().await.unwrap().image_id.unwrap().parse().unwrap();
        let data = RequestLaunchTemplateData::builder().image_id(AmiId::to_string(&image));
        let data = data.instance_type(InstanceType::T3Micro).build();
        let template = aws.ec2(&region).create_launch_template().launch_template_name("web");
        template.launch_template_data(data).send().await.unwrap();
        Self { account: account.to_owned(), aws, region, image, snapshot: snapshot.parse().unwrap() }
    }

    /// Makes a group whose instances wait on the hook `verify`.
    pub(super) async fn group(&self, name: &str, size: i32) -> GroupName {
        let hook = LifecycleHookSpecification::builder().lifecycle_hook_name("verify");
        let hook = hook.lifecycle_transition("autoscaling:EC2_INSTANCE_LAUNCHING").heartbeat_timeout(600);
        let template = LaunchTemplateSpecification::builder().launch_template_name("web").version("1").build();
        let request = self.aws.autoscaling(&self.region).create_auto_scaling_group().auto_scaling_group_name(name);
        let request = request.min_size(0).max_size(100).desired_capacity(size).availability_zones("us-east-1a");
        let request = request.launch_template(template);
        request.lifecycle_hook_specification_list(hook.build()).send().await.unwrap();
        name.parse().unwrap()
    }

    /// Waits until so many instances of a group wait, and returns them.
    pub(super) async fn waiting(&self, group: &GroupName, count: usize) -> Vec<InstanceId> {
        let request = self.aws.autoscaling(&self.region).describe_auto_scaling_groups();
        let request = request.auto_scaling_group_names(group.as_str());
        for _ in 0..500 {
            let groups = request.clone().send().await.unwrap().auto_scaling_groups.unwrap();
            let instances = groups.first().map(|group| group.instances()).unwrap_or_default();
            let waits = |state: &str| state == "Pending:Wait";
            let ids = instances.iter().filter(|one| one.lifecycle_state().is_some_and(|state| waits(state.as_str())));
            let ids: Vec<InstanceId> = ids.map(|one| one.instance_id().unwrap().parse().unwrap()).collect();
            if ids.len() == count {
                return ids;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("{count} instances of {group} never came to wait");
    }

    /// Orders an error for calls of this account.
    pub(super) fn order(&self, service: &str, action: &str, more: &str) {
        let account = &self.account;
        cloud().order_fault(&format!(r#"{{"service":"{service}","account":"{account}","action":"{action}",{more}}}"#));
    }

    /// Counts the calls of this account.
    pub(super) fn calls(&self, service: &str, action: &str) -> usize {
        let calls = cloud().calls(&format!("service={service}&action={action}&account={}", self.account));
        calls.matches(&format!("\"{action}\"")).count()
    }
}
