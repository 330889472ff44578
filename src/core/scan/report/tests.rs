mod grype;
mod trivy;

use super::*;
use crate::{
    bounded::{JsonFault, stream::StreamFault},
    digest::Sha256Digest,
    scan::{Scanner, Severity},
};

/// A report of Grype with one match, no database and no settings.
const GRYPE: &str = r#"{"matches":[{"vulnerability":{"id":"CVE-1","severity":"High"},
    "artifact":{"name":"openssl","version":"3.0","purl":"pkg:deb/debian/openssl@3.0"}}],
    "descriptor":{"name":"grype","version":"0.121.2"}}"#;

const TRIVY: &str = r#"{"SchemaVersion":2,"ArtifactName":"root","ArtifactType":"filesystem","Results":[
    {"Target":"root (debian 12)","Class":"os-pkgs","Vulnerabilities":[{"VulnerabilityID":"CVE-1","PkgName":"openssl",
    "InstalledVersion":"3.0","Severity":"HIGH","PkgIdentifier":{"PURL":"pkg:deb/debian/openssl@3.0"}}]}]}"#;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn scan(text: &str) -> Scan {
    read(text.as_bytes()).unwrap_or_else(|fault| panic!("{fault:?}: {text}")).value
}

fn fault(text: &str) -> ScanFault {
    read(text.as_bytes()).unwrap_err()
}

/// Writes the top keys of an object in the opposite order.
fn backwards(text: &str) -> String {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
    let keys: Vec<String> = object.iter().rev().map(|(key, value)| format!("{key:?}:{value}")).collect();
    format!("{{{}}}", keys.join(","))
}

#[test]
fn both_scanners_say_the_same_of_the_same_package() {
    let (grype, trivy) = (scan(GRYPE), scan(TRIVY));
    assert_eq!((grype.scanner, trivy.scanner), (Scanner::Grype, Scanner::Trivy));
    let openssl = Finding {
        id: "CVE-1".into(),
        severity: Severity::High,
        said: Some("High".into()),
        package: "openssl".into(),
        version: "3.0".into(),
        purl: Some("pkg:deb/debian/openssl@3.0".into()),
        fixed: None,
        hidden: None,
    };
    assert_eq!(trivy.findings, [Finding { said: Some("HIGH".into()), ..openssl.clone() }]);
    assert_eq!(grype.findings, [openssl]);
    assert_ne!(Scanner::Grype.uri(), Scanner::Trivy.uri());
}

#[test]
fn the_digest_is_that_of_the_file_and_the_order_of_its_keys_does_not_matter() {
    for text in [GRYPE, TRIVY] {
        let found = read(format!("{text}\n").as_bytes()).unwrap();
        assert_eq!(found.sha256, Sha256Digest::of(format!("{text}\n").as_bytes()));
        assert_eq!(found.bytes, text.len() as u64 + 1);
        assert_eq!(scan(&backwards(text)), found.value);
        assert_ne!(backwards(text), text);
    }
}

#[test]
fn a_table_saved_as_json_is_told_to_be_one() {
    for table in [
        "NAME     INSTALLED  FIXED IN  TYPE  VULNERABILITY  SEVERITY\nopenssl  3.0                  deb   CVE-1  High\n",
        "No vulnerabilities found\n",
        "\nroot (debian 12)\n================\nTotal: 1 (UNKNOWN: 0)\n",
        "\u{250c}\u{2500}\u{2500}\u{2510}\n",
        "<report/>",
        "openssl (deb)",
    ] {
        let ScanFault::Text { starts } = fault(table) else { panic!("{table}") };
        assert!(table.trim_start().starts_with(starts.as_str()) && starts.len() >= 9 || starts == table, "{starts}");
        let message = fault(table).to_string();
        assert!(message.contains("a table saved as a report?") && message.contains("grype -o json"), "{message}");
    }
    assert!(matches!(fault(""), ScanFault::Read(StreamFault::Empty)));
}

