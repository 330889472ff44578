//! Image facts → the image descriptor: RFC 8785 canonical JSON of what no EC2 API can change about an image.
//!
//! The SHA-256 of these bytes is the subject of every statement (docs/formats.md, ADR 0003), and the descriptor is a
//! file that stock cosign can verify evidence against. Reading one back demands the canonical bytes: a descriptor
//! has one spelling.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounded::{self, JsonFault, Limits},
    digest::Sha256Digest,
    ids::{AccountId, AmiId, ImageRef, NotAnId, Region, SnapshotId},
};

/// EC2 allows far fewer devices than 64 KiB of descriptor could name.
pub const DESCRIPTOR_LIMITS: Limits = Limits { bytes: 64 << 10, depth: 4 };

/// The facts, as plain values with the names that they have in the descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// The region that holds the image.
    pub region: String,
    /// The image's id in that region.
    pub image_id: String,
    /// The account that owns it.
    pub owner_id: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was created, in EC2's own spelling.
    pub creation_date: String,
    /// `x86_64`, `arm64`, …
    pub architecture: String,
    /// `uefi`, `legacy-bios`, `uefi-preferred`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<String>,
    /// `v2.0` when the image asks for a NitroTPM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm_support: Option<String>,
    /// `hvm` or `paravirtual`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtualization_type: Option<String>,
    /// `ebs` or `instance-store`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_device_type: Option<String>,
    /// Which device is the root, such as `/dev/xvda`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_device_name: Option<String>,
    /// The block device mappings, sorted by device.
    pub block_devices: Vec<Device>,
}

/// One block device mapping.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Device {
    /// `/dev/xvda` …
    pub device_name: String,
    /// The snapshot that an EBS device starts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// Size in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<u32>,
    /// Whether an EBS volume is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// `ephemeral0` … for instance store volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_name: Option<String>,
    /// The mapping suppresses a device.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_device: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Why facts or bytes are not an image descriptor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorFault {
    /// An identifier does not have the form of its kind.
    #[error(transparent)]
    Id(#[from] NotAnId),
    /// The partition is not the one of the region.
    #[error("region {region} is not in partition {partition}")]
    Partition {
        /// The partition that was given.
        partition: String,
        /// The region that was given.
        region: String,
    },
    /// Two mappings name one device.
    #[error("two block device mappings for {0}")]
    TwoDevices(String),
    /// The bytes are not JSON of a descriptor.
    #[error(transparent)]
    Json(#[from] JsonFault),
    /// The bytes are not the canonical form.
    #[error(
        "a descriptor in another spelling than RFC 8785: write it with `goldseal describe` and keep it byte for byte"
    )]
    NotCanonical,
}

/// An image descriptor: facts that were checked, and their canonical bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    identity: Identity,
    image: ImageRef,
    owner: AccountId,
    bytes: Vec<u8>,
    digest: Sha256Digest,
}

impl Descriptor {
    /// Makes a descriptor of facts, in whatever order the devices come.
    ///
    /// # Errors
    /// [`DescriptorFault`] when an identifier is malformed or a device is named twice.
    pub fn new(mut identity: Identity) -> Result<Self, DescriptorFault> {
        identity.block_devices.sort();
        let twice = identity.block_devices.windows(2).find(|pair| match pair {
            [a, b] => a.device_name == b.device_name,
            _ => false,
        });
        if let Some([device, ..]) = twice {
            return Err(DescriptorFault::TwoDevices(device.device_name.clone()));
        }
        let region: Region = identity.region.parse()?;
        if region.partition().to_string() != identity.partition {
            let Identity { partition, region, .. } = identity;
            return Err(DescriptorFault::Partition { partition, region });
        }
        for device in &identity.block_devices {
            device.snapshot_id.as_deref().map(str::parse::<SnapshotId>).transpose()?;
        }
        let image = ImageRef { region, id: identity.image_id.parse::<AmiId>()? };
        let owner = identity.owner_id.parse()?;
        let bytes = serde_json_canonicalizer::to_vec(&identity)
            .map_err(|e| DescriptorFault::Json(JsonFault::Shape(e.to_string())))?;
        let digest = Sha256Digest::of(&bytes);
        Ok(Self { identity, image, owner, bytes, digest })
    }

