use std::collections::BTreeSet;

use jiff::Timestamp;

use super::*;
use crate::{
    attestation::{Defect, predicate::RevokedBy},
    bounded::JsonFault,
    gate::Shortfall,
    ids::ImageRef,
    scan::Severity,
    trust::Discount,
};

fn name() -> AuthorityName {
    "ci".parse().unwrap()
}

fn digest() -> Sha256Digest {
    Sha256Digest::of(b"")
}

/// Every defect, each after the other: a new one does not compile until it has its place here.
fn defect_after(last: Option<&Defect>) -> Option<Defect> {
    let Some(last) = last else { return Some(Defect::TooLarge(String::new())) };
    Some(match last {
        Defect::TooLarge(_) => JsonFault::TooLarge { found: 2, limit: 1 }.into(),
        Defect::Json(JsonFault::TooLarge { .. }) => JsonFault::TooDeep { limit: 1 }.into(),
        Defect::Json(JsonFault::TooDeep { .. }) => {
            JsonFault::DuplicateKey { key: String::new(), line: 1, column: 1 }.into()
        }
        Defect::Json(JsonFault::DuplicateKey { .. }) => JsonFault::Syntax(String::new()).into(),
        Defect::Json(JsonFault::Syntax(_)) => JsonFault::Shape(String::new()).into(),
        Defect::Json(JsonFault::Shape(_)) => Defect::MediaType { found: String::new() },
        Defect::MediaType { .. } => Defect::ContentCount,
        Defect::ContentCount => Defect::MaterialCount,
        Defect::MaterialCount => Defect::NotAnEnvelope,
        Defect::NotAnEnvelope => Defect::SignatureCount { found: 0 },
        Defect::SignatureCount { .. } => Defect::Base64 { field: "" },
        Defect::Base64 { .. } => Defect::PayloadType { found: String::new() },
        Defect::PayloadType { .. } => Defect::StatementType { found: String::new() },
        Defect::StatementType { .. } => Defect::SubjectCount { found: 0 },
        Defect::SubjectCount { .. } => Defect::SubjectDigest,
        Defect::SubjectDigest => return None,
    })
}

fn discount_after(last: Option<&Discount>) -> Option<Discount> {
    let (authority, at) = (name(), Timestamp::UNIX_EPOCH);
    let Some(last) = last else { return Some(Discount::SignerUnknown) };
    Some(match last {
        Discount::SignerUnknown => Discount::SignatureInvalid { authority },
        Discount::SignatureInvalid { .. } => Discount::SubjectMismatch { subject: digest() },
        Discount::SubjectMismatch { .. } => Discount::AuthorityNotYetValid { authority, from: at },
        Discount::AuthorityNotYetValid { .. } => Discount::AuthorityExpired { authority, until: at },
        Discount::AuthorityExpired { .. } => Discount::AuthorityRetired { authority, retired: at, signed: Some(at) },
        Discount::AuthorityRetired { .. } => Discount::WitnessRefused { authority, problem: String::new() },
        Discount::WitnessRefused { .. } => Discount::WitnessInFuture { seen: at },
        Discount::WitnessInFuture { .. } => {
            Discount::KeyRevoked { authority, revoked: Box::new(revoked()), before: Some(at) }
        }
        Discount::KeyRevoked { .. } => return None,
    })
}

fn revoked() -> RevokedBy {
    RevokedBy { entry: 1, at: Timestamp::UNIX_EPOCH, by: "alice".into(), reason: "poisoned".into() }
}

