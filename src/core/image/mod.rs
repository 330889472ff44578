//! What an image is: facts from EC2 → descriptor → subject, and the digest of what is on its devices.

mod content;
mod descriptor;
mod facts;
mod tags;

pub use content::{BLOCK_BYTES, BlockOrder, ContentDigest, DeviceContent, blocks_of};
pub use descriptor::{DESCRIPTOR_LIMITS, Descriptor, DescriptorFault, Device, Identity};
pub use facts::{
    DescribedDevice, DescribedEbs, DescribedImage, DescribedImages, DescribedTag, ImageFacts, ImageFault,
    images_from_json,
};
pub use tags::{
    EVIDENCE_TAG, KEY_TAG, SHARED_TAG_PREFIX, SUBJECT_TAG, Tags, evidence_pointer, fits_tag, pointer_digest,
};

#[cfg(test)]
mod tests;
