//! Keeping a revocation list: what the store has → the list that follows → signed, checked as every reader will, stored.
//!
//! It is read again, and signed again, when somebody else wrote in between: of two revocations at the same moment none
//! is lost. A list that lacks signatures stands behind the one that counts, and takes its place with the last of them.

mod error;
mod falls;
mod stored;
mod told;

use jiff::{SignedDuration, Timestamp};

use self::stored::{Made, payload, payload_of};
pub use self::{
    error::RevokeError,
    falls::{contents, falls},
};
use crate::{
    attestation::predicate::{Revocation, Revocations, Revoked},
    digest::Sha256Digest,
    policy::{Keys, Policy, Published, RevocationRule, SignedList, Source, Unfit},
    ports::{ListStore, Listing, Signer, SigningKey, Stored},
    report::{EntryReport, RevokeAction, RevokeReport},
    trust::AuthorityName,
};

/// How often a list is signed anew because somebody else wrote in between.
const TRIES: usize = 8;
/// How far the clocks of two people who revoke may be apart.
const APART: SignedDuration = SignedDuration::from_secs(60);

/// A revocation list, and whoever keeps it.
#[derive(Debug)]
pub struct Keeping<'a> {
    /// The policy whose list it is.
    pub policy: &'a Policy,
    /// Its keys.
    pub keys: &'a Keys,
    /// The time.
    pub clock: fn() -> Timestamp,
    /// What an enforcement point kept: a list that is older was put back.
    pub kept: Option<Source<'a>>,
    /// A list to go on from, where the store's cannot be.
    pub chosen: Option<Source<'a>>,
    /// There is no list yet.
    pub first: bool,
}

/// What becomes of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Entries are added.
    Add {
        /// Who adds them, in their own words.
        by: String,
        /// Why.
        reason: String,
        /// What is withdrawn.
        revokes: Vec<Revoked>,
    },
    /// It is signed anew.
    Renew,
}

/// What the store has.
struct Found {
    published: Published,
    stored: Option<Stored>,
}

