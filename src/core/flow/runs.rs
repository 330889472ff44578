//! The image of something that runs: it may be deregistered, or not shared any more, and its evidence goes on holding.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    answers::Answers,
    case::{Case, Opened},
};
use crate::{
    fleet::{Machine, Place},
    ids::{AccountId, GroupArn, GroupName, ImageRef},
    policy::{Context, Keys, Policy},
    ports::{EvidenceStore, Grouped, ImageCatalog},
    report::{ImageSeen, Launcher, Note},
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
    let (mut case, note) = answers.case(policy, keys, witness);
    case.seek_receipts(store).await;
    (Opened { case, bytes: answers.into_bytes() }, note)
}

/// The ARNs of the groups of a place, by which scopes go: an instance names its group only.
#[derive(Debug, Default)]
pub(super) struct GroupArns(BTreeMap<GroupName, GroupArn>);

impl GroupArns {
    pub(super) fn of<'g>(groups: impl IntoIterator<Item = &'g Grouped>) -> Self {
        Self(groups.into_iter().map(|one| (one.group.name.clone(), one.group.arn.clone())).collect())
    }

    /// Returns what scopes are asked with for an instance of the place.
    pub(super) fn context(&self, place: &Place, machine: &Machine) -> Context {
        let group = match &machine.launcher {
            Launcher::Group { group } => self.0.get(group).cloned().map(String::from),
            Launcher::Fleet { .. } | Launcher::Karpenter { .. } | Launcher::Service { .. } | Launcher::Direct => None,
        };
        Context { group, ..place.context() }
    }
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
