//! Why nothing is believed of what IMDS said.

use jiff::Timestamp;

use crate::{bounded::JsonFault, digest::Sha256Digest};

/// The clock says a time before something that has happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the clock says {now}, before {event} ({at})")]
pub struct ClockBehind {
    /// What the clock says.
    pub now: Timestamp,
    /// What has happened.
    pub event: &'static str,
    /// When.
    pub at: Timestamp,
}

/// Why what IMDS served does not identify this instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum NotIdentified {
    #[error("{found} bytes, more than the {limit} that a signed identity document may have")]
    TooLarge { found: usize, limit: usize },
    #[error("not base64, bare or as one PKCS7 block")]
    Base64,
    #[error("not a signature in CMS: {0}")]
    Malformed(String),
    #[error("CMS of another kind than SignedData")]
    NotSigned,
    #[error("signed by {found} signers, and EC2 is one")]
    SignerCount { found: usize },
    #[error("the signer is named by a key identifier, and EC2 names its certificate by issuer and serial number")]
    SignerName,
    #[error("signed content of another type than data")]
    ContentType,
    #[error("the signed content is not in it")]
    Detached,
    #[error(
        "the {what} is {found}, and EC2 signs with SHA-256 and RSA (PKCS #1): take the signature from \
         /latest/dynamic/instance-identity/rsa2048"
    )]
    Algorithm { what: &'static str, found: String },
    #[error(
        "signed by the certificate with serial number {serial}, which is none of the {pinned} that are pinned; if it is of \
         a region that is newer than they are, give certificates that have it"
    )]
    SignerUnknown { serial: String, pinned: usize },
    #[error(transparent)]
    ClockBehind(ClockBehind),
    #[error(
        "the pinned certificate sha256:{certificate} is over since {until}: give newer certificates, or check the clock"
    )]
    CertificateExpired { certificate: Sha256Digest, until: Timestamp },
    #[error("the signed attributes do not name the content once: {0}")]
    Attributes(&'static str),
    #[error("names the pinned certificate sha256:{certificate}, whose signature it does not bear")]
    SignatureInvalid { certificate: Sha256Digest },
    #[error("signed by EC2, and no identity document")]
    Document(#[source] JsonFault),
}

impl NotIdentified {
    /// Returns it with its cause, in one line.
    pub fn chain(&self) -> String {
        match std::error::Error::source(self) {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}
