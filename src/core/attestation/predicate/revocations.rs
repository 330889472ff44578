//! A revocation list: what its authority withdrew, entry by entry, and when it said so last.
//!
//! The whole list is one statement, signed anew with every entry, as the certificate revocation lists of [RFC 5280] are.
//! Entries are numbered from 1 without a gap and never taken out: what was a mistake is lifted by another entry. The
//! serial rises with every signature, so that an older list can be told from a newer one.
//!
//! [RFC 5280]: https://www.rfc-editor.org/rfc/rfc5280#section-5

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{digest::Sha256Digest, ids::ImageRef};

/// Revocation lists.
pub const REVOCATIONS_TYPE: &str = "https://goldseal.dev/revocations/v1";

/// The most entries of one list.
pub const MOST_REVOCATIONS: usize = 50_000;

/// A revocation list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Revocations {
    /// The name of the list: a list of another environment does not stand in for it.
    pub list: String,
    /// Rises with every signature, from 1.
    pub serial: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// What was withdrawn.
    pub entries: Vec<Revocation>,
}

/// One entry of a revocation list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Revocation {
    /// Its place in the list, from 1.
    pub number: u64,
    /// When it was added.
    pub at: Timestamp,
    /// Who added it, in their own words; the key of the list is what proves it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// What is withdrawn.
    pub revokes: Revoked,
}

