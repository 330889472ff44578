//! Admit, Reject or Undetermined, and why: typed causes with stable codes.
//!
//! A bad image is a reason, and not knowing is a fault; our own failures are errors and live elsewhere. Every cause is
//! collected, not the first one only. `docs/reasons.md` lists every code and is checked against [`CODES`].

mod codes;
mod lapse;
mod overridden;

use jiff::Timestamp;
use serde::Serialize;

pub use codes::{CODES, is_cause, is_overridable, remedy};
pub use overridden::Overridden;

use crate::{
    attestation::{Defect, Kind, Statement, predicate::RevokedBy},
    digest::Sha256Digest,
    gate::Shortfall,
    identity::{ClockBehind, NotIdentified},
    ids::{AccountId, AmiId, ImageRef, InstanceId, Region, VolumeId},
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

/// What an admission stands on: at least one statement of the evidence, or an override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grounds(Basis);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Basis {
    Evidence(Vec<Ground>),
    Override(Box<Overridden>),
}

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
        (!grounds.is_empty()).then_some(Self(Basis::Evidence(grounds)))
    }

    /// Returns the statements of the evidence; there are none where an override admits.
    pub fn as_slice(&self) -> &[Ground] {
        match &self.0 {
            Basis::Evidence(grounds) => grounds,
            Basis::Override(_) => &[],
        }
    }

    /// Returns the override, where one admits.
    pub fn overridden(&self) -> Option<&Overridden> {
        match &self.0 {
            Basis::Evidence(_) => None,
            Basis::Override(overridden) => Some(overridden),
        }
    }
}

impl From<Overridden> for Grounds {
    fn from(overridden: Overridden) -> Self {
        Self(Basis::Override(Box::new(overridden)))
    }
}

impl Verdict {
    /// Says what follows from an identity that was not proven: by a clock that is behind nobody knows, else no.
    pub fn unidentified(why: &NotIdentified) -> Self {
        let problem = why.chain();
        match why {
            NotIdentified::ClockBehind(behind) => Self::Undetermined(Faults::one(behind.clone().into())),
            NotIdentified::SignerUnknown { .. } => {
                Self::Reject(Reasons::one(Reason::IdentitySignerUnknown { problem }))
            }
            NotIdentified::TooLarge { .. }
            | NotIdentified::Base64
            | NotIdentified::Malformed(_)
            | NotIdentified::NotSigned
            | NotIdentified::SignerCount { .. }
            | NotIdentified::SignerName
            | NotIdentified::ContentType
            | NotIdentified::Detached
            | NotIdentified::Algorithm { .. }
            | NotIdentified::CertificateExpired { .. }
            | NotIdentified::Attributes(_)
            | NotIdentified::SignatureInvalid { .. }
            | NotIdentified::Document(_) => Self::Reject(Reasons::one(Reason::IdentityNotVerified { problem })),
        }
    }

    /// Adds what else is known: a reason rejects, whatever was decided; else a fault leaves it undetermined.
    pub fn and(self, reasons: Vec<Reason>, faults: Vec<Fault>) -> Self {
        let (mut all_reasons, mut all_faults) = (reasons, faults);
        let grounds = match self {
            Self::Admit(grounds) => Some(grounds),
            Self::Reject(Reasons { list, beside }) => {
                all_reasons.extend(list);
                all_faults.extend(beside);
                None
            }
            Self::Undetermined(Faults(found)) => {
                all_faults.extend(found);
                None
            }
        };
        Self::of(all_reasons, all_faults, grounds)
    }

    /// Decides: any reason rejects; else any fault leaves it undetermined; else the grounds admit. Nothing at all admits
    /// nothing.
    pub fn of(reasons: Vec<Reason>, faults: Vec<Fault>, grounds: Option<Grounds>) -> Self {
        match (Reasons::new(reasons), Faults::new(faults), grounds) {
            (Some(reasons), faults, _) => {
                Self::Reject(Reasons { beside: faults.map(|Faults(list)| list.into()).unwrap_or_default(), ..reasons })
            }
            (None, Some(faults), _) => Self::Undetermined(faults),
            (None, None, Some(grounds)) => Self::Admit(grounds),
            // A case that should not be possible.
            (None, None, None) => {
                let problem = "no reason, no fault and no grounds".to_owned();
                Self::Undetermined(Faults::one(Fault::Internal { problem }))
            }
        }
    }

    /// Returns the override that it stands on, if it does.
    pub fn overridden(&self) -> Option<&Overridden> {
        match self {
            Self::Admit(grounds) => grounds.overridden(),
            Self::Reject(_) | Self::Undetermined(_) => None,
        }
    }
}

