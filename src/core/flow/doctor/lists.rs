//! The lists that the policy asks for, as whoever keeps them looks at them: nothing is made the best of.

use jiff::Timestamp;

use super::{
    Setup, asked,
    tries::{bucket, right},
};
use crate::{
    doctor::{OverrideFacts, RevocationFacts, Right},
    policy::{Keys, Policy, Published, Remark, Source},
    ports::{Listing, Listings, StateName, StateStore},
};

/// Reads the store's list, and holds it against the one that the hook keeps.
pub(super) async fn revocations(
    setup: &Setup<'_>,
    keys: &Keys,
    ask: &impl Listings,
    state: &impl StateStore,
    rights: &mut Vec<Right>,
) -> Option<RevocationFacts> {
    let rule = setup.policy.revocation()?;
    let listing = Listing::Revocations(rule.list.clone());
    let path = listing.path();
    let postings = ask.posted(&listing).await;
    let post = postings.posts.into_iter().find(|post| !post.kept);
    let (place, answer) = post.map_or_else(|| (path.clone(), Ok(None)), |post| (post.place, post.answer));
    let answer = asked(answer);
    if let Some(on) = bucket(setup, &setup.store) {
        rights.push(right("s3:GetObject", on, answer.as_ref().map(drop)));
    }
    // What cannot be read there is said of the place for state.
    let kept = match StateName::new(path.clone()) {
        Ok(name) => state.read(&name).await.ok().flatten(),
        Err(_unlike) => None,
    };
    let found = answer.map(|stored| {
        let bytes = stored.as_ref().map(|stored| stored.bytes.as_slice());
        let store = Source { place: place.clone(), answer: Ok(bytes), kept: false };
        let kept = kept.as_ref().map(|stored| stored.bytes.as_slice());
        let kept = kept.map(|bytes| Source { place: setup.state.clone(), answer: Ok(Some(bytes)), kept: true });
        Published::read(rule, keys, &store, (kept.as_ref(), None), postings.at)
    });
    Some(RevocationFacts {
        place,
        kept: format!("{}/{path}", setup.state.trim_end_matches('/')),
        authorities: rule.authorities.clone(),
        max_age: rule.max_age,
        at: postings.at,
        found,
    })
}

/// Takes the overrides as every verdict takes them.
pub(super) fn overrides(policy: &Policy, keys: &Keys, now: Timestamp) -> Option<OverrideFacts> {
    policy.overrides()?;
    let unreadable = keys.lists().remarks().iter().filter(|one| matches!(one, Remark::OverridesUnreadable { .. }));
    Some(OverrideFacts {
        at: now,
        granted: keys.lists().grants(policy, now),
        unreadable: unreadable.map(ToString::to_string).collect(),
    })
}
