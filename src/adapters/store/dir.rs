//! A directory → evidence, at `v1/PARTITION/REGION/AMI-ID.jsonl` under it.

use std::path::PathBuf;

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
use crate::adapters::documents::files::Files;

const WRITE: &str = "writing file";

/// A directory of evidence.
#[derive(Debug, Clone)]
pub struct DirStore(Files);

impl DirStore {
    /// Makes the store of a directory, which must exist when it is used.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(Files::public(root.into(), EVIDENCE_LIMITS.bytes))
    }
}

impl EvidenceStore for DirStore {
    async fn read(&self, image: &ImageRef) -> Result<Option<Stored>, PortError> {
        self.0.read(&evidence_path(image)).await
    }

    async fn write(&self, image: &Descriptor, evidence: &[u8], expected: Expected) -> Result<Written, PortError> {
        let path = evidence_path(&image.image());
        check_writable(WRITE, &self.0.path(&path).to_string_lossy(), evidence)?;
        self.0.write(&path, evidence, expected).await
    }

    fn locate(&self, image: &ImageRef) -> String {
        format!("file://{}", self.0.path(&evidence_path(image)).display())
    }
}

impl ListStore for DirStore {
    async fn read_list(&self, listing: &Listing) -> Result<Option<Stored>, PortError> {
        self.0.read(&listing.path()).await
    }

    async fn write_list(&self, listing: &Listing, bytes: &[u8], expected: Expected) -> Result<Written, PortError> {
        check_writable(WRITE, &self.locate_list(listing), bytes)?;
        self.0.write(&listing.path(), bytes, expected).await
    }

    fn locate_list(&self, listing: &Listing) -> String {
        format!("file://{}", self.0.path(&listing.path()).display())
    }
}

impl Inventory for DirStore {
    async fn images(&self, most: usize) -> Result<Vec<ImageRef>, PortError> {
        let found = self.0.list("v1", most, |path| evidence_image(path).is_some()).await?;
        Ok(found.iter().filter_map(|path| evidence_image(path)).collect())
    }
}
