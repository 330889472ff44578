//! The images that an image was made of: each is named by the signed provenance of the one before it, and told of by
//! evidence of its own, as far as the store has some.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    super::{case::Opened, runs::open},
    Tracing, told,
};
use crate::{
    attestation::predicate::{BaseImage, Provenance},
    ids::ImageRef,
    policy::{Context, Keys},
    ports::{EvidenceStore, ImageCatalog},
    report::{BaseStanding, BaseTrace, Outcome},
};

/// Nobody builds on more than a few; a store that says otherwise is not followed for ever.
const LONGEST: usize = 8;

/// Follows the chain of an image, until there is no evidence to follow.
pub(super) async fn follow(
    tracing: &Tracing<'_>,
    image: &ImageRef,
    provenance: Option<&Provenance>,
    catalog: &impl ImageCatalog,
    store: &impl EvidenceStore,
    keys: &Arc<Keys>,
) -> Vec<BaseTrace> {
    let mut chain: Vec<BaseTrace> = Vec::new();
    let mut known = BTreeSet::from([image.clone()]);
    let mut next = provenance.and_then(Provenance::base_image);
    while let Some(base) = next.take() {
        let mut link = BaseTrace::named(base);
        match link.image() {
            None => link.standing = BaseStanding::Unreadable,
            Some(image) if known.contains(&image) => link.standing = BaseStanding::Repeated,
            Some(_) if chain.len() == LONGEST => link.standing = BaseStanding::TooFar,
            Some(image) => {
                next = ask(tracing, &image, &mut link, catalog, store, keys).await;
                known.insert(image);
            }
        }
        chain.push(link);
    }
    chain
}

/// Returns the first of the chain, which nobody was asked for.
pub(super) fn named(provenance: Option<&Provenance>) -> Vec<BaseTrace> {
    provenance.and_then(Provenance::base_image).map(BaseTrace::named).into_iter().collect()
}

/// Asks for one image, and returns the one that it was made of in turn: only what is verified is followed.
async fn ask(
    tracing: &Tracing<'_>,
    image: &ImageRef,
    link: &mut BaseTrace,
    catalog: &impl ImageCatalog,
    store: &impl EvidenceStore,
    keys: &Arc<Keys>,
) -> Option<BaseImage> {
    let witness = "the provenance of the image that was built from it";
    let (Opened { case, .. }, _) = open(tracing.policy, image, catalog, store, keys, witness).await;
    let judgement = case.judge(tracing.policy, tracing.at);
    let provenance = judgement.provenance.clone();
    let sealed = told::gate(&judgement).map(|gate| gate.at());
    let report = case.report(tracing.policy, judgement, &Context::default());
    link.evidence = Some(report.evidence);
    link.standing = match (&provenance, case.described()) {
        (Some(_), Some((descriptor, _))) => {
            let other = link.descriptor.is_some_and(|said| said != descriptor.digest())
                || link.owner.as_ref().is_some_and(|said| said != descriptor.owner());
            if other { BaseStanding::Mismatch } else { BaseStanding::Verified }
        }
        _ if report.reasons.iter().any(|reason| reason.code == "evidence-absent") => BaseStanding::Absent,
        _ if report.verdict == Outcome::Undetermined => BaseStanding::Unknown,
        _ => BaseStanding::Unverified,
    };
    if link.standing == BaseStanding::Absent {
        return None;
    }
    link.verdict = Some(report.verdict);
    link.causes = report.reasons.into_iter().chain(report.faults).collect();
    let provenance = provenance.filter(|_| link.standing == BaseStanding::Verified)?;
    link.builder = Some(provenance.builder().to_owned());
    link.repository = provenance.repository();
    link.commit = provenance.commit().map(str::to_owned);
    link.sealed = sealed;
    provenance.base_image()
}
