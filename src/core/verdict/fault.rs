//! What could not be asked: one variant a cause, with what was asked and a stable code.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    identity::ClockBehind,
    ids::{AmiId, InstanceId},
    trust::AuthorityName,
};

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
    #[error("the revocation list of {issued:.0} is older than {max_age}")]
    RevocationsStale { issued: Timestamp, max_age: String },
    #[error("two revocation lists contradict each other: {problem}")]
    RevocationsInconsistent { problem: String },
    #[error("receipts could not be read: {problem}")]
    ReceiptsUnavailable { problem: String },
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
            Self::ReceiptsUnavailable { .. } => "receipts-unavailable",
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

    /// Says whether it is about the revocation lists, and about nothing else.
    pub fn is_of_lists(&self) -> bool {
        matches!(
            self,
            Self::RevocationsUnavailable { .. } | Self::RevocationsStale { .. } | Self::RevocationsInconsistent { .. }
        )
    }
}

impl From<ClockBehind> for Fault {
    fn from(ClockBehind { now, event, at }: ClockBehind) -> Self {
        Self::ClockBehind { now, event, at }
    }
}
