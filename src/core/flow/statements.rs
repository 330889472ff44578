//! The inputs of a sealing → the statements to sign. Pure: the same inputs make the same bytes, so a second authority
//! can sign exactly what the first one signed.
//!
//! Each input is read with the strictness of evidence before it goes into a statement: what could not be verified
//! later is not signed now. The gate takes its place here: it will judge the same inputs before any statement is made.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    attestation::{
        Kind, Statement,
        predicate::{
            BuildFacts, Byproduct, CYCLONEDX_TYPE, PROVENANCE_TYPE, REFERENCE_TYPE, Reference, SPDX_TYPE, VULNS_TYPE,
            provenance, vulns,
        },
        write_statement,
    },
    bounded::{self, JsonFault, Limits},
    digest::Sha256Digest,
    image::{Descriptor, DeviceContent},
    scan::{self, ScanFault},
};

/// An SBOM up to this many bytes stands in its statement; a larger one is signed by reference.
pub const INLINE_SBOM: usize = 16 << 20;

const SBOM_LIMITS: Limits = Limits { bytes: 256 << 20, depth: 48 };
const FACTS_LIMITS: Limits = Limits { bytes: 1 << 20, depth: 8 };

/// What statements are made of: files as they were read.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The SBOM, SPDX 2 or CycloneDX, in JSON.
    pub sbom: &'a [u8],
    /// Where the SBOM can be had, when it is too large to be inlined.
    pub sbom_location: Option<&'a str>,
    /// The scanner's report in JSON.
    pub scan: &'a [u8],
    /// The build facts in JSON ([`BuildFacts`]).
    pub facts: &'a [u8],
    /// The exceptions, when there are any; bound by digest.
    pub exceptions: Option<&'a [u8]>,
    /// The content digests, when they were taken.
    pub content: &'a [DeviceContent],
}

/// A statement before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsignedStatement {
    /// What it says.
    pub kind: Kind,
    /// Its predicate type.
    pub predicate_type: &'static str,
    /// The bytes to sign.
    pub payload: Vec<u8>,
}

/// An SBOM's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SbomFormat {
    /// SPDX 2.x.
    Spdx,
    /// CycloneDX.
    CycloneDx,
}

impl SbomFormat {
    const fn predicate_type(self) -> &'static str {
        match self {
            Self::Spdx => SPDX_TYPE,
            Self::CycloneDx => CYCLONEDX_TYPE,
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Spdx => "application/spdx+json",
            Self::CycloneDx => "application/vnd.cyclonedx+json",
        }
    }
}

