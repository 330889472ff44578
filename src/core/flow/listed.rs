//! Keys → keys with the lists that their policy asks for.

use jiff::Timestamp;

use crate::{
    policy::{Keys, Lists, Policy, Source},
    ports::{
        Expected, KeyCatalog, ListStore, Listing, Listings, PortError, PortErrorKind, Post, Postings, Revision,
        StateName, StateStore, Stored,
    },
    trust::KeyAnswer,
};

/// Asks for the lists of a policy, and has a revocation list kept that is newer than what was.
pub async fn listed(policy: &Policy, keys: Keys, asked: &impl Listings) -> Keys {
    listed_after(policy, keys, asked, Lists::default()).await
}

/// The same for who asks again and again; `lists` starts with what was examined before.
pub(super) async fn listed_after(policy: &Policy, keys: Keys, asked: &impl Listings, mut lists: Lists) -> Keys {
    let revocations = policy.revocation().map(|rule| Listing::Revocations(rule.list.clone()));
    let overrides = policy.overrides().map(|_| Listing::Overrides);
    let posted = async |listing: Option<&Listing>| match listing {
        // In a box: what asks a store is large, and whoever asks for keys already stands deep.
        Some(listing) => Some(Box::pin(asked.posted(listing)).await),
        None => None,
    };
    let (revoked, granted) = futures_util::join!(posted(revocations.as_ref()), posted(overrides.as_ref()));

    if let Some(Postings { at, posts }) = &revoked {
        lists = lists.revoking(policy, &keys, &sources(posts), *at);
    }
    if let Some(Postings { posts, .. }) = &granted {
        lists = lists.overriding(policy, &keys, &sources(posts));
    }

    let posts = revoked.map(|revoked| revoked.posts).unwrap_or_default();
    if let (Some(listing), Some(bytes)) = (&revocations, unkept(&lists, &posts))
        && let Err(error) = Box::pin(asked.keep(listing, bytes)).await
    {
        lists.not_kept(error.chain());
    }
    keys.with(lists)
}

/// Returns the revocation list that counts, if it is not the one that is kept.
fn unkept<'p>(lists: &Lists, posts: &'p [Post]) -> Option<&'p [u8]> {
    let newest = posts.get(lists.newest()?.source).filter(|newest| !newest.kept)?;
    let bytes = found(newest)?;
    let kept = |one: &Post| one.kept && found(one) == Some(bytes);
    (!posts.iter().any(kept)).then_some(bytes)
}

fn found(post: &Post) -> Option<&[u8]> {
    post.answer.as_ref().ok()?.as_ref().map(|stored| stored.bytes.as_slice())
}

fn sources(posts: &[Post]) -> Vec<Source<'_>> {
    let mut sources = Vec::new();
    for Post { place, answer, kept } in posts {
        let answer = answer.as_ref().map(|stored| stored.as_ref().map(|stored| stored.bytes.as_slice()));
        sources.push(Source { place: place.clone(), answer: answer.map_err(PortError::chain), kept: *kept });
    }
    sources
}

/// Where verdicts ask for keys and lists: KMS, the store, what is kept in a state, and overrides that are carried along.
#[derive(Debug)]
pub struct TrustSources<'a, K, S, T> {
    /// When it is asked.
    pub clock: fn() -> Timestamp,
    /// KMS.
    pub keys: &'a K,
    /// The store.
    pub store: &'a S,
    /// Where the newest revocation list is kept; without it, its age is all that is relied on.
    pub state: Option<&'a T>,
    /// Overrides from elsewhere.
    pub carried: &'a [Carried],
}

/// Overrides that were carried here, past the store.
#[derive(Debug, Clone)]
pub struct Carried {
    /// Where they were found.
    pub place: String,
    /// The bundles; none where there are none; else why they could not be read.
    pub answer: Result<Option<Vec<u8>>, String>,
}

impl<K: KeyCatalog + Sync, S: Sync, T: Sync> KeyCatalog for TrustSources<'_, K, S, T> {
    async fn public_key(&self, uri: &str) -> Result<KeyAnswer, PortError> {
        self.keys.public_key(uri).await
    }
}

impl<K: Sync, S: ListStore + Sync, T: StateStore + Sync> Listings for TrustSources<'_, K, S, T> {
    async fn posted(&self, listing: &Listing) -> Postings {
        let store = async {
            let answer = Box::pin(self.store.read_list(listing)).await;
            Post { place: self.store.locate_list(listing), answer, kept: false }
        };
        let kept = async {
            let (state, name) = self.state.zip(kept(listing))?;
            Some(Post { place: format!("kept in {name}"), answer: Box::pin(state.read(&name)).await, kept: true })
        };
        let (store, kept) = futures_util::join!(store, kept);
        let carried = self.carried.iter().filter(|_| *listing == Listing::Overrides).map(Carried::post);
        Postings { at: (self.clock)(), posts: std::iter::once(store).chain(kept).chain(carried).collect() }
    }

    async fn keep(&self, listing: &Listing, bytes: &[u8]) -> Result<(), PortError> {
        let Some((state, name)) = self.state.zip(kept(listing)) else { return Ok(()) };
        let there = state.read(&name).await?;
        let expected = there.map_or(Expected::Absent, |there| Expected::Unchanged(there.revision));
        // Who wrote in between kept what the store had, as we would.
        let _written = state.write(&name, bytes, expected).await?;
        Ok(())
    }
}

/// Overrides are not kept: they end by themselves, and their absence helps nobody.
fn kept(listing: &Listing) -> Option<StateName> {
    match listing {
        Listing::Revocations(_) => StateName::new(listing.path()).ok(),
        Listing::Overrides => None,
    }
}

impl Carried {
    /// Returns it as the answer of a place.
    pub fn post(&self) -> Post {
        let Self { place, answer } = self.clone();
        let stored = |found: Option<Vec<u8>>| found.map(|bytes| Stored { bytes, revision: Revision(String::new()) });
        let failed = |why: String| PortError::new(PortErrorKind::Unavailable, "reading", &place).because(why);
        Post { answer: answer.map(stored).map_err(failed), place, kept: false }
    }
}

#[cfg(test)]
mod tests;
