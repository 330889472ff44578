//! A DescribeImages answer → image facts.
//!
//! [`DescribedImage`] is the answer as it comes: every field optional, unknown fields tolerated because EC2 adds
//! some every year. It has the names of the AWS CLI's JSON, so a saved `aws ec2 describe-images` reads as it is.

use serde::Deserialize;

use super::{
    Tags,
    descriptor::{Descriptor, DescriptorFault, Device, Identity},
};
use crate::{
    bounded::{self, JsonFault, Limits},
    ids::{ImageRef, Region},
};

/// A saved DescribeImages answer: 16 MiB holds some thousand images.
const SAVED_LIMITS: Limits = Limits { bytes: 16 << 20, depth: 32 };

/// The answer of DescribeImages.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribedImages {
    /// The images.
    pub images: Vec<DescribedImage>,
}

/// One image as EC2 describes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are those of the EC2 API reference, type Image")]
pub struct DescribedImage {
    pub image_id: Option<String>,
    pub owner_id: Option<String>,
    pub name: Option<String>,
    pub creation_date: Option<String>,
    pub architecture: Option<String>,
    pub boot_mode: Option<String>,
    pub tpm_support: Option<String>,
    pub virtualization_type: Option<String>,
    pub root_device_type: Option<String>,
    pub root_device_name: Option<String>,
    pub block_device_mappings: Option<Vec<DescribedDevice>>,
    pub source_image_id: Option<String>,
    pub source_image_region: Option<String>,
    pub state: Option<String>,
    pub tags: Option<Vec<DescribedTag>>,
}

/// One block device mapping as EC2 describes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are those of the EC2 API reference, type BlockDeviceMapping")]
pub struct DescribedDevice {
    pub device_name: Option<String>,
    pub virtual_name: Option<String>,
    pub no_device: Option<String>,
    pub ebs: Option<DescribedEbs>,
}

/// The EBS part of a block device mapping.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are those of the EC2 API reference, type EbsBlockDevice")]
pub struct DescribedEbs {
    pub snapshot_id: Option<String>,
    pub volume_size: Option<i64>,
    pub encrypted: Option<bool>,
}

/// One tag as EC2 describes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are those of the EC2 API reference, type Tag")]
pub struct DescribedTag {
    pub key: Option<String>,
    pub value: Option<String>,
}

/// What goldseal knows of an image: its descriptor, and what may change beside it.
#[derive(Debug, Clone)]
pub struct ImageFacts {
    /// What no EC2 API can change.
    pub descriptor: Descriptor,
    /// Its state, such as `available`; absent when read from a bare descriptor.
    pub state: Option<String>,
    /// Its visible tags.
    pub tags: Tags,
}

