//! A fleet in memory: accounts and regions with what runs there, as EC2 would tell of it.

#![expect(clippy::unwrap_used, reason = "fixtures that do not parse should stop the test")]

use std::{collections::BTreeMap, sync::Arc};

use jiff::SignedDuration;

use super::{
    images::described,
    ports::{FakeCatalog, Journal},
};
use crate::{
    doctor::Launchable,
    enforcement::Completion,
    fleet::{AllowedImages, Listed, Place, ReplacedRoot},
    ids::{AccountId, AmiId, ImageRef, InstanceId, Region, VolumeId},
    image::{DescribedImage, Descriptor, ImageFacts},
    lifecycle::{Group, Hook, Instance, Volume},
    ports::{Account, Fleets, Grouped, ImageCatalog, PortError, PortErrorKind, Progress, View},
    report::ImageSeen,
};

/// Accounts, regions and what runs there. What is not in it is not there.
#[derive(Debug, Default)]
pub struct FakeFleet {
    /// What runs where, or what asking for a session fails with.
    pub views: BTreeMap<Place, Result<FakeView, PortErrorKind>>,
    /// Accounts whose regions cannot be asked for.
    pub closed: BTreeMap<AccountId, PortErrorKind>,
    /// What asking for the accounts fails with.
    pub fault: Option<PortErrorKind>,
}

/// What runs in one place. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct FakeView(pub Arc<Running>);

/// See [`FakeView`].
#[derive(Debug, Clone, Default)]
pub struct Running {
    /// The instances, as they are listed with their images.
    pub listed: Vec<Listed>,
    /// The same as they are described.
    pub described: BTreeMap<InstanceId, Result<Instance, String>>,
    /// The volumes.
    pub volumes: BTreeMap<VolumeId, Volume>,
    /// The images that can be described.
    pub images: FakeCatalog,
    /// The Auto Scaling groups.
    pub groups: Vec<Grouped>,
    /// What launch templates and parameters name.
    pub named: Vec<Launchable>,
    /// The root volumes that were replaced.
    pub replaced: Vec<ReplacedRoot>,
    /// EC2's own setting; off without one.
    pub allowed: Option<AllowedImages>,
    /// What which call fails with: `listed`, `described`, `volumes`, `grouped`, `named`,
    /// `replaced_roots`, `allowed_images`.
    pub faults: BTreeMap<&'static str, PortErrorKind>,
    /// See [`Journal`].
    pub journal: Journal,
}

impl Running {
    /// Launches an instance of an image, with its root volume made of the image's snapshot.
    pub fn launch(&mut self, number: u64, image: &AmiId, snapshot: u64) {
        let id: InstanceId = format!("i-{number:017x}").parse().unwrap();
        let volume: VolumeId = format!("vol-{number:017x}").parse().unwrap();
        self.listed.push(Listed {
            id: id.clone(),
            image: image.clone(),
            state: "running".to_owned(),
            launched: None,
            tags: BTreeMap::new(),
            operator: None,
            seen: ImageSeen::default(),
        });
        let instance = Instance {
            image: image.clone(),
            launched: None,
            root_device_type: "ebs".to_owned(),
            root_volume: Some(volume.clone()),
        };
        self.described.insert(id, Ok(instance));
        let snapshot = Some(format!("snap-{snapshot:017x}").parse().unwrap());
        self.volumes.insert(volume.clone(), Volume { id: volume, snapshot, source: None });
    }

    fn told<T>(&self, call: &'static str, answer: impl FnOnce() -> T) -> Result<T, PortError> {
        self.journal.note(call, self.faults.get(call).copied())?;
        Ok(answer())
    }
}

/// Returns an Auto Scaling group of `eu-west-1` that has no instance.
pub fn group(name: &str) -> Group {
    let id = "00000000-0000-0000-0000-000000000000";
    let arn = format!("arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:{id}:autoScalingGroupName/{name}");
    Group {
        name: name.parse().unwrap(),
        arn: arn.parse().unwrap(),
        waiting: Vec::new(),
        attached: Vec::new(),
        launch_suspended: false,
    }
}

