//! What an image is: facts from EC2 → descriptor → subject, and the digest of what is on its devices.

mod content;
mod descriptor;
mod facts;

pub use content::{BLOCK_BYTES, BlockOrder, ContentDigest, DeviceContent, blocks_of};
pub use descriptor::{DESCRIPTOR_LIMITS, Descriptor, DescriptorFault, Device, Identity};
pub use facts::{
    DescribedDevice, DescribedEbs, DescribedImage, DescribedImages, DescribedTag, ImageFacts, ImageFault,
    SHARED_TAG_PREFIX, Tags, images_from_json,
};
