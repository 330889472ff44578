//! Publication: verify as a consumer would → read what is there → plan → act, in the safe order.
//!
//! Nothing is changed before every image was admitted, whatever the policy's mode, and every plan stands. What is
//! written of an image is what was verified, never what its tags say.

mod tags;

use std::collections::BTreeSet;

use jiff::Timestamp;

use self::tags::shared_tags;
use super::verify::verify;
use crate::{
    ids::{AccountId, AmiId, ImageRef, Region},
    image::{EVIDENCE_TAG, SHARED_TAG_PREFIX, SUBJECT_TAG},
    policy::{Context, Policy},
    ports::{EvidenceStore, ImageCatalog, KeyCatalog, Listings, PortError, Progress, Publication},
    publication::{Audience, Goal, Obstacle, ParameterName, Planned, State, Wishes, plan},
    report::{
        ImageReport, Note, Outcome, PUBLISH_SCHEMA, PublishOutcome, PublishReport, PublishedImage, StepOutcome,
        StepReport,
    },
};

/// What to publish, and how.
#[derive(Debug)]
pub struct Publishing<'a> {
    /// The policy of those who will launch the images.
    pub policy: &'a Policy,
    /// The images.
    pub images: &'a [Candidate],
    /// What is wished of each of them.
    pub wishes: &'a Wishes,
    /// Change nothing.
    pub dry_run: bool,
    /// The present.
    pub now: Timestamp,
}

/// An image that somebody wants published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The image.
    pub image: ImageRef,
    /// The account that it must belong to, when it was named.
    pub owner: Option<AccountId>,
}

impl From<ImageRef> for Candidate {
    fn from(image: ImageRef) -> Self {
        Self { image, owner: None }
    }
}

/// Why images were not published. Nothing was changed, except where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// One parameter cannot name two images.
    #[error("{parameter} in {region} cannot name both {first} and {second}")]
    TwoImages {
        /// The parameter.
        parameter: ParameterName,
        /// Its region.
        region: Region,
        /// One image.
        first: AmiId,
        /// The other.
        second: AmiId,
    },
    /// An organization of another partition.
    #[error("{image} cannot be shared with {audience}, which is in another partition")]
    OutOfReach {
        /// The image.
        image: ImageRef,
        /// With whom.
        audience: Audience,
    },
    /// It belongs to somebody else than was said.
    #[error("{image} belongs to {found}, not to {named} as its ARN says")]
    Owner {
        /// The image.
        image: ImageRef,
        /// The owner that was named.
        named: AccountId,
        /// Its owner.
        found: AccountId,
    },
    /// What is there could not be read.
    #[error("reading what is published of {image} (nothing was changed)")]
    State {
        /// The image.
        image: ImageRef,
        /// The cause.
        #[source]
        source: PortError,
    },
    /// What is there stands in the way.
    #[error("planning the publication of {image} (nothing was changed)")]
    Obstacle {
        /// The image.
        image: ImageRef,
        /// The cause.
        #[source]
        source: Obstacle,
    },
    /// A step failed.
    #[error("publishing stopped: {done} steps were done, one failed, {not_done} were not tried")]
    Stopped {
        /// How many were done.
        done: usize,
        /// How many were not tried.
        not_done: usize,
        /// What was done and what was not, each by its name.
        report: Box<PublishReport>,
        /// The cause.
        #[source]
        source: PortError,
    },
}

