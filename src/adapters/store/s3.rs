//! An S3 bucket → evidence, at `PREFIX/v1/PARTITION/REGION/AMI-ID.jsonl`.

use goldseal_core::{
    attestation::EVIDENCE_LIMITS,
    ids::ImageRef,
    image::Descriptor,
    ports::{
        EvidenceStore, Expected, Inventory, ListStore, Listing, PortError, Stored, Written, evidence_image,
        evidence_path,
    },
};

use super::check_writable;
pub use crate::adapters::documents::objects::Connection;
use crate::adapters::documents::objects::Objects;

const PUT: &str = "s3:PutObject";

/// A bucket of evidence.
#[derive(Debug, Clone)]
pub struct S3Store(Objects);

impl S3Store {
    /// Makes the store of a bucket; an empty prefix is none.
    pub fn new(connection: Connection, bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self(Objects::new(connection, bucket, prefix, EVIDENCE_LIMITS.bytes))
    }
}

impl EvidenceStore for S3Store {
    async fn read(&self, image: &ImageRef) -> Result<Option<Stored>, PortError> {
        self.0.read(&evidence_path(image)).await
    }

    async fn write(&self, image: &Descriptor, evidence: &[u8], expected: Expected) -> Result<Written, PortError> {
        check_writable(PUT, &self.locate(&image.image()), evidence)?;
        self.0.write(&evidence_path(&image.image()), evidence, expected).await
    }

    fn locate(&self, image: &ImageRef) -> String {
        self.0.locate(&evidence_path(image))
    }
}

impl ListStore for S3Store {
    async fn read_list(&self, listing: &Listing) -> Result<Option<Stored>, PortError> {
        self.0.read(&listing.path()).await
    }

    async fn write_list(&self, listing: &Listing, bytes: &[u8], expected: Expected) -> Result<Written, PortError> {
        check_writable(PUT, &self.locate_list(listing), bytes)?;
        self.0.write(&listing.path(), bytes, expected).await
    }

    fn locate_list(&self, listing: &Listing) -> String {
        self.0.locate(&listing.path())
    }
}

impl Inventory for S3Store {
    async fn images(&self, most: usize) -> Result<Vec<ImageRef>, PortError> {
        let found = self.0.list("v1", None, most, |path| evidence_image(path).is_some()).await?;
        Ok(found.iter().filter_map(|path| evidence_image(path)).collect())
    }
}
