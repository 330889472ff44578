use super::*;
use crate::{
    gate::Limits,
    testing::inputs::{RUN, SPDX, excepted, exceptions_of, found, grype, now, sbom_of, scan_of},
};

/// What is evaluated, as text.
struct Case {
    sbom: String,
    scan: String,
    exceptions: String,
    run: Option<&'static str>,
    fail_on: Severity,
}

impl Case {
    fn of(matches: &[String]) -> Self {
        let (sbom, scan, exceptions) = (SPDX.to_owned(), grype(matches), String::new());
        Self { sbom, scan, exceptions, run: None, fail_on: Limits::BUILT_IN.fail_on }
    }

    fn with(self, exceptions: &[String]) -> Self {
        Self { exceptions: exceptions.concat(), ..self }
    }

    fn scan(self, from: &str, to: &str) -> Self {
        assert!(self.scan.contains(from), "{from}");
        Self { scan: self.scan.replacen(from, to, 1), ..self }
    }

    fn sbom(self, from: &str, to: &str) -> Self {
        assert!(self.sbom.contains(from), "{from}");
        Self { sbom: self.sbom.replace(from, to), ..self }
    }

    fn evaluate(&self) -> Evaluation {
        let (sbom, scan, exceptions) = (sbom_of(&self.sbom), scan_of(&self.scan), exceptions_of(&self.exceptions));
        let given = Given { sbom: &sbom, scan: &scan, exceptions: &exceptions, run: self.run, fail_on: self.fail_on };
        evaluate(&given, now())
    }

    fn codes(&self) -> Vec<&'static str> {
        self.evaluate().shortfalls.iter().map(Shortfall::code).collect()
    }

    fn standings(&self) -> Vec<Standing> {
        self.evaluate().exceptions.iter().map(|one| one.standing).collect()
    }
}

fn one(severity: &str) -> Case {
    Case::of(&[found("CVE-1", "openssl", "3.0.20", severity)])
}

#[test]
fn severities_at_the_threshold_and_above_fail_and_those_below_are_accepted() {
    for (severity, code) in [
        ("Critical", Some("finding-at-threshold")),
        ("High", Some("finding-at-threshold")),
        ("high", Some("finding-at-threshold")),
        ("Medium", None),
        ("Low", None),
        ("Negligible", None),
        ("Unknown", Some("severity-unknown")),
        ("", Some("severity-unknown")),
        ("Hgih", Some("severity-unknown")),
    ] {
        let case = one(severity);
        assert_eq!(case.codes(), Vec::from_iter(code), "{severity}");
        assert_eq!(case.evaluate().measurement.findings.len(), usize::from(code.is_none()), "{severity}");
    }
    let all = Case { fail_on: Severity::Negligible, ..one("Negligible") };
    assert_eq!(all.codes(), ["finding-at-threshold"]);
}

