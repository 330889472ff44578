//! The predicate types that goldseal writes and reads: public ones, of SLSA, in-toto, SPDX and CycloneDX.

mod approval;
mod boot_guard;
mod build_facts;
mod digests;
mod grant;
mod provenance;
mod receipt;
mod reference;
mod release;
mod repository;
mod revocations;
mod summary;
mod test_result;
mod verification;
mod vulns;

pub use approval::{Approval, is_approver};
pub use boot_guard::BootGuard;
pub use build_facts::{Ancestor, BaseImage, BuildFacts, Source, image_arn, image_of_arn};
pub use grant::{GRANT_TYPE, Grant, GrantFault, GrantScope};
pub use provenance::{
    Byproduct, Carried, ContentDigests, DESCRIPTOR_MEDIA_TYPE, PROVENANCE_TYPE, Provenance, provenance,
};
pub use receipt::{
    Ages, CountedSignature, Covered, Enforcement, Instant, KnownRevocations, MOST_COVERED, RECEIPT_FIELD, Receipt,
    ReceiptFault, Said, Timeless,
};
pub use reference::{REFERENCE_TYPE, Reference};
pub use release::{RELEASE_TYPE, Release};
pub use repository::repository;
pub use revocations::{
    MOST_REVOCATIONS, REVOCATIONS_TYPE, Revocation, Revocations, RevocationsFault, Revoked, RevokedBy, is_line,
};
pub use summary::{GateResult, Summary, SummaryFault};
pub use test_result::{Configuration, Outcome, Ran, TestResult};
pub use vulns::{VULNS_TYPE, vulns};

use super::Kind;
use crate::scan::sbom::SbomFormat;

/// SPDX SBOMs, as cosign and Packer name them.
pub const SPDX_TYPE: &str = SbomFormat::Spdx.predicate_type();
/// CycloneDX SBOMs, as cosign and Packer name them.
pub const CYCLONEDX_TYPE: &str = SbomFormat::CycloneDx.predicate_type();
/// SLSA verification summaries: the gate's result, and receipts, which are none.
pub const SUMMARY_TYPE: &str = "https://slsa.dev/verification_summary/v1";
/// Simple verification results: an approval.
pub const APPROVAL_TYPE: &str = "https://in-toto.io/attestation/svr/v0.2";
/// Test results.
pub const TESTS_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// Says what a predicate of this type is, if goldseal knows it.
pub(super) fn kind(predicate_type: &str, predicate: &str) -> Option<Kind> {
    match predicate_type {
        PROVENANCE_TYPE => Some(Kind::Provenance),
        SPDX_TYPE | CYCLONEDX_TYPE => Some(Kind::Sbom),
        REFERENCE_TYPE => reference::kind(predicate),
        VULNS_TYPE => Some(Kind::Scan),
        // Whatever says to be a receipt is never a gate result, whoever signed it.
        SUMMARY_TYPE if receipt::is_receipt(predicate) => None,
        SUMMARY_TYPE => Some(Kind::Gate),
        APPROVAL_TYPE => Some(Kind::Approval),
        TESTS_TYPE => Some(Kind::Tests),
        // Versioned forms that some tools write for the two SBOM formats.
        other => [SPDX_TYPE, CYCLONEDX_TYPE]
            .iter()
            .find_map(|base| other.strip_prefix(base)?.strip_prefix("/v"))
            .filter(|version| !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
            .map(|_| Kind::Sbom),
    }
}

/// Says whether a predicate of this type, where it is of no kind, speaks about images from outside their evidence. A
/// summary without a kind is a receipt.
pub fn is_listed(predicate_type: &str) -> bool {
    matches!(predicate_type, REVOCATIONS_TYPE | GRANT_TYPE | SUMMARY_TYPE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_go_by_the_whole_type() {
        for (uri, expected) in [
            ("https://slsa.dev/provenance/v1", Some(Kind::Provenance)),
            ("https://slsa.dev/provenance/v0.2", None),
            ("https://spdx.dev/Document", Some(Kind::Sbom)),
            ("https://spdx.dev/Document/v2.3", Some(Kind::Sbom)),
            ("https://spdx.dev/Document/v", None),
            ("https://spdx.dev/Documents", None),
            ("https://spdx.dev/Document/v2/../x", None),
            ("https://cyclonedx.org/bom/v1.6", Some(Kind::Sbom)),
            ("https://in-toto.io/attestation/vulns/v0.2", Some(Kind::Scan)),
            ("https://slsa.dev/verification_summary/v1", Some(Kind::Gate)),
            ("https://in-toto.io/attestation/svr/v0.2", Some(Kind::Approval)),
            ("https://in-toto.io/attestation/test-result/v0.1", Some(Kind::Tests)),
            ("", None),
        ] {
            assert_eq!(kind(uri, "{}"), expected, "{uri}");
        }
    }
}
