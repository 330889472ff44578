//! Which reasons time that has passed may have made, and which stand without it.

use super::Reason;
use crate::{gate::Shortfall, trust::Discount};

impl Reason {
    /// Says whether time that has passed may have made it. What is missing may follow from what has lapsed, and may
    /// never have been there: only judging at an earlier instant tells.
    pub fn may_lapse(&self) -> bool {
        match self {
            Self::GateShort { shortfall } => of_shortfall(shortfall),
            Self::EvidenceDiscounted { discount, .. } => of_discount(discount),
            Self::AttestationMissing { .. } | Self::AttestationUnderThreshold { .. } => true,
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
            // The newest receipt may say that it is bad, which older ones did not know.
            | Self::ReceiptMissing { .. }
            | Self::EvidenceAbsent { .. }
            | Self::EvidenceDefect { .. }
            | Self::AuthorityKeyWithdrawn { .. }
            | Self::AuthorityKeyChanged { .. }
            | Self::AttestationAmbiguous { .. }
            | Self::AttestationNotNamed { .. }
            | Self::GateNotPassed { .. }
            | Self::ApprovalMismatch { .. }
            | Self::BuilderNotAccepted { .. }
            | Self::RepositoryNotAccepted { .. }
            | Self::BaseOwnerNotAccepted { .. }
            | Self::TestsNotPassed { .. }
            | Self::PredicateMalformed { .. }
            | Self::DescriptorMismatch { .. }
            | Self::TagMismatch { .. }
            | Self::TagNotSealed { .. }
            | Self::RootVolumeForeign { .. } => false,
        }
    }
}

fn of_shortfall(shortfall: &Shortfall) -> bool {
    match shortfall {
        Shortfall::ScanTooOld { .. }
        | Shortfall::DatabaseTooOld { .. }
        | Shortfall::DataTooOld { .. }
        | Shortfall::ExceptionExpired { .. } => true,
        Shortfall::SbomEmpty
        | Shortfall::SbomOfAnotherRun { .. }
        | Shortfall::ScanOfAnotherSource { .. }
        | Shortfall::ScanOfAnotherDistribution { .. }
        | Shortfall::ScanOfNothing { .. }
        | Shortfall::PackagesNotInSbom { .. }
        | Shortfall::ScanBeforeSbom { .. }
        | Shortfall::SbomTimeAbsent
        | Shortfall::ScanTimeAbsent
        | Shortfall::InFuture { .. }
        | Shortfall::DatabaseAbsent
        | Shortfall::DatabaseInvalid { .. }
        | Shortfall::DataAgeUnknown
        // Signed as a fact of the day of the scan, not as a date.
        | Shortfall::DistributionEndOfLife { .. }
        | Shortfall::DistributionLifeUnknown { .. }
        | Shortfall::ScannerFilter { .. }
        | Shortfall::FindingHidden { .. }
        | Shortfall::SeverityUnknown { .. }
        | Shortfall::FindingAtThreshold { .. }
        | Shortfall::ExceptionTooLong { .. } => false,
    }
}

/// Where something is missing, every bundle that does not count is listed; most never did.
fn of_discount(discount: &Discount) -> bool {
    match discount {
        // Somebody withdrew it, and no instant brings it back.
        Discount::KeyRevoked { .. } => false,
        Discount::AuthorityExpired { .. }
        | Discount::AuthorityRetired { .. }
        | Discount::SignerUnknown
        | Discount::SignatureInvalid { .. }
        | Discount::SubjectMismatch { .. }
        | Discount::AuthorityNotYetValid { .. }
        | Discount::WitnessRefused { .. }
        | Discount::WitnessInFuture { .. } => true,
    }
}
