use std::slice::from_ref;

use super::*;
use crate::scan::{Database, Distro, Source};

fn with(more: &str) -> Scan {
    scan(&format!("{{{more},{}", &TRIVY[1..]))
}

fn found(from: &str, to: &str) -> Vec<Finding> {
    let text = TRIVY.replacen(from, to, 1);
    assert_ne!(text, TRIVY);
    scan(&text).findings
}

#[test]
fn what_a_report_says_of_itself_is_read() {
    let plain = scan(TRIVY);
    assert_eq!((plain.version.as_str(), plain.finished, plain.distro, plain.database), ("", None, None, None));
    assert_eq!((plain.filters, plain.hidden_by_default), (Vec::new(), 0));
    assert_eq!(plain.source, Some(Source { kind: "filesystem".into(), name: "root".into() }));
    let time = "2026-11-23T08:58:29.82753744Z";
    let said = with(&format!(r#""CreatedAt":"{time}","Trivy":{{"Version":"0.74.0"}}"#));
    assert_eq!((said.finished, said.version.as_str()), (Some(at(time)), "0.74.0"));
    for (from, to, kind, name) in
        [(r#""ArtifactName":"root","#, "", "filesystem", ""), (r#""ArtifactType":"filesystem","#, "", "", "root")]
    {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        assert_eq!(scan(&TRIVY.replace(from, to)).source, Some(Source { kind, name }));
    }
    let nameless = TRIVY.replace(r#""ArtifactName":"root","ArtifactType":"filesystem","#, "");
    assert_eq!(scan(&nameless).source, None);
}

#[test]
fn a_distribution_has_a_name_and_may_be_dead() {
    let distro = |os: &str| with(&format!("\"Metadata\":{{\"OS\":{os}}}")).distro;
    let debian = |end_of_life| Some(Distro { name: "debian".into(), version: "10.13".into(), end_of_life });
    assert_eq!(distro(r#"{"Family":"debian","Name":"10.13"}"#), debian(None));
    assert_eq!(distro(r#"{"Family":"debian","Name":"10.13","EOSL":false}"#), debian(Some(false)));
    assert_eq!(distro(r#"{"EOSL":true,"Family":"debian","Name":"10.13"}"#), debian(Some(true)));
    for none in ["null", "{}", r#"{"Name":"10"}"#, r#"{"Family":"","Name":"10"}"#, r#"{"Family":"none"}"#] {
        assert_eq!(distro(none), None, "{none}");
    }
    assert_eq!((with("\"Metadata\":{}").distro, with("\"Metadata\":null").distro), (None, None));
}

#[test]
fn severities_fixes_and_purls_are_read_as_far_as_they_are_there() {
    for (severity, said) in [("\"\"", None), ("null", None), ("\"UNKNOWN\"", Some("UNKNOWN"))] {
        let finding = found("\"HIGH\"", severity).remove(0);
        assert_eq!((finding.severity, finding.said.as_deref()), (Severity::Unknown, said));
    }
    assert_eq!(found(r#","Severity":"HIGH""#, "")[0].severity, Severity::Unknown);
    for (fixed, first) in [("\"3.1\"", Some("3.1")), ("\" 3.1, 4.0\"", Some("3.1")), ("\"\"", None), ("null", None)] {
        let finding = found("\"Severity\"", &format!("\"FixedVersion\":{fixed},\"Severity\"")).remove(0);
        assert_eq!(finding.fixed.as_deref(), first, "{fixed}");
    }
    for (from, to) in [
        (r#","PkgIdentifier":{"PURL":"pkg:deb/debian/openssl@3.0"}"#, ""),
        (r#"{"PURL":"pkg:deb/debian/openssl@3.0"}"#, "{}"),
        (r#""pkg:deb/debian/openssl@3.0""#, "\"\""),
    ] {
        assert_eq!(found(from, to)[0].purl, None, "{to}");
    }
    let bare = found(r#""VulnerabilityID":"CVE-1","PkgName":"openssl","#, "");
    assert_eq!((bare[0].id.as_str(), bare[0].package.as_str(), bare[0].severity), ("", "", Severity::High));
}

#[test]
fn all_results_count_and_those_without_findings_are_results() {
    let two = found(
        "\"Results\":[",
        r#""Results":[{"Target":"a"},{"Vulnerabilities":null,"Packages":[{"Name":"x"}]},
        {"Vulnerabilities":[{"VulnerabilityID":"CVE-2","PkgName":"b"},{"VulnerabilityID":"CVE-3","PkgName":"b"}]},"#,
    );
    let ids: Vec<&str> = two.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["CVE-2", "CVE-3", "CVE-1"]);
    assert_eq!(scan(r#"{"SchemaVersion":2,"Results":[]}"#).findings, []);
}

#[test]
fn suppressed_vulnerabilities_are_findings_that_say_what_hid_them() {
    let hidden = |modified: &str| {
        let text = TRIVY.replacen("\"Vulnerabilities\"", &format!("{modified},\"Vulnerabilities\""), 1);
        let hidden = scan(&text).findings.into_iter().filter_map(|one| Some((one.id, one.severity, one.hidden?)));
        hidden.collect::<Vec<_>>()
    };
    let one = r#"{"Type":"vulnerability","Status":"ignored","Statement":"not now","Source":".trivyignore",
        "Finding":{"VulnerabilityID":"CVE-9","PkgName":"libbar","InstalledVersion":"2.0","Severity":"MEDIUM"}}"#;
    let told = ("CVE-9".to_owned(), Severity::Medium, "ignored, .trivyignore, not now".to_owned());
    for key in ["ExperimentalModifiedFindings", "ModifiedFindings"] {
        assert_eq!(hidden(&format!("\"{key}\":[{one}]")), from_ref(&told));
    }
    for other in [
        r#"{"Type":"license","Status":"ignored","Finding":{"PkgName":"gpl","Severity":"HIGH","Name":"GPL-3.0"}}"#,
        r#"{"Type":"secret","Status":"ignored","Finding":{"RuleID":"aws","Severity":"CRITICAL"}}"#,
    ] {
        assert_eq!(hidden(&format!("\"ExperimentalModifiedFindings\":[{other},{one}]")), from_ref(&told), "{other}");
    }
    let nameless = ("".to_owned(), Severity::Unknown, "something that the report does not name".to_owned());
    for bare in [r#"{"Type":"vulnerability","Finding":{}}"#, r#"{"Status":"","Finding":{}}"#] {
        assert_eq!(hidden(&format!("\"ExperimentalModifiedFindings\":[{bare}]")), from_ref(&nameless), "{bare}");
    }
    let mistyped = one.replace("\"vulnerability\"", "\"package\"");
    assert_eq!(hidden(&format!("\"ExperimentalModifiedFindings\":[{mistyped}]")), [told]);
    assert_eq!(hidden("\"ExperimentalModifiedFindings\":null"), []);
    let finding_less = r#""ExperimentalModifiedFindings":[{"Type":"vulnerability"}]"#;
    let text = TRIVY.replacen("\"Vulnerabilities\"", &format!("{finding_less},\"Vulnerabilities\""), 1);
    assert!(matches!(fault(&text), ScanFault::Read(StreamFault::Json(JsonFault::Shape(_)))));
}

#[test]
fn the_database_is_what_trivy_version_says() {
    let said = r#"{"Version":"0.70.0","VulnerabilityDB":{"Version":2,"NextUpdate":"2026-09-07T19:00:00Z",
        "UpdatedAt":"2026-09-06T19:00:00Z","DownloadedAt":"2026-09-06T20:00:00Z"}}"#;
    let day = at("2026-09-06T19:00:00Z");
    let expected = Database { schema: Some("2".into()), built: day, captured: Some(day), problem: None };
    assert_eq!(read_database(said.as_bytes()).unwrap(), expected);
    let schemaless = read_database(said.replace("\"Version\":2,", "").as_bytes()).unwrap();
    assert_eq!(schemaless, Database { schema: None, ..expected });
    for none in [r#"{"Version":"0.70.0"}"#, r#"{"VulnerabilityDB":null}"#, TRIVY] {
        let found = read_database(none.as_bytes()).unwrap_err();
        assert!(matches!(found, ScanFault::Missing("VulnerabilityDB")), "{none}: {found:?}");
    }
    for (from, to) in [("\"UpdatedAt\"", "\"Updated\""), ("\"2026-09-06T19:00:00Z\"", "\"\"")] {
        let found = read_database(said.replace(from, to).as_bytes()).unwrap_err();
        assert!(matches!(found, ScanFault::Read(StreamFault::Json(JsonFault::Shape(_)))), "{found:?}");
    }
    let text = read_database("Version: 0.70.0\nVulnerability DB:\n".as_bytes()).unwrap_err();
    assert!(matches!(text, ScanFault::Text { .. }));
}
