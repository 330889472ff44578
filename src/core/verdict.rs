//! Admit, Reject or Undetermined, and why: typed causes with stable codes.
//!
//! A bad image is a reason, and not knowing is a fault; our own failures are errors and live elsewhere. Every cause is
//! collected, not the first one only. `docs/reasons.md` lists every code and is checked against [`CODES`].

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    attestation::{Defect, Kind, Statement},
    digest::Sha256Digest,
    ids::{AccountId, ImageRef, Region},
    trust::{AuthorityName, Discount, Verified},
};

/// What was decided about one image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a verdict that nobody looks at guards nothing"]
pub enum Verdict {
    /// The policy is met.
    Admit(Grounds),
    /// The policy is not met.
    Reject(Reasons),
    /// Nobody knows: something could not be asked.
    Undetermined(Faults),
}

/// The statements that an admission stands on: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grounds(Vec<Ground>);

/// One statement that counted. Outside this package only [`Ground::of`] makes one, of statements that were verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Ground {
    /// What it says.
    pub kind: Kind,
    /// SHA-256 of its payload.
    pub statement: Sha256Digest,
    /// Who signed it.
    pub by: Vec<AuthorityName>,
}

impl Ground {
    /// Takes the signatures over one statement; none when there are none.
    pub fn of(kind: Kind, signatures: &[&Verified<Statement>]) -> Option<Self> {
        let statement = signatures.first()?.digest();
        Some(Self { kind, statement, by: signatures.iter().map(|one| one.by().clone()).collect() })
    }
}

impl Grounds {
    /// Takes grounds; none when there are none, because an admission needs proof.
    pub fn new(grounds: Vec<Ground>) -> Option<Self> {
        (!grounds.is_empty()).then_some(Self(grounds))
    }

    /// Returns them.
    pub fn as_slice(&self) -> &[Ground] {
        &self.0
    }
}

macro_rules! non_empty {
    ($(#[$doc:meta])* $name:ident of $item:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(Vec<$item>);

        impl $name {
            /// Takes a list, sorted and without repetition; none when it is empty.
            pub fn new(mut list: Vec<$item>) -> Option<Self> {
                list.sort();
                list.dedup();
                (!list.is_empty()).then_some(Self(list))
            }

            /// Takes one.
            pub fn one(item: $item) -> Self {
                Self(vec![item])
            }

            /// Returns them, sorted.
            pub fn as_slice(&self) -> &[$item] {
                &self.0
            }
        }
    };
}

non_empty!(
    /// Why an image is rejected: at least one reason.
    Reasons of Reason
);
non_empty!(
    /// What could not be asked: at least one fault.
    Faults of Fault
);

/// Why an image is rejected. The order is the order of reports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the message of each says it; docs/reasons.md lists the codes")]
pub enum Reason {
    #[error("EC2 knows no image {image}")]
    ImageNotFound { image: ImageRef },
    #[error("owned by {owner}, which the policy does not accept")]
    OwnerNotAccepted { owner: AccountId },
    #[error("in {region}, which the policy does not accept")]
    RegionNotAccepted { region: Region },
    #[error("no evidence at {place}")]
    EvidenceAbsent { place: String },
    #[error("unreadable evidence: {problem}")]
    EvidenceDefect {
        line: usize,
        #[serde(skip)]
        code: &'static str,
        problem: String,
    },
    #[error("{discount}")]
    EvidenceDiscounted { discount: Discount, line: usize },
    #[error("the KMS key of {authority} is {state}")]
    AuthorityKeyWithdrawn { authority: AuthorityName, state: String },
    #[error("KMS has another key for {authority} (spki sha256 {found}) than the policy pins ({pinned})")]
    AuthorityKeyChanged { authority: AuthorityName, pinned: Sha256Digest, found: Sha256Digest },
    #[error("no {kind} statement that counts")]
    AttestationMissing { kind: Kind },
    #[error("{found} different {kind} statements count, and nothing says which one holds")]
    AttestationAmbiguous { kind: Kind, found: usize },
    #[error("the {kind} statement is signed by {found} of the {needed} authorities that the policy asks for")]
    AttestationUnderThreshold { kind: Kind, found: usize, needed: usize },
    #[error("the {kind} statement does not read as one: {problem}")]
    PredicateMalformed { kind: Kind, problem: String },
    #[error("the descriptor in the provenance (sha256 {sealed}) is not the image's ({image})")]
    DescriptorMismatch { sealed: Sha256Digest, image: Sha256Digest },
    #[error("tag {tag} is {found:?}, sealed was {sealed:?}")]
    TagMismatch { tag: String, sealed: String, found: String },
    #[error("the provenance seals no value for tag {tag}, which the policy compares")]
    TagNotSealed { tag: String },
}

impl Reason {
    /// Makes the reason of a defect.
    pub fn defect(line: usize, defect: &Defect) -> Self {
        Self::EvidenceDefect { line, code: defect.code(), problem: defect.to_string() }
    }

    /// Returns the line of the evidence that it is about, from 1; 0 stands for the file.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::EvidenceDefect { line, .. } | Self::EvidenceDiscounted { line, .. } => Some(*line),
            Self::ImageNotFound { .. }
            | Self::OwnerNotAccepted { .. }
            | Self::RegionNotAccepted { .. }
            | Self::EvidenceAbsent { .. }
            | Self::AuthorityKeyWithdrawn { .. }
            | Self::AuthorityKeyChanged { .. }
            | Self::AttestationMissing { .. }
            | Self::AttestationAmbiguous { .. }
            | Self::AttestationUnderThreshold { .. }
            | Self::PredicateMalformed { .. }
            | Self::DescriptorMismatch { .. }
            | Self::TagMismatch { .. }
            | Self::TagNotSealed { .. } => None,
        }
    }

    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ImageNotFound { .. } => "image-not-found",
            Self::OwnerNotAccepted { .. } => "owner-not-accepted",
            Self::RegionNotAccepted { .. } => "region-not-accepted",
            Self::EvidenceAbsent { .. } => "evidence-absent",
            Self::EvidenceDefect { code, .. } => code,
            Self::EvidenceDiscounted { discount, .. } => discount.code(),
            Self::AuthorityKeyWithdrawn { .. } => "authority-key-withdrawn",
            Self::AuthorityKeyChanged { .. } => "authority-key-changed",
            Self::AttestationMissing { .. } => "attestation-missing",
            Self::AttestationAmbiguous { .. } => "attestation-ambiguous",
            Self::AttestationUnderThreshold { .. } => "attestation-under-threshold",
            Self::PredicateMalformed { .. } => "predicate-malformed",
            Self::DescriptorMismatch { .. } => "descriptor-mismatch",
            Self::TagMismatch { .. } => "tag-mismatch",
            Self::TagNotSealed { .. } => "tag-not-sealed",
        }
    }
}

