//! Lists that nobody published yet → what the candidate is judged by, beside what is there.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    flow::listed::Carried,
    policy::{GrantState, Lists, Policy},
    ports::{Listing, Listings, PortError, Postings},
    report::Note,
};

/// A revocation list and overrides, signed and published nowhere: only the candidate knows of them.
#[derive(Debug, Default)]
pub struct Supposed {
    /// The list that would be published.
    pub revocations: Option<Carried>,
    /// The overrides that would be.
    pub overrides: Vec<Carried>,
}

/// Every place where lists are, and those.
pub(super) struct Supposing<'a, L> {
    pub(super) asked: &'a L,
    pub(super) supposed: &'a Supposed,
}

impl<L: Listings + Sync> Listings for Supposing<'_, L> {
    async fn posted(&self, listing: &Listing) -> Postings {
        let mut posted = self.asked.posted(listing).await;
        let Supposed { revocations, overrides } = self.supposed;
        match listing {
            Listing::Revocations(_) => posted.posts.extend(revocations.iter().map(Carried::post)),
            Listing::Overrides => posted.posts.extend(overrides.iter().map(Carried::post)),
        }
        posted
    }

    async fn keep(&self, _: &Listing, _: &[u8]) -> Result<(), PortError> {
        // What nobody published is nothing to remember.
        Ok(())
    }
}

impl Supposed {
    /// Says that nothing is supposed.
    pub fn is_empty(&self) -> bool {
        self.revocations.is_none() && self.overrides.is_empty()
    }

    pub(super) fn places(&self) -> Vec<String> {
        self.revocations.iter().chain(&self.overrides).map(|one| one.place.clone()).collect()
    }

    /// Says what of it does not count, so that nobody takes "nothing would change" for an answer about it.
    pub(super) fn notes(&self, policy: &Policy, [current, candidate]: [&Lists; 2], at: Timestamp) -> Vec<Note> {
        let mut notes: Vec<Note> = candidate.remarks().iter().map(Note::remark).collect();
        let mut say = |code, message: String| notes.push(Note::new(code, message));
        if let Some(Carried { place, .. }) = &self.revocations {
            let [before, after] = [current, candidate].map(|lists| lists.newest().map(|newest| newest.statement));
            if policy.revocation().is_none() {
                say("revocations-not-asked", format!("{place} counts for nothing: the policy has no [revocation]"));
            } else if before == after {
                let message = format!(
                    "{place} is not the revocation list that would count: it is not newer than the one that does, or not \
                     signed by enough of its authorities"
                );
                say("revocations-not-counted", message);
            }
        }
        if self.overrides.is_empty() {
            return notes;
        }
        if policy.overrides().is_none() {
            say("overrides-not-asked", "overrides count for nothing: the policy has no [override]".to_owned());
            return notes;
        }
        let known: BTreeSet<_> = current.grants(policy, at).into_iter().map(|one| one.statement).collect();
        let new: Vec<_> =
            candidate.grants(policy, at).into_iter().filter(|one| !known.contains(&one.statement)).collect();
        if new.is_empty() {
            let message = "none of the overrides is new, or none is signed by an authority that overrides";
            say("overrides-not-counted", message.to_owned());
        }
        for one in new.iter().filter(|one| one.state != GrantState::Active) {
            say("override-not-active", format!("the override sha256:{} {}", one.statement, one.standing()));
        }
        notes
    }
}
