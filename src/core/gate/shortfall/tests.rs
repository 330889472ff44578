use super::*;
use crate::{
    gate::{Database, Excepted, Found, Packages, Scanner},
    testing::inputs::now,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn good() -> Measurement {
    Measurement {
        fail_on: Severity::High,
        scanner: Scanner {
            uri: "pkg:github/anchore/grype".into(),
            version: "0.121.2".into(),
            finished: Some(at("2026-11-01T11:00:00Z")),
            database: Some(Database { built: at("2026-10-31T06:00:00Z"), captured: Some(at("2026-10-31T00:00:00Z")) }),
        },
        packages: Packages {
            source: "golden".into(),
            count: 3,
            distribution: Some("debian 12.15".into()),
            end_of_life: Some(false),
        },
        findings: vec![finding(Severity::Medium)],
        exceptions: vec![excepted("2026-11-20T00:00:00Z")],
    }
}

fn finding(severity: Severity) -> Found {
    Found { severity, id: "CVE-1".into(), package: "tar".into(), version: "1".into() }
}

fn excepted(expires: &str) -> Excepted {
    Excepted {
        id: "CVE-2".into(),
        package: "tar".into(),
        owner: "o".into(),
        justification: "j".into(),
        expires: at(expires),
        ticket: None,
        findings: vec![finding(Severity::High)],
    }
}

fn codes(measured: &Measurement, limits: &Limits, now: Timestamp) -> Vec<&'static str> {
    shortfalls(measured, limits, now).iter().map(Shortfall::code).collect()
}

#[test]
fn a_good_measurement_has_no_shortfalls() {
    assert!(codes(&good(), &Limits::BUILT_IN, now()).is_empty());
}

#[test]
fn what_is_absent_falls_short() {
    let limits = Limits::BUILT_IN;
    let mut scan = good();
    scan.scanner.finished = None;
    assert_eq!(codes(&scan, &limits, now()), ["scan-time-absent"]);
    let mut database = good();
    database.scanner.database = None;
    assert_eq!(codes(&database, &limits, now()), ["database-absent"]);
    let mut data = good();
    data.scanner.database.as_mut().unwrap().captured = None;
    assert_eq!(codes(&data, &limits, now()), ["database-data-age-unknown"]);
    let mut packages = good();
    packages.packages.count = 0;
    assert_eq!(codes(&packages, &limits, now()), ["sbom-empty"]);
}

#[test]
fn each_age_has_a_limit_of_its_own_and_ends_on_the_instant() {
    for (limits, end, code) in [
        (Limits { scan_age: Period::days(2), ..Limits::BUILT_IN }, "2026-11-03T11:00:00Z", "scan-too-old"),
        (Limits { database_age: Period::days(2), ..Limits::BUILT_IN }, "2026-11-02T06:00:00Z", "database-too-old"),
        (Limits { data_age: Period::days(2), ..Limits::BUILT_IN }, "2026-11-02T00:00:00Z", "database-data-too-old"),
    ] {
        let second = jiff::SignedDuration::from_secs(1);
        assert!(codes(&good(), &limits, at(end).saturating_sub(second).unwrap()).is_empty(), "{code}");
        assert_eq!(codes(&good(), &limits, at(end)), [code]);
        assert_eq!(until(&good(), &limits), Some(at(end)));
    }
}

#[test]
fn what_is_dated_after_now_falls_short() {
    for (change, now, count) in [("scan", "2026-11-01T10:59:59Z", 1), ("all", "2026-10-30T00:00:00Z", 3)] {
        assert_eq!(codes(&good(), &Limits::BUILT_IN, at(now)), vec!["input-in-future"; count], "{change}");
    }
    assert!(codes(&good(), &Limits::BUILT_IN, at("2026-11-01T11:00:00Z")).is_empty());
}

#[test]
fn a_stricter_consumer_rejects_what_the_producer_accepted() {
    let strict = Limits { fail_on: Severity::Medium, ..Limits::BUILT_IN };
    assert_eq!(codes(&good(), &strict, now()), ["finding-at-threshold"]);
    let laxer = Limits { fail_on: Severity::Critical, ..Limits::BUILT_IN };
    assert!(codes(&good(), &laxer, now()).is_empty());
}

#[test]
fn the_end_of_life_matters_where_the_limits_say_so() {
    let mut measured = good();
    measured.packages.end_of_life = Some(true);
    assert!(codes(&measured, &Limits::BUILT_IN, now()).is_empty());
    let strict = Limits { end_of_life: EndOfLife::Reject, ..Limits::BUILT_IN };
    assert_eq!(codes(&measured, &strict, now()), ["distribution-end-of-life"]);
    measured.packages.end_of_life = None;
    assert_eq!(codes(&measured, &strict, now()), ["distribution-life-unknown"]);
    assert!(codes(&measured, &Limits::BUILT_IN, now()).is_empty());
    assert!(codes(&good(), &strict, now()).is_empty());
}

#[test]
fn exceptions_end_and_must_not_reach_too_far() {
    let limits = Limits { exception_life: Period::days(10), ..Limits::BUILT_IN };
    let with = |expires| Measurement { exceptions: vec![excepted(expires)], ..good() };
    for (expires, found) in [
        ("2026-11-01T12:00:00Z", vec!["exception-expired"]),
        ("2026-11-01T12:00:01Z", vec![]),
        ("2026-11-11T12:00:00Z", vec![]),
        ("2026-11-11T12:00:01Z", vec!["exception-too-long"]),
    ] {
        assert_eq!(codes(&with(expires), &limits, now()), found, "{expires}");
    }
    assert_eq!(until(&with("2026-11-05T00:00:00Z"), &limits), Some(at("2026-11-05T00:00:00Z")));
}

proptest::proptest! {
    /// Whatever the ages and ends are: what passes now passes until the end that is promised, and not then.
    #[test]
    fn until_is_the_first_instant_that_falls_short(
        scan in 1..40i32, database in 1..40i32, data in 1..40i32, exception in 1..60i64,
    ) {
        let limits = Limits {
            scan_age: Period::days(scan), database_age: Period::days(database), data_age: Period::days(data),
            ..Limits::BUILT_IN
        };
        let day = jiff::SignedDuration::from_hours(24);
        let expires = now().saturating_add(day * i32::try_from(exception).unwrap()).unwrap();
        let measured = Measurement { exceptions: vec![excepted(&expires.to_string())], ..good() };
        if codes(&measured, &limits, now()).is_empty() {
            let end = until(&measured, &limits).unwrap();
            let before = end.saturating_sub(jiff::SignedDuration::from_nanos(1)).unwrap();
            proptest::prop_assert!(codes(&measured, &limits, before).is_empty());
            proptest::prop_assert!(!codes(&measured, &limits, end).is_empty());
        }
    }
}
