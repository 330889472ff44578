//! Verification of images: gather facts, keys and evidence; judge; report. There is nothing to plan or to do.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{
    case::Case,
    listed::{listed, listed_after},
};
use crate::{
    ids::ImageRef,
    image::ImageFacts,
    policy::{Context, KeySource, Keys, Lists, Policy},
    ports::{EvidenceStore, ImageCatalog, KeyCatalog, Listings},
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
    keys: &(impl KeyCatalog + Listings),
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

/// Judges one image from files alone; authorities in KMS, and lists, are still asked for.
pub async fn judge_offline(
    policy: &Policy,
    image: &Offline<'_>,
    context: &Context,
    keys: &(impl KeyCatalog + Listings),
    now: Timestamp,
) -> VerifyReport {
    let keys = Arc::new(self::keys(policy, keys).await);
    let case = Case::of(image.facts.clone(), image.evidence, image.place, &keys);
    let report = judged(&case, policy, context, now);
    VerifyReport { schema: VERIFY_SCHEMA, at: now, policy: policy.digest(), images: vec![report] }
}

fn judged(case: &Case, policy: &Policy, context: &Context, now: Timestamp) -> ImageReport {
    let mut judgement = case.judge(policy, now);
    case.let_pass(&mut judgement, policy, context, now);
    case.report(policy, judgement, context)
}

/// What KMS answered for keys, by their URIs.
pub(super) struct KeyAnswers<'p>(BTreeMap<&'p str, Result<KeyAnswer, String>>);

/// Asks for the keys of a policy's authorities that are in KMS, and for its lists.
pub async fn keys(policy: &Policy, asked: &(impl KeyCatalog + Listings)) -> Keys {
    let keys = KeyAnswers::ask([policy], asked).await.keys(policy);
    listed(policy, keys, asked).await
}

/// Asks again: lists that are still the same are not examined again.
pub async fn keys_again(policy: &Policy, asked: &(impl KeyCatalog + Listings), before: &Keys) -> Keys {
    let keys = KeyAnswers::ask([policy], asked).await.keys(policy);
    listed_after(policy, keys, asked, Lists::after(before.lists())).await
}

impl<'p> KeyAnswers<'p> {
    /// Asks for the keys of several policies, for each key once.
    pub(super) async fn ask(policies: impl IntoIterator<Item = &'p Policy>, catalog: &impl KeyCatalog) -> Self {
        let mut answers = BTreeMap::new();
        for signatory in policies.into_iter().flat_map(Policy::signatories) {
            let KeySource::Kms { uri, .. } = &signatory.key else { continue };
            if !answers.contains_key(uri.as_str()) {
                let answer = catalog.public_key(uri).await.map_err(|error| error.chain());
                answers.insert(uri.as_str(), answer);
            }
        }
        Self(answers)
    }

    /// Returns the keys of one of these policies.
    pub(super) fn keys(&self, policy: &Policy) -> Keys {
        let uri = |name: &AuthorityName| {
            policy.signatories().iter().find_map(|one| match &one.key {
                KeySource::Kms { uri, .. } if one.name == *name => Some(uri.as_str()),
                KeySource::Kms { .. } | KeySource::Pem(_) => None,
            })
        };
        let answer = |name: &AuthorityName| uri(name).and_then(|uri| self.0.get(uri).cloned());
        Keys::new(policy, |name| answer(name).unwrap_or_else(|| Err("not asked".to_owned())))
    }
}

#[cfg(test)]
mod tests;