/// Why an answer of EC2 was not taken for the facts of an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageFault {
    /// The saved answer is not what `aws ec2 describe-images` writes.
    #[error("reading a saved describe-images answer")]
    Saved(#[source] JsonFault),
    /// A field that every image has is absent.
    #[error("the image has no {0}")]
    Missing(&'static str),
    /// The answer is about another image.
    #[error("asked for {asked}, answered with {answered}")]
    Other {
        /// The image asked for.
        asked: ImageRef,
        /// The id in the answer.
        answered: String,
    },
    /// The fields do not make a descriptor.
    #[error("describing the image")]
    Descriptor(#[from] DescriptorFault),
}

/// Reads a saved `aws ec2 describe-images` answer.
///
/// # Errors
/// [`ImageFault::Saved`] when it is not one, or has duplicate keys, or is over 16 MiB.
pub fn images_from_json(bytes: &[u8]) -> Result<Vec<DescribedImage>, ImageFault> {
    let saved: DescribedImages = bounded::json(bytes, SAVED_LIMITS).map_err(ImageFault::Saved)?;
    Ok(saved.images)
}

impl ImageFacts {
    /// Takes one described image for the facts of the image that was asked for.
    ///
    /// # Errors
    /// [`ImageFault`] when it is another image, a field is absent or has no legal value.
    pub fn from_described(asked: &ImageRef, image: DescribedImage) -> Result<Self, ImageFault> {
        let facts = Self::in_region(&asked.region, image)?;
        if facts.descriptor.image() != *asked {
            let answered = facts.descriptor.image().id.to_string();
            return Err(ImageFault::Other { asked: asked.clone(), answered });
        }
        Ok(facts)
    }

    /// Takes one described image of a region, whichever it is.
    ///
    /// # Errors
    /// [`ImageFault`] when a field is absent or has no legal value.
    pub fn in_region(region: &Region, image: DescribedImage) -> Result<Self, ImageFault> {
        let required = |value: Option<String>, name| present(value).ok_or(ImageFault::Missing(name));
        let devices: Result<Vec<Device>, ImageFault> =
            image.block_device_mappings.unwrap_or_default().into_iter().map(device).collect();
        let descriptor = Descriptor::new(Identity {
            partition: region.partition().to_string(),
            region: region.to_string(),
            image_id: required(image.image_id, "ImageId")?,
            owner_id: required(image.owner_id, "OwnerId")?,
            name: present(image.name),
            creation_date: required(image.creation_date, "CreationDate")?,
            architecture: required(image.architecture, "Architecture")?,
            boot_mode: present(image.boot_mode),
            tpm_support: present(image.tpm_support),
            virtualization_type: present(image.virtualization_type),
            root_device_type: present(image.root_device_type),
            root_device_name: present(image.root_device_name),
            block_devices: devices?,
        })?;
        let tags = image.tags.unwrap_or_default().into_iter();
        let tags = tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect();
        Ok(Self { descriptor, state: present(image.state), tags })
    }
}

fn device(device: DescribedDevice) -> Result<Device, ImageFault> {
    let encrypted = device.ebs.as_ref().map(|ebs| ebs.encrypted.unwrap_or(false));
    let ebs = device.ebs.unwrap_or_default();
    let volume_size = ebs.volume_size.map(u32::try_from).transpose();
    Ok(Device {
        device_name: present(device.device_name).ok_or(ImageFault::Missing("BlockDeviceMappings.DeviceName"))?,
        virtual_name: present(device.virtual_name),
        // EC2 says NoDevice with an empty string, so here the empty string is not absence.
        no_device: device.no_device.is_some(),
        snapshot_id: present(ebs.snapshot_id),
        volume_size: volume_size
            .map_err(|_out_of_range| ImageFault::Missing("legal BlockDeviceMappings.Ebs.VolumeSize"))?,
        encrypted,
    })
}

/// EC2 leaves a field out, sends null, or (in old answers) sends the empty string: all three say the same.
fn present(value: Option<String>) -> Option<String> {
    value.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::images::{DESCRIBED, described};

    fn facts(json: &str) -> Result<ImageFacts, ImageFault> {
        let image = images_from_json(json.as_bytes())?.remove(0);
        ImageFacts::in_region(&"eu-west-1".parse().unwrap(), image)
    }

    #[test]
    fn order_and_absence_do_not_change_the_descriptor() {
        let plain = facts(DESCRIBED).unwrap().descriptor;
        let reversed = {
            let mut image = described();
            image.block_device_mappings.as_mut().unwrap().reverse();
            ImageFacts::in_region(&"eu-west-1".parse().unwrap(), image).unwrap().descriptor
        };
        assert_eq!(plain.bytes(), reversed.bytes());
        for form in [r#""TpmSupport":null,"#, r#""TpmSupport":"","#, r#""Description":"x","PublicSsm":{"new":[1]},"#] {
            let text = DESCRIBED.replacen("\"ImageId\"", &format!("{form}\"ImageId\""), 1);
            assert_eq!(facts(&text).unwrap().descriptor.bytes(), plain.bytes(), "{form}");
        }
        let spelled_out = DESCRIBED.replacen("\"Encrypted\":false,", "", 1);
        assert_ne!(spelled_out, DESCRIBED);
        assert_eq!(facts(&spelled_out).unwrap().descriptor.bytes(), plain.bytes());
    }

    #[test]
    fn an_answer_about_another_image_is_refused() {
        let asked = ImageRef { region: "eu-west-1".parse().unwrap(), id: "ami-00000000000000001".parse().unwrap() };
        assert!(matches!(ImageFacts::from_described(&asked, described()), Err(ImageFault::Other { .. })));
    }

    #[test]
    fn absent_fields_are_named() {
        let mut image = described();
        image.creation_date = None;
        let fault = ImageFacts::in_region(&"eu-west-1".parse().unwrap(), image).unwrap_err();
        assert_eq!(fault.to_string(), "the image has no CreationDate");
    }
}
