//! The inputs of the gate, as files: read once, in little memory, and named by their digests.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use goldseal_core::{
    bounded::stream::Streamed,
    build::Manifest,
    digest::Sha256Digest,
    flow::{INLINE_SBOM, InputFault, Material, SbomPlace},
    gate::Threshold,
    policy::Problems,
    report::GateFiles,
    scan::{self, Exceptions, sbom},
};

use super::exit::{Code, Failure};
use crate::files;

const LARGEST_TEXT: usize = 1 << 20;
const LARGEST_MANIFEST: usize = 16 << 20;

/// The files that a gate reads.
#[derive(Debug, clap::Args)]
pub struct InputArgs {
    /// The SBOM: SPDX 2 or CycloneDX, in JSON
    #[arg(long, value_name = "FILE")]
    pub sbom: PathBuf,
    /// The scan: the report of Grype or Trivy in JSON
    #[arg(long, value_name = "FILE")]
    scan: PathBuf,
    /// For Trivy, whose report does not say how old its database is: `trivy version --format json`
    #[arg(long, value_name = "FILE")]
    scan_database: Option<PathBuf>,
    /// The accepted exceptions (docs/gate.md)
    #[arg(long, value_name = "FILE")]
    exceptions: Option<PathBuf>,
    /// Packer's manifest: the SBOM must then name the run
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// The run in the manifest [default: its last one]
    #[arg(long, value_name = "UUID", env = "PACKER_RUN_UUID")]
    run: Option<String>,
    /// Fail on findings of this severity and above; beside a policy it only tightens
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Threshold>,
}

impl InputArgs {
    /// Reads the files.
    pub fn read(&self, policy: Option<&Path>) -> Result<Material, Failure> {
        let shown = |path: &Path| path.display().to_string();
        let sbom = sbom::read(files::open(&self.sbom).map_err(anyhow::Error::from)?);
        let sbom = sbom.with_context(|| format!("reading the SBOM {}", self.sbom.display()))?;
        let scan = scan::read(files::open(&self.scan).map_err(anyhow::Error::from)?);
        let mut scan = scan.with_context(|| format!("reading the scan {}", self.scan.display()))?;
        let database = match &self.scan_database {
            None => None,
            Some(path) => Some(self.database(path, &mut scan)?),
        };
        Ok(Material {
            sbom,
            scan,
            database,
            exceptions: self.exceptions.as_deref().map(exceptions).transpose()?,
            manifest: self.manifest.as_deref().map(|path| self.manifest(path)).transpose()?,
            files: GateFiles {
                sbom: shown(&self.sbom),
                scan: shown(&self.scan),
                exceptions: self.exceptions.as_deref().map(shown),
                policy: policy.map(shown),
                manifest: self.manifest.as_deref().map(shown),
            },
        })
    }

    fn database(&self, path: &Path, scan: &mut Streamed<scan::Scan>) -> Result<Sha256Digest> {
        let bytes = files::read(path, LARGEST_TEXT)?;
        let read = scan::read_database(bytes.as_slice());
        let read = read.with_context(|| format!("reading the database's version from {}", path.display()))?;
        anyhow::ensure!(
            scan.value.database.is_none(),
            "the scan {} names its database itself; leave --scan-database out",
            self.scan.display()
        );
        scan.value.database = Some(read);
        Ok(Sha256Digest::of(&bytes))
    }

    fn manifest(&self, path: &Path) -> Result<(Manifest, Sha256Digest)> {
        let bytes = files::read(path, LARGEST_MANIFEST)?;
        let manifest = Manifest::parse(&bytes, self.run.as_deref().filter(|run| !run.is_empty()));
        let manifest = manifest.with_context(|| format!("reading the manifest {}", path.display()))?;
        Ok((manifest, Sha256Digest::of(&bytes)))
    }

    /// Reads the SBOM again where it is small enough to stand in its statement.
    pub fn sbom_bytes(&self, material: &Material) -> Result<Option<Vec<u8>>> {
        let small = usize::try_from(material.sbom.bytes).is_ok_and(|bytes| bytes <= INLINE_SBOM);
        small.then(|| Ok(files::read(&self.sbom, INLINE_SBOM)?)).transpose()
    }
}

/// Says where the SBOM is: in the statement, or else where the user says.
pub fn sbom_place<'a>(bytes: Option<&'a [u8]>, location: Option<&'a str>, size: u64) -> Result<SbomPlace<'a>> {
    match (bytes, location) {
        (Some(bytes), _) => Ok(SbomPlace::Inline(bytes)),
        (None, Some(location)) => Ok(SbomPlace::At(location)),
        (None, None) => Err(InputFault::SbomTooLarge { bytes: usize::try_from(size).unwrap_or(usize::MAX) }.into()),
    }
}

fn exceptions(path: &Path) -> Result<(Exceptions, Sha256Digest), Failure> {
    let text = files::read_text(path, LARGEST_TEXT).context("reading the exceptions")?;
    let compiled = scan::exceptions::compile(&path.display().to_string(), &text);
    let compiled = compiled.map_err(|Problems(problems)| {
        let mut failure = Failure::new(Code::Usage, format!("{} are not exceptions", path.display()));
        failure.chain.extend(problems.iter().map(ToString::to_string));
        failure.hint("docs/gate.md has an example")
    })?;
    Ok((compiled, Sha256Digest::of(text.as_bytes())))
}
