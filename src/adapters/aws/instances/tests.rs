use std::collections::BTreeSet;

use aws_sdk_ec2::{
    primitives::DateTime,
    types::{DeviceType, EbsInstanceBlockDevice, InstanceBlockDeviceMapping},
};
use futures::future::join_all;

use super::*;
use crate::adapters::aws::fleet::Fleet;

fn numbered<T: std::str::FromStr<Err = NotAnId>>(kind: &str, number: usize) -> T {
    format!("{kind}-{number:017x}").parse().unwrap()
}

#[tokio::test]
async fn an_instance_is_described_with_the_volume_that_it_boots_from() {
    let fleet = Fleet::new("630000000001").await;
    let run = fleet.aws.ec2(&fleet.region).run_instances().image_id(fleet.image.as_str());
    let run = run.min_count(1).max_count(1).send().await.unwrap();
    let id: InstanceId = run.instances()[0].instance_id().unwrap().parse().unwrap();
    let ec2 = Ec2Instances::new(&fleet.aws, &fleet.region);

    // Next to an id that is nobody's, which would have failed a call that names both.
    let nobody = numbered("i", 1);
    let (found, absent) = futures::join!(ec2.instance(&id), ec2.instance(&nobody));
    let (found, absent) = (found.unwrap().unwrap(), absent.unwrap());
    assert_eq!(absent, None);
    assert_eq!((&found.image, found.root_device_type.as_str()), (&fleet.image, "ebs"));
    assert!(found.launched.unwrap() <= Timestamp::now());

    let root = found.root_volume.unwrap();
    let (volume, absent) = futures::join!(ec2.volume(&root), async { ec2.volume(&numbered("vol", 1)).await });
    let expected = Volume { id: root, snapshot: Some(fleet.snapshot.clone()), source: None };
    assert_eq!((volume.unwrap(), absent.unwrap()), (Some(expected), None));

    let blank = fleet.aws.ec2(&fleet.region).create_volume().size(1).availability_zone("us-east-1a");
    let blank: VolumeId = blank.send().await.unwrap().volume_id().unwrap().parse().unwrap();
    let expected = Volume { id: blank.clone(), snapshot: None, source: None };
    assert_eq!(ec2.volume(&blank).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn a_thousand_instances_are_five_calls_and_so_are_their_volumes() {
    let fleet = Fleet::new("630000000002").await;
    let ec2 = Ec2Instances::new(&fleet.aws, &fleet.region);
    let found = join_all((0..1000).map(|number| {
        let ec2 = ec2.clone();
        async move { ec2.instance(&numbered("i", number)).await.unwrap() }
    }));
    assert!(found.await.iter().all(Option::is_none));
    assert_eq!(fleet.calls("ec2", "DescribeInstances"), 5);
    let found = join_all((0..1000).map(|number| {
        let ec2 = ec2.clone();
        async move { ec2.volume(&numbered("vol", number)).await.unwrap() }
    }));
    assert!(found.await.iter().all(Option::is_none));
    assert_eq!(fleet.calls("ec2", "DescribeVolumes"), 5);
}

#[tokio::test]
async fn every_page_is_read() {
    let fleet = Fleet::new("630000000003").await;
    let ec2 = fleet.aws.ec2(&fleet.region);
    let run = ec2.run_instances().image_id(fleet.image.as_str()).min_count(12).max_count(12).send().await.unwrap();
    let ids: Vec<InstanceId> = run.instances().iter().map(|one| one.instance_id().unwrap().parse().unwrap()).collect();
    let found = instances(ec2.clone(), ids.clone(), 5).await.unwrap();
    assert_eq!(found.keys().collect::<BTreeSet<_>>(), ids.iter().collect());
    assert_eq!(fleet.calls("ec2", "DescribeInstances"), 3);
    let roots: Vec<VolumeId> = found.into_values().map(|one| one.unwrap().root_volume.unwrap()).collect();
    let found = volumes(ec2, roots.clone(), 5).await.unwrap();
    assert_eq!(found.into_keys().collect::<BTreeSet<_>>(), roots.into_iter().collect());
    assert_eq!(fleet.calls("ec2", "DescribeVolumes"), 3);
}

#[tokio::test]
async fn a_failure_names_what_was_asked_for() {
    let fleet = Fleet::new("630000000004").await;
    let ec2 = Ec2Instances::new(&fleet.aws, &fleet.region);
    for (status, code, kind) in [
        (403, "UnauthorizedOperation", PortErrorKind::Denied),
        (503, "RequestLimitExceeded", PortErrorKind::Throttled),
        (500, "InternalError", PortErrorKind::Unavailable),
    ] {
        let times = if status == 403 { 1 } else { 3 };
        for action in ["DescribeInstances", "DescribeVolumes"] {
            fleet.order("ec2", action, &format!(r#""status":{status},"code":"{code}","times":{times}"#));
        }
        let (id, volume) = (numbered("i", 7), numbered("vol", 7));
        let (instance, volume) = futures::join!(ec2.instance(&id), ec2.volume(&volume));
        let errors = [instance.map(drop), volume.map(drop)];
        for (error, named) in errors
            .into_iter()
            .zip(["ec2:DescribeInstances i-00000000000000007", "ec2:DescribeVolumes vol-00000000000000007"])
        {
            let error = error.unwrap_err();
            assert_eq!(error.kind, kind, "{}", error.chain());
            assert!(error.chain().starts_with(named) && error.chain().contains(code), "{}", error.chain());
        }
    }
}

fn described() -> aws_sdk_ec2::types::builders::InstanceBuilder {
    let device = |name: &str, volume: &str| {
        let ebs = EbsInstanceBlockDevice::builder().volume_id(volume).build();
        InstanceBlockDeviceMapping::builder().device_name(name).ebs(ebs).build()
    };
    Described::builder()
        .image_id("ami-0123abcd")
        .launch_time(DateTime::from_secs(7))
        .root_device_type(DeviceType::Ebs)
        .root_device_name("/dev/xvda")
        .block_device_mappings(device("/dev/sdb", "vol-0000000b"))
        .block_device_mappings(device("/dev/xvda", "vol-0000000a"))
}

#[test]
fn the_root_volume_is_the_one_at_the_root_device() {
    let told = |described: aws_sdk_ec2::types::builders::InstanceBuilder| instance(&described.build());
    let whole = told(described()).unwrap();
    assert_eq!(whole.root_volume, Some("vol-0000000a".parse().unwrap()));
    assert_eq!(whole.launched, Some(Timestamp::from_second(7).unwrap()));
    assert_eq!(told(described().root_device_name("/dev/sda1")).unwrap().root_volume, None);
    assert_eq!(told(described().set_block_device_mappings(None)).unwrap().root_volume, None);
    let store = told(described().root_device_type(DeviceType::InstanceStore).set_block_device_mappings(None)).unwrap();
    assert_eq!((store.root_device_type.as_str(), store.root_volume), ("instance-store", None));
    for (broken, field) in [
        (described().set_image_id(None), "ImageId: \"\" is not an AMI id"),
        (described().image_id("ami-0123ABCD"), "ImageId: \"ami-0123ABCD\" is not"),
        (described().set_root_device_type(None), "no RootDeviceType"),
    ] {
        let why = told(broken).unwrap_err();
        assert!(why.starts_with(field), "{why}");
    }
    let ebs = EbsInstanceBlockDevice::builder().volume_id("a").build();
    let odd = InstanceBlockDeviceMapping::builder().device_name("/dev/xvda").ebs(ebs).build();
    let why = told(described().set_block_device_mappings(Some(vec![odd]))).unwrap_err();
    assert!(why.starts_with("VolumeId of the root device"), "{why}");
}

#[test]
fn a_volume_has_the_origin_that_ec2_tells() {
    let told = |snapshot: Option<&str>, source: Option<&str>| {
        let described = DescribedVolume::builder().set_snapshot_id(snapshot.map(str::to_owned));
        volume(numbered("vol", 1), &described.set_source_volume_id(source.map(str::to_owned)).build())
    };
    let empty = told(Some(""), Some("")).unwrap();
    assert_eq!((empty.snapshot, empty.source), (None, None));
    assert_eq!(told(Some("snap-0123abcd"), None).unwrap().snapshot, Some("snap-0123abcd".parse().unwrap()));
    assert_eq!(told(None, Some("vol-0123abcd")).unwrap().source, Some("vol-0123abcd".parse().unwrap()));
    assert!(told(Some("snap-1"), None).unwrap_err().starts_with("SnapshotId"));
    assert!(told(None, Some("vol-1")).unwrap_err().starts_with("SourceVolumeId"));
}