/// What could not be asked, so that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the message of each says it; docs/reasons.md lists the codes")]
pub enum Fault {
    #[error("the image could not be described: {problem}")]
    ImageUnavailable { problem: String },
    #[error("the evidence could not be read: {problem}")]
    EvidenceUnavailable { problem: String },
    #[error("the key of {authority} could not be asked for: {problem}")]
    KeyUnavailable { authority: AuthorityName, problem: String },
    #[error("the clock says {now}, before the build ended ({signed})")]
    ClockBeforeSignedTime { now: Timestamp, signed: Timestamp },
    #[error("internal: {problem}")]
    Internal { problem: String },
}

impl Fault {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ImageUnavailable { .. } => "image-unavailable",
            Self::EvidenceUnavailable { .. } => "evidence-unavailable",
            Self::KeyUnavailable { .. } => "key-unavailable",
            Self::ClockBeforeSignedTime { .. } => "clock-before-signed-time",
            Self::Internal { .. } => "internal",
        }
    }
}

/// Every code, with what it means and what to do. Part of the public interface: a code never changes its meaning.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        "image-not-found",
        "EC2 does not show the image: unknown id, another region or account, deregistered, or hidden by the account's Allowed AMIs setting.",
        "Check the id and `--region`; `aws ec2 describe-images --image-ids AMI` must show it to the same caller.",
    ),
    (
        "owner-not-accepted",
        "The image's owner is not in `identity.owners`.",
        "Launch an image of an accepted account, or add the owner to the policy.",
    ),
    (
        "region-not-accepted",
        "The image's region is not in `identity.regions`.",
        "Use the copy that was sealed for an accepted region, or add the region to the policy.",
    ),
    (
        "evidence-absent",
        "The store was asked and has no evidence for this image.",
        "Run `goldseal sign` for it, or point `--store` at the store that its pipeline writes to.",
    ),
    (
        "evidence-too-large",
        "The evidence, a line of it, or their number is over the limit.",
        "Sign an SBOM of over 16 MiB by reference (`--sbom-location`).",
    ),
    (
        "json-malformed",
        "A line of the evidence is not JSON: truncated or damaged.",
        "Fetch it again; if the store holds it like this, sign the image again.",
    ),
    (
        "json-too-deep",
        "Arrays and objects nest deeper than any attestation needs.",
        "Not made by goldseal or cosign: find out who wrote it.",
    ),
    (
        "json-duplicate-key",
        "A key stands twice in one object, so two readers could read two things.",
        "Not made by goldseal or cosign: find out who wrote it.",
    ),
    (
        "json-unexpected-content",
        "JSON, but with fields or types that a bundle or statement does not have.",
        "Write bundles of version 0.3 with goldseal or cosign 3.",
    ),
    (
        "bundle-media-type",
        "Not a Sigstore bundle of version 0.1 to 0.3.",
        "Write bundles of version 0.3 with goldseal or cosign 3.",
    ),
    (
        "bundle-content",
        "The bundle holds no envelope, or a second content beside it.",
        "Sign statements (`cosign attest-blob`), not files (`cosign sign-blob`).",
    ),
    (
        "bundle-material",
        "The bundle names no key or certificate, or more than one.",
        "Write bundles of version 0.3 with goldseal or cosign 3.",
    ),
    (
        "envelope-signature-count",
        "The envelope has no signature, or more than one.",
        "One bundle per signature: write a line for each signer.",
    ),
    (
        "envelope-base64",
        "A field is not canonical base64: damaged, or edited.",
        "Fetch it again; if the store holds it like this, sign the image again.",
    ),
    (
        "envelope-payload-type",
        "An authority signed something that is not an in-toto statement.",
        "Sign statements (`application/vnd.in-toto+json`).",
    ),
    (
        "statement-type",
        "The statement's `_type` is neither Statement/v1 nor v0.1.",
        "Sign in-toto statements of version 1.",
    ),
    (
        "statement-subject-count",
        "The statement has no subject, or more than one.",
        "One statement per image and region.",
    ),
    (
        "statement-subject-digest",
        "The subject has no sha256 digest in lowercase hexadecimal.",
        "Sign over the file that `goldseal describe` writes.",
    ),
    (
        "signer-unknown",
        "None of the policy's authorities signed this bundle.",
        "Sign with an accepted key, or add the key to the policy if it should be one.",
    ),
    (
        "signature-invalid",
        "The bundle names an authority's key but does not bear its signature: it was changed after signing.",
        "Fetch it again; if the store holds it like this, find out who changed it.",
    ),
    (
        "subject-mismatch",
        "The statement is about another image (or the image's facts are not what was signed).",
        "Fetch the evidence of this image; every region's copy has its own.",
    ),
    (
        "authority-not-yet-valid",
        "The signer's window has not begun.",
        "Check `valid_from` in the policy, and the clock.",
    ),
    ("authority-expired", "The signer's window has ended.", "Sign the image again with a current key."),
    (
        "authority-key-withdrawn",
        "The signer's KMS key is disabled or pending deletion.",
        "Sign the image again with a current key, or enable the key if that was a mistake.",
    ),
    (
        "authority-key-changed",
        "KMS answers with another key than the policy pins: an alias was pointed elsewhere, or the pin is wrong.",
        "Find out who changed the alias (CloudTrail: UpdateAlias); pin key ARNs.",
    ),
    (
        "witness-refused",
        "The log entry or timestamp that the policy asks for is absent or does not verify.",
        "Sign with a transparency log or timestamp authority of the policy's trusted root.",
    ),
    ("witness-in-future", "A witness saw the signature after the present time.", "Check the clock, and `--at`."),
    (
        "attestation-missing",
        "No verified statement of a kind that the policy requires.",
        "The reasons beside it say why the ones that are there do not count; else sign it.",
    ),
    (
        "attestation-ambiguous",
        "Several different statements of one kind count.",
        "Write the evidence anew with `goldseal sign --replace`.",
    ),
    (
        "attestation-under-threshold",
        "Fewer authorities signed the statement than the policy asks for.",
        "Let the others sign the same inputs with `goldseal sign --add`.",
    ),
    ("predicate-malformed", "An authority signed a predicate that does not read as its type.", "Sign the image again."),
    (
        "descriptor-mismatch",
        "The descriptor inside the provenance is not the one of the image.",
        "Sign the image again.",
    ),
    (
        "tag-mismatch",
        "A visible tag is not what was sealed, or the evidence was replaced and the image not tagged anew.",
        "After `sign` with --replace, --add or --no-tags: tag the image anew. Else find out who changed it (CloudTrail: \
         CreateTags), and set it back.",
    ),
    (
        "tag-not-sealed",
        "The policy compares a tag whose value the provenance does not hold.",
        "Put the tag into the build facts (`--provenance`), or take it out of the policy.",
    ),
    (
        "image-unavailable",
        "EC2 could not be asked.",
        "The message names the call; check permissions, throttling and the network.",
    ),
    (
        "evidence-unavailable",
        "The store could not be asked.",
        "The message names the call; check permissions and the network.",
    ),
    (
        "key-unavailable",
        "KMS could not be asked for an authority's key.",
        "Grant kms:GetPublicKey and kms:DescribeKey, or give the key as PEM.",
    ),
    (
        "clock-before-signed-time",
        "The present time is before the time at which the image was built.",
        "Check the clock, and `--at`.",
    ),
    ("internal", "A case that should not be possible.", "Please report it with the command and its output."),
];

/// Returns what to do about a code.
pub fn remedy(code: &str) -> &'static str {
    CODES.iter().find(|(known, ..)| *known == code).map_or("", |(.., remedy)| remedy)
}

#[cfg(test)]
mod tests;
