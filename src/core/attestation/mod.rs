//! Evidence as bytes and shapes: JSON Lines → bundles → envelopes → statements. Nothing here believes anything;
//! that is `trust`'s part.

mod bundle;
mod envelope;
mod evidence;
pub mod predicate;
mod statement;

pub use bundle::{BUNDLE_MEDIA_TYPE, Bundle, Content, Material, WitnessMaterial, write_bundle};
pub use envelope::{Envelope, Hash, IN_TOTO_PAYLOAD_TYPE, Pae};
pub use evidence::{EVIDENCE_LIMITS, EvidenceLimits, Unrolled, join, lines, unroll};
pub use statement::{Kind, STATEMENT_TYPE, Statement, named, write_about, write_file, write_named, write_statement};

use crate::bounded::JsonFault;

/// Why a line of evidence is not an attestation that goldseal reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it; docs/reasons.md lists the codes")]
pub enum Defect {
    #[error("{0}")]
    TooLarge(String),
    #[error("{0}")]
    Json(#[from] JsonFault),
    #[error("media type {found:?} is not a Sigstore bundle of version 0.1 to 0.3")]
    MediaType { found: String },
    #[error("the bundle must hold exactly one of messageSignature and dsseEnvelope")]
    ContentCount,
    #[error("the bundle must hold exactly one of publicKey, certificate and x509CertificateChain")]
    MaterialCount,
    #[error("the bundle signs a file (messageSignature), not a statement (dsseEnvelope)")]
    NotAnEnvelope,
    #[error("{found} signatures in the envelope, a bundle has exactly one")]
    SignatureCount { found: usize },
    #[error("{field} is not base64")]
    Base64 { field: &'static str },
    #[error("payload type {found:?} is not {IN_TOTO_PAYLOAD_TYPE}")]
    PayloadType { found: String },
    #[error("_type {found:?} is not an in-toto Statement of version 1 or 0.1")]
    StatementType { found: String },
    #[error("{found} subjects in the statement, goldseal reads exactly one")]
    SubjectCount { found: usize },
    #[error("the subject has no sha256 digest of 64 lowercase hexadecimal digits")]
    SubjectDigest,
}

impl Defect {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) | Self::Json(JsonFault::TooLarge { .. }) => "evidence-too-large",
            Self::Json(JsonFault::TooDeep { .. }) => "json-too-deep",
            Self::Json(JsonFault::DuplicateKey { .. }) => "json-duplicate-key",
            Self::Json(JsonFault::Syntax(_)) => "json-malformed",
            Self::Json(JsonFault::Shape(_)) => "json-unexpected-content",
            Self::MediaType { .. } => "bundle-media-type",
            Self::ContentCount | Self::NotAnEnvelope => "bundle-content",
            Self::MaterialCount => "bundle-material",
            Self::SignatureCount { .. } => "envelope-signature-count",
            Self::Base64 { .. } => "envelope-base64",
            Self::PayloadType { .. } => "envelope-payload-type",
            Self::StatementType { .. } => "statement-type",
            Self::SubjectCount { .. } => "statement-subject-count",
            Self::SubjectDigest => "statement-subject-digest",
        }
    }
}
