//! The image of something that runs: it may be deregistered, or not shared any more, and its evidence goes on holding.

use std::sync::Arc;

use super::{
    answers::Answers,
    case::{Case, Opened},
};
use crate::{
    ids::{AccountId, ImageRef},
    policy::{Keys, Policy},
    ports::{EvidenceStore, ImageCatalog},
    report::{ImageSeen, Note},
    verdict::Reason,
};

/// What the image of an instance is held against.
pub(super) const WITNESS: &str = "what EC2 says of the instance";

/// Opens the case of an image that runs. EC2 may not describe it any more: then its signed provenance says what it is,
/// and `witness` is what that is held against.
pub(super) async fn open(
    policy: &Policy,
    image: &ImageRef,
    ec2: &impl ImageCatalog,
    store: &impl EvidenceStore,
    keys: &Arc<Keys>,
    witness: &str,
) -> (Opened, Option<Note>) {
    let answers = Answers::ask(image, ec2, store).await;
    let (case, note) = answers.case(policy, keys, witness);
    (Opened { case, bytes: answers.into_bytes() }, note)
}

/// Region and id are what was asked for; the owner is what EC2 says beside them.
pub(super) fn other_owner(case: &Case, seen: &ImageSeen) -> Vec<Reason> {
    let differs = |seen: &AccountId| {
        let (descriptor, _) = case.described()?;
        let other = descriptor.owner() != seen;
        let (document, descriptor) = (seen.to_string(), descriptor.owner().to_string());
        other.then_some(Reason::IdentityMismatch { what: "owner", document, descriptor })
    };
    seen.owner.as_ref().and_then(differs).into_iter().collect()
}
