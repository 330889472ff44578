//! A report's bytes → a [`Scan`], whichever scanner wrote it and in whatever order its keys stand.
//!
//! There is one wire type with the keys of both scanners, so that a report need not be read twice to know whose it is.

use std::io::Read;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Database, Finding, Scan, ScanFault, grype, instant, trivy};
use crate::bounded::{
    Limits,
    stream::{self, Streamed},
};

/// Real reports of whole machines stay below 30 MB.
const LIMITS: Limits = Limits { bytes: 128 << 20, depth: 64 };

#[derive(Debug, Deserialize)]
struct Report {
    #[serde(default, deserialize_with = "grype::matches")]
    matches: Option<Vec<Finding>>,
    #[serde(default, rename = "ignoredMatches", deserialize_with = "grype::ignored")]
    ignored: Option<grype::Ignored>,
    #[serde(default, rename = "alertsByPackage", deserialize_with = "grype::end_of_life")]
    end_of_life: Option<Option<grype::EndOfLife>>,
    source: Option<grype::Source>,
    distro: Option<grype::Distro>,
    descriptor: Option<grype::Descriptor>,
    #[serde(rename = "SchemaVersion")]
    schema_version: Option<u64>,
    #[serde(rename = "Trivy")]
    trivy: Option<trivy::Program>,
    #[serde(default, rename = "CreatedAt", deserialize_with = "instant::said")]
    created: Option<Timestamp>,
    #[serde(rename = "ArtifactName")]
    artifact_name: Option<String>,
    #[serde(rename = "ArtifactType")]
    artifact_type: Option<String>,
    #[serde(rename = "Metadata")]
    metadata: Option<trivy::Metadata>,
    #[serde(default, rename = "Results", deserialize_with = "trivy::results")]
    results: Option<Vec<Finding>>,
}

/// Reads a report of Grype or Trivy.
///
/// # Errors
/// See [`ScanFault`].
pub fn read(reader: impl Read) -> Result<Streamed<Scan>, ScanFault> {
    let Streamed { value: report, sha256, bytes } = stream::read::<Report>(reader, LIMITS)?;
    let value = match (report.matches.is_some() || report.descriptor.is_some(), report.schema_version) {
        (true, None) => report.of_grype()?,
        (false, Some(2)) => report.of_trivy()?,
        (false, Some(other)) => return Err(ScanFault::Generation(other)),
        (false, None) | (true, Some(_)) => return Err(ScanFault::Dialect),
    };
    Ok(Streamed { value, sha256, bytes })
}

/// Reads what `trivy version --format json` says of its database: when it was assembled, out of data of the same day.
///
/// # Errors
/// See [`ScanFault`].
pub fn read_database(reader: impl Read) -> Result<Database, ScanFault> {
    let program: trivy::Version = stream::read(reader, LIMITS)?.value;
    program.database().ok_or(ScanFault::Missing("VulnerabilityDB"))
}

impl Report {
    fn of_grype(self) -> Result<Scan, ScanFault> {
        let descriptor = self.descriptor.ok_or(ScanFault::Missing("descriptor"))?;
        let findings = self.matches.ok_or(ScanFault::Missing("matches"))?;
        let looked = descriptor.looked_for_end_of_life();
        grype::scan(descriptor, findings, self.ignored.unwrap_or_default()).map(|scan| Scan {
            source: self.source.map(grype::Source::named),
            distro: grype::distro(self.distro, self.end_of_life.flatten(), looked),
            ..scan
        })
    }

    fn of_trivy(self) -> Result<Scan, ScanFault> {
        let findings = self.results.ok_or(ScanFault::Missing("Results"))?;
        Ok(Scan {
            finished: self.created,
            source: trivy::source(self.artifact_type, self.artifact_name),
            distro: self.metadata.and_then(trivy::Metadata::distro),
            ..trivy::scan(self.trivy, findings)
        })
    }
}

#[cfg(test)]
mod tests;
