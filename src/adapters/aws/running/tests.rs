//! What every place of a fleet does alike, asked of the local AWS and of the fake on which the flows are tested.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{AllowedImagesSettingsEnabledState, ManagedResourceDefaultVisibility};
use goldseal_core::{
    ids::{AmiId, GroupName, SnapshotId},
    testing::fleet::{self, FakeView, Running},
};
use serde_json::{Value, json};

use super::*;
use crate::adapters::{aws::fleet::Fleet, cloud::cloud};

/// A place that can be furnished, and looked at.
trait Furnished {
    type View: View + ImageCatalog;

    fn region(&self) -> Region;
    fn view(&self) -> Self::View;
    /// Its image, and the snapshot of that.
    fn image(&self) -> (AmiId, SnapshotId);
    async fn launch(&mut self, count: usize) -> BTreeSet<InstanceId>;
    async fn deregister(&mut self);
    /// Makes a group with the hook `verify`, which launches the image, and gives it an instance.
    async fn group(&mut self, name: &str, given: &InstanceId);
    /// Lets the root of an instance be replaced, and waits until it is.
    async fn replace_root(&mut self, instance: &InstanceId);
    async fn allow(&mut self, setting: AllowedImages);
}

async fn keep_the_contract(mut place: impl Furnished) {
    let nothing = place.view();
    assert_eq!(nothing.listed(&()).await.unwrap(), []);
    assert!(nothing.described().await.unwrap().is_empty());
    assert!(nothing.volumes(&[]).await.unwrap().is_empty());
    assert_eq!(nothing.grouped().await.unwrap(), []);
    assert_eq!(nothing.replaced_roots().await.unwrap(), []);
    assert_eq!(nothing.allowed_images().await.unwrap(), AllowedImages::Off);

    // Every instance is listed once, and described with the root that the image has.
    let (image, snapshot) = place.image();
    let ids = place.launch(7).await;
    let named = ImageRef { region: place.region(), id: image.clone() };
    let view = place.view();
    assert!(view.describe(&named).await.unwrap().is_some());
    let listed = view.listed(&()).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.id.clone()).collect::<BTreeSet<_>>(), ids);
    assert_eq!(listed.len(), ids.len());
    assert!(listed.iter().all(|one| (&one.image, one.state.as_str()) == (&image, "running")), "{listed:?}");
    let described = view.described().await.unwrap();
    assert_eq!(described.keys().cloned().collect::<BTreeSet<_>>(), ids);
    let root = |id: &InstanceId| described[id].as_ref().unwrap().root_volume.clone().unwrap();
    let roots: Vec<VolumeId> = ids.iter().map(root).collect();
    let unknown: VolumeId = "vol-0000000000000dead".parse().unwrap();
    let volumes = view.volumes(&[roots.clone(), vec![unknown.clone()]].concat()).await.unwrap();
    assert_eq!(volumes.len(), ids.len(), "a volume that there is not is not in the answer");
    assert!(volumes.values().all(|volume| volume.snapshot.as_ref() == Some(&snapshot)), "{volumes:?}");

    // A group has its hooks, what it launches, and what it was given.
    let (given, other) = (ids.first().unwrap(), ids.last().unwrap());
    place.group("web", given).await;
    let groups = place.view().grouped().await.unwrap();
    let [group] = groups.as_slice() else { panic!("{groups:?}") };
    assert_eq!((group.group.name.as_str(), &group.group.attached), ("web", &vec![given.clone()]));
    let hooks = group.hooks.as_ref().unwrap();
    assert_eq!(hooks.iter().map(|hook| (hook.name.as_str(), hook.launching)).collect::<Vec<_>>(), [("verify", true)]);
    let launches: Vec<_> = group.launches.as_ref().unwrap().iter().map(|one| one.image.clone()).collect();
    assert_eq!(launches, [Ok(image.clone())]);
    let named_images = place.view().named().await.unwrap();
    assert!(named_images.iter().any(|one| one.image == Ok(image.clone())), "{named_images:?}");

    place.replace_root(other).await;
    let replaced = place.view().replaced_roots().await.unwrap();
    assert_eq!(replaced, [ReplacedRoot { instance: other.clone(), state: "succeeded".to_owned() }]);

    for setting in [AllowedImages::Audit, AllowedImages::On, AllowedImages::Off] {
        place.allow(setting).await;
        assert_eq!(place.view().allowed_images().await.unwrap(), setting);
    }

    // An image that was deregistered is not described any more; what runs it is listed all the same.
    place.deregister().await;
    let view = place.view();
    assert!(view.describe(&named).await.unwrap().is_none());
    assert_eq!(view.listed(&()).await.unwrap().iter().filter(|one| one.image == image).count(), ids.len());
}