    /// Reads a descriptor from its canonical bytes.
    ///
    /// # Errors
    /// [`DescriptorFault`] when they are anything else, a final newline included.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorFault> {
        let descriptor = Self::new(bounded::json(bytes, DESCRIPTOR_LIMITS)?)?;
        if descriptor.bytes != bytes {
            return Err(DescriptorFault::NotCanonical);
        }
        Ok(descriptor)
    }

    /// Returns the canonical bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the SHA-256 of the canonical bytes: the subject digest.
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Returns the facts.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns which image it is.
    pub fn image(&self) -> ImageRef {
        self.image.clone()
    }

    /// Returns the account that owns it.
    pub fn owner(&self) -> &AccountId {
        &self.owner
    }

    /// Returns the image's ARN. EC2 leaves the account of an image ARN empty; the owner is named here because a
    /// statement should say it, as AWS's own in-toto example does.
    pub fn arn(&self) -> String {
        let Identity { partition, region, owner_id, image_id, .. } = &self.identity;
        format!("arn:{partition}:ec2:{region}:{owner_id}:image/{image_id}")
    }

    /// Returns the EBS devices: name, snapshot, size in GiB.
    pub fn ebs_devices(&self) -> impl Iterator<Item = (&str, SnapshotId, u32)> {
        self.identity.block_devices.iter().filter_map(|device| {
            let snapshot = device.snapshot_id.as_deref()?.parse().ok()?;
            Some((device.device_name.as_str(), snapshot, device.volume_size?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::images::descriptor;

    #[test]
    fn the_canonical_bytes_are_stable() {
        assert_eq!(
            String::from_utf8_lossy(descriptor().bytes()),
            concat!(
                r#"{"architecture":"x86_64","blockDevices":["#,
                r#"{"deviceName":"/dev/sdb","virtualName":"ephemeral0"},"#,
                r#"{"deviceName":"/dev/xvda","encrypted":false,"snapshotId":"snap-0123456789abcdef0","volumeSize":1},"#,
                r#"{"deviceName":"/dev/xvdb","encrypted":true,"snapshotId":"snap-0123456789abcdef1","volumeSize":2}],"#,
                r#""bootMode":"uefi","creationDate":"2026-11-01T10:00:00.000Z","imageId":"ami-0123456789abcdef0","#,
                r#""name":"golden-base","ownerId":"123456789012","partition":"aws","region":"eu-west-1","#,
                r#""rootDeviceName":"/dev/xvda","rootDeviceType":"ebs","virtualizationType":"hvm"}"#
            )
        );
        assert_eq!(Descriptor::parse(descriptor().bytes()).unwrap(), descriptor());
        assert_eq!(descriptor().arn(), "arn:aws:ec2:eu-west-1:123456789012:image/ami-0123456789abcdef0");
    }

    #[test]
    fn another_spelling_is_refused() {
        let text = String::from_utf8(descriptor().bytes().to_vec()).unwrap();
        for other in [format!("{text}\n"), text.replacen(":[", ": [", 1), text.replacen("\"a", "\"\\u0061", 1)] {
            assert_ne!(other, text);
            assert_eq!(Descriptor::parse(other.as_bytes()), Err(DescriptorFault::NotCanonical), "{other}");
        }
        let spelled_out =
            text.replacen(r#""deviceName":"/dev/xvda","#, r#""deviceName":"/dev/xvda","noDevice":false,"#, 1);
        assert_eq!(Descriptor::parse(spelled_out.as_bytes()), Err(DescriptorFault::NotCanonical));
    }

    #[test]
    fn impossible_images_are_refused() {
        let with = |change: fn(&mut Identity)| {
            let mut identity = descriptor().identity().clone();
            change(&mut identity);
            Descriptor::new(identity)
        };
        assert!(matches!(with(|i| i.image_id = "ami-1".into()), Err(DescriptorFault::Id(_))));
        assert!(matches!(with(|i| i.owner_id = "1".into()), Err(DescriptorFault::Id(_))));
        assert!(matches!(with(|i| i.partition = "aws-cn".into()), Err(DescriptorFault::Partition { .. })));
        assert!(matches!(with(|i| i.block_devices[1].snapshot_id = Some("x".into())), Err(DescriptorFault::Id(_))));
        let two = with(|i| i.block_devices[2].device_name = "/dev/xvda".into());
        assert_eq!(two, Err(DescriptorFault::TwoDevices("/dev/xvda".into())));
    }

    #[test]
    fn every_fact_changes_the_digest() {
        let changes: [fn(&mut Identity); 16] = [
            |i| (i.partition, i.region) = ("aws-cn".into(), "cn-north-1".into()),
            |i| i.region = "eu-west-2".into(),
            |i| i.image_id = "ami-0123456789abcdef1".into(),
            |i| i.owner_id = "123456789013".into(),
            |i| i.name = None,
            |i| i.creation_date = "2026-11-01T10:00:01.000Z".into(),
            |i| i.architecture = "arm64".into(),
            |i| i.boot_mode = None,
            |i| i.tpm_support = Some("v2.0".into()),
            |i| i.virtualization_type = None,
            |i| i.root_device_type = None,
            |i| i.root_device_name = None,
            |i| i.block_devices[0].virtual_name = None,
            |i| i.block_devices[0].no_device = true,
            |i| i.block_devices[1].volume_size = Some(3),
            |i| i.block_devices[1].encrypted = Some(true),
        ];
        for change in changes {
            let mut identity = descriptor().identity().clone();
            change(&mut identity);
            let changed = Descriptor::new(identity).unwrap();
            assert_ne!(changed.digest(), descriptor().digest());
            assert_eq!(Descriptor::parse(changed.bytes()).unwrap(), changed);
        }
    }
}
