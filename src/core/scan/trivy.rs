//! Trivy's JSON report of schema 2, and what `trivy version` says of its database.
//!
//! A report does not say with which flags it was made, and a finding that `--severity`, `--ignore-unfixed` or an ignore
//! file took away is in it only when `--show-suppressed` was given.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::{Database, Distro, Finding, Scan, Scanner, Severity, Source};
use crate::bounded::stream::fold;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Program {
    version: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    #[serde(rename = "OS")]
    os: Option<Os>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Os {
    family: Option<String>,
    name: Option<String>,
    #[serde(rename = "EOSL")]
    end_of_life: Option<bool>,
}

impl Metadata {
    /// Returns the distribution; Trivy writes `none` when it found none.
    pub(super) fn distro(self) -> Option<Distro> {
        let os = self.os?;
        let name = os.family.filter(|family| !matches!(family.as_str(), "" | "none"))?;
        Some(Distro { name, version: os.name.unwrap_or_default(), end_of_life: os.end_of_life })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Results {
    #[serde(default, deserialize_with = "vulnerabilities")]
    vulnerabilities: Option<Vec<Finding>>,
    #[serde(
        default,
        rename = "ExperimentalModifiedFindings",
        alias = "ModifiedFindings",
        deserialize_with = "modified"
    )]
    modified: Option<Vec<Finding>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vulnerability {
    #[serde(default, rename = "VulnerabilityID")]
    id: String,
    #[serde(default)]
    pkg_name: String,
    installed_version: Option<String>,
    pkg_identifier: Option<Identifier>,
    fixed_version: Option<String>,
    severity: Option<String>,
}

#[derive(Deserialize)]
struct Identifier {
    #[serde(rename = "PURL")]
    purl: Option<String>,
}

impl Vulnerability {
    fn finding(self, hidden: Option<String>) -> Finding {
        let said = self.severity.filter(|said| !said.is_empty());
        let fixed = self.fixed_version.as_deref().and_then(|all| all.split(',').next()).map(str::trim);
        Finding {
            id: self.id,
            severity: Severity::of(said.as_deref()),
            said,
            package: self.pkg_name,
            version: self.installed_version.unwrap_or_default(),
            purl: self.pkg_identifier.and_then(|of| of.purl).filter(|purl| !purl.is_empty()),
            fixed: fixed.filter(|fixed| !fixed.is_empty()).map(str::to_owned),
            hidden,
        }
    }
}

/// Takes `Results`: one entry per file or package manager, each with its findings.
pub(super) fn results<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Finding>>, D::Error> {
    fold(deserializer, Vec::new(), |findings, one: Results| {
        findings.extend([one.vulnerabilities, one.modified].into_iter().flatten().flatten());
    })
}

fn vulnerabilities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Finding>>, D::Error> {
    fold(deserializer, Vec::new(), |findings, one: Vulnerability| findings.push(one.finding(None)))
}

/// What an ignore file or VEX took out of a result. Secrets, licences and misconfigurations are none of the gate's.
fn modified<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Finding>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Modified {
        #[serde(rename = "Type")]
        kind: Option<String>,
        status: Option<String>,
        statement: Option<String>,
        source: Option<String>,
        finding: Vulnerability,
    }
    fold(deserializer, Vec::new(), |findings, one: Modified| {
        if one.finding.id.is_empty() && one.kind.is_some_and(|kind| kind != "vulnerability") {
            return;
        }
        let words = [one.status, one.source, one.statement].into_iter().flatten().filter(|said| !said.is_empty());
        let words: Vec<String> = words.collect();
        let nameless = "something that the report does not name".to_owned();
        let hidden = if words.is_empty() { nameless } else { words.join(", ") };
        findings.push(one.finding.finding(Some(hidden)));
    })
}

/// Returns what was scanned, when the report says anything of it.
pub(super) fn source(kind: Option<String>, name: Option<String>) -> Option<Source> {
    (kind.is_some() || name.is_some())
        .then(|| Source { kind: kind.unwrap_or_default(), name: name.unwrap_or_default() })
}

/// Makes what was found a scan, of nothing that has a name yet.
pub(super) fn scan(program: Option<Program>, findings: Vec<Finding>) -> Scan {
    Scan {
        scanner: Scanner::Trivy,
        version: program.and_then(|program| program.version).unwrap_or_default(),
        finished: None,
        database: None,
        source: None,
        distro: None,
        findings,
        filters: Vec::new(),
        hidden_by_default: 0,
    }
}

#[derive(Deserialize)]
pub(super) struct Version {
    #[serde(rename = "VulnerabilityDB")]
    database: Option<Db>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Db {
    version: Option<u64>,
    updated_at: Timestamp,
}

impl Version {
    pub(super) fn database(self) -> Option<Database> {
        self.database.map(|Db { version, updated_at }| Database {
            schema: version.map(|version| version.to_string()),
            built: updated_at,
            captured: Some(updated_at),
            problem: None,
        })
    }
}
