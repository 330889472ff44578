//! Why a bundle counts for nothing.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    attestation::{Kind, predicate::RevokedBy},
    digest::Sha256Digest,
    trust::AuthorityName,
};

/// Why a well-formed bundle counts for nothing. It is listed, and harms nobody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the message of each says it; docs/reasons.md lists the codes")]
pub enum Discount {
    #[error("signed by none of the policy's authorities")]
    SignerUnknown,
    #[error("names the key of {authority}, whose signature it does not bear")]
    SignatureInvalid { authority: AuthorityName },
    #[error("about another subject, sha256:{subject}")]
    SubjectMismatch { subject: Sha256Digest },
    #[error("{authority} does not count before {from}")]
    AuthorityNotYetValid { authority: AuthorityName, from: Timestamp },
    #[error("{authority} does not count since {until}")]
    AuthorityExpired { authority: AuthorityName, until: Timestamp },
    #[error("{authority} is retired since {retired}; {}", dated(.signed.as_ref()))]
    AuthorityRetired { authority: AuthorityName, retired: Timestamp, signed: Option<Timestamp> },
    #[error("the policy asks a witness for {authority}: {problem}")]
    WitnessRefused { authority: AuthorityName, problem: String },
    #[error("seen by a witness at {seen}, which is after now")]
    WitnessInFuture { seen: Timestamp },
    #[error("the key of {authority} is revoked by {revoked}{}", since(.before.as_ref()))]
    KeyRevoked { authority: AuthorityName, revoked: Box<RevokedBy>, before: Option<Timestamp> },
}

impl Discount {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SignerUnknown => "signer-unknown",
            Self::SignatureInvalid { .. } => "signature-invalid",
            Self::SubjectMismatch { .. } => "subject-mismatch",
            Self::AuthorityNotYetValid { .. } => "authority-not-yet-valid",
            Self::AuthorityExpired { .. } => "authority-expired",
            Self::AuthorityRetired { .. } => "authority-retired",
            Self::WitnessRefused { .. } => "witness-refused",
            Self::WitnessInFuture { .. } => "witness-in-future",
            Self::KeyRevoked { .. } => "key-revoked",
        }
    }
}

fn dated(signed: Option<&Timestamp>) -> String {
    signed.map_or_else(
        || "nothing that counts says that the signature is older".to_owned(),
        |signed| format!("the signature is of {signed}"),
    )
}

fn since(before: Option<&Timestamp>) -> String {
    before.map_or_else(String::new, |before| format!("; nobody saw the signature before {before}"))
}

/// A bundle that counts for nothing, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Discounted {
    /// The line of the evidence, from 1.
    pub line: usize,
    /// What the statement would have said, when an authority signed it.
    pub kind: Option<Kind>,
    /// Why.
    pub discount: Discount,
}
