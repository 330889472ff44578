//! Lists in an OCI registry: an artifact of one layer, tagged `revocations.NAME` or `overrides`.
//!
//! A tag is put in its place without a condition. So a writer compares, puts, and looks whether it is what is there: of two
//! at the same time the later one stays, and the other is told.

use goldseal_core::{
    attestation::EVIDENCE_LIMITS,
    ports::{
        Expected, ListStore, Listing, PortError,
        PortErrorKind::{Malformed, Refused},
        Revision, Stored, Written,
    },
};

use super::{
    OciStore, READ, WRITE,
    layout::{Digest, EMPTY, LIST_TYPE, MANIFEST_TYPE, Manifest},
};
use crate::adapters::{documents::too_large, store::check_writable};

impl ListStore for OciStore {
    async fn read_list(&self, listing: &Listing) -> Result<Option<Stored>, PortError> {
        let Some(bytes) = self.registry.manifest(&tag(listing)).await? else { return Ok(None) };
        let place = self.locate_list(listing);
        let malformed = || PortError::new(Malformed, READ, &place);
        let manifest = Manifest::parse(&bytes).map_err(|fault| malformed().because(fault))?;
        let ([layer], Some(LIST_TYPE)) = (manifest.layers.as_slice(), manifest.artifact_type.as_deref()) else {
            return Err(malformed().because("the tag names something else than a list"));
        };
        if usize::try_from(layer.size).map_or(true, |size| size > EVIDENCE_LIMITS.bytes) {
            return Err(too_large(READ, &place, EVIDENCE_LIMITS.bytes));
        }
        let list = self.registry.blob(layer).await?;
        Ok(Some(Stored { bytes: list, revision: revision(&bytes) }))
    }

    async fn write_list(&self, listing: &Listing, bytes: &[u8], expected: Expected) -> Result<Written, PortError> {
        let place = self.locate_list(listing);
        check_writable(WRITE, &place, bytes)?;
        let found = self.read_list(listing).await?;
        let now = found.map_or(Expected::Absent, |found| Expected::Unchanged(found.revision));
        if now != expected {
            return Ok(Written::Conflict);
        }
        let refused = |error: serde_json::Error| PortError::new(Refused, WRITE, &place).because(error);
        let manifest = Manifest::of_list(bytes).map_err(refused)?;
        self.registry.put_blob(EMPTY).await?;
        self.registry.put_blob(bytes).await?;
        self.registry.put_manifest(&tag(listing), MANIFEST_TYPE, &manifest.bytes).await?;
        let there = self.read_list(listing).await?;
        Ok(if there.is_some_and(|there| there.bytes == bytes) { Written::Stored } else { Written::Conflict })
    }

    fn locate_list(&self, listing: &Listing) -> String {
        format!("oci://{}:{}", self.name, tag(listing))
    }
}

fn tag(listing: &Listing) -> String {
    match listing {
        Listing::Revocations(name) => format!("revocations.{}", name.as_str()),
        Listing::Overrides => "overrides".to_owned(),
    }
}

fn revision(manifest: &[u8]) -> Revision {
    Revision(Digest::of(manifest).to_string())
}
