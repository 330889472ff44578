//! Why a revocation list stays as it was.

use jiff::Timestamp;

use crate::{
    attestation::predicate::RevocationsFault, flow::SignError, policy::Unfit, ports::PortError, trust::AuthorityName,
};

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

pub(super) fn names(authorities: &[AuthorityName]) -> String {
    authorities.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}
