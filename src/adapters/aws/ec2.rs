//! EC2's DescribeImages → [`DescribedImage`], GetImageAncestry → [`Ancestor`]s, and CreateTags.
//!
//! An image that EC2 does not show is an answer, not a failure: whether it was deregistered, never was, or is not
//! shared with the caller, EC2 does not say. Nothing is judged here; absent fields stay absent.

use aws_sdk_ec2::types::{BlockDeviceMapping, EbsBlockDevice, Image, ImageAncestryEntry, Tag};
use goldseal_core::{
    attestation::predicate::Ancestor,
    ids::ImageRef,
    image::{DescribedDevice, DescribedEbs, DescribedImage, DescribedTag},
    ports::{ImageCatalog, ImageLineage, ImageTags, PortError, PortErrorKind},
};
use jiff::Timestamp;

use super::{AwsConfig, fault};

const DESCRIBE: &str = "ec2:DescribeImages";
const ANCESTRY: &str = "ec2:GetImageAncestry";
const TAG: &str = "ec2:CreateTags";

/// EC2's images.
#[derive(Debug, Clone)]
pub struct Ec2 {
    aws: AwsConfig,
}

impl Ec2 {
    /// Asks EC2 with these settings, in the region of each image.
    pub fn new(aws: &AwsConfig) -> Self {
        Self { aws: aws.clone() }
    }
}

impl ImageCatalog for Ec2 {
    async fn describe(&self, image: &ImageRef) -> Result<Option<DescribedImage>, PortError> {
        // Deprecated and disabled images are left out of answers unless asked for, and both still exist.
        let request = self.aws.ec2(&image.region).describe_images().image_ids(image.id.as_str());
        let answer = match request.include_deprecated(true).include_disabled(true).send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match fault::code(&error) {
                    Some("InvalidAMIID.NotFound" | "InvalidAMIID.Unavailable") => Ok(None),
                    _ => Err(fault::port_error(&error, DESCRIBE, image)),
                };
            }
        };
        let mut images = answer.images.unwrap_or_default();
        match (images.pop(), images.len()) {
            (found, 0) => Ok(found.map(described)),
            (_, more) => {
                let why = format!("{} images in an answer about one", more + 1);
                Err(PortError::new(PortErrorKind::Malformed, DESCRIBE, image).because(why))
            }
        }
    }
}

impl ImageLineage for Ec2 {
    async fn ancestry(&self, image: &ImageRef) -> Result<Vec<Ancestor>, PortError> {
        let request = self.aws.ec2(&image.region).get_image_ancestry().image_id(image.id.as_str());
        let answer = request.send().await.map_err(|error| fault::port_error(&error, ANCESTRY, image))?;
        let entries = answer.image_ancestry_entries.unwrap_or_default();
        let malformed = |why| PortError::new(PortErrorKind::Malformed, ANCESTRY, image).because(why);
        ancestors(image, &entries).map_err(malformed)
    }
}

impl ImageTags for Ec2 {
    async fn tag(&self, image: &ImageRef, tags: &[(String, String)]) -> Result<(), PortError> {
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let request = self.aws.ec2(&image.region).create_tags().resources(image.id.as_str()).set_tags(Some(tags));
        request.send().await.map_err(|error| fault::port_error(&error, TAG, image))?;
        Ok(())
    }
}

/// EC2 lists the image itself first and, of each, the one it comes from; the last of these may be out of sight, and is
/// then only named.
fn ancestors(image: &ImageRef, entries: &[ImageAncestryEntry]) -> Result<Vec<Ancestor>, String> {
    let mut ancestors: Vec<Ancestor> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let id = entry.image_id.as_deref().unwrap_or_default();
        let named = match (index, ancestors.last_mut()) {
            (0, _) => image,
            (_, Some(ancestor)) => {
                ancestor.owner_alias = entry.image_owner_alias.clone();
                ancestor.created = entry.creation_date.and_then(|at| Timestamp::from_nanosecond(at.as_nanos()).ok());
                &ancestor.image
            }
            (_, None) => return Err(format!("{id} where the lineage had ended")),
        };
        if named.id.as_str() != id {
            return Err(format!("{id:?} where {named} was expected"));
        }
        match (entry.source_image_id.as_deref(), entry.source_image_region.as_deref()) {
            (Some(id), Some(region)) if !id.is_empty() && !region.is_empty() => {
                let region = region.parse().map_err(|fault| format!("{fault}"))?;
                let image = ImageRef { region, id: id.parse().map_err(|fault| format!("{fault}"))? };
                ancestors.push(Ancestor { image, owner_alias: None, created: None });
            }
            // An id says nothing without its region.
            _ if index + 1 == entries.len() => {}
            _ => return Err(format!("{id} has no source, and more images follow")),
        }
    }
    Ok(ancestors)
}

