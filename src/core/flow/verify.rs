//! Verification of images: gather facts, keys and evidence; judge; report. There is nothing to plan or to do.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::case::Case;
use crate::{
    ids::ImageRef,
    image::ImageFacts,
    policy::{Context, KeySource, Keys, Policy},
    ports::{EvidenceStore, ImageCatalog, KeyCatalog},
    report::{ImageReport, VERIFY_SCHEMA, VerifyReport},
    trust::{AuthorityName, KeyAnswer},
};

/// One image whose facts and evidence are files.
#[derive(Debug, Clone)]
pub struct Offline<'a> {
    /// The facts.
    pub facts: &'a ImageFacts,
    /// The evidence.
    pub evidence: &'a [u8],
    /// Where it was read.
    pub place: &'a str,
}

/// Judges images, each at the instant `now`, for a launch in `context` (its region is the image's).
pub async fn verify(
    policy: &Policy,
    images: &[ImageRef],
    context: &Context,
    catalog: &impl ImageCatalog,
    store: &impl EvidenceStore,
    keys: &impl KeyCatalog,
    now: Timestamp,
) -> VerifyReport {
    let keys = Arc::new(self::keys(policy, keys).await);
    let mut reports = Vec::new();
    for image in images {
        let opened = Case::open(image, catalog, store, &keys, None).await;
        reports.push(judged(&opened.case, policy, context, now));
    }
    VerifyReport { schema: VERIFY_SCHEMA, at: now, policy: policy.digest(), images: reports }
}

/// Judges one image from files alone; authorities in KMS are still asked for.
pub async fn judge_offline(
    policy: &Policy,
    image: &Offline<'_>,
    context: &Context,
    keys: &impl KeyCatalog,
    now: Timestamp,
) -> VerifyReport {
    let keys = Arc::new(self::keys(policy, keys).await);
    let case = Case::of(image.facts.clone(), image.evidence, image.place, &keys);
    let report = judged(&case, policy, context, now);
    VerifyReport { schema: VERIFY_SCHEMA, at: now, policy: policy.digest(), images: vec![report] }
}

fn judged(case: &Case, policy: &Policy, context: &Context, now: Timestamp) -> ImageReport {
    case.report(policy, case.judge(policy, now), context)
}

/// Asks for the keys of a policy's authorities that are in KMS.
pub async fn keys(policy: &Policy, catalog: &impl KeyCatalog) -> Keys {
    let mut answers: BTreeMap<AuthorityName, Result<KeyAnswer, String>> = BTreeMap::new();
    for signatory in policy.signatories() {
        if let KeySource::Kms { uri, .. } = &signatory.key {
            let answer = catalog.public_key(uri).await.map_err(|error| error.chain());
            answers.insert(signatory.name.clone(), answer);
        }
    }
    Keys::new(policy, |name| answers.get(name).cloned().unwrap_or_else(|| Err("not asked".to_owned())))
}

#[cfg(test)]
mod tests;