fn reason_after(last: Option<&Reason>) -> Option<Reason> {
    let image = ImageRef { region: "eu-west-1".parse().unwrap(), id: "ami-0123abcd".parse().unwrap() };
    let kind = Kind::Sbom;
    let problem = String::new();
    let Some(last) = last else { return Some(Reason::IdentityNotVerified { problem }) };
    Some(match last {
        Reason::IdentityNotVerified { .. } => Reason::IdentitySignerUnknown { problem },
        Reason::IdentitySignerUnknown { .. } => {
            Reason::IdentityMismatch { what: "image", document: String::new(), descriptor: String::new() }
        }
        Reason::IdentityMismatch { .. } => Reason::ImageNotFound { image },
        Reason::ImageNotFound { image } => Reason::RegionNotAccepted { region: image.region.clone() },
        Reason::RegionNotAccepted { .. } => Reason::OwnerNotAccepted { owner: "123456789012".parse().unwrap() },
        Reason::OwnerNotAccepted { .. } => Reason::ImageRevoked(revoked()),
        Reason::ImageRevoked(_) => Reason::ContentRevoked(revoked()),
        Reason::ContentRevoked(_) => Reason::BuilderRevoked { builder: String::new(), revoked: revoked() },
        Reason::BuilderRevoked { .. } => Reason::EvidenceRevoked { sha256: digest(), revoked: revoked() },
        Reason::EvidenceRevoked { .. } => Reason::ReceiptMissing { problem: String::new() },
        Reason::ReceiptMissing { .. } => Reason::EvidenceAbsent { place: String::new() },
        Reason::EvidenceAbsent { .. } => Reason::defect(1, &Defect::SubjectDigest),
        Reason::EvidenceDefect { .. } => {
            Reason::EvidenceDiscounted { line: 1, discount: Discount::SignatureInvalid { authority: name() } }
        }
        Reason::EvidenceDiscounted { .. } => Reason::AuthorityKeyWithdrawn { authority: name(), state: String::new() },
        Reason::AuthorityKeyWithdrawn { authority, .. } => {
            Reason::AuthorityKeyChanged { authority: authority.clone(), pinned: digest(), found: digest() }
        }
        Reason::AuthorityKeyChanged { .. } => Reason::AttestationMissing { kind },
        Reason::AttestationMissing { .. } => Reason::AttestationAmbiguous { kind, found: 2 },
        Reason::AttestationAmbiguous { .. } => Reason::AttestationUnderThreshold { kind, found: 1, needed: 2 },
        Reason::AttestationUnderThreshold { .. } => Reason::AttestationNotNamed { kind },
        Reason::AttestationNotNamed { .. } => Reason::GateNotPassed { result: String::new() },
        Reason::GateNotPassed { .. } => Reason::ApprovalMismatch { approved: None, accepted: digest() },
        Reason::ApprovalMismatch { .. } => Reason::BuilderNotAccepted { builder: String::new() },
        Reason::BuilderNotAccepted { .. } => Reason::RepositoryNotAccepted { repository: None },
        Reason::RepositoryNotAccepted { .. } => Reason::BaseOwnerNotAccepted { owner: None },
        Reason::BaseOwnerNotAccepted { .. } => Reason::TestsNotPassed { passed: 1, skipped: 1, failed: 0 },
        Reason::TestsNotPassed { .. } => Reason::GateShort { shortfall: Shortfall::SbomEmpty },
        Reason::GateShort { .. } => Reason::PredicateMalformed { kind, problem: String::new() },
        Reason::PredicateMalformed { .. } => Reason::DescriptorMismatch { sealed: digest(), image: digest() },
        Reason::DescriptorMismatch { .. } => {
            Reason::TagMismatch { tag: String::new(), sealed: String::new(), found: String::new() }
        }
        Reason::TagMismatch { .. } => Reason::TagNotSealed { tag: String::new() },
        Reason::TagNotSealed { .. } => Reason::RootVolumeForeign {
            instance: "i-0123abcd".parse().unwrap(),
            volume: "vol-0123abcd".parse().unwrap(),
            origin: String::new(),
        },
        Reason::RootVolumeForeign { .. } => return None,
    })
}