impl<'a> Keeping<'a> {
    fn rule(&self) -> Result<&'a RevocationRule, RevokeError> {
        self.policy.revocation().ok_or(RevokeError::NoRule)
    }

    fn listing(&self) -> Result<Listing, RevokeError> {
        Ok(Listing::Revocations(self.rule()?.list.clone()))
    }

    async fn find(&self, store: &impl ListStore, now: Timestamp) -> Result<Found, RevokeError> {
        let (rule, listing) = (self.rule()?, self.listing()?);
        let place = store.locate_list(&listing);
        let stored = store.read_list(&listing).await.map_err(RevokeError::Store)?;
        let answer = Ok(stored.as_ref().map(|stored| stored.bytes.as_slice()));
        let source = Source { place: place.clone(), answer, kept: false };
        let others = (self.kept.as_ref(), self.chosen.as_ref());
        let published = match Published::read(rule, self.keys, &source, others, now) {
            Ok(Published { current: Some(current), .. }) if self.first => {
                return Err(RevokeError::Exists { place, serial: current.list.serial });
            }
            Ok(published) => published,
            Err(Unfit::Absent) if self.first => Published::default(),
            Err(Unfit::Absent) => return Err(RevokeError::Absent { place }),
            Err(why) => return Err(RevokeError::Unfit { place, why }),
        };
        Ok(Found { published, stored })
    }

    /// Returns the list that is there, and the one that a change would make of it.
    ///
    /// # Errors
    /// See [`RevokeError`].
    pub async fn plan(
        &self,
        change: &Change,
        store: &impl ListStore,
    ) -> Result<(Revocations, Revocations), RevokeError> {
        let now = (self.clock)();
        let Found { published, .. } = self.find(store, now).await?;
        let before = published.last().map_or_else(|| self.empty(), |last| Ok(last.list.clone()))?;
        let after = self.next(&before, change, now)?;
        Ok((before, after))
    }

    /// Tells what waits for a countersignature, beside the list that counts.
    ///
    /// # Errors
    /// See [`RevokeError`].
    pub async fn waiting(
        &self,
        store: &impl ListStore,
    ) -> Result<(Revocations, Revocations, Sha256Digest), RevokeError> {
        let now = (self.clock)();
        let Published { current, waiting } = self.find(store, now).await?.published;
        let waiting = self.fresh(waiting, store, now)?;
        let before = current.map_or_else(|| self.empty(), |current| Ok(current.list))?;
        Ok((before, waiting.list, waiting.statement))
    }

    /// Changes the list: reads, signs and stores it.
    ///
    /// # Errors
    /// See [`RevokeError`]. Nothing was written then.
    pub async fn change(
        &self,
        change: &Change,
        signer: &(impl Signer + Sync),
        store: &impl ListStore,
    ) -> Result<RevokeReport, RevokeError> {
        let authority = self.authority(signer.key())?;
        for _ in 0..TRIES {
            let now = (self.clock)();
            let Found { published, stored } = self.find(store, now).await?;
            let before = published.last().map_or_else(|| self.empty(), |last| Ok(last.list.clone()))?;
            let after = self.next(&before, change, now)?;
            if after.serial == before.serial {
                let there = |entry: &Revocation| says(change, &entry.revokes);
                let entries = EntryReport::of(&before, there);
                let report = self.report(&before, store)?;
                return Ok(RevokeReport { action: RevokeAction::Already, entries, ..report });
            }
            let payload = payload(&after, signer.key())?;
            let signed = self.bundle(&payload, signer).await?;
            let made = Made { list: &after, payload: &payload, by: vec![authority.clone()], bundles: vec![signed] };
            let written = self.store(&made, &published, stored, store, now).await?;
            let Some(action) = written else { continue };
            let entries = EntryReport::of(&after, |entry| entry.number > before.entries.len() as u64);
            return self.done(made, action, entries, signer.key(), store);
        }
        Err(RevokeError::Conflict { place: store.locate_list(&self.listing()?) })
    }

    /// Adds a signature to the list that waits for it, if it is the one that was looked at.
    ///
    /// # Errors
    /// See [`RevokeError`]. Nothing was written then.
    pub async fn countersign(
        &self,
        seen: Sha256Digest,
        signer: &(impl Signer + Sync),
        store: &impl ListStore,
    ) -> Result<RevokeReport, RevokeError> {
        let (authority, place) = (self.authority(signer.key())?, store.locate_list(&self.listing()?));
        for _ in 0..TRIES {
            let now = (self.clock)();
            let Found { mut published, stored } = self.find(store, now).await?;
            let waiting = self.fresh(published.waiting.take(), store, now)?;
            if waiting.statement != seen {
                return Err(RevokeError::Conflict { place });
            }
            if waiting.by.contains(&authority) {
                return Err(RevokeError::AlreadySigned { key: signer.key().name.clone(), place });
            }
            let local = waiting.dangerous_local_key;
            if local != signer.key().dangerous_local {
                return Err(RevokeError::OtherKeys { place, local });
            }
            let payload = payload_of(&waiting)?;
            let mut bundles = waiting.bundles.clone();
            bundles.push(self.bundle(&payload, signer).await?);
            let by = waiting.by.iter().cloned().chain([authority.clone()]).collect();
            let made = Made { list: &waiting.list, payload: &payload, by, bundles };
            let Some(action) = self.store(&made, &published, stored, store, now).await? else { continue };
            let before = published.current.as_ref().map_or(0, |current| current.list.entries.len() as u64);
            let entries = EntryReport::of(&waiting.list, |entry| entry.number > before);
            return self.done(made, action, entries, signer.key(), store);
        }
        Err(RevokeError::Conflict { place })
    }

    fn empty(&self) -> Result<Revocations, RevokeError> {
        Ok(Revocations::new(self.rule()?.list.as_str()))
    }

    /// Returns the list that waits, unless it is too old to be worth a signature.
    fn fresh(
        &self,
        waiting: Option<SignedList>,
        store: &impl ListStore,
        now: Timestamp,
    ) -> Result<SignedList, RevokeError> {
        let place = store.locate_list(&self.listing()?);
        let Some(waiting) = waiting else { return Err(RevokeError::NothingWaits { place }) };
        let issued = waiting.list.issued_at;
        if self.rule()?.max_age.after(issued) <= now {
            return Err(RevokeError::TooOld { place, issued });
        }
        Ok(waiting)
    }

    /// Returns which authority signs.
    ///
    /// # Errors
    /// [`RevokeError::NotAnAuthority`], and [`RevokeError::NoRule`].
    pub fn authority(&self, key: &SigningKey) -> Result<AuthorityName, RevokeError> {
        let authorities = &self.rule()?.authorities;
        self.policy.authority_with(key.public.digest(), authorities).cloned().ok_or_else(|| {
            let authorities = authorities.iter().cloned().collect();
            RevokeError::NotAnAuthority { key: key.name.clone(), authorities }
        })
    }

    /// Returns the list that follows another; the same where it says everything already.
    fn next(&self, before: &Revocations, change: &Change, now: Timestamp) -> Result<Revocations, RevokeError> {
        // Of two people at the same moment the second may have the slower clock.
        let at = now.max(before.issued_at);
        if at.duration_since(now) > APART {
            return Err(RevokeError::Clock { issued: before.issued_at, now });
        }
        let added: Vec<Revocation> = match change {
            Change::Renew => Vec::new(),
            Change::Add { by, reason, revokes } => {
                let entry = |revokes: &Revoked| Revocation {
                    number: 0,
                    at,
                    by: by.clone(),
                    reason: reason.clone(),
                    revokes: revokes.clone(),
                };
                let there = |revokes: &&Revoked| !before.standing().any(|entry| entry.revokes == **revokes);
                revokes.iter().filter(there).map(entry).collect()
            }
        };
        if added.is_empty() && *change != Change::Renew {
            return Ok(before.clone());
        }
        let after = before.next(added, at);
        after.check(self.rule()?.list.as_str())?;
        Ok(after)
    }
}

/// Says whether a change is about the same as an entry.
fn says(change: &Change, revoked: &Revoked) -> bool {
    matches!(change, Change::Add { revokes, .. } if revokes.contains(revoked))
}

#[cfg(test)]
mod tests;
