//! Overrides as they stand, and as they held.

use jiff::Timestamp;

use crate::{
    attestation::predicate::{Grant, RevokedBy},
    digest::Sha256Digest,
    trust::AuthorityName,
    verdict::Overridden,
};

/// An override as it was found, whoever signed it so far.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The SHA-256 of its statement.
    pub statement: Sha256Digest,
    /// The statement as it was signed, for whoever signs it too.
    pub payload: Vec<u8>,
    /// What it says.
    pub grant: Grant,
    /// Whose signatures count.
    pub by: Vec<AuthorityName>,
    /// How many must.
    pub needed: usize,
    /// It says that a key file on disk signed it.
    pub dangerous_local_key: bool,
    /// The places that have it.
    pub found: Vec<String>,
    /// How it stands.
    pub state: GrantState,
}

/// How an override stands at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantState {
    /// It lets pass what it names.
    Active,
    /// It will.
    NotYet,
    /// Too few signed it; it lets nothing pass.
    HalfSigned,
    /// Its window is over.
    Over,
    /// It was ended.
    Revoked(RevokedBy),
    /// The policy would let nothing pass by it: why.
    Void(String),
}

impl Granted {
    /// Says how it stands, after its name.
    pub fn standing(&self) -> String {
        match &self.state {
            GrantState::Active => format!("lets pass what it names until {:.0}", self.grant.until),
            GrantState::NotYet => format!("lets nothing pass before {:.0}", self.grant.from),
            GrantState::HalfSigned => {
                format!("lets nothing pass: it is signed by {} of the {} that it takes", self.by.len(), self.needed)
            }
            GrantState::Over => format!("is over since {:.0}", self.grant.until),
            GrantState::Revoked(entry) => format!("was ended by {entry}"),
            GrantState::Void(why) => format!("lets nothing pass: {why}"),
        }
    }
}

/// An override that held when something was launched. It says how it came to run, and admits nothing.
#[derive(Debug, Clone)]
pub struct Held {
    pub(super) overridden: Overridden,
    /// The entry that ended it since.
    pub revoked: Option<RevokedBy>,
}

impl Held {
    /// Returns what held, with what stands against it today.
    pub fn told(&self) -> &Overridden {
        &self.overridden
    }

    /// Returns when it ended, of itself or before.
    pub fn ended(&self) -> Timestamp {
        let until = self.overridden.until();
        self.revoked.as_ref().map_or(until, |entry| until.min(entry.at))
    }
}