fn shortfall_after(last: Option<&Shortfall>) -> Option<Shortfall> {
    let (at, text, limit) = (Timestamp::UNIX_EPOCH, String::new, String::new());
    let [id, package, version] = [text(), text(), text()];
    let Some(last) = last else { return Some(Shortfall::SbomEmpty) };
    Some(match last {
        Shortfall::SbomEmpty => Shortfall::SbomOfAnotherRun { run: text(), found: text() },
        Shortfall::SbomOfAnotherRun { .. } => Shortfall::ScanOfAnotherSource { scan: text(), sbom: text() },
        Shortfall::ScanOfAnotherSource { .. } => Shortfall::ScanOfAnotherDistribution { scan: text(), sbom: text() },
        Shortfall::ScanOfAnotherDistribution { .. } => Shortfall::ScanOfNothing { why: text() },
        Shortfall::ScanOfNothing { .. } => Shortfall::PackagesNotInSbom { count: 1, example: text() },
        Shortfall::PackagesNotInSbom { .. } => Shortfall::ScanBeforeSbom { scan: at, sbom: at },
        Shortfall::ScanBeforeSbom { .. } => Shortfall::SbomTimeAbsent,
        Shortfall::SbomTimeAbsent => Shortfall::ScanTimeAbsent,
        Shortfall::ScanTimeAbsent => Shortfall::InFuture { what: "scan", at, now: at },
        Shortfall::InFuture { .. } => Shortfall::ScanTooOld { at, limit },
        Shortfall::ScanTooOld { .. } => Shortfall::DatabaseAbsent,
        Shortfall::DatabaseAbsent => Shortfall::DatabaseInvalid { problem: text() },
        Shortfall::DatabaseInvalid { .. } => Shortfall::DatabaseTooOld { at, limit },
        Shortfall::DatabaseTooOld { .. } => Shortfall::DataAgeUnknown,
        Shortfall::DataAgeUnknown => Shortfall::DataTooOld { at, limit },
        Shortfall::DataTooOld { .. } => Shortfall::DistributionEndOfLife { distribution: text() },
        Shortfall::DistributionEndOfLife { .. } => Shortfall::DistributionLifeUnknown { distribution: text() },
        Shortfall::DistributionLifeUnknown { .. } => Shortfall::ScannerFilter { setting: text() },
        Shortfall::ScannerFilter { .. } => Shortfall::FindingHidden { id, package, version, by: text() },
        Shortfall::FindingHidden { .. } => {
            Shortfall::SeverityUnknown { id, package, version, said: text(), fixed: None }
        }
        Shortfall::SeverityUnknown { .. } => {
            let (severity, fail_on) = (Severity::High, Severity::High);
            Shortfall::FindingAtThreshold { severity, id, package, version, fail_on, fixed: None }
        }
        Shortfall::FindingAtThreshold { .. } => Shortfall::ExceptionExpired { id, package, owner: text(), expires: at },
        Shortfall::ExceptionExpired { .. } => {
            Shortfall::ExceptionTooLong { id, package, owner: text(), expires: at, limit }
        }
        Shortfall::ExceptionTooLong { .. } => return None,
    })
}

fn fault_after(last: Option<&Fault>) -> Option<Fault> {
    let problem = String::new();
    let Some(last) = last else { return Some(Fault::IdentityUnavailable { problem }) };
    Some(match last {
        Fault::IdentityUnavailable { .. } => Fault::ImageUnavailable { problem },
        Fault::ImageUnavailable { .. } => Fault::EvidenceUnavailable { problem },
        Fault::EvidenceUnavailable { .. } => Fault::KeyUnavailable { authority: name(), problem },
        Fault::KeyUnavailable { .. } => Fault::RevocationsUnavailable { problem },
        Fault::RevocationsUnavailable { .. } => {
            Fault::RevocationsStale { issued: Timestamp::UNIX_EPOCH, max_age: "1h".into() }
        }
        Fault::RevocationsStale { .. } => Fault::RevocationsInconsistent { problem },
        Fault::RevocationsInconsistent { .. } => Fault::ReceiptsUnavailable { problem },
        Fault::ReceiptsUnavailable { .. } => Fault::InstanceUnavailable { problem },
        Fault::InstanceUnavailable { .. } => Fault::InstanceInconsistent {
            instance: "i-0123abcd".parse().unwrap(),
            ec2: "ami-0123abcd".parse().unwrap(),
            group: "ami-0123abce".parse().unwrap(),
        },
        Fault::InstanceInconsistent { .. } => Fault::RootVolumeUnavailable { problem },
        Fault::RootVolumeUnavailable { .. } => {
            Fault::ClockBehind { now: Timestamp::UNIX_EPOCH, event: "", at: Timestamp::UNIX_EPOCH }
        }
        Fault::ClockBehind { .. } => Fault::PlaceUnavailable { problem },
        Fault::PlaceUnavailable { .. } => Fault::RecordUnavailable { problem },
        Fault::RecordUnavailable { .. } => {
            Fault::ClockBeforeSignedTime { now: Timestamp::UNIX_EPOCH, signed: Timestamp::UNIX_EPOCH }
        }
        Fault::ClockBeforeSignedTime { .. } => Fault::Internal { problem },
        Fault::Internal { .. } => return None,
    })
}