#[test]
fn documents_of_other_programs_are_no_reports() {
    for other in [
        "{}",
        "[]",
        r#"[{"Target":"root (debian 12)","Vulnerabilities":[]}]"#,
        r#"{"bomFormat":"CycloneDX","components":[]}"#,
        r#"{"spdxVersion":"SPDX-2.3","packages":[]}"#,
        r#"{"version":"2.1.0","runs":[{"results":[]}]}"#,
        r#"{"results":[],"summary":{"failed-count":0}}"#,
        r#"{"Results":[],"ArtifactName":"root"}"#,
        &format!("{{\"SchemaVersion\":2,{}", &GRYPE[1..]),
    ] {
        assert!(matches!(fault(other), ScanFault::Dialect), "{other}: {:?}", fault(other));
    }
    let syft = GRYPE.replace("\"grype\"", "\"syft\"");
    assert!(matches!(fault(&syft), ScanFault::OtherProgram(name) if name == "syft"));
    let nameless = GRYPE.replace(r#""name":"grype","#, "");
    assert!(matches!(fault(&nameless), ScanFault::OtherProgram(name) if name.is_empty()));
    for (other, found) in [("1", 1), ("3", 3)] {
        let text = TRIVY.replace("\"SchemaVersion\":2", &format!("\"SchemaVersion\":{other}"));
        assert!(matches!(fault(&text), ScanFault::Generation(generation) if generation == found));
    }
}

#[test]
fn a_report_that_does_not_say_what_was_found_is_refused() {
    let whole = r#""descriptor":{"name":"grype","version":"1"}"#;
    for (text, key) in [
        (format!("{{{whole}}}"), "matches"),
        (format!(r#"{{"matches":null,{whole}}}"#), "matches"),
        (r#"{"matches":[]}"#.to_owned(), "descriptor"),
        (r#"{"matches":[],"descriptor":null}"#.to_owned(), "descriptor"),
        (r#"{"SchemaVersion":2}"#.to_owned(), "Results"),
        (r#"{"SchemaVersion":2,"Results":null}"#.to_owned(), "Results"),
    ] {
        assert!(matches!(fault(&text), ScanFault::Missing(missing) if missing == key), "{text}: {:?}", fault(&text));
    }
    assert_eq!(scan(&format!(r#"{{"matches":[],{whole}}}"#)).findings, []);
}

#[test]
fn reports_are_read_as_strictly_as_evidence() {
    for (text, to) in [
        (GRYPE, GRYPE.replace("\"matches\"", "\"matches\":[],\"matches\"")),
        (GRYPE, GRYPE.replace("\"severity\"", "\"x\":{\"y\":1,\"y\":1},\"severity\"")),
        (TRIVY, TRIVY.replace("\"Severity\"", "\"Severity\":\"LOW\",\"Severity\"")),
    ] {
        assert_ne!(text, to);
        let found = fault(&to);
        assert!(matches!(&found, ScanFault::Read(StreamFault::Json(JsonFault::DuplicateKey { .. }))), "{found:?}");
    }
    let deep = GRYPE.replace("\"3.0\"", &format!("\"3.0\",\"x\":{}{}", "[".repeat(62), "]".repeat(62)));
    assert!(matches!(fault(&deep), ScanFault::Read(StreamFault::Json(JsonFault::TooDeep { limit: 64 }))));
    let cut = &GRYPE[..GRYPE.len() - 2];
    assert!(matches!(fault(cut), ScanFault::Read(StreamFault::Json(JsonFault::Syntax(_)))));
    for (text, from, to) in [
        (GRYPE, "\"id\":\"CVE-1\",", ""),
        (GRYPE, "\"name\":\"openssl\",", ""),
        (GRYPE, "\"High\"", "7"),
        (GRYPE, "\"descriptor\":{", "\"descriptor\":{\"timestamp\":\"yesterday\","),
        (GRYPE, "{\"vulnerability\"", "null,{\"vulnerability\""),
        (TRIVY, "\"SchemaVersion\":2", "\"SchemaVersion\":\"2\""),
    ] {
        assert_ne!(text.replace(from, to), text);
        let found = fault(&text.replace(from, to));
        assert!(matches!(&found, ScanFault::Read(StreamFault::Json(JsonFault::Shape(_)))), "{from}: {found:?}");
    }
}
