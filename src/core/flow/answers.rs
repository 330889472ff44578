//! What EC2 and the store said of one image: asked for once, examined with the keys of one policy or of several.

use std::sync::Arc;

use super::case::{Case, Facts};
use crate::{
    digest::Sha256Digest,
    ids::ImageRef,
    image::DescribedImage,
    policy::{Keys, Policy},
    ports::{EvidenceStore, ImageCatalog, PortError, Stored},
    report::Note,
    verdict::Fault,
};

/// See the module.
pub(super) struct Answers {
    image: ImageRef,
    described: Result<Option<DescribedImage>, PortError>,
    evidence: Result<Option<Stored>, PortError>,
    place: String,
}

impl Answers {
    /// Asks for an image.
    pub(super) async fn ask(image: &ImageRef, ec2: &impl ImageCatalog, store: &impl EvidenceStore) -> Self {
        let (described, evidence) = futures_util::join!(ec2.describe(image), store.read(image));
        Self { image: image.clone(), described, evidence, place: store.locate(image) }
    }

    /// Opens the case of it under a policy. EC2 may not describe it any more: then its signed provenance says what it is,
    /// and `witness` is what the caller holds that against.
    pub(super) fn case(&self, policy: &Policy, keys: &Arc<Keys>, witness: &str) -> (Case, Option<Note>) {
        let (facts, note) = match &self.described {
            Ok(Some(described)) => (Facts::of_ec2(&self.image, described.clone()), None),
            Ok(None) => {
                let why = "EC2 does not describe the image: it was deregistered, or is not shared any more";
                Facts::in_provenance(policy, why, witness)
            }
            Err(error) => (Facts::Unknown(Fault::ImageUnavailable { problem: error.chain() }), None),
        };
        let evidence =
            self.evidence.as_ref().map(|stored| stored.as_ref().map(|stored| stored.bytes.as_slice().into()));
        (Case::examined(&self.image, facts, evidence, self.place.clone(), keys, None), note)
    }

    /// Returns the evidence as it was read, where there was some.
    pub(super) fn into_bytes(self) -> Option<Vec<u8>> {
        self.evidence.ok().flatten().map(|stored| stored.bytes)
    }

    /// Says that EC2 was asked and knows no such image.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.described, Ok(None))
    }

    /// Returns the SHA-256 of the evidence, or none where the store has none.
    ///
    /// # Errors
    /// When the store could not be asked.
    pub(super) fn evidence(&self) -> Result<Option<Sha256Digest>, &PortError> {
        self.evidence.as_ref().map(|stored| stored.as_ref().map(|stored| Sha256Digest::of(&stored.bytes)))
    }
}
