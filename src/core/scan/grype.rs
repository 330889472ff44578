//! Grype's JSON report, of every database generation: flat status (schema 5, and early 6) and nested status.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Database, Finding, Scan, ScanFault, Scanner};
use crate::bounded::{self, Limits};

/// Real reports of whole machines stay below 30 MB.
const LIMITS: Limits = Limits { bytes: 128 << 20, depth: 64 };

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    matches: Vec<Match>,
    #[serde(default)]
    ignored_matches: Option<Vec<Match>>,
    descriptor: Descriptor,
}

#[derive(Deserialize)]
struct Match {
    vulnerability: Vulnerability,
    artifact: Artifact,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: String,
    severity: Option<String>,
}

#[derive(Deserialize)]
struct Artifact {
    name: String,
    version: String,
    purl: Option<String>,
}

#[derive(Deserialize)]
struct Descriptor {
    version: String,
    db: Option<Status>,
    timestamp: Option<Timestamp>,
}

/// Flat, or one level down under `status`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status: Option<Box<Self>>,
    built: Option<Timestamp>,
    schema_version: Option<serde_json::Value>,
    valid: Option<bool>,
    error: Option<serde_json::Value>,
}

pub(super) fn parse(report: &[u8]) -> Result<Scan, ScanFault> {
    let report: Report = bounded::json(report, LIMITS).map_err(ScanFault::Json)?;
    let status = report.descriptor.db.ok_or(ScanFault::NoDatabase)?;
    let status = match status.status {
        Some(nested) => *nested,
        None => status,
    };
    let said = status.error.filter(|error| !error.is_null() && error.as_str() != Some(""));
    if status.valid == Some(false) || said.is_some() {
        return Err(ScanFault::BadDatabase(said.map_or_else(|| "valid: false".to_owned(), |error| error.to_string())));
    }
    let schema =
        status.schema_version.map(|version| version.as_str().map_or_else(|| version.to_string(), str::to_owned));
    let found = report.matches.into_iter().map(|found| finding(found, false));
    let ignored = report.ignored_matches.unwrap_or_default().into_iter().map(|found| finding(found, true));
    Ok(Scan {
        scanner: Scanner::Grype,
        version: report.descriptor.version,
        database: Database { schema, built: status.built.ok_or(ScanFault::NoDatabase)? },
        finished: report.descriptor.timestamp,
        findings: found.chain(ignored).collect(),
    })
}

fn finding(found: Match, ignored: bool) -> Finding {
    let Match { vulnerability, artifact } = found;
    Finding {
        id: vulnerability.id,
        severity: vulnerability.severity.filter(|severity| !severity.is_empty()),
        package: artifact.name,
        version: artifact.version,
        purl: artifact.purl.filter(|purl| !purl.is_empty()),
        ignored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: &str = r#"{"vulnerability":{"id":"CVE-1","severity":"High"},
        "artifact":{"name":"openssl","version":"3.0","purl":"pkg:deb/debian/openssl@3.0"}}"#;

    fn scan(db: &str, more: &str) -> Result<Scan, ScanFault> {
        parse(
            format!(r#"{{"matches":[{FOUND}]{more},"descriptor":{{"name":"grype","version":"0.121","db":{db}}}}}"#)
                .as_bytes(),
        )
    }

    #[test]
    fn every_generation_of_the_database_status_is_read() {
        for (db, schema) in [
            (r#"{"built":"2026-11-01T00:00:00Z","schemaVersion":5,"location":"x","error":null}"#, "5"),
            (r#"{"built":"2026-11-01T00:00:00Z","schemaVersion":"v6.0.0","error":""}"#, "v6.0.0"),
            (
                r#"{"status":{"schemaVersion":"v6.1.9","built":"2026-11-01T00:00:00Z","valid":true},"providers":{}}"#,
                "v6.1.9",
            ),
        ] {
            let scan = scan(db, "").unwrap();
            assert_eq!(scan.database.schema.as_deref(), Some(schema));
            assert_eq!(scan.findings[0].severity.as_deref(), Some("High"));
        }
    }

    #[test]
    fn a_report_without_a_good_database_is_refused() {
        assert_eq!(scan("null", ""), Err(ScanFault::NoDatabase));
        assert_eq!(scan("{}", ""), Err(ScanFault::NoDatabase));
        for bad in [r#""valid":false"#, r#""error":"stale""#] {
            let db = format!(r#"{{"status":{{"built":"2026-11-01T00:00:00Z",{bad}}}}}"#);
            assert!(matches!(scan(&db, ""), Err(ScanFault::BadDatabase(_))), "{bad}");
        }
    }

    #[test]
    fn ignored_findings_and_absent_severities_are_kept() {
        let hidden = r#","ignoredMatches":[{"vulnerability":{"id":"CVE-2"},"artifact":{"name":"a","version":"1"}}]"#;
        let scan = scan(r#"{"built":"2026-11-01T00:00:00Z"}"#, hidden).unwrap();
        assert_eq!((scan.findings[1].ignored, scan.findings[1].severity.as_deref()), (true, None));
    }

    #[test]
    fn a_table_is_not_a_report() {
        assert!(matches!(parse(b"NAME  INSTALLED  FIXED-IN\n"), Err(ScanFault::Json(_))));
    }
}