fn described(image: Image) -> DescribedImage {
    DescribedImage {
        image_id: image.image_id,
        owner_id: image.owner_id,
        name: image.name,
        creation_date: image.creation_date,
        architecture: image.architecture.map(|word| word.as_str().to_owned()),
        boot_mode: image.boot_mode.map(|word| word.as_str().to_owned()),
        tpm_support: image.tpm_support.map(|word| word.as_str().to_owned()),
        virtualization_type: image.virtualization_type.map(|word| word.as_str().to_owned()),
        root_device_type: image.root_device_type.map(|word| word.as_str().to_owned()),
        root_device_name: image.root_device_name,
        block_device_mappings: image.block_device_mappings.map(|list| list.into_iter().map(device).collect()),
        source_image_id: image.source_image_id,
        source_image_region: image.source_image_region,
        state: image.state.map(|word| word.as_str().to_owned()),
        tags: image.tags.map(|list| list.into_iter().map(tag).collect()),
    }
}

fn device(device: BlockDeviceMapping) -> DescribedDevice {
    DescribedDevice {
        device_name: device.device_name,
        virtual_name: device.virtual_name,
        no_device: device.no_device,
        ebs: device.ebs.map(ebs),
    }
}

fn ebs(ebs: EbsBlockDevice) -> DescribedEbs {
    DescribedEbs { snapshot_id: ebs.snapshot_id, volume_size: ebs.volume_size.map(i64::from), encrypted: ebs.encrypted }
}