impl Furnished for Fleet {
    type View = RunningIn;

    fn region(&self) -> Region {
        self.region.clone()
    }

    fn view(&self) -> RunningIn {
        RunningIn::new(&self.aws, &self.region)
    }

    fn image(&self) -> (AmiId, SnapshotId) {
        (self.image.clone(), self.snapshot.clone())
    }

    async fn launch(&mut self, count: usize) -> BTreeSet<InstanceId> {
        let wanted = json!({"image": self.image, "count": count, "account": self.account, "region": self.region});
        let (status, told) = cloud().send("POST", "/localaws/fleet", &wanted.to_string());
        assert_eq!(status, 200, "{told}");
        let told: Value = serde_json::from_str(&told).unwrap();
        told["instances"][0].as_array().unwrap().iter().map(|id| id.as_str().unwrap().parse().unwrap()).collect()
    }

    async fn deregister(&mut self) {
        self.aws.ec2(&self.region).deregister_image().image_id(self.image.as_str()).send().await.unwrap();
    }

    async fn group(&mut self, name: &str, given: &InstanceId) {
        let name: GroupName = Self::group(self, name, 0).await;
        let attach = self.aws.autoscaling(&self.region).attach_instances().auto_scaling_group_name(name.as_str());
        attach.instance_ids(given.as_str()).send().await.unwrap();
    }

    async fn replace_root(&mut self, instance: &InstanceId) {
        let request = self.aws.ec2(&self.region).create_replace_root_volume_task();
        request.instance_id(instance.as_str()).send().await.unwrap();
        let ends = |one: &ReplacedRoot| one.state == "succeeded";
        for _ in 0..500 {
            if self.view().replaced_roots().await.unwrap().iter().all(ends) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("the root of {instance} is never replaced");
    }

    async fn allow(&mut self, setting: AllowedImages) {
        let ec2 = self.aws.ec2(&self.region);
        let state = match setting {
            AllowedImages::Off => return drop(ec2.disable_allowed_images_settings().send().await.unwrap()),
            AllowedImages::Audit => AllowedImagesSettingsEnabledState::AuditMode,
            AllowedImages::On => AllowedImagesSettingsEnabledState::Enabled,
        };
        ec2.enable_allowed_images_settings().allowed_images_settings_state(state).send().await.unwrap();
    }
}

/// The fake: each look is at what stands in it by then.
struct Fake {
    running: Running,
    image: ImageRef,
}

impl Fake {
    fn new() -> Self {
        let region: Region = "us-east-1".parse().unwrap();
        let (described, descriptor) = fleet::image(&region, 1);
        let mut running = Running::default();
        running.images.0.insert(descriptor.image(), Ok(described));
        Self { running, image: descriptor.image() }
    }

    fn launchable(&self) -> Launchable {
        let id = self.image.id.clone();
        Launchable { named_by: "launch template web".to_owned(), written: id.to_string(), image: Ok(id) }
    }
}

impl Furnished for Fake {
    type View = FakeView;

    fn region(&self) -> Region {
        self.image.region.clone()
    }

    fn view(&self) -> FakeView {
        FakeView(self.running.clone().into())
    }

    fn image(&self) -> (AmiId, SnapshotId) {
        (self.image.id.clone(), format!("snap-{:017x}", 1).parse().unwrap())
    }

    async fn launch(&mut self, count: usize) -> BTreeSet<InstanceId> {
        (1..=count as u64).for_each(|number| self.running.launch(number, &self.image.id, 1));
        self.running.listed.iter().map(|one| one.id.clone()).collect()
    }

    async fn deregister(&mut self) {
        self.running.images.0.clear();
    }

