//! Which reasons are of time that has passed, and which are not.

use super::Reason;
use crate::{gate::Shortfall, trust::Discount};

/// What a reason has to do with time that has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// It is nothing else: earlier it was not one.
    Lapsed,
    /// It may follow from what has lapsed: what an authority signed whose window is over, is missing.
    Follows,
    /// It was one before.
    Stands,
}

impl Reason {
    /// Says what it has to do with time that has passed.
    pub fn lapse(&self) -> Lapse {
        match self {
            Self::GateShort { shortfall } => of_shortfall(shortfall),
            Self::EvidenceDiscounted { discount, .. } => of_discount(discount),
            Self::AttestationMissing { .. } | Self::AttestationUnderThreshold { .. } => Lapse::Follows,
            Self::IdentityNotVerified { .. }
            | Self::IdentitySignerUnknown { .. }
            | Self::IdentityMismatch { .. }
            | Self::ImageNotFound { .. }
            | Self::OwnerNotAccepted { .. }
            | Self::RegionNotAccepted { .. }
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
            | Self::RootVolumeForeign { .. } => Lapse::Stands,
        }
    }
}

fn of_shortfall(shortfall: &Shortfall) -> Lapse {
    match shortfall {
        Shortfall::ScanTooOld { .. }
        | Shortfall::DatabaseTooOld { .. }
        | Shortfall::DataTooOld { .. }
        | Shortfall::ExceptionExpired { .. } => Lapse::Lapsed,
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
        | Shortfall::ExceptionTooLong { .. } => Lapse::Stands,
    }
}

/// Where something is missing, every bundle that does not count is listed; most never did.
fn of_discount(discount: &Discount) -> Lapse {
    match discount {
        Discount::AuthorityExpired { .. } => Lapse::Lapsed,
        Discount::SignerUnknown
        | Discount::SignatureInvalid { .. }
        | Discount::SubjectMismatch { .. }
        | Discount::AuthorityNotYetValid { .. }
        | Discount::WitnessRefused { .. }
        | Discount::WitnessInFuture { .. } => Lapse::Follows,
    }
}