/// Why an image is rejected: at least one reason. What could not be asked beside them is kept, and decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasons {
    list: Vec<Reason>,
    beside: Box<[Fault]>,
}

/// What could not be asked: at least one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

/// Returns a list sorted and without repetition; none when it is empty.
fn non_empty<T: Ord>(mut list: Vec<T>) -> Option<Vec<T>> {
    list.sort();
    list.dedup();
    (!list.is_empty()).then_some(list)
}

impl Reasons {
    /// Takes a list, sorted and without repetition; none when it is empty.
    pub fn new(list: Vec<Reason>) -> Option<Self> {
        non_empty(list).map(|list| Self { list, beside: Box::default() })
    }

    /// Takes one.
    pub fn one(reason: Reason) -> Self {
        Self { list: vec![reason], beside: Box::default() }
    }

    /// Returns them, sorted.
    pub fn as_slice(&self) -> &[Reason] {
        &self.list
    }

    /// Returns what could not be asked beside them.
    pub fn beside(&self) -> &[Fault] {
        &self.beside
    }
}

impl Faults {
    /// Takes a list, sorted and without repetition; none when it is empty.
    pub fn new(list: Vec<Fault>) -> Option<Self> {
        non_empty(list).map(Self)
    }

    /// Takes one.
    pub fn one(fault: Fault) -> Self {
        Self(vec![fault])
    }

    /// Returns them, sorted.
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }
}

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

/// What could not be asked, so that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the message of each says it; docs/reasons.md lists the codes")]
pub enum Fault {
    #[error("this instance could not be identified: {problem}")]
    IdentityUnavailable { problem: String },
    #[error("the image could not be described: {problem}")]
    ImageUnavailable { problem: String },
    #[error("the evidence could not be read: {problem}")]
    EvidenceUnavailable { problem: String },
    #[error("the key of {authority} could not be asked for: {problem}")]
    KeyUnavailable { authority: AuthorityName, problem: String },
    #[error("there is no revocation list that counts: {problem}")]
    RevocationsUnavailable { problem: String },
    #[error("the revocation list of {issued} is older than {max_age}")]
    RevocationsStale { issued: Timestamp, max_age: String },
    #[error("two revocation lists contradict each other: {problem}")]
    RevocationsInconsistent { problem: String },
    #[error("the instance could not be described: {problem}")]
    InstanceUnavailable { problem: String },
    #[error("EC2 says that {instance} runs {ec2}, Auto Scaling says {group}: one of them is late")]
    InstanceInconsistent { instance: InstanceId, ec2: AmiId, group: AmiId },
    #[error("the root volume could not be described: {problem}")]
    RootVolumeUnavailable { problem: String },
    #[error("the clock says {now}, before {event} ({at})")]
    ClockBehind { now: Timestamp, event: &'static str, at: Timestamp },
    #[error("what runs there could not be asked for: {problem}")]
    PlaceUnavailable { problem: String },
    #[error("a recorded decision: {problem}")]
    RecordUnavailable { problem: String },
    #[error("the clock says {now}, before a time that was signed ({signed})")]
    ClockBeforeSignedTime { now: Timestamp, signed: Timestamp },
    #[error("internal: {problem}")]
    Internal { problem: String },
}

impl Fault {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::IdentityUnavailable { .. } => "identity-unavailable",
            Self::ImageUnavailable { .. } => "image-unavailable",
            Self::EvidenceUnavailable { .. } => "evidence-unavailable",
            Self::KeyUnavailable { .. } => "key-unavailable",
            Self::RevocationsUnavailable { .. } => "revocations-unavailable",
            Self::RevocationsStale { .. } => "revocations-stale",
            Self::RevocationsInconsistent { .. } => "revocations-inconsistent",
            Self::InstanceUnavailable { .. } => "instance-unavailable",
            Self::InstanceInconsistent { .. } => "instance-inconsistent",
            Self::RootVolumeUnavailable { .. } => "root-volume-unavailable",
            Self::ClockBehind { .. } => "clock-behind",
            Self::PlaceUnavailable { .. } => "place-unavailable",
            Self::RecordUnavailable { .. } => "record-unavailable",
            Self::ClockBeforeSignedTime { .. } => "clock-before-signed-time",
            Self::Internal { .. } => "internal",
        }
    }
}

impl From<ClockBehind> for Fault {
    fn from(ClockBehind { now, event, at }: ClockBehind) -> Self {
        Self::ClockBehind { now, event, at }
    }
}

#[cfg(test)]
mod tests;
