//! A list that follows → signed, read as every reader will, stored.

use jiff::Timestamp;

use super::{Keeping, RevokeError};
use crate::{
    attestation::{
        Bundle, Content, join, named,
        predicate::{REVOCATIONS_TYPE, Revocations},
        write_named,
    },
    digest::Sha256Digest,
    flow::sign::bundles,
    policy::{Lists, Published, SignedList, Source},
    ports::{Expected, ListStore, Signer, SigningKey, Stored, Written},
    report::RevokeAction,
    trust::AuthorityName,
};

/// A list that was signed, by whom, and its bundles.
pub(super) struct Made<'m> {
    pub(super) list: &'m Revocations,
    pub(super) payload: &'m [u8],
    pub(super) by: Vec<AuthorityName>,
    pub(super) bundles: Vec<Vec<u8>>,
}

impl Keeping<'_> {
    pub(super) async fn bundle(&self, payload: &[u8], signer: &(impl Signer + Sync)) -> Result<Vec<u8>, RevokeError> {
        let subject = named(&Revocations::subject(self.rule()?.list.as_str()));
        let signed =
            bundles::of_subject(subject, &[payload], signer).await.map_err(Box::new).map_err(RevokeError::Sign)?;
        Ok(signed.strip_suffix(b"\n").unwrap_or(&signed).to_vec())
    }

    /// Stores a list, once every reader would take it; says whether it counts now. None: somebody else wrote.
    pub(super) async fn store(
        &self,
        made: &Made<'_>,
        published: &Published,
        stored: Option<Stored>,
        store: &impl ListStore,
        now: Timestamp,
    ) -> Result<Option<RevokeAction>, RevokeError> {
        let (rule, listing) = (self.rule()?, self.listing()?);
        let counts = made.by.len() >= rule.threshold;
        let before = published.current.iter().filter(|_| !counts).flat_map(|current| &current.bundles);
        let bytes = join(before.chain(&made.bundles).map(Vec::as_slice));
        self.check(made, counts, &bytes, now)?;
        let expected = stored.map_or(Expected::Absent, |stored| Expected::Unchanged(stored.revision));
        Ok(match store.write_list(&listing, &bytes, expected).await.map_err(RevokeError::Store)? {
            Written::Conflict => None,
            Written::Stored if counts => Some(RevokeAction::Signed),
            Written::Stored => Some(RevokeAction::Waiting),
        })
    }

    /// Reads what is about to be stored as every reader will.
    fn check(&self, made: &Made<'_>, counts: bool, bytes: &[u8], now: Timestamp) -> Result<(), RevokeError> {
        let fault = |problem: String| RevokeError::SelfCheck { problem };
        let source = Source { place: "the new list".to_owned(), answer: Ok(Some(bytes)), kept: false };
        // It may be of the near future, where another's clock is ahead.
        let at = now.max(made.list.issued_at);
        let statement = Sha256Digest::of(made.payload);
        if counts {
            let sources = std::slice::from_ref(&source);
            let lists = Lists::default().revoking(self.policy, self.keys, sources, at);
            if let Some(problem) = lists.problems(self.policy).into_iter().next() {
                return Err(fault(problem));
            }
            return match lists.newest().is_some_and(|newest| newest.statement == statement) {
                true => Ok(()),
                false => Err(fault("it is not the newest".to_owned())),
            };
        }
        let read = Published::read(self.rule()?, self.keys, &source, (None, None), at);
        let waiting = read.map_err(|why| fault(why.to_string()))?.waiting;
        match waiting.is_some_and(|waiting| waiting.statement == statement) {
            true => Ok(()),
            false => Err(fault("it does not wait for the others".to_owned())),
        }
    }
}

pub(super) fn payload(list: &Revocations, key: &SigningKey) -> Result<Vec<u8>, RevokeError> {
    let written = write_named(&Revocations::subject(&list.list), REVOCATIONS_TYPE, list, key.dangerous_local);
    written.map_err(|error| RevokeError::SelfCheck { problem: error.to_string() })
}

/// Returns the payload that others signed: another signature must be over the same bytes.
pub(super) fn payload_of(waiting: &SignedList) -> Result<Vec<u8>, RevokeError> {
    let bundle = waiting.bundles.first().and_then(|bundle| Bundle::parse(bundle).ok());
    match bundle.map(|bundle| bundle.content) {
        Some(Content::Envelope(envelope)) if Sha256Digest::of(&envelope.payload) == waiting.statement => {
            Ok(envelope.payload)
        }
        _ => Err(RevokeError::SelfCheck { problem: "the list that waits has no payload".to_owned() }),
    }
}