fn tag(tag: Tag) -> DescribedTag {
    DescribedTag { key: tag.key, value: tag.value }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::ArchitectureValues;
    use goldseal_core::image::ImageFacts;

    use super::*;
    use crate::adapters::cloud::cloud;

    const OWNER: &str = "123456789012";

    async fn aws(account: &str) -> AwsConfig {
        AwsConfig::local(&cloud().endpoint, account).await
    }

    async fn register(aws: &AwsConfig, region: &str, name: &str) -> ImageRef {
        let region = region.parse().unwrap();
        let ebs = aws.ebs(&region);
        let snapshot = ebs.start_snapshot().volume_size(1).send().await.unwrap().snapshot_id.unwrap();
        ebs.complete_snapshot().snapshot_id(&snapshot).changed_blocks_count(0).send().await.unwrap();
        let disk = EbsBlockDevice::builder().snapshot_id(snapshot).build();
        let root = BlockDeviceMapping::builder().device_name("/dev/xvda").ebs(disk).build();
        let scratch = BlockDeviceMapping::builder().device_name("/dev/sdb").virtual_name("ephemeral0").build();
        let request = aws.ec2(&region).register_image().name(name).architecture(ArchitectureValues::Arm64);
        let request = request.root_device_name("/dev/xvda").virtualization_type("hvm").boot_mode("uefi".into());
        let request = request.block_device_mappings(root).block_device_mappings(scratch);
        let id = request.send().await.unwrap().image_id.unwrap().parse().unwrap();
        ImageRef { region, id }
    }

    #[tokio::test]
    async fn an_image_is_described_as_it_was_registered() {
        let aws = aws(OWNER).await;
        let image = register(&aws, "us-east-1", "described").await;
        let described = Ec2::new(&aws).describe(&image).await.unwrap().unwrap();
        assert_eq!(described.owner_id.as_deref(), Some(OWNER));
        assert_eq!(described.architecture.as_deref(), Some("arm64"));
        assert_eq!(described.boot_mode.as_deref(), Some("uefi"));
        assert_eq!(described.tpm_support, None);
        let devices = described.block_device_mappings.as_deref().unwrap();
        assert_eq!(
            devices.iter().filter_map(|device| device.virtual_name.as_deref()).collect::<Vec<_>>(),
            ["ephemeral0"]
        );
        let facts = ImageFacts::from_described(&image, described).unwrap();
        assert_eq!(facts.descriptor.ebs_devices().count(), 1);
        assert_eq!(facts.state.as_deref(), Some("available"));
    }

    #[tokio::test]
    async fn an_image_that_is_not_to_be_seen_is_an_answer() {
        let owner = aws(OWNER).await;
        let image = register(&owner, "us-east-1", "elsewhere").await;
        let in_another_region = ImageRef { region: "us-west-2".parse().unwrap(), ..image.clone() };
        let never_was = ImageRef { id: "ami-00000000000000001".parse().unwrap(), ..image.clone() };
        for unseen in [in_another_region, never_was] {
            assert!(Ec2::new(&owner).describe(&unseen).await.unwrap().is_none(), "{unseen}");
        }
        assert!(Ec2::new(&aws("222222222222").await).describe(&image).await.unwrap().is_none());
        owner.ec2(&image.region).deregister_image().image_id(image.id.as_str()).send().await.unwrap();
        assert!(Ec2::new(&owner).describe(&image).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn tags_are_set_and_others_left_alone() {
        let aws = aws(OWNER).await;
        let (ec2, image) = (Ec2::new(&aws), register(&aws, "eu-west-1", "tagged").await);
        for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
            ec2.tag(&image, &[(key.to_owned(), value.to_owned())]).await.unwrap();
        }
        let facts = ImageFacts::from_described(&image, ec2.describe(&image).await.unwrap().unwrap()).unwrap();
        assert_eq!(facts.tags.values("a").collect::<Vec<_>>(), ["3"]);
        assert_eq!(facts.tags.values("b").collect::<Vec<_>>(), ["2"]);
    }

    #[tokio::test]
    async fn a_copy_of_a_copy_has_its_ancestors_in_order() {
        let aws = aws(OWNER).await;
        let (ec2, first) = (Ec2::new(&aws), register(&aws, "eu-west-1", "first").await);
        let mut chain = vec![first];
        for region in ["us-east-1", "us-west-2"] {
            let from = chain.last().unwrap();
            let region: goldseal_core::ids::Region = region.parse().unwrap();
            let copy = aws.ec2(&region).copy_image().name(format!("copy of {}", from.id));
            let copy = copy.source_image_id(from.id.as_str()).source_region(from.region.as_str());
            let id = copy.send().await.unwrap().image_id.unwrap().parse().unwrap();
            chain.push(ImageRef { region, id });
        }
        for (place, image) in chain.iter().enumerate() {
            let told = ec2.ancestry(image).await.unwrap();
            let expected: Vec<&ImageRef> = chain.iter().take(place).rev().collect();
            assert_eq!(told.iter().map(|ancestor| &ancestor.image).collect::<Vec<_>>(), expected);
            assert!(told.iter().all(|ancestor| ancestor.created.is_some()));
            let described = ec2.describe(image).await.unwrap().unwrap();
            assert_eq!(goldseal_core::build::source_image(&described).as_ref(), expected.first().copied());
        }
        // What is gone is still named by what was made of it.
        let (between, last) = (&chain[1], &chain[2]);
        aws.ec2(&between.region).deregister_image().image_id(between.id.as_str()).send().await.unwrap();
        let told = ec2.ancestry(last).await.unwrap();
        assert_eq!((told.len(), &told[0].image, told[0].created), (1, between, None));
        assert_eq!(ec2.ancestry(between).await.unwrap_err().kind, PortErrorKind::NotFound);
    }

    #[tokio::test]
    async fn an_ancestry_that_may_not_be_asked_for_is_a_failure() {
        for (number, status, code, kind) in [
            (1, 403, "UnauthorizedOperation", PortErrorKind::Denied),
            (2, 400, "InvalidAction", PortErrorKind::Refused),
            (3, 503, "RequestLimitExceeded", PortErrorKind::Throttled),
        ] {
            let id = format!("ami-0fb00000000000{number:03}");
            cloud().order_fault(&format!(
                r#"{{"service":"ec2","resource":"{id}","status":{status},"code":"{code}","times":0}}"#
            ));
            let image = ImageRef { region: "us-east-1".parse().unwrap(), id: id.parse().unwrap() };
            let error = Ec2::new(&aws(OWNER).await).ancestry(&image).await.unwrap_err();
            assert_eq!(error.kind, kind, "{}", error.chain());
            assert!(error.chain().contains("ec2:GetImageAncestry"), "{}", error.chain());
        }
    }

    #[test]
    fn an_ancestry_is_one_chain_or_none() {
        let entry = |id: &str, source: Option<&str>, region: Option<&str>| {
            let entry = ImageAncestryEntry::builder()
                .image_id(id)
                .creation_date(aws_sdk_ec2::primitives::DateTime::from_secs(7));
            let entry = entry.set_source_image_id(source.map(str::to_owned));
            entry.set_source_image_region(region.map(str::to_owned)).image_owner_alias("amazon").build()
        };
        let image = ImageRef { region: "eu-west-1".parse().unwrap(), id: "ami-00000001".parse().unwrap() };
        let told = |entries: &[ImageAncestryEntry]| {
            let told = ancestors(&image, entries)?;
            Ok::<_, String>(
                told.iter()
                    .map(|ancestor| format!("{} {}", ancestor.image, ancestor.created.is_some()))
                    .collect::<Vec<_>>(),
            )
        };
        let region = Some("us-east-1");
        let first = || entry("ami-00000001", Some("ami-00000002"), region);
        assert_eq!(told(&[]).unwrap(), Vec::<String>::new());
        assert_eq!(told(&[entry("ami-00000001", None, None)]).unwrap(), Vec::<String>::new());
        assert_eq!(told(&[entry("ami-00000001", Some("ami-00000002"), None)]).unwrap(), Vec::<String>::new());
        assert_eq!(told(&[first()]).unwrap(), ["ami-00000002 in us-east-1 false"]);
        let whole = [first(), entry("ami-00000002", Some(""), Some(""))];
        assert_eq!(told(&whole).unwrap(), ["ami-00000002 in us-east-1 true"]);
        assert_eq!(ancestors(&image, &whole).unwrap()[0].owner_alias.as_deref(), Some("amazon"));
        for (entries, problem) in [
            (vec![entry("ami-00000002", None, None)], "where ami-00000001 in eu-west-1 was expected"),
            (vec![first(), entry("ami-00000003", None, None)], "where ami-00000002 in us-east-1 was expected"),
            (vec![entry("ami-00000001", None, None), entry("ami-00000002", None, None)], "more images follow"),
            (vec![entry("ami-00000001", Some("ami-1"), region)], "not an AMI id"),
            (vec![entry("ami-00000001", Some("ami-00000002"), Some("Ireland"))], "not a region"),
        ] {
            let fault = told(&entries).unwrap_err();
            assert!(fault.contains(problem), "{fault}");
        }
    }

    #[tokio::test]
    async fn refusals_are_failures_and_not_answers() {
        for (number, status, code, kind) in [
            (1, 403, "UnauthorizedOperation", PortErrorKind::Denied),
            (2, 503, "RequestLimitExceeded", PortErrorKind::Throttled),
            (3, 500, "InternalError", PortErrorKind::Unavailable),
            (4, 400, "InvalidAMIID.Malformed", PortErrorKind::Refused),
        ] {
            let id = format!("ami-0fa00000000000{number:03}");
            cloud().order_fault(&format!(
                r#"{{"service":"ec2","resource":"{id}","status":{status},"code":"{code}","times":0}}"#
            ));
            let image = ImageRef { region: "us-east-1".parse().unwrap(), id: id.parse().unwrap() };
            let error = Ec2::new(&aws(OWNER).await).describe(&image).await.unwrap_err();
            assert_eq!(error.kind, kind, "{}", error.chain());
            assert!(error.chain().contains(code) && error.chain().contains(&id), "{}", error.chain());
        }
    }

    #[tokio::test]
    async fn nobody_there_is_unavailable() {
        let aws = AwsConfig::local("http://127.0.0.1:9", OWNER).await;
        let image = ImageRef { region: "us-east-1".parse().unwrap(), id: "ami-00000000000000001".parse().unwrap() };
        let error = Ec2::new(&aws).describe(&image).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Unavailable, "{}", error.chain());
        assert!(error.chain().contains("refused"), "{}", error.chain());
    }
}
