use super::*;
use crate::{
    policy::compile,
    testing::{
        gated::gated_policy,
        inputs::{SPDX, excepted, found, grype, material, now},
        keys::LocalKey,
        policies::compiled,
        sealing::{Files, gated},
    },
};

fn policy(more: &str) -> Policy {
    compiled(&gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), more))
}

fn low() -> Material {
    material(SPDX, &grype(&[found("CVE-1", "tar", "1.34", "Low")]), None)
}

fn origin<'r>(report: &'r GateReport, name: &str) -> (&'r str, &'static str) {
    let limit = report.limits.iter().find(|one| one.name == name).unwrap();
    (limit.value.as_str(), limit.origin)
}

#[test]
fn only_what_passed_under_a_policy_can_be_signed() {
    let (policy, _) = gated();
    let (report, passed) = gate(&low(), Some(&policy), None, now());
    assert!(report.passed && passed.is_some() && report.approval_needed);
    let (report, passed) = gate(&low(), None, Some(Threshold::High), now());
    assert!(report.passed && passed.is_none() && !report.approval_needed);
    assert_eq!(report.notes[0].code, "without-policy");
    let high = material(SPDX, &grype(&[found("CVE-1", "tar", "1.34", "High")]), None);
    let (report, passed) = gate(&high, Some(&policy), None, now());
    assert!(!report.passed && passed.is_none() && report.until.is_none());
    assert_eq!(report.failures[0].code, "finding-at-threshold");
}

#[test]
fn limits_say_where_they_come_from() {
    let policy = policy("[gate]\nfail_on = \"critical\"\nmax_scan_age = \"7d\"\n");
    let (report, _) = gate(&low(), Some(&policy), None, now());
    assert_eq!(origin(&report, "fail_on"), ("critical", "policy"));
    assert_eq!(origin(&report, "max_scan_age"), ("7d", "policy"));
    assert_eq!(origin(&report, "max_data_age"), ("30d", "built-in"));
    let (report, _) = gate(&low(), None, Some(Threshold::Critical), now());
    assert_eq!(origin(&report, "fail_on"), ("critical", "--fail-on"));
}

#[test]
fn beside_a_policy_fail_on_only_tightens() {
    let policy = policy("[gate]\nfail_on = \"medium\"\n");
    for (asked, value, origin_of, passes) in [
        (Threshold::Negligible, "negligible", "--fail-on", false),
        (Threshold::Low, "low", "--fail-on", false),
        (Threshold::Medium, "medium", "policy", true),
        (Threshold::High, "medium", "policy", true),
        (Threshold::Critical, "medium", "policy", true),
    ] {
        let (report, _) = gate(&low(), Some(&policy), Some(asked), now());
        assert_eq!((origin(&report, "fail_on"), report.passed), ((value, origin_of), passes), "{asked:?}");
        let laxer = matches!(asked, Threshold::High | Threshold::Critical);
        assert_eq!(report.notes.iter().any(|note| note.code == "fail-on-laxer"), laxer, "{asked:?}");
    }
}

#[test]
fn what_passed_bears_its_time_or_that_of_the_first_signer() {
    let (policy, _) = gated();
    let passed = gate(&low(), Some(&policy), None, now()).1.unwrap();
    assert_eq!(passed.at(), now());
    let before = now().saturating_sub(SignedDuration::from_hours(1)).unwrap();
    let measured = passed.measurement().clone();
    let dated = passed.dated(before);
    assert_eq!((dated.at(), dated.measurement()), (before, &measured));
}

#[test]
fn findings_in_kernel_headers_that_grype_leaves_out_are_said() {
    let rule = r#"{"appliedIgnoreRules":[{"package":{"name":"kernel-headers","type":"rpm","upstream-name":"kernel"},"match-type":"exact-indirect-match"}],"#;
    let ignored = found("CVE-1", "kernel-headers", "6", "High").replacen('{', rule, 1);
    for (ignored, said) in [(String::new(), false), (ignored, true)] {
        let scan = grype(&[]).replacen("\"matches\":[]", &format!("\"matches\":[],\"ignoredMatches\":[{ignored}]"), 1);
        let (report, _) = gate(&material(SPDX, &scan, None), None, None, now());
        assert_eq!(report.notes.iter().any(|note| note.code == "kernel-headers"), said, "{scan}");
    }
}

#[test]
fn exceptions_warn_fourteen_and_seven_days_ahead() {
    let high = grype(&[found("CVE-1", "tar", "1.34", "High")]);
    for (expires, within) in [
        ("2026-11-15T12:00:01Z", None),
        ("2026-11-15T12:00:00Z", Some(14)),
        ("2026-11-08T12:00:01Z", Some(14)),
        ("2026-11-08T12:00:00Z", Some(7)),
        ("2026-11-01T12:00:01Z", Some(7)),
        ("2026-11-01T12:00:00Z", None),
    ] {
        let given = material(SPDX, &high, Some(&excepted("CVE-1", "tar", expires)));
        let (report, _) = gate(&given, None, None, now());
        assert_eq!(report.exceptions[0].ends_within_days, within, "{expires}");
    }
}

#[test]
fn the_digest_of_accepted_risks_is_the_one_of_its_canonical_form() {
    let (policy, _) = gated();
    let files = Files::accepting();
    let passed = files.passed(&policy);
    let image = crate::testing::images::descriptor();
    let written = format!(
        r#"{{"accepted":{{"exceptions":[],"findings":[{{"id":"CVE-1","package":"tar","severity":"low","version":"1.34"}}]}},"exceptions":null,"image":"{}","policy":"{}","sbom":"{}","scan":"{}"}}"#,
        image.digest(),
        policy.digest(),
        files.material.sbom.sha256,
        files.material.scan.sha256
    );
    assert_eq!(passed.accepted_risks(&image).unwrap(), Sha256Digest::of(written.as_bytes()));
}

#[test]
fn the_same_policy_says_the_same_at_the_gate_and_of_its_result() {
    // What a consumer judges is the signed measurement; at every instant it must say what a new gate would.
    let text =
        gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), "[gate]\nmax_scan_age = \"9d\"\nmax_data_age = \"12d\"\n");
    let policy = compile("policy.toml", &text, &[].into()).unwrap();
    let given = material(
        SPDX,
        &grype(&[found("CVE-1", "tar", "1.34", "High"), found("CVE-2", "bash", "5.2", "Low")]),
        Some(&[excepted("CVE-1", "tar", "2026-11-05"), excepted("CVE-1", "pkg:deb/debian/tar", "2026-11-07")].concat()),
    );
    let (_, passed) = gate(&given, Some(&policy), None, now());
    let measured = passed.unwrap().measurement().clone();
    let hour = SignedDuration::from_hours(1);
    let mut instant = now();
    for _ in 0..24 * 20 {
        let again = gate(&given, Some(&policy), None, instant).0.passed;
        let signed = shortfalls(&measured, &policy.gate().limits, instant).is_empty();
        assert_eq!(again, signed, "{instant}");
        instant = instant.saturating_add(hour).unwrap();
    }
}
