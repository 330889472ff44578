//! `trace`: an instance or an image → what was signed about it, where it runs, and what of that still holds.
//!
//! It decides nothing of its own. The verdict is that of `verify`; what is told as a fact was read from statements that
//! count in that verdict, and what only EC2 or a saved audit says is told as that.

mod bases;
mod places;
mod told;

use std::sync::Arc;

use jiff::Timestamp;

use self::{places::Looked, told::Told};
use super::{
    case::{Case, Opened},
    runs::{WITNESS, open, other_owner},
    verify::{Offline, keys},
};
use crate::{
    attestation::Kind,
    fleet::Image,
    ids::{ImageRef, InstanceId, Region},
    policy::{Context, Judgement, Keys, Lists, Policy},
    ports::{EvidenceStore, Fleets, ImageCatalog, KeyCatalog, Listings, PortError, Progress},
    report::{
        AuditReport, AuditedInstance, BaseTrace, DiscountedReport, FactsFrom, ImageSeen, Note, TRACE_SCHEMA,
        TraceReport,
    },
    verdict::{Reason, Verdict},
};

/// How a trace is made.
#[derive(Debug, Clone, Copy)]
pub struct Tracing<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The instant of the verdict.
    pub at: Timestamp,
    /// A saved audit: it tells what runs in accounts that are not asked, and what ran.
    pub audit: Option<&'a AuditReport>,
}

/// What is traced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traced {
    /// An image.
    Image(ImageRef),
    /// The image of an instance.
    Instance {
        /// The instance.
        id: InstanceId,
        /// Its region.
        region: Region,
    },
}

/// Why there is no image to trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// EC2 does not list the instance, and no audit names it.
    #[error("nobody tells of {id} in {region}")]
    NotSeen {
        /// The instance.
        id: InstanceId,
        /// Where it was looked for.
        region: Region,
    },
    /// EC2 could not be asked for the instance, and no audit names it.
    #[error("finding the image of {id}")]
    NotAsked {
        /// The instance.
        id: InstanceId,
        /// Why.
        source: PortError,
    },
}

/// An image, judged, and everything that its story is made of.
struct Story<'e> {
    image: ImageRef,
    instance: Option<InstanceId>,
    case: Case,
    evidence: Option<&'e [u8]>,
    judgement: Judgement,
    /// What its instances are: that nobody can launch it any more is nothing against those that run.
    class: Image,
    /// What stands against them.
    runs: Verdict,
    /// What stands against it at any instant, beside the judgement.
    standing: Vec<Reason>,
    note: Option<Note>,
    looked: Looked,
}

/// Traces an image, or that of an instance, in the accounts of `fleets`; `catalog` describes images.
///
/// # Errors
/// See [`TraceError`].
pub async fn trace<F: Fleets>(
    tracing: &Tracing<'_>,
    traced: &Traced,
    fleets: &F,
    catalog: &impl ImageCatalog,
    store: &impl EvidenceStore,
    kms: &(impl KeyCatalog + Listings),
    progress: &impl Progress,
) -> Result<TraceReport, TraceError> {
    let listing = places::list(fleets, traced.region(), progress);
    let (keys, listed) = futures_util::join!(keys(tracing.policy, kms), listing);
    let keys = Arc::new(keys);
    let (image, instance) = match traced {
        Traced::Image(image) => (image.clone(), None),
        Traced::Instance { id, region } => match listed.image_of(id).or_else(|| Some(tracing.saved(id)?.ami.clone())) {
            Some(ami) => (ImageRef { region: region.clone(), id: ami }, Some(id.clone())),
            None => return Err(unseen(id, region, listed.failed)),
        },
    };
    let looked = listed.looked(&image, instance.as_ref()).await;

    let (Opened { case, bytes }, note, missing) =
        opened(tracing.policy, &image, looked.seen(), catalog, store, &keys).await;
    let standing = looked.seen().map(|seen| other_owner(&case, seen)).unwrap_or_default();
    let mut judgement = case.judge(tracing.policy, tracing.at);
    judgement.verdict = judgement.verdict.and(standing.clone(), Vec::new());
    let (class, runs) = (class(tracing, &judgement, &case), judgement.verdict.clone());
    judgement.verdict = judgement.verdict.and(missing.into_iter().collect(), Vec::new());
    let built_from = judgement.provenance.as_ref();
    let bases = bases::follow(tracing, &image, built_from, catalog, store, &keys).await;

    let evidence = bytes.as_deref();
    let story = Story { image, instance, case, evidence, judgement, class, runs, standing, note, looked };
    Ok(story.report(tracing, bases, keys.lists()))
}

