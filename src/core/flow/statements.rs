//! The inputs of a sealing → the statements to sign. Pure: the same inputs make the same bytes, so a second authority
//! can sign exactly what the first one signed.
//!
//! The gate comes first: under a policy that asks for one, statements are only made of what [`Passed`], and the gate's
//! own statement is made last, because it names all others.

use serde_json::value::RawValue;

use super::gate::{Material, Passed};
use crate::{
    attestation::{
        Kind, Statement,
        predicate::{
            BootGuard, BuildFacts, Byproduct, GateResult, PROVENANCE_TYPE, REFERENCE_TYPE, Reference, SUMMARY_TYPE,
            Summary, TESTS_TYPE, TestResult, VULNS_TYPE, provenance, vulns,
        },
        write_statement,
    },
    bounded::{self, JsonFault, Limits, Object},
    build::PackerProvenance,
    digest::Sha256Digest,
    image::{Descriptor, DeviceContent},
    scan::{Database, Scan},
};

/// An SBOM up to this many bytes stands in its statement; a larger one is signed by reference.
pub const INLINE_SBOM: usize = 16 << 20;

const FACTS_LIMITS: Limits = Limits { bytes: 1 << 20, depth: 8 };

/// What statements are made of.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// SBOM, scan, exceptions and manifest, as they were read.
    pub material: &'a Material,
    /// The SBOM itself, or where it can be had.
    pub sbom: SbomPlace<'a>,
    /// The build facts.
    pub facts: &'a BuildFacts,
    /// Results of tests, and the digest of the file.
    pub tests: Option<(&'a TestResult, Sha256Digest)>,
    /// The boot guard that the image carries, and the digest of the file that says so.
    pub guard: Option<(&'a BootGuard, Sha256Digest)>,
    /// What Packer signed itself, verified.
    pub packer: Option<&'a PackerProvenance>,
    /// The content digests, when they were taken.
    pub content: &'a [DeviceContent],
}

/// Where the SBOM of a statement is.
#[derive(Debug, Clone, Copy)]
pub enum SbomPlace<'a> {
    /// In the statement, byte for byte.
    Inline(&'a [u8]),
    /// Somewhere durable: a URL.
    At(&'a str),
}

/// A gate that passed, and the approvals that it needed.
#[derive(Debug, Clone, Copy)]
pub struct Gated<'a> {
    /// The gate.
    pub passed: &'a Passed,
    /// The approvals, by the SHA-256 of their payloads.
    pub approvals: &'a [Sha256Digest],
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

/// Why an input cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum InputFault {
    /// The SBOM is not what was read before.
    #[error("the SBOM changed while it was read")]
    SbomChanged,
    /// The SBOM is too large to be inlined, and nothing says where it can be had.
    #[error("the SBOM has {bytes} bytes, more than the {INLINE_SBOM} that a statement holds; say where it can be had")]
    SbomTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The SBOM lists no package.
    #[error("the SBOM lists no package: it says nothing about what is on the image")]
    SbomEmpty,
    /// Nobody could say later how old the scan's answers are.
    #[error("the scan: {0}")]
    ScanDatabase(String),
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
    gated: Option<Gated<'_>>,
    dangerous_local_key: bool,
) -> Result<Vec<UnsignedStatement>, InputFault> {
    let Inputs { material, sbom, facts, tests, guard, packer, content } = *inputs;
    if material.sbom.value.packages.is_empty() {
        return Err(InputFault::SbomEmpty);
    }
    check_database(&material.scan.value).map_err(InputFault::ScanDatabase)?;
    check_facts(facts).map_err(InputFault::FactsValue)?;
    let of = Of { image, dangerous_local_key };
    let policy = gated.map(|gated| gated.passed.policy());
    let byproducts = byproducts(material, inputs, policy);
    let made = provenance(image, facts.clone(), &byproducts, content);
    let made = guard.into_iter().fold(made, |made, (guard, _)| made.guarded_by(guard));
    let made = packer.into_iter().fold(made, |made, packer| made.carrying(packer.carried()));
    let mut all = vec![of.write(Kind::Provenance, PROVENANCE_TYPE, &made)?];
    all.push(of.sbom(material, sbom, &facts.builder)?);
    all.push(of.write(Kind::Scan, VULNS_TYPE, vulns(&material.scan.value))?);
    if let Some((result, _)) = tests {
        all.push(of.write(Kind::Tests, TESTS_TYPE, result)?);
    }
    if let Some(Gated { passed, approvals }) = gated {
        let made = all.iter().map(|one| Sha256Digest::of(&one.payload));
        let named: Vec<Sha256Digest> = made.chain(approvals.iter().copied()).collect();
        all.push(of.gate(passed, &named)?);
    }
    Ok(all)
}

/// The files that went into the statements, by their digests.
fn byproducts(material: &Material, inputs: &Inputs<'_>, policy: Option<Sha256Digest>) -> Vec<Byproduct> {
    let named = [
        ("sbom", Some(material.sbom.sha256)),
        ("scan", Some(material.scan.sha256)),
        ("scan-database", material.database),
        ("exceptions", material.exceptions.as_ref().map(|(_, digest)| *digest)),
        ("manifest", material.manifest.as_ref().map(|(_, digest)| *digest)),
        ("policy", policy),
        ("tests", inputs.tests.map(|(_, digest)| digest)),
        ("boot-check", inputs.guard.map(|(_, digest)| digest)),
    ];
    named.into_iter().filter_map(|(name, digest)| Some(Byproduct { name, digest: digest? })).collect()
}

/// Reads build facts in JSON.
///
/// # Errors
/// [`JsonFault`].
pub fn parse_facts(bytes: &[u8]) -> Result<BuildFacts, JsonFault> {
    bounded::json(bytes, FACTS_LIMITS).map(|Object(facts)| facts)
}

/// A gate asks for the same; but there are policies that go without.
fn check_database(scan: &Scan) -> Result<(), String> {
    match &scan.database {
        None => Err("the report names no vulnerability database".to_owned()),
        Some(Database { problem: Some(problem), .. }) => {
            Err(format!("its vulnerability database is not good: {problem}"))
        }
        Some(Database { problem: None, .. }) => Ok(()),
    }
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
    fn sbom(&self, material: &Material, place: SbomPlace<'_>, builder: &str) -> Result<UnsignedStatement, InputFault> {
        let (read, format) = (&material.sbom, material.sbom.value.format);
        match place {
            SbomPlace::At(location) => {
                let reference = Reference::new(builder, read.sha256, location, format.media_type());
                self.write(Kind::Sbom, REFERENCE_TYPE, &reference)
            }
            SbomPlace::Inline(bytes) if bytes.len() > INLINE_SBOM => {
                Err(InputFault::SbomTooLarge { bytes: bytes.len() })
            }
            SbomPlace::Inline(bytes) => {
                if Sha256Digest::of(bytes) != read.sha256 {
                    return Err(InputFault::SbomChanged);
                }
                let raw: &RawValue = serde_json::from_slice(bytes)
                    .map_err(|e| InputFault::Statement { kind: Kind::Sbom, problem: e.to_string() })?;
                self.write(Kind::Sbom, format.predicate_type(), raw)
            }
        }
    }

    fn gate(&self, passed: &Passed, named: &[Sha256Digest]) -> Result<UnsignedStatement, InputFault> {
        let accepted_risks = passed
            .accepted_risks(self.image)
            .map_err(|e| InputFault::Statement { kind: Kind::Gate, problem: e.to_string() })?;
        let result = GateResult {
            at: passed.at(),
            inputs: passed.inputs(),
            policy: passed.policy(),
            accepted_risks,
            measurement: passed.measurement(),
            statements: named,
        };
        self.write(Kind::Gate, SUMMARY_TYPE, Summary::passed(self.image, &result))
    }

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

#[cfg(test)]
pub(super) mod tests;
