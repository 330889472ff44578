//! Verification of images: gather facts, keys and evidence; judge; report. There is nothing to plan or to do.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    attestation::predicate::{ContentDigests, Provenance},
    ids::ImageRef,
    image::ImageFacts,
    policy::{Context, Gathered, Judgement, KeySource, Keys, Policy, judge, undescribed},
    ports::{EvidenceStore, ImageCatalog, KeyCatalog},
    report::{ImageReport, Note, VERIFY_SCHEMA, VerifyReport, policy_notes},
    trust::{AuthorityName, KeyAnswer},
    verdict::{Fault, Reason},
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
    let keys = self::keys(policy, keys).await;
    let mut reports = Vec::new();
    for image in images {
        let (facts, evidence) = futures_util::join!(catalog.describe(image), store.read(image));
        let place = store.locate(image);
        let facts = match facts {
            Ok(Some(described)) => ImageFacts::from_described(image, described)
                .map_err(|fault| Err(Fault::ImageUnavailable { problem: chain(&fault) })),
            Ok(None) => Err(Ok(Reason::ImageNotFound { image: image.clone() })),
            Err(error) => Err(Err(Fault::ImageUnavailable { problem: error.chain() })),
        };
        let stored = evidence.as_ref().ok().and_then(Option::as_ref);
        let gathered = match (&evidence, stored) {
            (Err(error), _) => Gathered::Unavailable { problem: error.chain() },
            (Ok(_), Some(stored)) => Gathered::found(&stored.bytes),
            (Ok(_), None) => Gathered::Absent { place: place.clone() },
        };
        reports.push(match facts {
            Ok(facts) => one(policy, &keys, &facts, &gathered, context, &place, now),
            Err(cause) => {
                let judgement = undescribed(cause);
                let mode = policy.mode(&Context { region: Some(image.region.clone()), ..context.clone() });
                ImageReport { notes: policy_notes(policy), ..ImageReport::new(image.clone(), judgement, mode, place) }
            }
        });
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
    let keys = self::keys(policy, keys).await;
    let gathered = Gathered::found(image.evidence);
    let report = one(policy, &keys, image.facts, &gathered, context, image.place, now);
    VerifyReport { schema: VERIFY_SCHEMA, at: now, policy: policy.digest(), images: vec![report] }
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

fn one(
    policy: &Policy,
    keys: &Keys,
    facts: &ImageFacts,
    gathered: &Gathered<'_>,
    context: &Context,
    place: &str,
    now: Timestamp,
) -> ImageReport {
    let image = facts.descriptor.image();
    let mode = policy.mode(&Context { region: Some(image.region.clone()), ..context.clone() });
    let judgement = judge(policy, keys, facts, gathered, now);
    let mut notes = notes(policy, &judgement);
    if let Some(state) = facts.state.as_deref().filter(|state| *state != "available") {
        notes.push(Note::new("image-not-available", format!("EC2 says that the image is {state}")));
    }
    let mut report = ImageReport::new(image, judgement, mode, place.to_owned());
    report.subject = Some(facts.descriptor.digest());
    report.owner = Some(facts.descriptor.owner().clone());
    report.evidence_sha256 = match gathered {
        Gathered::Found { digest, .. } => Some(*digest),
        Gathered::Absent { .. } | Gathered::Unavailable { .. } => None,
    };
    report.notes = notes;
    report
}

fn notes(policy: &Policy, judgement: &Judgement) -> Vec<Note> {
    let mut notes = policy_notes(policy);
    if judgement.dangerous_local_key {
        notes.push(Note::new(
            "dangerous-local-key",
            "a statement was signed with a key file on disk: whoever copied it can sign",
        ));
    }
    let content = judgement.provenance.as_ref().and_then(Provenance::content_digests);
    if content == Some(ContentDigests::LeftOut) {
        notes.push(Note::new(
            "no-content-digest",
            "sealed without content digests: what is on the devices is not bound",
        ));
    }
    let counted = |name: &AuthorityName| judgement.checked.iter().any(|one| one.required && one.by == *name);
    for signatory in policy.signatories() {
        if matches!(signatory.key, KeySource::Pem(_)) && counted(&signatory.name) {
            let message =
                format!("{} is a public key in the policy: nobody asked whether its owner withdrew it", signatory.name);
            notes.push(Note::new("key-state-not-asked", message));
        }
    }
    notes
}

/// One line of an error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