#[test]
fn an_absent_severity_fails() {
    let case = one("Low").scan(r#","severity":"Low""#, "");
    assert_eq!(case.codes(), ["severity-unknown"]);
}

#[test]
fn a_finding_that_stands_twice_counts_once() {
    let twice = [found("CVE-1", "tar", "1.34", "Low"), found("CVE-1", "tar", "1.34", "Low")];
    assert_eq!(Case::of(&twice).evaluate().measurement.findings.len(), 1);
}

#[test]
fn an_exception_covers_its_finding_until_it_ends() {
    for (expires, codes, standing) in [
        ("2026-11-30", vec![], Standing::Used),
        ("2026-11-01T12:00:01Z", vec![], Standing::Used),
        ("2026-11-01T12:00:00Z", vec!["finding-at-threshold", "exception-expired"], Standing::Expired),
        ("2026-10-31", vec!["finding-at-threshold", "exception-expired"], Standing::Expired),
    ] {
        let case = one("High").with(&[excepted("CVE-1", "openssl", expires)]);
        assert_eq!((case.codes(), case.standings()), (codes, vec![standing]), "{expires}");
    }
    let used = one("High").with(&[excepted("CVE-1", "openssl", "2026-11-30")]).evaluate().measurement;
    assert_eq!(used.exceptions[0].findings[0].id, "CVE-1");
    assert!(used.findings.is_empty());
}

#[test]
fn an_exception_also_covers_an_unknown_severity() {
    assert!(one("").with(&[excepted("CVE-1", "openssl", "2026-11-30")]).codes().is_empty());
}

#[test]
fn an_exception_of_another_vulnerability_or_package_covers_nothing() {
    for (id, package) in [("CVE-2", "openssl"), ("CVE-1", "tar"), ("cve-1", "openssl"), ("CVE-1", "openss")] {
        let case = one("High").with(&[excepted(id, package, "2026-11-30")]);
        assert_eq!((case.codes(), case.standings()), (vec!["finding-at-threshold"], vec![Standing::Unused]));
    }
}

#[test]
fn an_exception_for_what_passes_anyway_is_not_needed_and_accepts_nothing() {
    let case = one("Low").with(&[excepted("CVE-1", "openssl", "2026-11-30")]);
    assert_eq!(case.standings(), [Standing::NotNeeded]);
    let measured = case.evaluate().measurement;
    assert_eq!((measured.exceptions.len(), measured.findings.len()), (0, 1));
}

#[test]
fn of_two_exceptions_the_one_that_lasts_longer_holds() {
    let short = excepted("CVE-1", "openssl", "2026-11-10");
    let long = excepted("CVE-1", "pkg:deb/debian/openssl", "2026-11-20");
    for (entries, standings) in [
        ([short.clone(), long.clone()], [Standing::Overlapped, Standing::Used]),
        ([long, short], [Standing::Used, Standing::Overlapped]),
    ] {
        let case = one("High").with(&entries);
        assert_eq!((case.codes(), case.standings()), (vec![], standings.to_vec()));
        assert_eq!(case.evaluate().measurement.exceptions[0].package, "pkg:deb/debian/openssl");
    }
}

#[test]
fn an_exception_that_has_ended_is_told_so_beside_one_that_holds() {
    for ended in ["2026-10-31", "2026-11-01T12:00:00Z"] {
        let entries = [excepted("CVE-1", "openssl", ended), excepted("CVE-1", "pkg:deb/debian/openssl", "2026-11-20")];
        let case = one("High").with(&entries);
        assert_eq!((case.codes(), case.standings()), (vec![], vec![Standing::Expired, Standing::Used]), "{ended}");
    }
}

#[test]
fn an_exception_is_used_if_one_of_its_findings_needs_it() {
    for (older, newer) in [("Low", "High"), ("High", "Low")] {
        let findings = [("3.0.20", older), ("3.0.21", newer)];
        let findings = findings.map(|(version, severity)| found("CVE-1", "openssl", version, severity));
        let case = Case::of(&findings).with(&[excepted("CVE-1", "openssl", "2026-11-30")]);
        assert_eq!(case.standings(), [Standing::Used], "{older} {newer}");
    }
}

#[test]
fn one_exception_covers_several_packages_of_one_name_only() {
    let case = Case::of(&[found("CVE-1", "tar", "1.34", "High"), found("CVE-1", "bash", "5.2", "High")])
        .with(&[excepted("CVE-1", "tar", "2026-11-30")]);
    assert_eq!(case.codes(), ["finding-at-threshold"]);
}

#[test]
fn what_the_scanner_hid_fails_whatever_its_severity_and_exception() {
    let hidden = format!(
        r#""ignoredMatches":[{}],"source""#,
        found("CVE-1", "openssl", "3.0.20", "Low").replacen(
            '{',
            r#"{"appliedIgnoreRules":[{"vulnerability":"CVE-1","reason":"later"}],"#,
            1
        )
    );
    let case = Case::of(&[]).scan(r#""source""#, &hidden).with(&[excepted("CVE-1", "openssl", "2026-11-30")]);
    assert_eq!(case.codes(), ["finding-hidden"]);
    let filter = Case::of(&[]).scan(r#""ignore":[]"#, r#""ignore":[{"vulnerability":"CVE-1"}]"#);
    assert_eq!(filter.codes(), ["scanner-filter"]);
    assert_eq!(Case::of(&[]).scan(r#""ignore":[]"#, r#""only-fixed":true"#).codes(), ["scanner-filter"]);
}

#[test]
fn a_clean_scan_of_the_same_source_passes() {
    assert!(Case::of(&[]).codes().is_empty());
}

#[test]
fn a_scan_of_nothing_fails() {
    let nothing = Case::of(&[]).scan(r#"{"name":"debian","version":"12.15","idLike":[]}"#, "null");
    assert_eq!(nothing.codes(), ["scan-of-nothing"]);
    let nameless = Case::of(&[]).scan(r#""name":"debian","version":"12.15""#, r#""name":"","version":"""#);
    assert_eq!(nameless.codes(), ["scan-of-nothing"]);
    let sourceless = Case::of(&[]).scan(r#"{"type":"directory","target":"golden-base"}"#, "null");
    assert_eq!(sourceless.codes(), ["scan-of-nothing"]);
    // Findings in packages of a language do not show that the distribution was known.
    let found = one("Low").scan(r#"{"name":"debian","version":"12.15","idLike":[]}"#, "null");
    assert_eq!(found.codes(), ["scan-of-nothing"]);
}

#[test]
fn a_scan_of_something_else_fails() {
    let elsewhere = Case::of(&[]).scan("golden-base", "other-base");
    assert_eq!(elsewhere.codes(), ["scan-of-another-source"]);
    let release = one("Low").scan(r#""version":"12.15""#, r#""version":"11.9""#);
    assert_eq!(release.codes(), ["scan-of-another-distribution"]);
    let stranger = Case::of(&[found("CVE-1", "openssl", "1.1.1", "Low"), found("CVE-2", "curl", "8", "Low")]);
    let told = stranger.evaluate().shortfalls;
    assert_eq!(told, [Shortfall::PackagesNotInSbom { count: 2, example: "curl 8".into() }]);
    // Findings that are in the SBOM do not say that the rest of it was scanned.
    assert_eq!(one("Low").scan("golden-base", "/mnt").codes(), ["scan-of-another-source"]);
}

#[test]
fn the_sbom_must_carry_the_run_when_there_is_one() {
    assert!(Case { run: Some(RUN), ..one("Low") }.codes().is_empty());
    let other = Case { run: Some("11111111-f3db-9141-9a4d-bc97188e4d69"), ..one("Low") };
    assert_eq!(other.codes(), ["sbom-of-another-run"]);
    let named = Case { run: Some(RUN), ..one("Low") }
        .sbom(&format!(r#""versionInfo":"{RUN}""#), r#""versionInfo":"1""#)
        .sbom(r#""name":"golden-base""#, &format!(r#""name":"golden-base-{RUN}""#))
        .scan("golden-base", &format!("golden-base-{RUN}"));
    assert!(named.codes().is_empty());
}

#[test]
fn two_exceptions_on_one_line_are_two() {
    let entry = |id: &str, package: &str| {
        format!("{{id=\"{id}\",package=\"{package}\",owner=\"o\",justification=\"j\",expires=2026-11-30}}")
    };
    let line = format!("exception=[{},{}]", entry("CVE-1", "openssl"), entry("CVE-9", "nothing"));
    let case = one("High").with(&[line]);
    assert_eq!(case.standings(), [Standing::Used, Standing::Unused]);
    let used = case.evaluate().measurement.exceptions;
    assert_eq!((used.len(), used[0].id.as_str()), (1, "CVE-1"));
}

#[test]
fn an_sbom_without_a_time_fails() {
    assert_eq!(one("Low").sbom(r#""created":"2026-11-01T10:00:00Z","#, "").codes(), ["sbom-time-absent"]);
}

#[test]
fn nothing_but_kernel_headers_is_hidden_by_the_rules_about_them() {
    let rule = r#"{"appliedIgnoreRules":[{"package":{"name":"kernel-headers","type":"rpm","upstream-name":"kernel"},"match-type":"exact-indirect-match"}],"#;
    let hidden = |package: &str, version: &str| {
        let found = found("CVE-1", package, version, "High").replacen('{', rule, 1);
        Case::of(&[]).scan(r#""source""#, &format!(r#""ignoredMatches":[{found}],"source""#))
    };
    assert_eq!(hidden("tar", "1.34").codes(), ["finding-hidden"]);
    let headers = hidden("kernel-headers", "6").evaluate();
    assert_eq!((headers.shortfalls, headers.hidden_by_default), (Vec::new(), 1));
}

#[test]
fn a_run_is_carried_as_a_word() {
    for text in [RUN.to_owned(), format!("golden-base-{RUN}"), format!("x{RUN} {RUN}"), format!("{RUN}-0d7f")] {
        assert!(carries(&text, RUN), "{text}");
    }
    for text in [String::new(), RUN[1..].to_owned(), format!("{RUN}0"), format!("f{RUN}"), format!("é{RUN}")] {
        assert!(!carries(&text, RUN), "{text}");
    }
}

#[test]
fn a_scan_is_not_older_than_its_sbom() {
    assert!(one("Low").sbom("2026-11-01T10:00:00Z", "2026-11-01T11:00:00Z").codes().is_empty());
    assert_eq!(one("Low").sbom("2026-11-01T10:00:00Z", "2026-11-01T11:00:01Z").codes(), ["scan-before-sbom"]);
}

#[test]
fn a_database_that_calls_itself_invalid_fails() {
    assert_eq!(one("Low").scan(r#""valid":true"#, r#""valid":false"#).codes(), ["database-invalid"]);
}

#[test]
fn what_is_measured_is_what_the_inputs_say() {
    let measured = one("Low").evaluate().measurement;
    let packages = &measured.packages;
    assert_eq!((packages.source.as_str(), packages.count, packages.end_of_life), ("golden-base", 3, Some(false)));
    assert_eq!(packages.distribution.as_deref(), Some("debian 12.15"));
    let scanner = &measured.scanner;
    assert_eq!(scanner.finished, Some("2026-11-01T11:00:00Z".parse().unwrap()));
    let database = scanner.database.as_ref().unwrap();
    assert_eq!(database.built, "2026-10-31T06:00:00Z".parse().unwrap());
    assert_eq!(database.captured, Some("2026-10-31T00:00:00Z".parse().unwrap()));
}
