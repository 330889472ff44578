//! SBOMs, scans and exceptions as the real programs write them, cut to what is read.

#![expect(clippy::unwrap_used, reason = "fixtures that do not parse should stop the test")]

use jiff::Timestamp;

use crate::{
    digest::Sha256Digest,
    flow::Material,
    report::GateFiles,
    scan::{self, Exceptions, Sbom, Scan, exceptions, sbom},
};

/// The Packer run that [`SPDX`] names.
pub const RUN: &str = "60fe11a8-f3db-9141-9a4d-bc97188e4d69";

/// An SBOM with three packages.
pub const SPDX: &str = r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"golden-base",
    "documentNamespace":"https://anchore.com/syft/dir/golden-base-61d7544e",
    "creationInfo":{"created":"2026-11-01T10:00:00Z","creators":["Tool: syft-1.57.0"]},
    "packages":[
      {"SPDXID":"SPDXRef-1","name":"openssl","versionInfo":"3.0.20","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER",
        "referenceType":"purl","referenceLocator":"pkg:deb/debian/openssl@3.0.20?arch=amd64&distro=debian-12.15"}]},
      {"SPDXID":"SPDXRef-2","name":"tar","versionInfo":"1.34","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER",
        "referenceType":"purl","referenceLocator":"pkg:deb/debian/tar@1.34?arch=amd64&distro=debian-12.15"}]},
      {"SPDXID":"SPDXRef-3","name":"bash","versionInfo":"5.2","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER",
        "referenceType":"purl","referenceLocator":"pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-12.15"}]},
      {"SPDXID":"SPDXRef-DocumentRoot-Directory-golden-base","name":"golden-base",
        "versionInfo":"60fe11a8-f3db-9141-9a4d-bc97188e4d69","primaryPackagePurpose":"FILE"}],
    "relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES",
      "relatedSpdxElement":"SPDXRef-DocumentRoot-Directory-golden-base"}]}"#;

/// Returns a finding of Grype's: vulnerability, package, version, severity.
pub fn found(id: &str, package: &str, version: &str, severity: &str) -> String {
    format!(
        r#"{{"vulnerability":{{"id":"{id}","severity":"{severity}"}},"artifact":{{"name":"{package}","version":"{version}",
            "purl":"pkg:deb/debian/{package}@{version}?arch=amd64&distro=debian-12.15"}}}}"#
    )
}

/// Returns a report of Grype's, made an hour after the SBOM with a database of the day before.
pub fn grype(matches: &[String]) -> String {
    format!(
        r#"{{"matches":[{}],"source":{{"type":"directory","target":"golden-base"}},
        "distro":{{"name":"debian","version":"12.15","idLike":[]}},
        "descriptor":{{"name":"grype","version":"0.121.2","configuration":{{"ignore":[],"alerts":{{"enable-eol-distro-warnings":true}}}},
          "db":{{"status":{{"schemaVersion":"v6.1.10","built":"2026-10-31T06:00:00Z","valid":true}},
            "providers":{{"debian":{{"captured":"2026-10-31T00:00:00Z","input":"xxh64:0"}}}}}},
          "timestamp":"2026-11-01T11:00:00Z"}}}}"#,
        matches.join(",")
    )
}

/// Returns an entry of an exceptions file.
pub fn excepted(id: &str, package: &str, expires: &str) -> String {
    format!(
        "[[exception]]\nid = \"{id}\"\npackage = \"{package}\"\nowner = \"owner@example.com\"\n\
         justification = \"not reachable\"\nexpires = {expires}\n"
    )
}

/// Reads an SBOM.
pub fn sbom_of(text: &str) -> Sbom {
    sbom::read(text.as_bytes()).unwrap().value
}

/// Reads a scan.
pub fn scan_of(text: &str) -> Scan {
    scan::read(text.as_bytes()).unwrap().value
}

/// Reads exceptions.
pub fn exceptions_of(text: &str) -> Exceptions {
    exceptions::compile("exceptions.toml", text).unwrap()
}

/// Reads all of a gate's inputs.
pub fn material(sbom: &str, scan: &str, exceptions: Option<&str>) -> Material {
    Material {
        sbom: sbom::read(sbom.as_bytes()).unwrap(),
        scan: scan::read(scan.as_bytes()).unwrap(),
        database: None,
        exceptions: exceptions.map(|text| (exceptions_of(text), Sha256Digest::of(text.as_bytes()))),
        manifest: None,
        files: GateFiles { sbom: "sbom.json".into(), scan: "scan.json".into(), ..GateFiles::default() },
    }
}

/// An instant shortly after the scan.
pub fn now() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}
