//! Keeping a revocation list: what the store has → the list that follows → signed, checked as every reader will, stored.
//!
//! It is read again, and signed again, when somebody else wrote in between: of two revocations at the same moment none
//! is lost. A list that lacks signatures stands behind the one that counts, and takes its place with the last of them.

mod falls;

use jiff::{SignedDuration, Timestamp};

pub use self::falls::{contents, falls};
use super::{SignError, sign::bundles};
use crate::{
    attestation::{
        Bundle, Content, join, named,
        predicate::{REVOCATIONS_TYPE, Revocation, Revocations, RevocationsFault, Revoked},
        write_named,
    },
    digest::Sha256Digest,
    policy::{Keys, Lists, Policy, Published, RevocationRule, SignedList, Source, Unfit},
    ports::{Expected, ListStore, Listing, PortError, Signer, SigningKey, Stored, Written},
    report::{EntryReport, KeyReport, Note, REVOKE_SCHEMA, RevokeAction, RevokeReport},
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

/// Why a list stays as it was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum RevokeError {
    #[error("the policy has no [revocation], so no list counts under it")]
    NoRule,
    #[error("{key} is no key of an authority that revokes under this policy ({})", names(.authorities))]
    NotAnAuthority { key: String, authorities: Vec<AuthorityName> },
    #[error("there is no revocation list at {place}")]
    Absent { place: String },
    #[error("there is a revocation list at {place} already, of serial {serial}")]
    Exists { place: String, serial: u64 },
    #[error("the revocation list at {place} is nothing to go on from")]
    Unfit {
        place: String,
        #[source]
        why: Unfit,
    },
    #[error("the list was signed at {issued}, and this clock says {now}")]
    Clock { issued: Timestamp, now: Timestamp },
    #[error("no list with this entry would be read")]
    Entry(#[from] RevocationsFault),
    #[error("the list {list} has no entry {number}")]
    NoEntry { list: String, number: u64 },
    #[error("no list at {place} waits for a signature")]
    NothingWaits { place: String },
    #[error("{key} has signed the list that waits at {place}")]
    AlreadySigned { key: String, place: String },
    #[error("the list that waits at {place} says that {}", if *.local { "key files sign it, and this is a key in KMS" } else { "keys in KMS sign it, and this is a key file" })]
    OtherKeys { place: String, local: bool },
    #[error("the list that waits at {place} was made at {issued} and is too old to count")]
    TooOld { place: String, issued: Timestamp },
    #[error("the list at {place} changed again and again while it was being signed; nothing was written")]
    Conflict { place: String },
    #[error("asking for the revocation list")]
    Store(#[source] PortError),
    #[error("signing the revocation list")]
    Sign(#[source] Box<SignError>),
    #[error("what was signed would not count: {problem}; nothing was written")]
    SelfCheck { problem: String },
}

fn names(authorities: &[AuthorityName]) -> String {
    authorities.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
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

    /// Tells what a change would add.
    ///
    /// # Errors
    /// [`RevokeError::NoRule`].
    pub fn planned(
        &self,
        (before, after): (&Revocations, &Revocations),
        store: &impl ListStore,
    ) -> Result<RevokeReport, RevokeError> {
        let report = self.report(after, store)?;
        let entries = EntryReport::of(after, |entry| entry.number > before.entries.len() as u64);
        Ok(RevokeReport { entries, ..report })
    }

    /// Shows the list that counts, or one entry of it.
    ///
    /// # Errors
    /// See [`RevokeError`].
    pub async fn show(&self, only: Option<u64>, store: &impl ListStore) -> Result<RevokeReport, RevokeError> {
        let now = (self.clock)();
        let Published { current, waiting } = self.find(store, now).await?.published;
        let Some(shown) = current.as_ref().or(waiting.as_ref()) else {
            return Err(RevokeError::Absent { place: store.locate_list(&self.listing()?) });
        };
        let entries = EntryReport::of(&shown.list, |entry| only.is_none_or(|only| only == entry.number));
        if let (Some(number), true) = (only, entries.is_empty()) {
            return Err(RevokeError::NoEntry { list: shown.list.list.clone(), number });
        }
        let report = self.report(&shown.list, store)?;
        let mut notes = Vec::new();
        if report.until <= now {
            notes.push(Note::new("revocations-stale", "it is too old: while it is, nothing is admitted; renew it"));
        }
        if let Some(waiting) = &waiting {
            let (serial, by) = (waiting.list.serial, names(&waiting.by.iter().cloned().collect::<Vec<_>>()));
            let text = format!("list {serial} waits for more signatures than that of {by}: `revoke countersign`");
            notes.push(Note::new("revocations-waiting", text));
        }
        Ok(RevokeReport {
            action: RevokeAction::Shown,
            statement: Some(shown.statement),
            signed_by: shown.by.iter().cloned().collect(),
            entries,
            notes,
            ..report
        })
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

    async fn bundle(&self, payload: &[u8], signer: &(impl Signer + Sync)) -> Result<Vec<u8>, RevokeError> {
        let subject = named(&Revocations::subject(self.rule()?.list.as_str()));
        let signed =
            bundles::of_subject(subject, &[payload], signer).await.map_err(Box::new).map_err(RevokeError::Sign)?;
        Ok(signed.strip_suffix(b"\n").unwrap_or(&signed).to_vec())
    }

    /// Stores a list, once every reader would take it; says whether it counts now. None: somebody else wrote.
    async fn store(
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

    fn done(
        &self,
        made: Made<'_>,
        action: RevokeAction,
        entries: Vec<EntryReport>,
        key: &SigningKey,
        store: &impl ListStore,
    ) -> Result<RevokeReport, RevokeError> {
        let mut notes = Vec::new();
        if key.dangerous_local {
            notes.push(Note::new("dangerous-local-key", "signed with a key file on disk; whoever copies it can sign"));
        }
        Ok(RevokeReport {
            action,
            statement: Some(Sha256Digest::of(made.payload)),
            signed_by: made.by,
            key: Some(KeyReport::from(key)),
            entries,
            notes,
            ..self.report(made.list, store)?
        })
    }

    fn report(&self, list: &Revocations, store: &impl ListStore) -> Result<RevokeReport, RevokeError> {
        let (rule, listing) = (self.rule()?, self.listing()?);
        Ok(RevokeReport {
            schema: REVOKE_SCHEMA,
            at: (self.clock)(),
            action: RevokeAction::Planned,
            list: list.list.clone(),
            place: store.locate_list(&listing),
            serial: list.serial,
            issued: list.issued_at,
            until: rule.max_age.after(list.issued_at),
            statement: None,
            signed_by: Vec::new(),
            threshold: rule.threshold,
            key: None,
            total: list.entries.len(),
            entries: Vec::new(),
            falls: None,
            notes: Vec::new(),
        })
    }
}

/// A list that was signed, by whom, and its bundles.
struct Made<'m> {
    list: &'m Revocations,
    payload: &'m [u8],
    by: Vec<AuthorityName>,
    bundles: Vec<Vec<u8>>,
}

/// Says whether a change is about the same as an entry.
fn says(change: &Change, revoked: &Revoked) -> bool {
    matches!(change, Change::Add { revokes, .. } if revokes.contains(revoked))
}

fn payload(list: &Revocations, key: &SigningKey) -> Result<Vec<u8>, RevokeError> {
    let written = write_named(&Revocations::subject(&list.list), REVOCATIONS_TYPE, list, key.dangerous_local);
    written.map_err(|error| RevokeError::SelfCheck { problem: error.to_string() })
}

/// Returns the payload that others signed: another signature must be over the same bytes.
fn payload_of(waiting: &SignedList) -> Result<Vec<u8>, RevokeError> {
    let bundle = waiting.bundles.first().and_then(|bundle| Bundle::parse(bundle).ok());
    match bundle.map(|bundle| bundle.content) {
        Some(Content::Envelope(envelope)) if Sha256Digest::of(&envelope.payload) == waiting.statement => {
            Ok(envelope.payload)
        }
        _ => Err(RevokeError::SelfCheck { problem: "the list that waits has no payload".to_owned() }),
    }
}

#[cfg(test)]
mod tests;
