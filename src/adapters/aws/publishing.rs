//! EC2's and Parameter Store's part in publication: what is there → [`State`], and [`Step`] → one call.
//!
//! Only what somebody wished to change is read, so that nobody needs a permission for more. Launch permissions and locks
//! are shown to the owner of an image only.

use std::collections::BTreeMap;

use aws_sdk_ec2::{
    primitives::DateTime,
    types::{
        Image, ImageAttributeName, LaunchPermission, LaunchPermissionModifications, LockMode as SdkLockMode, LockState,
        LockedSnapshotsInfo, PermissionGroup, Tag,
    },
};
use goldseal_core::{
    ids::{ImageRef, Region, SnapshotId},
    ports::{PortError, PortErrorKind, Publication},
    publication::{Audience, AudienceKind, Lock, LockMode, State, Step, Wishes},
};
use jiff::Timestamp;

use super::{AwsConfig, fault, ssm};

const DESCRIBE: &str = "ec2:DescribeImages";
const PERMISSIONS: &str = "ec2:DescribeImageAttribute";
const LOCKS: &str = "ec2:DescribeLockedSnapshots";

/// EC2 and Parameter Store.
#[derive(Debug, Clone)]
pub struct Publisher {
    aws: AwsConfig,
}

impl Publisher {
    /// Publishes with these settings, in the region of each image.
    pub fn new(aws: &AwsConfig) -> Self {
        Self { aws: aws.clone() }
    }

    async fn describe(&self, image: &ImageRef) -> Result<Image, PortError> {
        let request = self.aws.ec2(&image.region).describe_images().image_ids(image.id.as_str());
        let answer = request.include_deprecated(true).include_disabled(true).send().await;
        let mut images = answer.map_err(|error| fault::port_error(&error, DESCRIBE, image))?.images.unwrap_or_default();
        let found = images.pop().filter(|found| images.is_empty() && found.image_id() == Some(image.id.as_str()));
        found.ok_or_else(|| PortError::new(PortErrorKind::NotFound, DESCRIBE, image))
    }

    /// Who may launch an image: accounts and ARNs, and whether everybody may.
    async fn audience(&self, image: &ImageRef) -> Result<(Vec<String>, bool), PortError> {
        let request = self.aws.ec2(&image.region).describe_image_attribute().image_id(image.id.as_str());
        let answer = request.attribute(ImageAttributeName::LaunchPermission).send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, PERMISSIONS, image))?;
        let permissions = answer.launch_permissions();
        let named = permissions.iter().filter_map(|one| {
            one.user_id().or(one.organization_arn()).or(one.organizational_unit_arn()).map(str::to_owned)
        });
        Ok((named.collect(), permissions.iter().any(|one| one.group() == Some(&PermissionGroup::All))))
    }

    /// How the snapshots of an image are locked. EC2 leaves out those that never were.
    async fn locks(
        &self,
        region: &Region,
        snapshots: &mut BTreeMap<SnapshotId, Option<Lock>>,
    ) -> Result<(), PortError> {
        let ids: Vec<String> = snapshots.keys().map(ToString::to_string).collect();
        let named = ids.join(", ");
        let request = self.aws.ec2(region).describe_locked_snapshots().set_snapshot_ids(Some(ids));
        let mut page = None;
        loop {
            let answer = request.clone().set_next_token(page).send().await;
            let answer = answer.map_err(|error| fault::port_error(&error, LOCKS, &named))?;
            for found in answer.snapshots() {
                let held = found.snapshot_id().and_then(|id| snapshots.get_mut(&id.parse().ok()?));
                *held.ok_or_else(|| malformed(LOCKS, &named, "an answer about another snapshot"))? = lock_of(found)?;
            }
            page = answer.next_token.filter(|token| !token.is_empty());
            if page.is_none() {
                return Ok(());
            }
        }
    }

    async fn lock(&self, step: &Step, region: &Region, snapshot: &SnapshotId, lock: Lock) -> Result<(), PortError> {
        let request = self.aws.ec2(region).lock_snapshot().snapshot_id(snapshot.as_str());
        let request = match lock.mode {
            LockMode::Governance => request.lock_mode(SdkLockMode::Governance),
            LockMode::Compliance => request.lock_mode(SdkLockMode::Compliance),
        };
        let answer = request.expiration_date(DateTime::from_secs(lock.until.as_second())).send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, step.call(), snapshot))?;
        let until = answer.lock_expires_on().map(DateTime::secs);
        if until.is_none_or(|until| until < lock.until.as_second()) {
            return Err(malformed(step.call(), snapshot, "EC2 answers with a lock that ends before"));
        }
        Ok(())
    }
}

