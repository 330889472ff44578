//! What runs in one account and region: DescribeInstanceImageMetadata, DescribeInstances and DescribeVolumes, whole; its
//! groups, each with its hooks and the images that it launches; and what else launches instances or changes them.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::AutoScalingGroup;
use aws_sdk_ec2::types::{InstanceImageMetadata, ReplaceRootVolumeTask, Tag};
use futures::{StreamExt as _, stream};
use goldseal_core::{
    doctor::{Launchable, Unasked},
    fleet::{AllowedImages, Listed, ReplacedRoot},
    ids::{ImageRef, InstanceId, NotAnId, Region, VolumeId},
    image::DescribedImage,
    lifecycle::{Group, Instance, Volume},
    ports::{Grouped, Groups as _, ImageCatalog, PortError, PortErrorKind, Progress, View},
    report::ImageSeen,
};
use jiff::Timestamp;

use super::{AutoScaling, AwsConfig, Ec2, fault, instances, pages, surroundings::Surroundings};

const LISTED: &str = "ec2:DescribeInstanceImageMetadata";
const REPLACED: &str = "ec2:DescribeReplaceRootVolumeTasks";
const ALLOWED: &str = "ec2:GetAllowedImagesSettings";
const IMAGES: &str = "ec2:DescribeImages";
const VOLUMES: &str = "ec2:DescribeVolumes";

/// The most that fits on a page.
const PAGE: i32 = 1000;
/// The most replacements that fit on a page.
const TASKS: i32 = 50;
/// So many volumes are asked for together: a filter takes no more values.
const VALUES: usize = 200;
/// So many groups are asked about together: Auto Scaling allows few calls a second.
const GROUPS: usize = 4;

/// One account in one region.
#[derive(Debug, Clone)]
pub struct RunningIn {
    aws: AwsConfig,
    images: Ec2,
    region: Region,
}

impl RunningIn {
    /// Asks with the settings of somebody in the account.
    pub fn new(aws: &AwsConfig, region: &Region) -> Self {
        Self { aws: aws.clone(), images: Ec2::new(aws), region: region.clone() }
    }
}

impl View for RunningIn {
    async fn listed(&self, progress: &impl Progress) -> Result<Vec<Listed>, PortError> {
        let request = self.aws.ec2(&self.region).describe_instance_image_metadata().max_results(PAGE);
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            self.aws.0.pace.wait(&self.region, LISTED).await;
            let answer = request.clone().set_next_token(page.clone()).send().await;
            let answer = answer.map_err(|error| fault::port_error(&error, LISTED, &self.region))?;
            for told in answer.instance_image_metadata.unwrap_or_default() {
                found.push(listed(told).map_err(|why| malformed(LISTED, &self.region, why))?);
            }
            page = pages::next(LISTED, &self.region, page.as_deref(), answer.next_token)?;
            if page.is_none() {
                progress.advance();
                return Ok(found);
            }
        }
    }

    async fn described(&self) -> Result<BTreeMap<InstanceId, Result<Instance, String>>, PortError> {
        instances::every(&self.aws, &self.region).await
    }

    async fn volumes(&self, ids: &[VolumeId]) -> Result<BTreeMap<VolumeId, Volume>, PortError> {
        let mut found = BTreeMap::new();
        for some in ids.chunks(VALUES) {
            self.aws.0.pace.wait(&self.region, VOLUMES).await;
            // A volume that cannot be read is one that is not shown.
            let told = instances::volumes(self.aws.ec2(&self.region), some.to_vec(), PAGE).await?;
            found.extend(told.into_iter().filter_map(|(id, volume)| Some((id, volume.ok()?))));
        }
        Ok(found)
    }

    async fn grouped(&self) -> Result<Vec<Grouped>, PortError> {
        let groups = AutoScaling::paced(&self.aws, &self.region);
        let templates = Surroundings::paced(&self.aws, &self.region);
        let looked = groups.every().await?.into_iter().map(|(group, described): (Group, AutoScalingGroup)| {
            let (groups, templates) = (&groups, &templates);
            async move {
                let (hooks, launches) = futures::join!(groups.hooks(&group.name), templates.launches_of(&described));
                let unasked = |error: PortError| Unasked::from(&error);
                Grouped { hooks: hooks.map_err(unasked), launches: launches.map_err(unasked), group }
            }
        });
        Ok(stream::iter(looked).buffered(GROUPS).collect().await)
    }

    async fn named(&self) -> Result<Vec<Launchable>, PortError> {
        let surroundings = Surroundings::paced(&self.aws, &self.region);
        let (mut templates, parameters) = futures::try_join!(surroundings.templates(), surroundings.parameters())?;
        templates.extend(parameters);
        Ok(templates)
    }

    async fn replaced_roots(&self) -> Result<Vec<ReplacedRoot>, PortError> {
        let request = self.aws.ec2(&self.region).describe_replace_root_volume_tasks().max_results(TASKS);
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            self.aws.0.pace.wait(&self.region, REPLACED).await;
            let answer = request.clone().set_next_token(page.clone()).send().await;
            let answer = answer.map_err(|error| fault::port_error(&error, REPLACED, &self.region))?;
            for task in answer.replace_root_volume_tasks() {
                found.push(replaced(task).map_err(|why| malformed(REPLACED, &self.region, why))?);
            }
            page = pages::next(REPLACED, &self.region, page.as_deref(), answer.next_token)?;
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    async fn allowed_images(&self) -> Result<AllowedImages, PortError> {
        self.aws.0.pace.wait(&self.region, ALLOWED).await;
        let answer = self.aws.ec2(&self.region).get_allowed_images_settings().send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, ALLOWED, &self.region))?;
        match answer.state.as_deref() {
            Some("disabled") => Ok(AllowedImages::Off),
            Some("audit-mode") => Ok(AllowedImages::Audit),
            Some("enabled") => Ok(AllowedImages::On),
            other => Err(malformed(ALLOWED, &self.region, format!("State is {other:?}"))),
        }
    }
}

