//! An OCI registry → evidence: the image's descriptor is an artifact, tagged `REGION.AMI-ID`, and each bundle refers to
//! it as cosign's signatures refer to an image. So cosign can sign and verify the artifact; what it adds has none of
//! our annotations and is not evidence, and stays when evidence is replaced. Where the registry keeps no list of
//! referrers, they are listed under the tag `sha256-HEX` as cosign does.
//!
//! A registry has no conditional write. With a list of referrers, a writer pushes its set (see [`sets`]), looks again,
//! and takes it back if another whole set of its generation is there: of writers at the same time, one or none
//! stores, provided that the registry lists what it has acknowledged. The list under a tag is read, changed and put
//! back whole: of two writers between reading and writing, the later one wins and both may be told that they stored;
//! what cosign adds in that moment is lost too. A directory or S3 has no such gap.

mod layout;
mod lists;
mod login;
mod registry;
mod sets;

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use goldseal_core::{
    attestation::{BUNDLE_MEDIA_TYPE, EVIDENCE_LIMITS, join, lines},
    digest::Sha256Digest,
    ids::ImageRef,
    image::Descriptor,
    ports::{
        EvidenceStore, Expected, PortError,
        PortErrorKind::{Malformed, Refused},
        Revision, Stored, Written,
    },
};

use self::{
    layout::{DESCRIPTOR_TYPE, Digest, EMPTY, Entry, INDEX_TYPE, Index, MANIFEST_TYPE, Manifest},
    registry::{Referrers, Registry},
    sets::{Evidence, Part, Place, SetId},
};
use super::{OpenError, Settings, check_writable};
use crate::adapters::documents::too_large;

const READ: &str = "reading evidence";
const WRITE: &str = "writing evidence";

/// Requests at the same time.
const ABREAST: usize = 6;

/// Referrers of one artifact that are looked at.
const REFERRERS: usize = 2048;

/// How often an artifact is looked at until what refers to it makes sense.
const LOOKS: u32 = 4;

/// A repository of evidence.
#[derive(Debug)]
pub struct OciStore {
    registry: Registry,
    name: String,
}

/// What hangs on an artifact.
struct Attached {
    parts: Vec<Part>,
    /// The index under the fallback tag, where the registry keeps no list of its own.
    fallback: Option<Index>,
}

impl OciStore {
    /// Makes the store of a repository. A registry on this machine is asked by plain http.
    ///
    /// # Errors
    /// [`OpenError`] when the certificate authorities cannot be read.
    pub fn new(registry: String, repository: String, settings: &Settings) -> Result<Self, OpenError> {
        let name = format!("{registry}/{repository}");
        Ok(Self { registry: Registry::new(&registry, &repository, settings)?, name })
    }

    /// Returns the digest of the artifact that an image's tag names.
    async fn tagged(&self, image: &ImageRef) -> Result<Option<Digest>, PortError> {
        let tag = tag(image);
        let Some(bytes) = self.registry.manifest(&tag).await? else { return Ok(None) };
        let malformed = || PortError::new(Malformed, READ, self.locate(image));
        let manifest = Manifest::parse(&bytes).map_err(|fault| malformed().because(fault))?;
        match manifest.artifact_type.as_deref() {
            Some(DESCRIPTOR_TYPE) => Ok(Some(Digest::of(&bytes))),
            _ => Err(malformed().because("the tag names something else than an image descriptor")),
        }
    }

    /// Finds the bundles of ours that refer to an artifact.
    async fn look(&self, subject: Digest) -> Result<Attached, PortError> {
        let malformed =
            |why: String| PortError::new(Malformed, READ, self.registry.place(&subject.to_string())).because(why);
        let (entries, fallback) = match self.registry.referrers(subject, BUNDLE_MEDIA_TYPE).await? {
            Referrers::Listed(entries) => (entries, None),
            Referrers::NotKept => {
                let index = match self.registry.manifest(&fallback_tag(subject)).await? {
                    Some(bytes) => Index::parse(&bytes).map_err(|fault| malformed(fault.to_string()))?,
                    None => Index::new(),
                };
                (index.entries(), Some(index))
            }
        };
        let mut candidates: Vec<Digest> =
            entries.iter().filter(|entry| may_be_bundle(entry)).map(|e| e.digest).collect();
        candidates.sort();
        candidates.dedup();
        if candidates.len() > REFERRERS {
            return Err(malformed(format!("more than {REFERRERS} bundles refer to it")));
        }
        let found: Vec<Option<Part>> = stream::iter(candidates)
            .map(|digest| async move {
                let manifest = self.registry.manifest_of(digest).await?;
                manifest.map_or(Ok(None), |manifest| part(digest, subject, manifest)).map_err(malformed)
            })
            .buffered(ABREAST)
            .try_collect()
            .await?;
        Ok(Attached { parts: found.into_iter().flatten().collect(), fallback })
    }

