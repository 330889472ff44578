//! Why an image is rejected: one variant a cause, with its evidence and a stable code.

use serde::Serialize;

use crate::{
    attestation::{Defect, Kind, predicate::RevokedBy},
    digest::Sha256Digest,
    gate::Shortfall,
    ids::{AccountId, ImageRef, InstanceId, Region, VolumeId},
    trust::{AuthorityName, Discount},
};

/// Why an image is rejected. The order is the order of reports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the message of each says it; docs/reasons.md lists the codes")]
pub enum Reason {
    #[error("what IMDS says of this instance is not proven: {problem}")]
    IdentityNotVerified { problem: String },
    #[error("what IMDS says of this instance is signed by nobody that is pinned: {problem}")]
    IdentitySignerUnknown { problem: String },
    #[error("EC2 says {what} {document}, the image descriptor says {descriptor}")]
    IdentityMismatch { what: &'static str, document: String, descriptor: String },
    #[error("EC2 knows no image {image}")]
    ImageNotFound { image: ImageRef },
    #[error("owned by {owner}, which the policy does not accept")]
    OwnerNotAccepted { owner: AccountId },
    #[error("in {region}, which the policy does not accept")]
    RegionNotAccepted { region: Region },
    #[error("the image is revoked by {0}")]
    ImageRevoked(RevokedBy),
    #[error("what is on the image's devices is revoked by {0}")]
    ContentRevoked(RevokedBy),
    #[error("the builder {builder} is revoked by {revoked}")]
    BuilderRevoked { builder: String, revoked: RevokedBy },
    #[error("its evidence (sha256 {sha256}) is revoked by {revoked}")]
    EvidenceRevoked { sha256: Sha256Digest, revoked: RevokedBy },
    #[error("no receipt that the policy accepts: {problem}")]
    ReceiptMissing { problem: String },
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
    #[error("there is a {kind} statement, but not the one that the gate result names")]
    AttestationNotNamed { kind: Kind },
    #[error("the gate's result is {result:?}")]
    GateNotPassed { result: String },
    #[error("{shortfall}")]
    GateShort { shortfall: Shortfall },
    #[error(
        "approved was {}, accepted were the risks {accepted}",
        approved.map_or_else(|| "nothing".to_owned(), |digest| digest.to_string())
    )]
    ApprovalMismatch { approved: Option<Sha256Digest>, accepted: Sha256Digest },
    #[error("the {kind} statement does not read as one: {problem}")]
    PredicateMalformed { kind: Kind, problem: String },
    #[error("the descriptor in the provenance (sha256 {sealed}) is not the image's ({image})")]
    DescriptorMismatch { sealed: Sha256Digest, image: Sha256Digest },
    #[error("built by {builder}, which the policy does not accept")]
    BuilderNotAccepted { builder: String },
    #[error("built from {}, which the policy does not accept", repository.as_deref().unwrap_or("no known repository"))]
    RepositoryNotAccepted { repository: Option<String> },
    #[error(
        "based on an image of {}, which the policy does not accept",
        owner.as_ref().map_or_else(|| "no known owner".to_owned(), ToString::to_string)
    )]
    BaseOwnerNotAccepted { owner: Option<AccountId> },
    #[error("{passed} tests passed, {skipped} were skipped, {failed} failed")]
    TestsNotPassed { passed: usize, skipped: usize, failed: usize },
    #[error("tag {tag} is {found:?}, sealed was {sealed:?}")]
    TagMismatch { tag: String, sealed: String, found: String },
    #[error("the provenance seals no value for tag {tag}, which the policy compares")]
    TagNotSealed { tag: String },
    #[error("the root volume {volume} of {instance} was made of {origin}, not of a snapshot of the image")]
    RootVolumeForeign { instance: InstanceId, volume: VolumeId, origin: String },
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
            Self::IdentityNotVerified { .. }
            | Self::IdentitySignerUnknown { .. }
            | Self::IdentityMismatch { .. }
            | Self::ImageNotFound { .. }
            | Self::OwnerNotAccepted { .. }
            | Self::RegionNotAccepted { .. }
            | Self::ImageRevoked(_)
            | Self::ContentRevoked(_)
            | Self::BuilderRevoked { .. }
            | Self::EvidenceRevoked { .. }
            | Self::ReceiptMissing { .. }
            | Self::EvidenceAbsent { .. }
            | Self::AuthorityKeyWithdrawn { .. }
            | Self::AuthorityKeyChanged { .. }
            | Self::AttestationMissing { .. }
            | Self::AttestationAmbiguous { .. }
            | Self::AttestationUnderThreshold { .. }
            | Self::AttestationNotNamed { .. }
            | Self::GateNotPassed { .. }
            | Self::GateShort { .. }
            | Self::ApprovalMismatch { .. }
            | Self::BuilderNotAccepted { .. }
            | Self::RepositoryNotAccepted { .. }
            | Self::BaseOwnerNotAccepted { .. }
            | Self::TestsNotPassed { .. }
            | Self::PredicateMalformed { .. }
            | Self::DescriptorMismatch { .. }
            | Self::TagMismatch { .. }
            | Self::TagNotSealed { .. }
            | Self::RootVolumeForeign { .. } => None,
        }
    }

    /// Returns the entry of the revocation list that it stands on, by number.
    pub fn revocation(&self) -> Option<u64> {
        match self {
            Self::ImageRevoked(revoked) | Self::ContentRevoked(revoked) => Some(revoked.entry),
            Self::BuilderRevoked { revoked, .. } | Self::EvidenceRevoked { revoked, .. } => Some(revoked.entry),
            Self::EvidenceDiscounted { discount: Discount::KeyRevoked { revoked, .. }, .. } => Some(revoked.entry),
            Self::IdentityNotVerified { .. }
            | Self::IdentitySignerUnknown { .. }
            | Self::IdentityMismatch { .. }
            | Self::ImageNotFound { .. }
            | Self::OwnerNotAccepted { .. }
            | Self::RegionNotAccepted { .. }
            | Self::ReceiptMissing { .. }
            | Self::EvidenceAbsent { .. }
            | Self::EvidenceDefect { .. }
            | Self::EvidenceDiscounted { .. }
            | Self::AuthorityKeyWithdrawn { .. }
            | Self::AuthorityKeyChanged { .. }
            | Self::AttestationMissing { .. }
            | Self::AttestationAmbiguous { .. }
            | Self::AttestationUnderThreshold { .. }
            | Self::AttestationNotNamed { .. }
            | Self::GateNotPassed { .. }
            | Self::GateShort { .. }
            | Self::ApprovalMismatch { .. }
            | Self::PredicateMalformed { .. }
            | Self::DescriptorMismatch { .. }
            | Self::BuilderNotAccepted { .. }
            | Self::RepositoryNotAccepted { .. }
            | Self::BaseOwnerNotAccepted { .. }
            | Self::TestsNotPassed { .. }
            | Self::TagMismatch { .. }
            | Self::TagNotSealed { .. }
            | Self::RootVolumeForeign { .. } => None,
        }
    }

    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::IdentityNotVerified { .. } => "identity-not-verified",
            Self::IdentitySignerUnknown { .. } => "identity-signer-unknown",
            Self::IdentityMismatch { .. } => "identity-mismatch",
            Self::ImageNotFound { .. } => "image-not-found",
            Self::OwnerNotAccepted { .. } => "owner-not-accepted",
            Self::RegionNotAccepted { .. } => "region-not-accepted",
            Self::ImageRevoked(_) | Self::ContentRevoked(_) => "image-revoked",
            Self::BuilderRevoked { .. } => "builder-revoked",
            Self::EvidenceRevoked { .. } => "evidence-revoked",
            Self::ReceiptMissing { .. } => "receipt-missing",
            Self::EvidenceAbsent { .. } => "evidence-absent",
            Self::EvidenceDefect { code, .. } => code,
            Self::EvidenceDiscounted { discount, .. } => discount.code(),
            Self::AuthorityKeyWithdrawn { .. } => "authority-key-withdrawn",
            Self::AuthorityKeyChanged { .. } => "authority-key-changed",
            Self::AttestationMissing { .. } => "attestation-missing",
            Self::AttestationAmbiguous { .. } => "attestation-ambiguous",
            Self::AttestationUnderThreshold { .. } => "attestation-under-threshold",
            Self::AttestationNotNamed { .. } => "attestation-not-named",
            Self::GateNotPassed { .. } => "gate-not-passed",
            Self::GateShort { shortfall } => shortfall.code(),
            Self::ApprovalMismatch { .. } => "approval-mismatch",
            Self::BuilderNotAccepted { .. } => "builder-not-accepted",
            Self::RepositoryNotAccepted { .. } => "repository-not-accepted",
            Self::BaseOwnerNotAccepted { .. } => "base-owner-not-accepted",
            Self::TestsNotPassed { .. } => "tests-not-passed",
            Self::PredicateMalformed { .. } => "predicate-malformed",
            Self::DescriptorMismatch { .. } => "descriptor-mismatch",
            Self::TagMismatch { .. } => "tag-mismatch",
            Self::TagNotSealed { .. } => "tag-not-sealed",
            Self::RootVolumeForeign { .. } => "root-volume-foreign",
        }
    }
}