/// Returns a launch hook that abandons by default and tells the queue `launches`.
pub fn hook(name: &str) -> Hook {
    Hook {
        name: name.parse().unwrap(),
        launching: true,
        timeout: SignedDuration::from_hours(1),
        longest: SignedDuration::from_hours(48),
        default_result: Some(Completion::Abandon),
        target: Some("arn:aws:sqs:eu-west-1:000000000001:launches".to_owned()),
        role: None,
    }
}

/// Returns an image of a region by number, as EC2 describes it: its snapshot has the same number.
pub fn image(region: &Region, number: u64) -> (DescribedImage, Descriptor) {
    let mut image = described();
    image.image_id = Some(format!("ami-{number:017x}"));
    image.name = Some(format!("golden-{number}"));
    for device in image.block_device_mappings.iter_mut().flatten() {
        if let Some(ebs) = &mut device.ebs {
            ebs.snapshot_id = Some(format!("snap-{number:017x}"));
        }
    }
    let descriptor = ImageFacts::in_region(region, image.clone()).unwrap().descriptor;
    (image, descriptor)
}

impl Fleets for FakeFleet {
    type View = FakeView;

    async fn accounts(&self) -> Result<Vec<Account>, PortError> {
        if let Some(kind) = self.fault {
            return Err(PortError::new(kind, "organizations:ListAccounts", "the organization"));
        }
        let mut ids: Vec<AccountId> = self.views.keys().map(|place| place.account.clone()).collect();
        ids.extend(self.closed.keys().cloned());
        ids.sort();
        ids.dedup();
        Ok(ids.into_iter().map(|id| Account { id, name: None }).collect())
    }

    async fn regions(&self, account: &AccountId) -> Result<Vec<Region>, PortError> {
        if let Some(kind) = self.closed.get(account) {
            return Err(PortError::new(*kind, "sts:AssumeRole", account));
        }
        let own = self.views.keys().filter(|place| place.account == *account);
        Ok(own.map(|place| place.region.clone()).collect())
    }

    async fn view(&self, place: &Place) -> Result<FakeView, PortError> {
        let view = self.views.get(place).cloned().unwrap_or(Err(PortErrorKind::NotFound));
        view.map_err(|kind| PortError::new(kind, "sts:AssumeRole", &place.account))
    }
}

impl View for FakeView {
    async fn listed(&self, _: &impl Progress) -> Result<Vec<Listed>, PortError> {
        self.0.told("listed", || self.0.listed.clone())
    }

    async fn described(&self) -> Result<BTreeMap<InstanceId, Result<Instance, String>>, PortError> {
        self.0.told("described", || self.0.described.clone())
    }

    async fn volumes(&self, ids: &[VolumeId]) -> Result<BTreeMap<VolumeId, Volume>, PortError> {
        let found = |id: &VolumeId| Some((id.clone(), self.0.volumes.get(id)?.clone()));
        self.0.told("volumes", || ids.iter().filter_map(found).collect())
    }

    async fn grouped(&self) -> Result<Vec<Grouped>, PortError> {
        self.0.told("grouped", || self.0.groups.clone())
    }

    async fn named(&self) -> Result<Vec<Launchable>, PortError> {
        self.0.told("named", || self.0.named.clone())
    }

    async fn replaced_roots(&self) -> Result<Vec<ReplacedRoot>, PortError> {
        self.0.told("replaced_roots", || self.0.replaced.clone())
    }

    async fn allowed_images(&self) -> Result<AllowedImages, PortError> {
        self.0.told("allowed_images", || self.0.allowed.unwrap_or(AllowedImages::Off))
    }
}

impl ImageCatalog for FakeView {
    async fn describe(&self, image: &ImageRef) -> Result<Option<DescribedImage>, PortError> {
        self.0.journal.note("describe", None)?;
        self.0.images.describe(image).await
    }
}