/// Publishes images.
///
/// 1. What is asked must be possible at all.
/// 2. Every image must be admitted; else the report says why, and that is all.
/// 3. What is there of every image is read, and its steps are planned.
/// 4. The steps are taken, image by image, up to the first one that fails.
///
/// # Errors
/// See [`PublishError`]. An image that is not admitted is no error: see [`PublishReport::outcome`].
pub async fn publish(
    publishing: &Publishing<'_>,
    catalog: &impl ImageCatalog,
    store: &impl EvidenceStore,
    keys: &(impl KeyCatalog + Listings),
    publication: &impl Publication,
    progress: &impl Progress,
) -> Result<PublishReport, PublishError> {
    let Publishing { policy, wishes, now, .. } = *publishing;

    // 1. The request
    let images = distinct(publishing.images);
    possible(&images, wishes)?;

    // 2. The verdicts; a mode is for enforcement points, and this is none
    let verified = verify(policy, &images, &Context::default(), catalog, store, keys, now).await;
    for candidate in publishing.images {
        belongs(candidate, &verified.images)?;
    }
    let worst = verified.outcome();
    let mut report = PublishReport {
        schema: PUBLISH_SCHEMA,
        at: now,
        policy: verified.policy,
        outcome: if worst == Outcome::Reject { PublishOutcome::Refused } else { PublishOutcome::Undetermined },
        images: verified.images.into_iter().map(unpublished).collect(),
        failure: None,
    };
    let tags: Option<Vec<_>> = report.images.iter().map(|image| shared_tags(policy, &image.verified)).collect();
    let Some(tags) = tags.filter(|tags| !tags.is_empty()) else { return Ok(report) };

    // 3. The plans
    let mut plans: Vec<Vec<Planned>> = Vec::new();
    for ((image, tags), entry) in images.iter().zip(&tags).zip(&mut report.images) {
        let state = publication.state(image, wishes).await;
        let state = state.map_err(|source| PublishError::State { image: image.clone(), source })?;
        let planned = plan(&Goal { image, tags, wishes, now }, &state);
        plans.push(planned.map_err(|source| PublishError::Obstacle { image: image.clone(), source })?);
        entry.notes.extend(notes(wishes, &state));
    }
    for (entry, plan) in report.images.iter_mut().zip(&plans) {
        let ahead = if publishing.dry_run { StepOutcome::Would } else { StepOutcome::NotDone };
        let outcome = |already| if already { StepOutcome::Already } else { ahead };
        entry.steps = plan.iter().map(|one| StepReport::new(&one.step, outcome(one.already))).collect();
    }
    if publishing.dry_run {
        report.outcome = PublishOutcome::Planned;
        return Ok(report);
    }

    // 4. The steps
    let missing = report.count(StepOutcome::NotDone);
    progress.expect(u64::try_from(missing).unwrap_or(u64::MAX));
    let steps = report.images.iter_mut().flat_map(|image| &mut image.steps);
    let mut failed = None;
    for (Planned { step, .. }, entry) in
        plans.iter().flatten().zip(steps).filter(|(_, entry)| entry.outcome == StepOutcome::NotDone)
    {
        if let Err(source) = publication.apply(step).await {
            entry.outcome = StepOutcome::Failed;
            failed = Some(source);
            break;
        }
        entry.outcome = StepOutcome::Done;
        progress.advance();
    }
    report.outcome = if failed.is_some() { PublishOutcome::Stopped } else { PublishOutcome::Published };
    let Some(source) = failed else { return Ok(report) };
    let (done, not_done) = (report.count(StepOutcome::Done), report.count(StepOutcome::NotDone));
    Err(PublishError::Stopped { done, not_done, report: Box::new(report), source })
}

fn distinct(candidates: &[Candidate]) -> Vec<ImageRef> {
    let mut seen = BTreeSet::new();
    candidates.iter().map(|one| &one.image).filter(|image| seen.insert(*image)).cloned().collect()
}

fn possible(images: &[ImageRef], wishes: &Wishes) -> Result<(), PublishError> {
    for (index, first) in images.iter().enumerate() {
        let mut later = images.iter().skip(index + 1);
        if let (Some(parameter), Some(second)) =
            (wishes.parameters.first(), later.find(|other| other.region == first.region))
        {
            let (parameter, ImageRef { region, id: first }) = (parameter.clone(), first.clone());
            return Err(PublishError::TwoImages { parameter, region, first, second: second.id.clone() });
        }
        if let Some(audience) = wishes.share.iter().find(|one| !one.reaches(&first.region)) {
            return Err(PublishError::OutOfReach { image: first.clone(), audience: audience.clone() });
        }
    }
    Ok(())
}

fn belongs(candidate: &Candidate, verified: &[ImageReport]) -> Result<(), PublishError> {
    let Candidate { image, owner: named } = candidate;
    let found = verified.iter().find(|found| found.image == *image).and_then(|found| found.owner.as_ref());
    match (named, found) {
        (Some(named), Some(found)) if named != found => {
            Err(PublishError::Owner { image: image.clone(), named: named.clone(), found: found.clone() })
        }
        _ => Ok(()),
    }
}

fn unpublished(verified: ImageReport) -> PublishedImage {
    let pointers = verified.reasons.iter().filter(|reason| {
        let tag = reason.detail.get("tag").and_then(|tag| tag.as_str());
        reason.code == "tag-mismatch" && tag.is_some_and(|tag| [EVIDENCE_TAG, SUBJECT_TAG].contains(&tag))
    });
    let notes = pointers.take(1).map(|_| {
        let message = format!(
            "shared tags of an earlier publication are judged like others: if the image was sealed again on purpose, \
             delete {SHARED_TAG_PREFIX}{EVIDENCE_TAG} and publish again"
        );
        Note::new("published-before", message)
    });
    PublishedImage { notes: notes.collect(), verified, steps: Vec::new() }
}

fn notes(wishes: &Wishes, state: &State) -> Vec<Note> {
    let mut notes = Vec::new();
    if state.public {
        let message = "everybody may launch the image already; goldseal makes no image public";
        notes.push(Note::new("image-is-public", message));
    }
    if wishes.lock.is_some() && state.snapshots.is_empty() {
        notes.push(Note::new("no-snapshot", "the image has no snapshot to lock"));
    }
    notes
}

#[cfg(test)]
mod tests;