/// What an entry withdraws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Revoked {
    /// An image: by where it is, and its copies by what is on them.
    #[serde(rename_all = "camelCase")]
    Image {
        /// The image.
        image: ImageRef,
        /// Content digests of its devices: whatever provenance names one of them falls too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        content: Vec<Sha256Digest>,
    },
    /// A key.
    #[serde(rename_all = "camelCase")]
    Key {
        /// SHA-256 of its SubjectPublicKeyInfo.
        spki_sha256: Sha256Digest,
        /// Signatures that were seen before this stay; none stay without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// A builder, by the URI that provenance names.
    #[serde(rename_all = "camelCase")]
    Builder {
        /// The URI.
        builder: String,
        /// Builds that were finished before this stay; none stay without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// Evidence: all of an image's, or one statement.
    Evidence {
        /// SHA-256 of the evidence, or of the payload of a statement.
        sha256: Sha256Digest,
    },
    /// An earlier entry, which was a mistake.
    Lift {
        /// Its number.
        entry: u64,
    },
}

/// Why a revocation list is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum RevocationsFault {
    #[error("it is the list {found:?}, not {expected:?}")]
    OtherList { found: String, expected: String },
    #[error("it has no serial")]
    NoSerial,
    #[error("it has {found} entries, more than the {MOST_REVOCATIONS} that are read")]
    TooMany { found: usize },
    #[error("entry {found} stands where entry {expected} should: the list has a gap")]
    Gap { expected: u64, found: u64 },
    #[error("entry {number} was added at {at}, after the list was issued ({issued})")]
    AfterIssue { number: u64, at: Timestamp, issued: Timestamp },
    #[error("entry {number} was added at {at}, before entry {} ({before})", number - 1)]
    OutOfOrder { number: u64, at: Timestamp, before: Timestamp },
    #[error("entry {number}: {what} must be one visible line of at most {most} characters")]
    Text { number: u64, what: &'static str, most: usize },
    #[error("entry {number} lifts entry {lifts}, which is no earlier entry that could be lifted")]
    Lift { number: u64, lifts: u64 },
}

/// The longest text of an entry, in characters.
const LONGEST: usize = 500;

/// Says whether a text can stand in an entry: one visible line.
pub fn is_line(text: &str, most: usize) -> bool {
    !text.is_empty() && text.trim() == text && text.chars().count() <= most && !text.chars().any(char::is_control)
}

impl Revocations {
    /// Returns the subject of a list's statements: its name, which is all that can be said of a list for ever.
    pub fn subject(list: &str) -> String {
        format!("goldseal:revocations:{list}")
    }

    /// Starts a list: empty, and of serial 0, which no signed list has.
    pub fn new(list: &str) -> Self {
        Self { list: list.to_owned(), serial: 0, issued_at: Timestamp::UNIX_EPOCH, entries: Vec::new() }
    }

    /// Returns the list that follows: with more entries, or issued anew. The numbers of the entries are given here.
    #[must_use]
    pub fn next(&self, added: Vec<Revocation>, now: Timestamp) -> Self {
        let mut entries = self.entries.clone();
        for mut entry in added {
            entry.number = entries.len() as u64 + 1;
            entries.push(entry);
        }
        Self { list: self.list.clone(), serial: self.serial.saturating_add(1), issued_at: now, entries }
    }

    /// Checks what a reader relies on.
    ///
    /// # Errors
    /// See [`RevocationsFault`].
    pub fn check(&self, list: &str) -> Result<(), RevocationsFault> {
        if self.list != list {
            let found = self.list.chars().take(80).collect();
            return Err(RevocationsFault::OtherList { found, expected: list.to_owned() });
        }
        if self.serial == 0 {
            return Err(RevocationsFault::NoSerial);
        }
        if self.entries.len() > MOST_REVOCATIONS {
            return Err(RevocationsFault::TooMany { found: self.entries.len() });
        }
        let mut before = Timestamp::MIN;
        for (expected, entry) in (1..).zip(&self.entries) {
            entry.check(expected, before, self)?;
            before = entry.at;
        }
        Ok(())
    }

    /// Says whether another list has every entry of this one, and in their places.
    pub fn is_continued_by(&self, other: &Self) -> bool {
        other.entries.starts_with(&self.entries)
    }

    /// Says how another list, of no lower serial, contradicts this one: as a list of the same serial, or by entries that
    /// it lacks.
    pub fn contradicted_by(&self, newer: &Self) -> Option<String> {
        let (older, newer_serial) = (self.serial, newer.serial);
        if older == newer_serial {
            return Some(format!("two of them have serial {older}"));
        }
        (!self.is_continued_by(newer))
            .then(|| format!("list {newer_serial} lacks entries of list {older}, or has others in their place"))
    }

    /// Returns the entries that hold: neither lifted nor lifting.
    pub fn standing(&self) -> impl Iterator<Item = &Revocation> {
        let lifted: std::collections::BTreeSet<u64> = self
            .entries
            .iter()
            .filter_map(|entry| if let Revoked::Lift { entry } = entry.revokes { Some(entry) } else { None })
            .collect();
        let lifts = |entry: &&Revocation| matches!(entry.revokes, Revoked::Lift { .. });
        self.entries.iter().filter(move |entry| !lifts(entry) && !lifted.contains(&entry.number))
    }
}

impl Revocation {
    fn check(&self, expected: u64, before: Timestamp, list: &Revocations) -> Result<(), RevocationsFault> {
        let (number, at) = (self.number, self.at);
        if number != expected {
            return Err(RevocationsFault::Gap { expected, found: number });
        }
        if at > list.issued_at {
            return Err(RevocationsFault::AfterIssue { number, at, issued: list.issued_at });
        }
        if at < before {
            return Err(RevocationsFault::OutOfOrder { number, at, before });
        }
        let text = |what, text: &str| match is_line(text, LONGEST) {
            true => Ok(()),
            false => Err(RevocationsFault::Text { number, what, most: LONGEST }),
        };
        text("who added it", &self.by)?;
        text("the reason", &self.reason)?;
        match &self.revokes {
            Revoked::Builder { builder, .. } => text("the builder", builder),
            Revoked::Lift { entry: lifts } => {
                let lifted = lifts.checked_sub(1).and_then(|at| list.entries.get(usize::try_from(at).ok()?));
                let liftable = lifted.is_some_and(|entry| !matches!(entry.revokes, Revoked::Lift { .. }));
                if *lifts < number && liftable { Ok(()) } else { Err(RevocationsFault::Lift { number, lifts: *lifts }) }
            }
            Revoked::Image { .. } | Revoked::Key { .. } | Revoked::Evidence { .. } => Ok(()),
        }
    }
}

/// The entry of a revocation list that a verdict stands on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokedBy {
    /// Its number.
    pub entry: u64,
    /// When it was added.
    pub at: Timestamp,
    /// Who added it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl From<&Revocation> for RevokedBy {
    fn from(entry: &Revocation) -> Self {
        Self { entry: entry.number, at: entry.at, by: entry.by.clone(), reason: entry.reason.clone() }
    }
}

impl fmt::Display for RevokedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, at, by, reason } = self;
        write!(f, "entry {entry} of the revocation list ({at:.0}, {by}: {reason})")
    }
}

#[cfg(test)]
mod tests;
