//! Evidence, believed: the only place where bytes become a [`Verified`] statement.
//!
//! Signatures, log entries and timestamps are checked by the crates of the sigstore project (ADR 0005 says which of
//! them hold, and for what); what they answer becomes one of our own codes here.

mod claims;
mod key;
mod key_uri;
mod root;
mod verified;
mod witness;

pub use claims::{Claim, Claimed, claims};
pub(crate) use key::hint;
pub use key::{KeyFault, PublicKey, Scheme};
pub use key_uri::{KeyUri, NotAKeyUri};
pub use root::{Authority, AuthorityName, KeyAnswer, TrustRoot, TrustRootFault};
pub use verified::{
    Believed, Discount, Discounted, Examined, KeyRevocation, Proven, RevokedKeys, Surveyed, Undated, Verified, believe,
    consume, examine, survey,
};
pub use witness::{Testimony, Witness, WitnessFault};
