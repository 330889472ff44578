//! EC2's DescribeInstances and DescribeVolumes → [`Instance`] and [`Volume`], asked for in batches.
//!
//! Both are asked by filter: named outright, one id that EC2 does not know would fail the whole call, and a new
//! instance is not known everywhere at once. What is not in an answer is not to be seen, yet or any more.

use std::collections::BTreeMap;

use aws_sdk_ec2::{
    Client,
    operation::describe_instances::builders::DescribeInstancesFluentBuilder as DescribeInstances,
    types::{Filter, Instance as Described, Volume as DescribedVolume},
};
use goldseal_core::{
    ids::{InstanceId, NotAnId, Region, VolumeId},
    lifecycle::{Instance, Volume},
    ports::{Instances, PortError, PortErrorKind},
};
use jiff::Timestamp;

use super::{
    AwsConfig,
    batch::{Batches, Terms},
    fault,
    pace::Pace,
    pages,
};

const INSTANCES: &str = "ec2:DescribeInstances";
const VOLUMES: &str = "ec2:DescribeVolumes";

/// A filter takes no more values.
const VALUES: usize = 200;
/// The most that fits on a page of either call.
const PAGE: i32 = 500;
/// The most that fits on a page when no filter names instances.
const PAGE_OF_ALL: i32 = 1000;

/// EC2's instances and volumes, in one region. Clones share their batches.
#[derive(Debug, Clone)]
pub struct Ec2Instances {
    instances: Batches<InstanceId, Result<Instance, String>>,
    volumes: Batches<VolumeId, Result<Volume, String>>,
}

impl Ec2Instances {
    /// Asks EC2 with these settings.
    pub fn new(aws: &AwsConfig, region: &Region) -> Self {
        let (ec2, also) = (aws.ec2(region), aws.ec2(region));
        Self {
            instances: Batches::new(Terms::of(VALUES), move |ids| instances(ec2.clone(), ids, PAGE)),
            volumes: Batches::new(Terms::of(VALUES), move |ids| volumes(also.clone(), ids, PAGE)),
        }
    }
}

impl Instances for Ec2Instances {
    async fn instance(&self, id: &InstanceId) -> Result<Option<Instance>, PortError> {
        let found = self.instances.ask(id).await?.transpose();
        found.map_err(|why| PortError::new(PortErrorKind::Malformed, INSTANCES, id).because(why))
    }

    async fn volume(&self, id: &VolumeId) -> Result<Option<Volume>, PortError> {
        let found = self.volumes.ask(id).await?.transpose();
        found.map_err(|why| PortError::new(PortErrorKind::Malformed, VOLUMES, id).because(why))
    }
}

async fn instances(
    ec2: Client,
    ids: Vec<InstanceId>,
    most: i32,
) -> Result<BTreeMap<InstanceId, Result<Instance, String>>, PortError> {
    let values = ids.iter().map(ToString::to_string).collect();
    let filter = Filter::builder().name("instance-id").set_values(Some(values)).build();
    let request = ec2.describe_instances().filters(filter).max_results(most);
    paged(request, format!("{} instances", ids.len()), None).await
}

/// Returns every instance of a region, no faster than others in the account can bear.
pub(super) async fn every(
    aws: &AwsConfig,
    region: &Region,
) -> Result<BTreeMap<InstanceId, Result<Instance, String>>, PortError> {
    let request = aws.ec2(region).describe_instances().max_results(PAGE_OF_ALL);
    paged(request, region.to_string(), Some((&aws.0.pace, region))).await
}

/// An instance that cannot be read is nobody's failure but its own.
async fn paged(
    request: DescribeInstances,
    resource: String,
    pace: Option<(&Pace, &Region)>,
) -> Result<BTreeMap<InstanceId, Result<Instance, String>>, PortError> {
    // Instances that another service manages are members of groups like any others.
    let request = request.include_managed_resources(true);
    let (mut found, mut page) = (BTreeMap::new(), None);
    loop {
        if let Some((pace, region)) = pace {
            pace.wait(region, INSTANCES).await;
        }
        let answer = request.clone().set_next_token(page.clone()).send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, INSTANCES, &resource))?;
        for described in answer.reservations.into_iter().flatten().flat_map(|one| one.instances.unwrap_or_default()) {
            let id = described.instance_id().unwrap_or_default().parse();
            let id = id.map_err(|fault| nameless(INSTANCES, &resource, "InstanceId", &fault))?;
            found.insert(id, instance(&described));
        }
        page = pages::next(INSTANCES, &resource, page.as_deref(), answer.next_token)?;
        if page.is_none() {
            return Ok(found);
        }
    }
}

pub(super) async fn volumes(
    ec2: Client,
    ids: Vec<VolumeId>,
    most: i32,
) -> Result<BTreeMap<VolumeId, Result<Volume, String>>, PortError> {
    let resource = format!("{} volumes", ids.len());
    let values = ids.iter().map(ToString::to_string).collect();
    let filter = Filter::builder().name("volume-id").set_values(Some(values)).build();
    // Those of instances that another service manages too.
    let request = ec2.describe_volumes().filters(filter).include_managed_resources(true).max_results(most);
    let (mut found, mut page) = (BTreeMap::new(), None);
    loop {
        let answer = request.clone().set_next_token(page.clone()).send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, VOLUMES, &resource))?;
        for described in answer.volumes.unwrap_or_default() {
            let id: Result<VolumeId, NotAnId> = described.volume_id().unwrap_or_default().parse();
            let id = id.map_err(|fault| nameless(VOLUMES, &resource, "VolumeId", &fault))?;
            found.insert(id.clone(), volume(id, &described));
        }
        page = pages::next(VOLUMES, &resource, page.as_deref(), answer.next_token)?;
        if page.is_none() {
            return Ok(found);
        }
    }
}

fn nameless(operation: &'static str, resource: &str, field: &str, fault: &NotAnId) -> PortError {
    PortError::new(PortErrorKind::Malformed, operation, resource).because(format!("{field}: {fault}"))
}

fn instance(described: &Described) -> Result<Instance, String> {
    let image = described.image_id().unwrap_or_default().parse().map_err(|fault| format!("ImageId: {fault}"))?;
    let root_device_type = described.root_device_type().ok_or("no RootDeviceType")?.as_str().to_owned();
    let root = described.root_device_name().and_then(|name| {
        let device = described.block_device_mappings().iter().find(|device| device.device_name() == Some(name))?;
        device.ebs()?.volume_id()
    });
    let root_volume = root.map(|id| id.parse().map_err(|fault| format!("VolumeId of the root device: {fault}")));
    let launched = described.launch_time().and_then(|at| Timestamp::from_nanosecond(at.as_nanos()).ok());
    Ok(Instance { image, launched, root_device_type, root_volume: root_volume.transpose()? })
}

fn volume(id: VolumeId, described: &DescribedVolume) -> Result<Volume, String> {
    // A volume of no snapshot has an empty text there.
    let named = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let snapshot = named(described.snapshot_id()).map(|id| id.parse().map_err(|fault| format!("SnapshotId: {fault}")));
    let source =
        named(described.source_volume_id()).map(|id| id.parse().map_err(|fault| format!("SourceVolumeId: {fault}")));
    Ok(Volume { id, snapshot: snapshot.transpose()?, source: source.transpose()? })
}

#[cfg(test)]
mod tests;