    async fn group(&mut self, name: &str, given: &InstanceId) {
        let group = Group { attached: vec![given.clone()], ..fleet::group(name) };
        let hooks = Ok(vec![fleet::hook("verify")]);
        self.running.groups.push(Grouped { group, hooks, launches: Ok(vec![self.launchable()]) });
        self.running.named.push(self.launchable());
    }

    async fn replace_root(&mut self, instance: &InstanceId) {
        self.running.replaced.push(ReplacedRoot { instance: instance.clone(), state: "succeeded".to_owned() });
    }

    async fn allow(&mut self, setting: AllowedImages) {
        self.running.allowed = Some(setting);
    }
}

#[tokio::test]
async fn the_local_aws_keeps_the_contract() {
    keep_the_contract(Fleet::new("640000000031").await).await;
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    keep_the_contract(Fake::new()).await;
}

#[tokio::test]
async fn a_thousand_instances_fit_on_a_page_of_their_images() {
    let mut fleet = Fleet::new("640000000032").await;
    for (launched, pages) in [(1_000, 1), (1, 2), (1_499, 3)] {
        let before = fleet.calls("ec2", "DescribeInstanceImageMetadata");
        let known = fleet.view().listed(&()).await.unwrap().len();
        let asked = fleet.calls("ec2", "DescribeInstanceImageMetadata");
        assert_eq!(asked - before, known.div_ceil(1_000).max(1));
        let ids = Furnished::launch(&mut fleet, launched).await;
        let listed: BTreeSet<InstanceId> =
            fleet.view().listed(&()).await.unwrap().into_iter().map(|one| one.id).collect();
        assert_eq!((listed.len(), listed.is_superset(&ids)), (known + launched, true));
        assert_eq!(fleet.calls("ec2", "DescribeInstanceImageMetadata") - asked, pages);
    }
}

#[tokio::test]
async fn who_waits_in_a_warm_pool_is_not_asked_for() {
    let fleet = Fleet::new("640000000034").await;
    fleet.group("pool", 0).await;
    let warm = fleet.aws.autoscaling(&fleet.region).put_warm_pool().auto_scaling_group_name("pool");
    warm.max_group_prepared_capacity(2).send().await.unwrap();
    let groups = fleet.view().grouped().await.unwrap();
    assert_eq!(groups.iter().map(|one| one.group.name.as_str()).collect::<Vec<_>>(), ["pool"]);
    assert!(groups[0].hooks.is_ok() && fleet.calls("autoscaling", "DescribeLifecycleHooks") == 1);
    assert_eq!(fleet.calls("autoscaling", "DescribeWarmPool"), 0);
}

#[tokio::test]
async fn what_launches_instances_is_asked_at_the_pace_of_the_rest() {
    let fleet = Fleet::new("640000000035").await;
    fleet.group("web", 0).await;
    let view = fleet.view();
    view.grouped().await.unwrap();
    view.named().await.unwrap();
    view.allowed_images().await.unwrap();
    let asked = fleet.aws.0.pace.asked(&fleet.region);
    for api in [
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeLifecycleHooks",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:GetAllowedImagesSettings",
        "ssm:DescribeParameters",
    ] {
        assert!(asked.contains(api), "{api}: {asked:?}");
    }
}

#[tokio::test]
async fn what_a_service_manages_and_the_account_hides_is_seen_with_its_root() {
    let fleet = Fleet::new("640000000033").await;
    let (account, region, image) = (&fleet.account, &fleet.region, &fleet.image);
    let wanted =
        json!({"image": image, "count": 1, "account": account, "region": region, "operator": "eks.amazonaws.com"});
    let (status, told) = cloud().send("POST", "/localaws/fleet", &wanted.to_string());
    assert_eq!(status, 200, "{told}");
    let hidden = ManagedResourceDefaultVisibility::Hidden;
    let hide = fleet.aws.ec2(region).modify_managed_resource_visibility().default_visibility(hidden);
    hide.send().await.unwrap();
    let view = fleet.view();
    let [listed] = view.listed(&()).await.unwrap().try_into().unwrap();
    let instance = view.described().await.unwrap().remove(&listed.id).unwrap().unwrap();
    let root = instance.root_volume.unwrap();
    let volumes = view.volumes(std::slice::from_ref(&root)).await.unwrap();
    assert_eq!(volumes[&root].snapshot.as_ref(), Some(&fleet.snapshot));
}