fn all<T>(after: fn(Option<&T>) -> Option<T>) -> Vec<T> {
    let mut list: Vec<T> = Vec::new();
    while let Some(next) = after(list.last()) {
        list.push(next);
    }
    list
}

fn reasons() -> Vec<Reason> {
    let mut reasons = all(reason_after);
    reasons.extend(all(defect_after).iter().map(|defect| Reason::defect(1, defect)));
    reasons.extend(all(discount_after).into_iter().map(|discount| Reason::EvidenceDiscounted { line: 1, discount }));
    reasons.extend(all(shortfall_after).into_iter().map(|shortfall| Reason::GateShort { shortfall }));
    reasons
}

#[test]
fn the_list_of_codes_is_what_can_be_returned() {
    let reasons = reasons();
    let faults = all(fault_after);
    let possible: BTreeSet<&str> = reasons.iter().map(Reason::code).chain(faults.iter().map(Fault::code)).collect();
    let listed: BTreeSet<&str> = CODES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(possible, listed);
    assert_eq!(CODES.len(), listed.len(), "each once");
}

#[test]
fn every_code_is_plain_and_says_what_it_means_and_what_to_do() {
    for (code, meaning, what_to_do) in CODES {
        assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{code}");
        assert!(meaning.len() > 10 && what_to_do.len() > 10, "{code}");
        assert_eq!(remedy(code), *what_to_do);
    }
    assert_eq!(remedy("no-such-code"), "");
}

#[test]
fn every_cause_says_something_and_is_an_object_in_reports() {
    for reason in reasons() {
        assert!(!reason.to_string().is_empty());
        assert!(serde_json::to_value(&reason).unwrap().is_object(), "{reason:?}");
    }
    for fault in all(fault_after) {
        assert!(!fault.to_string().is_empty());
        assert!(serde_json::to_value(&fault).unwrap().is_object(), "{fault:?}");
    }
}

#[test]
fn nothing_is_admitted_or_rejected_or_left_open_without_a_cause() {
    assert_eq!(Grounds::new(Vec::new()), None);
    assert_eq!(Reasons::new(Vec::new()), None);
    assert_eq!(Faults::new(Vec::new()), None);
    assert_eq!(Ground::of(Kind::Sbom, &[]), None);
}

#[test]
fn causes_are_sorted_and_said_once() {
    let mut list = reasons();
    list.extend(reasons());
    list.reverse();
    let sorted = Reasons::new(list).unwrap();
    assert!(sorted.as_slice().windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(sorted.as_slice().len(), reasons().into_iter().collect::<BTreeSet<_>>().len());
}

#[test]
fn what_is_said_of_a_line_of_the_evidence_names_it_and_nothing_else_does() {
    for reason in reasons() {
        let of_a_line = matches!(reason, Reason::EvidenceDefect { .. } | Reason::EvidenceDiscounted { .. });
        assert_eq!(reason.line(), of_a_line.then_some(1), "{reason:?}");
    }
    assert_eq!(Reason::defect(7, &Defect::SubjectDigest).line(), Some(7));
}

#[test]
fn a_fault_of_the_lists_is_of_nothing_else() {
    for fault in all(fault_after) {
        assert_eq!(fault.is_of_lists(), fault.code().starts_with("revocations-"), "{fault:?}");
    }
}

#[test]
fn what_is_of_a_time_may_lapse_and_what_may_stand_behind_it_and_nothing_else_does() {
    let may: BTreeSet<&str> = reasons().iter().filter(|one| one.may_lapse()).map(Reason::code).collect();
    let discounts = reasons().into_iter().filter(|one| matches!(one, Reason::EvidenceDiscounted { .. }));
    let mut of_bundles: BTreeSet<&str> = discounts.map(|one| one.code()).collect();
    assert!(of_bundles.remove("key-revoked") && !may.contains("key-revoked"), "no instant brings it back");
    let others: Vec<&str> = may.difference(&of_bundles).copied().collect();
    assert!(of_bundles.is_subset(&may));
    assert_eq!(
        others,
        [
            "attestation-missing",
            "attestation-under-threshold",
            "database-data-too-old",
            "database-too-old",
            "exception-expired",
            "scan-too-old",
        ]
    );
}
