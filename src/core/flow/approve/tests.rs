use futures_executor::block_on;

use super::*;
use crate::{
    flow::gate,
    policy::approvals,
    scan::Severity,
    testing::{
        images::descriptor,
        inputs::{excepted, found, now},
        ports::FakeSigner,
        sealing::{Files, gated},
    },
};

fn written(files: &Files) -> serde_json::Value {
    let (policy, _) = gated();
    serde_json::to_value(gate(&files.material, Some(&policy), None, now()).0).unwrap()
}

fn read(json: &serde_json::Value) -> Result<GateFile, GateFileFault> {
    GateFile::parse(&serde_json::to_vec(json).unwrap())
}

fn accepting() -> Files {
    let matches = [
        found("CVE-1", "tar", "1.34", "Low"),
        found("CVE-2", "bash", "5.2", "Medium"),
        found("CVE-3", "openssl", "3.0.20", "High"),
    ];
    Files::of(&matches, Some(&excepted("CVE-3", "openssl", "2026-11-30")))
}

#[test]
fn what_gate_writes_is_read_and_its_digest_is_what_sign_expects() {
    let files = accepting();
    let file = read(&written(&files)).unwrap();
    let (policy, _) = gated();
    assert_eq!(file.policy(), Some(policy.digest()));
    assert!(file.approval_needed());
    let mut json = written(&files);
    json["approvalNeeded"] = false.into();
    json["images"] = serde_json::to_value([descriptor().image()]).unwrap();
    let other = read(&json).unwrap();
    assert!(!other.approval_needed() && file.images().is_empty());
    assert_eq!(other.images(), [descriptor().image()]);
    let expected = files.passed(&policy).accepted_risks(&descriptor()).unwrap();
    assert_eq!(file.accepted_risks(&descriptor()).unwrap(), expected);
}

#[test]
fn what_failed_or_was_made_without_a_policy_cannot_be_approved() {
    let mut failed = written(&accepting());
    failed["passed"] = false.into();
    assert!(matches!(read(&failed), Err(GateFileFault::Failed)));
    let mut bare = written(&accepting());
    bare["inputs"]["policy"] = serde_json::Value::Null;
    assert!(matches!(read(&bare), Err(GateFileFault::WithoutPolicy)));
    let mut other = written(&accepting());
    other["schema"] = "goldseal/verify/v1".into();
    assert!(matches!(read(&other), Err(GateFileFault::Schema(_))));
    for text in ["", "[]", "{}", "x"] {
        assert!(matches!(GateFile::parse(text.as_bytes()), Err(GateFileFault::Json(_))), "{text}");
    }
}

#[test]
fn a_list_that_somebody_shortened_is_another_list() {
    let mut shortened = written(&accepting());
    shortened["measurement"]["findings"].as_array_mut().unwrap().pop();
    let (policy, _) = gated();
    let expected = accepting().passed(&policy).accepted_risks(&descriptor()).unwrap();
    assert_ne!(read(&shortened).unwrap().accepted_risks(&descriptor()).unwrap(), expected);
}

#[test]
fn what_is_new_stands_first_and_a_new_version_of_a_package_is_not_new() {
    let file = read(&written(&accepting())).unwrap();
    let all = file.risks(None);
    assert!(!all.compared && all.findings.iter().all(|one| one.new) && all.exceptions.iter().all(|one| one.new));
    let (policy, _) = gated();
    let mut before = accepting().passed(&policy).measurement().clone();
    assert!(file.risks(Some(&before)).findings.iter().all(|one| !one.new));
    before.findings.retain(|one| one.id == "CVE-2");
    before.findings[0].version = "5.1".into();
    before.exceptions[0].justification = "another reason".into();
    let risks = file.risks(Some(&before));
    let findings: Vec<(&str, bool)> = risks.findings.iter().map(|one| (one.risk.id.as_str(), one.new)).collect();
    assert_eq!(findings, [("CVE-1", true), ("CVE-2", false)], "the new one goes first, though it is less severe");
    assert_eq!(risks.findings[1].risk.severity, Severity::Medium);
    assert!(risks.exceptions[0].new && risks.compared, "what its owner says is another thing now");
}

#[test]
fn a_severity_that_rose_is_new_and_one_that_fell_is_not() {
    let file = read(&written(&accepting())).unwrap();
    let (policy, _) = gated();
    let passed = accepting().passed(&policy);
    for (severity, new) in [(Severity::Negligible, true), (Severity::Low, false), (Severity::Medium, false)] {
        let mut before = passed.measurement().clone();
        before.findings.iter_mut().filter(|one| one.id == "CVE-1").for_each(|one| one.severity = severity);
        let risks = file.risks(Some(&before));
        let found = risks.findings.iter().find(|one| one.risk.id == "CVE-1").unwrap();
        assert_eq!(found.new, new, "{severity}");
    }
    let mut before = passed.measurement().clone();
    before.exceptions[0].findings[0].severity = Severity::Medium;
    assert!(file.risks(Some(&before)).exceptions[0].new, "the exception covers more than it did");
    before.exceptions[0].findings[0].severity = Severity::Critical;
    assert!(!file.risks(Some(&before)).exceptions[0].new, "it covers less than it did");
}

#[test]
fn new_exceptions_stand_before_those_that_end_sooner() {
    let given = [excepted("CVE-3", "openssl", "2026-11-20"), excepted("CVE-2", "bash", "2026-11-30")].concat();
    let matches = [found("CVE-2", "bash", "5.2", "High"), found("CVE-3", "openssl", "3.0.20", "High")];
    let files = Files::of(&matches, Some(&given));
    let file = read(&written(&files)).unwrap();
    let ids = |risks: Risks| {
        let one = |one: Risk<Excepted>| (one.new, one.risk.findings[0].id.clone());
        risks.exceptions.into_iter().map(one).collect::<Vec<_>>()
    };
    let (sooner, later) = ("CVE-3".to_owned(), "CVE-2".to_owned());
    assert_eq!(ids(file.risks(None)), [(true, sooner.clone()), (true, later.clone())]);
    let (policy, _) = gated();
    let mut before = files.passed(&policy).measurement().clone();
    before.exceptions.retain(|one| one.findings[0].id == "CVE-3");
    assert_eq!(ids(file.risks(Some(&before))), [(true, later), (false, sooner)]);
}

#[test]
fn an_approval_counts_for_its_image_and_its_list() {
    let file = read(&written(&accepting())).unwrap();
    let images = [descriptor()];
    let approving =
        Approving { gate: &file, images: &images, risks: file.risks(None), approver: "boss@example.com", now: now() };
    let (bundles, report) = block_on(approve(&approving, &FakeSigner::new(2))).unwrap();
    assert!(report.signed);
    let (policy, keys) = gated();
    let accepted = report.images[0].accepted_risks;
    let found = approvals(&policy, &keys, &bundles, descriptor().digest(), accepted, now()).unwrap();
    assert_eq!(found.statements, [(1, report.images[0].statement.unwrap())]);
    let other = Sha256Digest::of(b"other");
    assert!(approvals(&policy, &keys, &bundles, other, accepted, now()).is_err(), "of another image");
    assert!(approvals(&policy, &keys, &bundles, descriptor().digest(), other, now()).is_err(), "of another list");
}
