//! Images to a new key: judged by the old one, signed by the new one, judged by the new one alone, stored, tagged.
//!
//! The same payloads are signed again, so nothing that was measured, approved or built becomes newer by it. What is not
//! admitted is not resealed; and nothing is stored that the new key alone would not be enough for.

mod course;

use jiff::Timestamp;

use self::course::{Course, Stop};
use super::sign::{bundles, pointers};
use crate::{
    attestation::lines,
    digest::Sha256Digest,
    ids::ImageRef,
    image::{DescribedImage, EVIDENCE_TAG, ImageFacts, SUBJECT_TAG, pointer_digest},
    policy::{Keys, Policy},
    ports::{
        EvidenceStore, Expected, ImageCatalog, ImageTags, PortError, Progress, Signer, SigningKey, Stored, Written,
        chain,
    },
    report::{Cause, KeyReport, Note, RESEAL_SCHEMA, ResealOutcome, ResealReport, ResealedImage, TagReport},
    trust::AuthorityName,
};

/// What to move to a new key.
#[derive(Debug, Clone, Copy)]
pub struct Resealing<'a> {
    /// The policy that admits what is there, and its keys.
    pub old: (&'a Policy, &'a Keys),
    /// The policy that has to admit what is written, and its keys.
    pub new: (&'a Policy, &'a Keys),
    /// The authority whose signatures are moved; all that may sign the gate result without it.
    pub from: Option<&'a AuthorityName>,
    /// Drop the old signatures.
    pub replace: bool,
    /// Write tags.
    pub tag: bool,
    /// The present time.
    pub now: Timestamp,
}

/// Why no image can be moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResealError {
    /// Nobody would believe the new key.
    #[error("{key} (sha256:{spki}) is no authority of the new policy, so nothing that it signs would count")]
    KeyUnknown {
        /// The key.
        key: String,
        /// SHA-256 of its SubjectPublicKeyInfo.
        spki: Sha256Digest,
    },
    /// There is no such authority.
    #[error("the policy has no authority {0}, so none of its signatures can be moved")]
    NoSuchAuthority(AuthorityName),
    /// Old and new are one.
    #[error("{0} is the key that is to be moved away from")]
    SameKey(String),
    /// The key that would seal approves.
    #[error("{0} approves under the new policy, so it cannot seal: nobody approves their own work")]
    ApproverSeals(String),
}

/// Moves images, one after the other. What stops one does not stop the others.
///
/// # Errors
/// See [`ResealError`]: before the first image.
pub async fn reseal(
    resealing: &Resealing<'_>,
    images: &[ImageRef],
    signer: &(impl Signer + Sync),
    ec2: &impl ImageCatalog,
    store: &impl EvidenceStore,
    tags: &impl ImageTags,
    progress: &impl Progress,
) -> Result<ResealReport, ResealError> {
    let key = signer.key();
    let mover = course::Mover::new(resealing, key)?;
    progress.expect(images.len() as u64);
    let mut resealed = Vec::new();
    for image in images {
        let place = store.locate(image);
        let mut report = ResealedImage {
            image: image.clone(),
            outcome: ResealOutcome::Failed,
            evidence: place,
            evidence_sha256: None,
            statements: Vec::new(),
            dropped: 0,
            tags: Vec::new(),
            causes: Vec::new(),
            problem: None,
            notes: Vec::new(),
        };
        match one(resealing, &mover, &mut report, signer, ec2, store, tags).await {
            Ok(outcome) => report.outcome = outcome,
            Err(Stop::Refused(reasons)) => {
                report.outcome = ResealOutcome::Refused;
                report.causes = reasons.iter().map(Cause::reason).collect();
            }
            Err(Stop::Undetermined(faults)) => report.causes = faults.iter().map(Cause::fault).collect(),
            Err(Stop::Unfit(problem)) => {
                report.outcome = ResealOutcome::Refused;
                report.problem = Some(problem);
            }
            Err(Stop::Failed(problem)) => report.problem = Some(problem),
        }
        resealed.push(report);
        progress.advance();
    }
    Ok(ResealReport {
        schema: RESEAL_SCHEMA,
        at: resealing.now,
        policy: resealing.old.0.digest(),
        new_policy: resealing.new.0.digest(),
        key: KeyReport::from(key),
        authority: mover.authority,
        images: resealed,
    })
}

