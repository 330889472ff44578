//! A list that is about to be signed → the images that fall with it: judged by the list before, and by the one after.
//!
//! Facts are those that provenance carries, as its authorities signed them: EC2 is not asked, and tags are not seen.

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use crate::{
    attestation::predicate::Revocations,
    digest::Sha256Digest,
    ids::ImageRef,
    image::{Descriptor, ImageFacts, Tags},
    policy::{Gathered, Judgement, Keys, Lists, Policy, judge},
    ports::{EvidenceStore, PortError, Progress, Stored},
    report::{Cause, Fall, Falls, UnknownFall},
    verdict::{Fault, Verdict},
};

/// How much evidence is read at a time.
const AT_ONCE: usize = 8;

/// Judges images by the list before and the list after.
///
/// # Errors
/// The fault that makes one of the two no list.
pub async fn falls(
    policy: &Policy,
    keys: Keys,
    (before, after): (&Revocations, &Revocations),
    images: &[ImageRef],
    store: &impl EvidenceStore,
    now: Timestamp,
    progress: &impl Progress,
) -> Result<Falls, String> {
    let mut keys = keys.with(Lists::as_if(policy, before)?);
    let mut after = Lists::as_if(policy, after)?;
    let mut falls = Falls { looked_at: images.len(), ..Falls::default() };
    progress.expect(images.len() as u64);
    let mut read = stream::iter(images).map(async |image| (image, store.read(image).await)).buffered(AT_ONCE);
    while let Some((image, stored)) = read.next().await {
        match judged(policy, &mut keys, &mut after, image, stored, now) {
            Ok(Judged::Falls(reasons)) => {
                falls.images.push(Fall { image: image.clone(), reasons, instances: None });
            }
            Ok(Judged::Stays) => {}
            Ok(Judged::NotAdmitted) => falls.not_admitted += 1,
            Err(why) => falls.unknown.push(UnknownFall { image: image.clone(), why }),
        }
        progress.advance();
    }
    Ok(falls)
}

enum Judged {
    Falls(Vec<Cause>),
    Stays,
    NotAdmitted,
}

fn judged(
    policy: &Policy,
    keys: &mut Keys,
    after: &mut Lists,
    image: &ImageRef,
    stored: Result<Option<Stored>, PortError>,
    now: Timestamp,
) -> Result<Judged, String> {
    let Some(stored) = stored.map_err(|error| error.chain())? else { return Ok(Judged::NotAdmitted) };
    let Some(descriptor) = carried(keys, &stored.bytes, image)? else {
        return Err("no provenance that counts carries the description of it".to_owned());
    };
    let mut verdict = |lists: &mut Lists| {
        // What is held before goes back in at the end.
        let held = keys.replace(std::mem::take(lists));
        let judgement = judgement(policy, keys, &stored.bytes, &descriptor, now);
        *lists = keys.replace(held);
        judgement.verdict
    };
    let then = verdict(after);
    let now = judgement(policy, keys, &stored.bytes, &descriptor, now).verdict;
    match (now, then) {
        (Verdict::Undetermined(faults), _) => {
            Err(faults.as_slice().iter().map(Fault::to_string).collect::<Vec<_>>().join("; "))
        }
        (Verdict::Reject(_), _) => Ok(Judged::NotAdmitted),
        (Verdict::Admit(_), Verdict::Admit(_)) => Ok(Judged::Stays),
        (Verdict::Admit(_), Verdict::Reject(reasons)) => {
            Ok(Judged::Falls(reasons.as_slice().iter().map(Cause::reason).collect()))
        }
        (Verdict::Admit(_), Verdict::Undetermined(faults)) => {
            Ok(Judged::Falls(faults.as_slice().iter().map(Cause::fault).collect()))
        }
    }
}

fn carried(keys: &Keys, evidence: &[u8], image: &ImageRef) -> Result<Option<Descriptor>, String> {
    let found = keys.survey(evidence).descriptors();
    let found = found.map_err(|(line, defect)| format!("line {line} of its evidence: {defect}"))?;
    Ok(found.into_iter().find(|descriptor| descriptor.image() == *image))
}

fn judgement(policy: &Policy, keys: &Keys, evidence: &[u8], descriptor: &Descriptor, now: Timestamp) -> Judgement {
    let facts = ImageFacts { descriptor: descriptor.clone(), state: None, tags: Tags::default() };
    let dossier = keys.examine(evidence, descriptor.digest());
    judge(policy, keys, &facts, &Gathered::Found(&dossier), now)
}

/// Returns the content digest of an image's root device, by the provenance that counts: none where none is signed.
///
/// # Errors
/// The store's.
pub async fn contents(
    policy: &Policy,
    keys: &Keys,
    image: &ImageRef,
    store: &impl EvidenceStore,
    now: Timestamp,
) -> Result<Vec<Sha256Digest>, PortError> {
    let Some(stored) = store.read(image).await? else { return Ok(Vec::new()) };
    let Ok(Some(descriptor)) = carried(keys, &stored.bytes, image) else { return Ok(Vec::new()) };
    let provenance = judgement(policy, keys, &stored.bytes, &descriptor, now).provenance;
    let devices = provenance.map(|provenance| provenance.content()).unwrap_or_default();
    // A copy has the same root; data devices of images that have nothing else in common may both be empty.
    let root = descriptor.identity().root_device_name.as_deref();
    let root = devices.iter().filter(|device| Some(device.device_name.as_str()) == root);
    Ok(root.map(|device| device.sha256).collect())
}