/// Traces one image from files alone; authorities in KMS are still asked for. `instance` is one of the saved audit.
pub async fn trace_offline(
    tracing: &Tracing<'_>,
    image: &Offline<'_>,
    instance: Option<InstanceId>,
    kms: &(impl KeyCatalog + Listings),
) -> TraceReport {
    let keys = Arc::new(keys(tracing.policy, kms).await);
    let case = Case::of(image.facts.clone(), image.evidence, image.place, &keys);
    let judgement = case.judge(tracing.policy, tracing.at);
    let bases = bases::named(judgement.provenance.as_ref());
    let story = Story {
        image: image.facts.descriptor.image(),
        instance,
        evidence: Some(image.evidence),
        class: class(tracing, &judgement, &case),
        runs: judgement.verdict.clone(),
        case,
        judgement,
        standing: Vec::new(),
        note: None,
        looked: Looked::default(),
    };
    story.report(tracing, bases, keys.lists())
}

/// Opens the case of an image. One that EC2 does not describe, and nobody is seen to run, has a story all the same; but
/// nobody can launch it, which is a reason, as for `verify`.
async fn opened(
    policy: &Policy,
    image: &ImageRef,
    seen: Option<&ImageSeen>,
    catalog: &impl ImageCatalog,
    store: &impl EvidenceStore,
    keys: &Arc<Keys>,
) -> (Opened, Option<Note>, Option<Reason>) {
    if seen.is_some() {
        let (opened, note) = open(policy, image, catalog, store, keys, WITNESS).await;
        return (opened, note, None);
    }
    if policy.requirement(Kind::Provenance).is_none() {
        return (Case::open(image, catalog, store, keys, None).await, None, None);
    }
    let (opened, note) = open(policy, image, catalog, store, keys, "nothing: no instance of it was seen").await;
    let missing = note.as_ref().map(|_| Reason::ImageNotFound { image: image.clone() });
    (opened, note, missing)
}

/// Nothing is soon here: the report says until when an admission holds.
fn class(tracing: &Tracing<'_>, judgement: &Judgement, case: &Case) -> Image {
    let lapsed = case.lapsed(tracing.policy, judgement, tracing.at).is_some();
    Image::of(&judgement.verdict, lapsed, judgement.until, tracing.at, case.snapshots())
}

fn unseen(id: &InstanceId, region: &Region, failed: Option<PortError>) -> TraceError {
    match failed {
        Some(source) => TraceError::NotAsked { id: id.clone(), source },
        None => TraceError::NotSeen { id: id.clone(), region: region.clone() },
    }
}

impl Story<'_> {
    fn report(self, tracing: &Tracing<'_>, bases: Vec<BaseTrace>, lists: &Lists) -> TraceReport {
        let Self { image, instance, case, evidence, mut judgement, class, runs, standing, note, looked } = self;
        let Tracing { policy, at, .. } = *tracing;
        let Told { build, sbom, gate, approvals, signatures, then } =
            Told::of(tracing, &case, &judgement, evidence, standing);
        let context = Context { account: looked.account(), ..Context::default() };
        case.let_pass(&mut judgement, policy, &context, at);
        let facts_from = case.described().map(|(_, from)| from);
        let mut report = case.report(policy, judgement, &context);
        // Where there is no evidence, nothing was taken from it.
        report.notes.extend(note.filter(|_| facts_from == Some(FactsFrom::Provenance)));
        report.notes.extend(windows(&report.discounted));
        TraceReport {
            schema: TRACE_SCHEMA,
            at,
            policy: policy.digest(),
            running: looked.report(tracing, &image, instance.as_ref(), (&class, &runs), lists),
            instance,
            image: report,
            facts_from,
            build,
            bases,
            sbom,
            gate,
            approvals,
            signatures,
            then,
        }
    }
}

/// What was signed inside a window that is over may be told at another instant.
fn windows(discounted: &[DiscountedReport]) -> Option<Note> {
    let over = discounted.iter().any(|one| one.code == "authority-expired");
    let message = "an authority's window is over, so what it signed is not told here: --at an instant inside tells it";
    over.then(|| Note::new("window-over", message))
}

impl Traced {
    /// Returns the region.
    pub fn region(&self) -> &Region {
        match self {
            Self::Image(image) => &image.region,
            Self::Instance { region, .. } => region,
        }
    }
}

impl Tracing<'_> {
    /// Returns what the saved audit says of an instance.
    pub fn saved(&self, instance: &InstanceId) -> Option<&AuditedInstance> {
        self.audit?.instances.iter().find(|one| one.instance == *instance)
    }
}

#[cfg(test)]
mod tests;
