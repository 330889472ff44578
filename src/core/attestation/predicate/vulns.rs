//! A scan → the in-toto vulnerability predicate ([vulns v0.2]).
//!
//! [vulns v0.2]: https://github.com/in-toto/attestation/blob/main/spec/predicates/vulns_02.md

use jiff::Timestamp;
use serde::Serialize;

use crate::scan::{Finding, Scan};

/// The predicate type.
pub const VULNS_TYPE: &str = "https://in-toto.io/attestation/vulns/v0.2";

#[derive(Serialize)]
struct Vulns<'a> {
    scanner: Scanner<'a>,
    metadata: Metadata,
}

#[derive(Serialize)]
struct Scanner<'a> {
    uri: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    db: Option<Database<'a>>,
    result: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Database<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    last_update: Timestamp,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    severity: Vec<Severity<'a>>,
    annotations: [Annotation<'a>; 1],
}

#[derive(Serialize)]
struct Severity<'a> {
    method: &'static str,
    score: &'a str,
}

#[derive(Serialize)]
struct Annotation<'a> {
    package: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ignored: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    scan_started_on: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scan_finished_on: Option<Timestamp>,
}

/// Writes a scan as a predicate. Findings that the scanner hid are written too, and marked.
pub fn vulns(scan: &Scan) -> impl Serialize + '_ {
    Vulns {
        scanner: Scanner {
            uri: scan.scanner.uri(),
            version: &scan.version,
            db: scan.database.as_ref().map(|db| Database { version: db.schema.as_deref(), last_update: db.built }),
            result: scan.findings.iter().map(entry).collect(),
        },
        metadata: Metadata { scan_started_on: scan.finished, scan_finished_on: scan.finished },
    }
}

fn entry(finding: &Finding) -> Entry<'_> {
    Entry {
        id: &finding.id,
        severity: finding.said.iter().map(|score| Severity { method: "scanner", score }).collect(),
        annotations: [Annotation {
            package: &finding.package,
            version: &finding.version,
            purl: finding.purl.as_deref(),
            ignored: finding.hidden.is_some(),
        }],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::scan::{self, Database as Db};

    const SCAN: &str = r#"{"matches":[{"vulnerability":{"id":"CVE-1","severity":"High"},
        "artifact":{"name":"openssl","version":"3.0","purl":"pkg:deb/debian/openssl@3.0"}}],"ignoredMatches":[
        {"vulnerability":{"id":"CVE-2"},"artifact":{"name":"zlib","version":"1"}}],
        "descriptor":{"name":"grype","version":"0.121","timestamp":"2026-11-02T00:00:00Z",
            "db":{"built":"2026-11-01T00:00:00Z","schemaVersion":5}}}"#;

    fn scan() -> Scan {
        scan::read(SCAN.as_bytes()).unwrap().value
    }

    fn written(scan: &Scan) -> Value {
        serde_json::to_value(vulns(scan)).unwrap()
    }

    #[test]
    fn what_was_found_is_written_with_what_was_hidden_marked() {
        let openssl = json!({"package": "openssl", "version": "3.0", "purl": "pkg:deb/debian/openssl@3.0"});
        let expected = json!({
            "scanner": {
                "uri": "pkg:github/anchore/grype",
                "version": "0.121",
                "db": {"version": "5", "lastUpdate": "2026-11-01T00:00:00Z"},
                "result": [
                    {"id": "CVE-1", "severity": [{"method": "scanner", "score": "High"}], "annotations": [openssl]},
                    {"id": "CVE-2", "severity": [], "annotations": [{"package": "zlib", "version": "1", "ignored": true}]},
                ],
            },
            "metadata": {"scanStartedOn": "2026-11-02T00:00:00Z", "scanFinishedOn": "2026-11-02T00:00:00Z"},
        });
        assert_eq!(written(&scan()), expected);
    }

    #[test]
    fn what_the_report_does_not_say_is_left_out() {
        let bare = Scan { database: None, finished: None, version: String::new(), findings: Vec::new(), ..scan() };
        let expected = json!({"scanner": {"uri": "pkg:github/anchore/grype", "result": []}, "metadata": {}});
        assert_eq!(written(&bare), expected);
        let database = scan().database.map(|database| Db { schema: None, ..database });
        let schemaless = written(&Scan { database, ..scan() });
        assert_eq!(schemaless["scanner"]["db"], json!({"lastUpdate": "2026-11-01T00:00:00Z"}));
    }
}