impl Publication for Publisher {
    async fn state(&self, image: &ImageRef, wishes: &Wishes) -> Result<State, PortError> {
        let found = self.describe(image).await?;
        let mut snapshots = snapshots(image, &found)?;
        if wishes.lock.is_some() && !snapshots.is_empty() {
            self.locks(&image.region, &mut snapshots).await?;
        }
        let (audience, public) = match wishes.share.is_empty() {
            true => (Vec::new(), false),
            false => self.audience(image).await?,
        };
        Ok(State {
            snapshots,
            protected: found.deregistration_protection().is_some_and(|word| word.starts_with("enabled-")),
            audience: audience.into_iter().collect(),
            public: public || found.public() == Some(true),
            parameters: ssm::parameters(&self.aws.ssm(&image.region), &wishes.parameters).await?,
            tags: found.tags.unwrap_or_default().into_iter().filter_map(|tag| Some((tag.key?, tag.value?))).collect(),
            state: found.state.map(|word| word.as_str().to_owned()).unwrap_or_default(),
        })
    }

    async fn apply(&self, step: &Step) -> Result<(), PortError> {
        let ec2 = self.aws.ec2(step.region());
        match step {
            Step::Lock { region, snapshot, lock } => self.lock(step, region, snapshot, *lock).await,
            Step::Protect { image } => {
                let request = ec2.enable_image_deregistration_protection().image_id(image.id.as_str());
                let answer = request.send().await;
                answer.map(drop).map_err(|error| fault::port_error(&error, step.call(), image))
            }
            Step::Tag { image, tags } => {
                let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
                let answer = ec2.create_tags().resources(image.id.as_str()).set_tags(Some(tags)).send().await;
                answer.map(drop).map_err(|error| fault::port_error(&error, step.call(), image))
            }
            Step::Share { image, with } => {
                let added = with.iter().map(permission).collect();
                let change = LaunchPermissionModifications::builder().set_add(Some(added)).build();
                let request = ec2.modify_image_attribute().image_id(image.id.as_str()).launch_permission(change);
                request.send().await.map(drop).map_err(|error| fault::port_error(&error, step.call(), image))
            }
            Step::Name { image, parameter, instead_of } => {
                let overwrite = instead_of.is_some();
                ssm::put(&self.aws.ssm(&image.region), parameter, image, overwrite, &ssm::PAUSES).await
            }
        }
    }
}

fn snapshots(image: &ImageRef, found: &Image) -> Result<BTreeMap<SnapshotId, Option<Lock>>, PortError> {
    let ids = found.block_device_mappings().iter().filter_map(|device| device.ebs()?.snapshot_id());
    ids.map(|id| match id.parse() {
        Ok(id) => Ok((id, None)),
        Err(fault) => Err(PortError::new(PortErrorKind::Malformed, DESCRIBE, image).because(fault)),
    })
    .collect()
}

/// A lock that ended is none; one that cannot be understood is an error, since it might be shortened.
fn lock_of(found: &LockedSnapshotsInfo) -> Result<Option<Lock>, PortError> {
    let resource = found.snapshot_id().unwrap_or("a snapshot");
    let mode = match found.lock_state() {
        Some(LockState::Expired) => return Ok(None),
        Some(LockState::Governance) => LockMode::Governance,
        Some(LockState::Compliance | LockState::ComplianceCooloff) => LockMode::Compliance,
        other => {
            let word = other.map_or("no state", LockState::as_str);
            return Err(malformed(LOCKS, resource, &format!("a lock in an unknown state: {word}")));
        }
    };
    let until = found.lock_expires_on().and_then(|until| Timestamp::from_second(until.secs()).ok());
    let until = until.ok_or_else(|| malformed(LOCKS, resource, "a lock without an end"))?;
    Ok(Some(Lock { mode, until }))
}

fn permission(audience: &Audience) -> LaunchPermission {
    let permission = LaunchPermission::builder();
    match audience.kind() {
        AudienceKind::Account => permission.user_id(audience.as_str()),
        AudienceKind::Organization => permission.organization_arn(audience.as_str()),
        AudienceKind::Unit => permission.organizational_unit_arn(audience.as_str()),
    }
    .build()
}

fn malformed(operation: &'static str, resource: impl std::fmt::Display, why: &str) -> PortError {
    PortError::new(PortErrorKind::Malformed, operation, resource).because(why.to_owned())
}

#[cfg(test)]
mod tests;