async fn one(
    resealing: &Resealing<'_>,
    mover: &course::Mover<'_>,
    report: &mut ResealedImage,
    signer: &(impl Signer + Sync),
    ec2: &impl ImageCatalog,
    store: &impl EvidenceStore,
    tags: &impl ImageTags,
) -> Result<ResealOutcome, Stop> {
    let (described, found) = futures_util::join!(ec2.describe(&report.image), store.read(&report.image));
    let facts = facts(&report.image, described)?;
    let Stored { bytes, revision } = found.map_err(failed)?.ok_or_else(|| Stop::absent(&report.evidence))?;
    report.evidence_sha256 = Some(Sha256Digest::of(&bytes));

    let (evidence, outcome) = match mover.course(&facts, &bytes)? {
        Course::Already => (bytes, ResealOutcome::Already),
        Course::Write { kept, signed, dropped } => {
            let payloads: Vec<&[u8]> = signed.iter().map(|one| one.payload.as_slice()).collect();
            let added = match payloads.is_empty() {
                true => Vec::new(),
                false => bundles::sign(&facts.descriptor, &payloads, signer)
                    .await
                    .map_err(|error| Stop::Failed(chain(&error)))?,
            };
            let evidence = [kept, added].concat();
            mover.admitted(&facts, &evidence)?;
            let revision = Expected::Unchanged(revision);
            match store.write(&facts.descriptor, &evidence, revision).await.map_err(failed)? {
                Written::Stored => {}
                Written::Conflict => {
                    let problem = "its evidence changed meanwhile; nothing was written, run it again";
                    return Err(Stop::Failed(problem.to_owned()));
                }
            }
            report.statements = signed.into_iter().map(|one| one.report).collect();
            report.dropped = dropped;
            (evidence, ResealOutcome::Resealed)
        }
    };
    let digest = Sha256Digest::of(&evidence);
    report.evidence_sha256 = Some(digest);
    if lines(&evidence).is_ok_and(|lines| lines.len() > MANY_BUNDLES) {
        report.notes.push(Note::new("many-bundles", "much evidence; --replace drops what old keys signed"));
    }
    tag(resealing, report, &facts, digest, signer.key(), tags).await?;
    Ok(outcome)
}

/// A fifth of what is read at all.
const MANY_BUNDLES: usize = crate::attestation::EVIDENCE_LIMITS.lines / 5;

/// Points the image to its evidence, where it does not yet: an earlier run may have been stopped in between.
async fn tag(
    resealing: &Resealing<'_>,
    report: &mut ResealedImage,
    facts: &ImageFacts,
    evidence: Sha256Digest,
    key: &SigningKey,
    tags: &impl ImageTags,
) -> Result<(), Stop> {
    let points =
        |tag: &str, to| facts.tags.bears(tag) && facts.tags.values(tag).all(|value| pointer_digest(value) == Some(to));
    if points(EVIDENCE_TAG, evidence) && points(SUBJECT_TAG, facts.descriptor.digest()) {
        return Ok(());
    }
    if !resealing.tag {
        let message = "the image was not tagged; what its tags point to is judged where they are seen";
        report.notes.push(Note::new("not-tagged", message));
        return Ok(());
    }
    let written = pointers(facts, &report.evidence, evidence, key);
    tags.tag(&report.image, &written).await.map_err(|error| {
        Stop::Failed(format!("its evidence is stored, but not its tags (run it again): {}", error.chain()))
    })?;
    report.tags = written.into_iter().map(|(name, value)| TagReport { name, value }).collect();
    Ok(())
}

fn facts(image: &ImageRef, described: Result<Option<DescribedImage>, PortError>) -> Result<ImageFacts, Stop> {
    let described = described.map_err(failed)?.ok_or_else(|| Stop::no_such(image))?;
    ImageFacts::from_described(image, described).map_err(|fault| Stop::Failed(chain(&fault)))
}

fn failed(error: PortError) -> Stop {
    Stop::Failed(error.chain())
}

#[cfg(test)]
mod tests;