impl ImageCatalog for RunningIn {
    async fn describe(&self, image: &ImageRef) -> Result<Option<DescribedImage>, PortError> {
        self.aws.0.pace.wait(&image.region, IMAGES).await;
        self.images.describe(image).await
    }
}

fn malformed(operation: &'static str, region: &Region, why: String) -> PortError {
    PortError::new(PortErrorKind::Malformed, operation, region).because(why)
}

fn replaced(task: &ReplaceRootVolumeTask) -> Result<ReplacedRoot, String> {
    let instance = task.instance_id().unwrap_or_default().parse();
    Ok(ReplacedRoot {
        instance: instance.map_err(|fault: NotAnId| format!("InstanceId: {fault}"))?,
        state: task.task_state().map_or_else(String::new, |state| state.as_str().to_owned()),
    })
}

fn listed(told: InstanceImageMetadata) -> Result<Listed, String> {
    let named = |field: &str, fault: &NotAnId| format!("{field}: {fault}");
    let id = told.instance_id.unwrap_or_default().parse().map_err(|fault| named("InstanceId", &fault))?;
    let image = told.image_metadata.ok_or_else(|| format!("no ImageMetadata of {id}"))?;
    let owner = image.owner_id.map(|owner| owner.parse()).transpose();
    let instant = |at: Option<String>| at.and_then(|at| at.parse::<Timestamp>().ok());
    let tag = |tag: Tag| Some((tag.key?, tag.value.unwrap_or_default()));
    Ok(Listed {
        image: image.image_id.unwrap_or_default().parse().map_err(|fault| named("ImageId", &fault))?,
        state: told.state.and_then(|state| state.name).map_or_else(String::new, |name| name.as_str().to_owned()),
        launched: told.launch_time.and_then(|at| Timestamp::from_nanosecond(at.as_nanos()).ok()),
        tags: told.tags.unwrap_or_default().into_iter().filter_map(tag).collect(),
        operator: told.operator.and_then(|operator| operator.principal),
        seen: ImageSeen {
            name: image.name,
            owner: owner.map_err(|fault| named("OwnerId", &fault))?,
            state: image.state.map(|state| state.as_str().to_owned()),
            created: instant(image.creation_date),
            deprecated: instant(image.deprecation_time),
            allowed: image.image_allowed,
            public: image.is_public,
        },
        id,
    })
}

#[cfg(test)]
mod tests;