/// Why an input cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum InputFault {
    /// The SBOM is not JSON that goldseal reads.
    #[error("reading the SBOM")]
    Sbom(#[source] JsonFault),
    /// The SBOM is JSON, but neither SPDX nor CycloneDX.
    #[error("the SBOM is neither SPDX (spdxVersion) nor CycloneDX (bomFormat)")]
    SbomFormat,
    /// The SBOM lists no package.
    #[error("the SBOM lists no package: it says nothing about what is on the image")]
    SbomEmpty,
    /// The SBOM is too large to be inlined, and nothing says where it can be had.
    #[error("the SBOM has {bytes} bytes, more than the {INLINE_SBOM} that a statement holds; say where it can be had")]
    SbomTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The scan is not a report that goldseal reads.
    #[error("reading the scan")]
    Scan(#[source] ScanFault),
    /// The build facts do not read as such.
    #[error("reading the build facts")]
    Facts(#[source] JsonFault),
    /// The build facts say something that could never hold.
    #[error("the build facts: {0}")]
    FactsValue(String),
    /// A statement could not be written, or would not be read back.
    #[error("writing the {kind} statement: {problem}")]
    Statement {
        /// Which.
        kind: Kind,
        /// Why.
        problem: String,
    },
}

/// Makes the statements of an image.
///
/// # Errors
/// See [`InputFault`].
pub fn statements(
    image: &Descriptor,
    inputs: &Inputs<'_>,
    dangerous_local_key: bool,
) -> Result<Vec<UnsignedStatement>, InputFault> {
    let format = sbom_format(inputs.sbom)?;
    let sbom_digest = Sha256Digest::of(inputs.sbom);
    let scan = scan::parse(inputs.scan).map_err(InputFault::Scan)?;
    let facts: BuildFacts = bounded::json(inputs.facts, FACTS_LIMITS).map_err(InputFault::Facts)?;
    check_facts(&facts).map_err(InputFault::FactsValue)?;
    let builder = facts.builder.clone();
    let named = |name, bytes| Byproduct { name, digest: Sha256Digest::of(bytes) };
    let mut files = vec![Byproduct { name: "sbom", digest: sbom_digest }, named("scan", inputs.scan)];
    files.extend(inputs.exceptions.map(|exceptions| named("exceptions", exceptions)));

    let made = provenance(image, facts, &files, inputs.content);
    let of = Of { image, dangerous_local_key };
    let provenance = of.write(Kind::Provenance, PROVENANCE_TYPE, &made)?;
    let sbom = if inputs.sbom.len() <= INLINE_SBOM {
        let raw: &RawValue =
            serde_json::from_slice(inputs.sbom).map_err(|e| InputFault::Sbom(JsonFault::Syntax(e.to_string())))?;
        of.write(Kind::Sbom, format.predicate_type(), raw)?
    } else {
        let location = inputs.sbom_location.ok_or(InputFault::SbomTooLarge { bytes: inputs.sbom.len() })?;
        let reference = Reference::new(&builder, sbom_digest, location, format.media_type());
        of.write(Kind::Sbom, REFERENCE_TYPE, &reference)?
    };
    let scan = of.write(Kind::Scan, VULNS_TYPE, vulns(&scan))?;
    Ok(vec![provenance, sbom, scan])
}

/// EC2 takes tags of 127 characters with values of 256, and reserves `aws:`; `goldseal:` is for the pointer tags.
fn check_facts(facts: &BuildFacts) -> Result<(), String> {
    let odd = |text: &str| text.is_empty() || text.chars().any(char::is_control);
    if odd(&facts.builder) {
        return Err("builder must name who built the image".to_owned());
    }
    if facts.started_on.zip(facts.finished_on).is_some_and(|(started, finished)| finished < started) {
        return Err("finishedOn is before startedOn".to_owned());
    }
    for (name, value) in &facts.tags {
        let reserved = ["aws:", "goldseal:"].iter().any(|prefix| name.starts_with(prefix));
        if odd(name) || reserved || name.chars().count() > 127 || value.chars().count() > 256 {
            return Err(format!("no image can bear the tag {name:?} with this value"));
        }
    }
    Ok(())
}

/// What all statements of one sealing share.
struct Of<'a> {
    image: &'a Descriptor,
    dangerous_local_key: bool,
}

impl Of<'_> {
    /// Writes a statement, and reads it back as a verifier would.
    fn write(
        &self,
        kind: Kind,
        predicate_type: &'static str,
        predicate: impl serde::Serialize,
    ) -> Result<UnsignedStatement, InputFault> {
        let fault = |problem: String| InputFault::Statement { kind, problem };
        let payload = write_statement(self.image, predicate_type, predicate, self.dangerous_local_key);
        let payload = payload.map_err(|e| fault(e.to_string()))?;
        let read = Statement::parse(payload.clone()).map_err(|defect| fault(defect.to_string()))?;
        if read.kind() != Some(kind) || read.subject() != self.image.digest() {
            return Err(fault("it does not read back as what it is".to_owned()));
        }
        Ok(UnsignedStatement { kind, predicate_type, payload })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnySbom<'a> {
    spdx_version: Option<String>,
    bom_format: Option<String>,
    #[serde(borrow)]
    packages: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    components: Option<Vec<&'a RawValue>>,
}

fn sbom_format(sbom: &[u8]) -> Result<SbomFormat, InputFault> {
    let read: AnySbom<'_> = bounded::json(sbom, SBOM_LIMITS).map_err(InputFault::Sbom)?;
    let (format, listed) = match (read.spdx_version.as_deref(), read.bom_format.as_deref()) {
        (Some(version), None) if version.starts_with("SPDX-2") => (SbomFormat::Spdx, read.packages),
        (None, Some("CycloneDX")) => (SbomFormat::CycloneDx, read.components),
        _ => return Err(InputFault::SbomFormat),
    };
    if listed.is_none_or(|listed| listed.is_empty()) {
        return Err(InputFault::SbomEmpty);
    }
    Ok(format)
}

#[cfg(test)]
pub(super) mod tests;
