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
    version: &'a str,
    db: Database<'a>,
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

/// Writes a scan as a predicate. Findings that the scanner was told to ignore are written too, and marked.
pub fn vulns(scan: &Scan) -> impl Serialize + '_ {
    Vulns {
        scanner: Scanner {
            uri: scan.scanner.uri(),
            version: &scan.version,
            db: Database { version: scan.database.schema.as_deref(), last_update: scan.database.built },
            result: scan.findings.iter().map(entry).collect(),
        },
        metadata: Metadata { scan_started_on: scan.finished, scan_finished_on: scan.finished },
    }
}

fn entry(finding: &Finding) -> Entry<'_> {
    Entry {
        id: &finding.id,
        severity: finding.severity.iter().map(|score| Severity { method: "scanner", score }).collect(),
        annotations: [Annotation {
            package: &finding.package,
            version: &finding.version,
            purl: finding.purl.as_deref(),
            ignored: finding.ignored,
        }],
    }
}