    /// Looks until what is found is as wished, a few times at most.
    async fn look_until(&self, subject: Digest, wished: impl Fn(&Evidence<'_>) -> bool) -> Result<Attached, PortError> {
        let mut wait = Duration::from_millis(100);
        for _ in 1..LOOKS {
            let attached = self.look(subject).await?;
            if wished(&Evidence::of(&attached.parts)) {
                return Ok(attached);
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.look(subject).await
    }

    /// Fetches the bundles of a set and puts them together.
    async fn assemble(&self, place: &str, id: SetId, parts: &[&Part]) -> Result<Stored, PortError> {
        let total = parts.iter().map(|part| part.layer.size.saturating_add(1)).fold(0, u64::saturating_add);
        if usize::try_from(total).is_ok_and(|total| total <= EVIDENCE_LIMITS.bytes) {
            let fetches: Vec<_> = parts.iter().map(|part| self.registry.blob(&part.layer)).collect();
            let bundles: Vec<Vec<u8>> = stream::iter(fetches).buffered(ABREAST).try_collect().await?;
            let bytes = join(bundles.iter().map(Vec::as_slice));
            if Sha256Digest::of(&bytes) == id.set {
                return Ok(Stored { bytes, revision: revision(&id) });
            }
            return Err(PortError::new(Malformed, READ, place).because("the bundles are not the set they say they are"));
        }
        Err(too_large(READ, place, EVIDENCE_LIMITS.bytes))
    }

    /// Pushes everything but what makes the set count; returns the manifests that will.
    async fn push(
        &self,
        image: &Descriptor,
        subject: &Entry,
        id: SetId,
        bundles: &[Bundle<'_>],
    ) -> Result<Vec<layout::Written>, PortError> {
        let manifests: Vec<layout::Written> = bundles
            .iter()
            .map(|Bundle { line, bytes, predicate }| {
                Manifest::of_bundle(bytes, predicate, subject, Place { of: id, line: *line })
            })
            .collect::<Result<_, _>>()
            .map_err(|e| PortError::new(Refused, WRITE, &self.name).because(e))?;
        self.registry.put_blob(EMPTY).await?;
        self.registry.put_blob(image.bytes()).await?;
        let pushes: Vec<_> = bundles.iter().map(|bundle| self.registry.put_blob(bundle.bytes)).collect();
        stream::iter(pushes).buffered(ABREAST).try_collect::<Vec<()>>().await?;
        Ok(manifests)
    }

    /// Pushes the manifests of a set.
    async fn attach(&self, manifests: &[layout::Written]) -> Result<(), PortError> {
        for layout::Written { bytes, entry } in manifests {
            self.registry.put_manifest(&entry.digest.to_string(), MANIFEST_TYPE, bytes).await?;
        }
        Ok(())
    }

    /// Lists our manifests, and no older ones of ours, under the fallback tag; unless the registry lists them itself
    /// and only seemed not to, because there was no such repository yet.
    async fn list(
        &self,
        subject: Digest,
        before: &[Part],
        manifests: &[layout::Written],
    ) -> Result<Written, PortError> {
        let now = self.look(subject).await?;
        let Some(mut index) = now.fallback else { return Ok(Written::Stored) };
        if now.parts != before {
            return Ok(Written::Conflict);
        }
        let tag = fallback_tag(subject);
        // Ours are also those that are listed and gone.
        let gone = index.entries().into_iter().filter(|entry| Place::is_named_in(&entry.annotations));
        let ours: Vec<Digest> = before.iter().map(|part| part.manifest).chain(gone.map(|entry| entry.digest)).collect();
        let new: Vec<Entry> = manifests.iter().map(|written| written.entry.clone()).collect();
        let index = index
            .replace(&ours, &new)
            .map_err(|e| PortError::new(Refused, WRITE, self.registry.place(&tag)).because(e))?;
        self.registry.put_manifest(&tag, INDEX_TYPE, &index).await?;
        Ok(Written::Stored)
    }

    /// Looks whether our set is what counts, and takes it back if not.
    async fn confirm(&self, subject: Digest, id: SetId) -> Result<Written, PortError> {
        // Some registries list late.
        let decided = |found: &Evidence<'_>| match found {
            Evidence::Whole(found, _) => found.generation >= id.generation,
            Evidence::Collision(_) => true,
            Evidence::Absent | Evidence::Parts(_) => false,
        };
        let attached = self.look_until(subject, decided).await?;
        let won = matches!(Evidence::of(&attached.parts), Evidence::Whole(found, _) if found == id);
        if attached.fallback.is_some() {
            return Ok(if won { Written::Stored } else { Written::Conflict });
        }
        for part in attached.parts.iter().filter(|part| (part.place.of == id) != won) {
            match self.registry.delete_manifest(part.manifest).await {
                Ok(()) => {}
                // What lost to a newer generation does not count, deleted or not.
                Err(error) if won => tracing::debug!(error = error.chain(), "a replaced bundle stays"),
                Err(error) => {
                    let why = format!(
                        "another writer stored at the same time, and ours cannot be taken back: {}",
                        error.chain()
                    );
                    return Err(PortError::new(Refused, WRITE, self.registry.place(&subject.to_string())).because(why));
                }
            }
        }
        Ok(if won { Written::Stored } else { Written::Conflict })
    }
}

impl EvidenceStore for OciStore {
    async fn read(&self, image: &ImageRef) -> Result<Option<Stored>, PortError> {
        let place = self.locate(image);
        let Some(subject) = self.tagged(image).await? else { return Ok(None) };
        // A writer that is at it right now is soon done.
        let settled = |found: &Evidence<'_>| matches!(found, Evidence::Absent | Evidence::Whole(..));
        let attached = self.look_until(subject, settled).await?;
        match Evidence::of(&attached.parts) {
            Evidence::Absent => Ok(None),
            Evidence::Whole(id, parts) => self.assemble(&place, id, &parts).await.map(Some),
            Evidence::Parts(why) | Evidence::Collision(why) => Err(PortError::new(Malformed, READ, place).because(why)),
        }
    }

    /// Writes in this order: compare, blobs, the artifact and its tag, the bundles' manifests, compare again.
    async fn write(&self, image: &Descriptor, evidence: &[u8], expected: Expected) -> Result<Written, PortError> {
        let place = self.locate(&image.image());
        let refuse = |why: String| PortError::new(Refused, WRITE, &place).because(why);
        check_writable(WRITE, &place, evidence)?;
        let bundles = bundles(evidence).map_err(&refuse)?;
        let artifact = Manifest::of_descriptor(image.bytes()).map_err(|e| refuse(e.to_string()))?;
        let subject = artifact.entry.digest;

        let tagged = self.tagged(&image.image()).await?;
        let moves = tagged.filter(|tagged| *tagged != subject);
        let before = self.look(subject).await?;
        let seen = if let Some(other) = moves { Some(self.look(other).await?) } else { None };
        if !is_expected(&expected, &seen.as_ref().unwrap_or(&before).parts)
            .map_err(|why| PortError::new(Malformed, WRITE, &place).because(why))?
        {
            return Ok(Written::Conflict);
        }
        let generation = match Evidence::of(&before.parts) {
            Evidence::Whole(id, _) => id.generation.saturating_add(1),
            Evidence::Absent | Evidence::Parts(_) | Evidence::Collision(_) => 1,
        };
        let id = SetId { generation, set: Sha256Digest::of(evidence), lines: bundles.len() };

        let manifests = self.push(image, &artifact.entry, id, &bundles).await?;
        if tagged != Some(subject) {
            self.registry.put_manifest(&tag(&image.image()), MANIFEST_TYPE, &artifact.bytes).await?;
        }
        self.attach(&manifests).await?;
        if before.fallback.is_some() && self.list(subject, &before.parts, &manifests).await? == Written::Conflict {
            return Ok(Written::Conflict);
        }
        self.confirm(subject, id).await
    }

    fn locate(&self, image: &ImageRef) -> String {
        format!("oci://{}:{}", self.name, tag(image))
    }
}

/// A bundle to be written.
struct Bundle<'e> {
    line: usize,
    bytes: &'e [u8],
    predicate: String,
}

fn bundles(evidence: &[u8]) -> Result<Vec<Bundle<'_>>, String> {
    let lines = lines(evidence).map_err(|(_, defect)| defect.to_string())?;
    let bundle = |(line, bytes)| match layout::predicate_type(bytes) {
        Ok(predicate) => Ok(Bundle { line, bytes, predicate }),
        Err(why) => Err(format!("line {line}: {why}")),
    };
    lines.into_iter().map(bundle).collect()
}

fn is_expected(expected: &Expected, parts: &[Part]) -> Result<bool, String> {
    match (Evidence::of(parts), expected) {
        (Evidence::Collision(why), _) => Err(why),
        // Parts of a set without a whole one are what a writer left that died in its first write.
        (Evidence::Absent | Evidence::Parts(_), expected) => Ok(*expected == Expected::Absent),
        (Evidence::Whole(..), Expected::Absent) => Ok(false),
        (Evidence::Whole(id, _), Expected::Unchanged(known)) => Ok(revision(&id) == *known),
    }
}

fn revision(id: &SetId) -> Revision {
    Revision(format!("sha256:{}", id.set))
}

fn may_be_bundle(entry: &Entry) -> bool {
    entry.artifact_type.as_deref().is_none_or(|kind| kind == BUNDLE_MEDIA_TYPE)
}

/// Takes a manifest for a part of the evidence, if it is one of ours.
fn part(digest: Digest, subject: Digest, manifest: Manifest) -> Result<Option<Part>, String> {
    let place = Place::parse(&manifest.annotations).map_err(|why| format!("bundle {digest}: {why}"))?;
    let Some(place) = place else { return Ok(None) };
    if manifest.subject.is_none_or(|found| found.digest != subject) {
        return Err(format!("bundle {digest} is listed here and refers to something else"));
    }
    match <[Entry; 1]>::try_from(manifest.layers) {
        Ok([layer]) if layer.media_type == BUNDLE_MEDIA_TYPE => Ok(Some(Part { place, manifest: digest, layer })),
        _ => Err(format!("bundle {digest} does not have the one layer of a bundle")),
    }
}

fn tag(image: &ImageRef) -> String {
    format!("{}.{}", image.region, image.id)
}

fn fallback_tag(subject: Digest) -> String {
    format!("sha256-{}", subject.0)
}
