//! What two people let pass: the override, and everything that stood against it.

use jiff::Timestamp;

use super::{Fault, Reason, is_cause};
use crate::{
    attestation::{Statement, predicate::Grant},
    digest::Sha256Digest,
    trust::{AuthorityName, Verified},
};

/// An admission that stands on an override, and on nothing else. [`Overridden::of`] makes one, of statements that were
/// verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    statement: Sha256Digest,
    by: Vec<AuthorityName>,
    dangerous_local_key: bool,
    grant: Grant,
    reasons: Vec<Reason>,
    faults: Vec<Fault>,
}

impl Overridden {
    /// Takes the signatures over one override; none for less than two signers.
    pub fn of(
        signatures: &[&Verified<Statement>],
        grant: Grant,
        reasons: Vec<Reason>,
        faults: Vec<Fault>,
    ) -> Option<Self> {
        let statement = signatures.first()?.digest();
        let mut by: Vec<AuthorityName> =
            signatures.iter().filter(|one| one.digest() == statement).map(|one| one.by().clone()).collect();
        by.sort();
        by.dedup();
        let dangerous_local_key = signatures.iter().any(|one| one.value().by_dangerous_local_key());
        (by.len() >= 2).then_some(Self { statement, by, dangerous_local_key, grant, reasons, faults })
    }

    /// Returns the SHA-256 of the statement.
    pub fn statement(&self) -> Sha256Digest {
        self.statement
    }

    /// Returns who signed it: two at least.
    pub fn by(&self) -> &[AuthorityName] {
        &self.by
    }

    /// Says whether it records that key files on disk signed it.
    pub fn by_dangerous_local_key(&self) -> bool {
        self.dangerous_local_key
    }

    /// Returns what they signed.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Returns the reasons that would have rejected.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// Returns what could not be asked.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Returns the first instant at which it no longer counts.
    pub fn until(&self) -> Timestamp {
        self.grant.until
    }
}

/// Causes that say that nobody knows what time it is, who the instance is, or what the program did: no override can be
/// held against them.
const NEVER: [&str; 8] = [
    "identity-not-verified",
    "identity-signer-unknown",
    "identity-mismatch",
    "identity-unavailable",
    "clock-behind",
    "clock-before-signed-time",
    "input-in-future",
    "internal",
];

/// Says whether an override can name a code.
pub fn is_overridable(code: &str) -> bool {
    is_cause(code) && !NEVER.contains(&code)
}
