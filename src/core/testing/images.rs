//! One image, as EC2 would describe it.

#![expect(clippy::unwrap_used, reason = "fixtures that do not parse should stop the test")]

use crate::image::{DescribedImage, Descriptor, ImageFacts, images_from_json};

/// A DescribeImages answer with one image of three devices, as the AWS CLI saves it.
pub const DESCRIBED: &str = r#"{"Images":[{
    "Name":"golden-base","ImageId":"ami-0123456789abcdef0","OwnerId":"123456789012","State":"available","Public":false,
    "CreationDate":"2026-11-01T10:00:00.000Z","Architecture":"x86_64","BootMode":"uefi","VirtualizationType":"hvm",
    "RootDeviceType":"ebs","RootDeviceName":"/dev/xvda","Hypervisor":"xen",
    "BlockDeviceMappings":[
      {"DeviceName":"/dev/xvdb","Ebs":{"SnapshotId":"snap-0123456789abcdef1","VolumeSize":2,"Encrypted":true}},
      {"DeviceName":"/dev/xvda","Ebs":{"Encrypted":false,"SnapshotId":"snap-0123456789abcdef0","VolumeSize":1,
        "DeleteOnTermination":true,"VolumeType":"gp3"}},
      {"DeviceName":"/dev/sdb","VirtualName":"ephemeral0"}],
    "Tags":[{"Key":"Name","Value":"golden"},{"Key":"GitCommit","Value":"0a1b2c3d"}]}]}"#;

/// Returns the image of [`DESCRIBED`].
pub fn described() -> DescribedImage {
    images_from_json(DESCRIBED.as_bytes()).unwrap().remove(0)
}

/// Returns its facts in eu-west-1.
pub fn facts() -> ImageFacts {
    ImageFacts::in_region(&"eu-west-1".parse().unwrap(), described()).unwrap()
}

/// Returns its descriptor in eu-west-1.
pub fn descriptor() -> Descriptor {
    facts().descriptor
}

/// Returns the facts of another image: same account and region, other id.
pub fn other_facts() -> ImageFacts {
    let mut image = described();
    image.image_id = Some("ami-0fedcba9876543210".to_owned());
    ImageFacts::in_region(&"eu-west-1".parse().unwrap(), image).unwrap()
}
