//! What is known of a build, from all who may know it: a file, Packer, the CI job, git, EC2, and tests that ran.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use goldseal_core::{
    attestation::predicate::{Ancestor, BootGuard, BuildFacts, TestResult},
    build::{self, Assembled, Known, PackerProvenance},
    digest::Sha256Digest,
    flow::{Material, parse_facts},
    ids::ImageRef,
    image::{Descriptor, ImageFacts},
    ports::{ImageCatalog as _, ImageLineage as _},
    report::Note,
    trust::PublicKey,
};

use super::{exit::Failure, session::Session};
use crate::{
    adapters::{aws::Ec2, git},
    files,
};

const BUILT_AT: &str = "BuiltAt";
const LARGEST: usize = 1 << 20;
const LARGEST_REPORT: usize = 16 << 20;

/// Where the facts of a build are.
#[derive(Debug, clap::Args)]
pub struct FactArgs {
    /// Build facts in JSON (docs/formats.md); what it does not say is taken from the manifest, the CI job, git and EC2
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
    /// The working directory that the image was built from
    #[arg(long, value_name = "DIR", default_value = ".")]
    source: PathBuf,
    /// Goss results: the output of `goss validate --format json`
    #[arg(long, value_name = "FILE")]
    goss: Option<PathBuf>,
    /// The file of tests that Goss ran
    #[arg(long, value_name = "FILE", requires = "goss")]
    goss_file: Option<PathBuf>,
    /// What `goldseal boot check --output json` found in the image: its provenance then says that it carries the boot guard
    #[arg(long, value_name = "FILE")]
    boot_check: Option<PathBuf>,
    /// Packer's own signed provenance
    #[arg(long, value_name = "FILE", requires = "packer_key")]
    packer_provenance: Option<PathBuf>,
    /// The public key, in PEM, that Packer's provenance is signed with
    #[arg(long, value_name = "FILE", requires = "packer_provenance")]
    packer_key: Option<PathBuf>,
}

/// What is known.
#[derive(Debug)]
pub struct Gathered {
    pub build: BuildFacts,
    pub tests: Option<(TestResult, Sha256Digest)>,
    pub guard: Option<(BootGuard, Sha256Digest)>,
    pub packer: Option<PackerProvenance>,
    pub notes: Vec<Note>,
}

impl FactArgs {
    /// Asks all of them; EC2 not where the image comes from a file.
    pub async fn gather(
        &self,
        session: &Session,
        image: &ImageFacts,
        material: &Material,
        offline: bool,
    ) -> Result<Gathered, Failure> {
        let id = image.descriptor.image();
        let mut notes = Vec::new();
        let env: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let given = self.provenance.as_deref().map(given).transpose()?;
        let packer = self.packer(&id, &env)?;
        let tests = self.tests()?;
        let guard = self.guard()?;
        let ci = build::ci(&env);
        let (git, no_git) = match git::checkout(&self.source) {
            Ok(checkout) => (Some(checkout), None),
            Err(absent) => (None, Some(Note::new("no-git", absent.to_string()))),
        };
        let (source_image, ancestry) = match offline {
            true => (None, Vec::new()),
            false => lineage(session, &id, &mut notes).await,
        };
        let mut known = Known {
            given: given.as_ref(),
            manifest: material.manifest.as_ref().map(|(manifest, _)| manifest),
            packer: packer.as_ref(),
            ci: ci.as_ref(),
            git: git.as_ref(),
            source_image: source_image.as_ref(),
            ancestry: &ancestry,
            ..Known::of(&id)
        };
        let base = build::base(&known).context("finding the base image")?;
        let base = match base.filter(|_| !offline) {
            Some(base) => described(session, &base, &mut notes).await,
            None => None,
        };
        known.base = base.as_ref();
        let Assembled { mut facts, missing } =
            build::assemble(&known).context("putting the facts of the build together")?;
        // Packer writes the time of the build into the tag before anybody else knows one.
        if let (Some(borne), true) = (image.tags.values(BUILT_AT).next(), given.is_none()) {
            facts.tags.insert(BUILT_AT.to_owned(), borne.to_owned());
        }
        // Where something else named the commit, nobody misses git.
        notes.extend(no_git.filter(|_| facts.source.is_none()));
        notes.extend(missing.iter().map(|one| Note::new(one.code(), one.to_string())));
        Ok(Gathered { build: facts, tests, guard, packer, notes })
    }

    fn packer(&self, image: &ImageRef, env: &BTreeMap<String, String>) -> Result<Option<PackerProvenance>> {
        let (Some(path), Some(key)) = (&self.packer_provenance, &self.packer_key) else { return Ok(None) };
        let pem = files::read_text(key, LARGEST)?;
        let key = PublicKey::from_pem(&pem, None).with_context(|| format!("reading the key {}", key.display()))?;
        let bytes = files::read(path, LARGEST)?;
        let verified = build::verify(&bytes, &[key], image, build::packer_invocation(env));
        Ok(Some(verified.with_context(|| format!("verifying Packer's provenance {}", path.display()))?))
    }

    fn guard(&self) -> Result<Option<(BootGuard, Sha256Digest)>> {
        let Some(path) = &self.boot_check else { return Ok(None) };
        let report = files::read(path, LARGEST)?;
        let guard = build::boot_guard(&report);
        let guard = guard.with_context(|| format!("the image is to carry the boot guard, by {}", path.display()))?;
        Ok(Some((guard, Sha256Digest::of(&report))))
    }

    fn tests(&self) -> Result<Option<(TestResult, Sha256Digest)>> {
        let Some(path) = &self.goss else { return Ok(None) };
        let report = files::read(path, LARGEST_REPORT)?;
        let specification =
            self.goss_file.as_deref().map(|path| Ok::<_, anyhow::Error>((path, files::read(path, LARGEST)?)));
        let specification = specification.transpose()?;
        let named = specification.as_ref().map(|(path, bytes)| {
            (path.file_name().and_then(|name| name.to_str()).unwrap_or("goss.yaml"), bytes.as_slice())
        });
        let result = build::test_result(&report, named, None);
        let result = result.with_context(|| format!("reading the Goss results {}", path.display()))?;
        Ok(Some((result, Sha256Digest::of(&report))))
    }
}

fn given(path: &Path) -> Result<BuildFacts> {
    let bytes = files::read(path, LARGEST)?;
    parse_facts(&bytes).with_context(|| format!("reading the build facts {}", path.display()))
}

/// EC2's own words about where an image comes from. They are facts beside others, so not to have them is a note.
async fn lineage(session: &Session, image: &ImageRef, notes: &mut Vec<Note>) -> (Option<ImageRef>, Vec<Ancestor>) {
    let ec2 = Ec2::new(session.aws().await);
    let source = match ec2.describe(image).await {
        Ok(described) => described.as_ref().and_then(build::source_image),
        Err(_) => None,
    };
    match ec2.ancestry(image).await {
        Ok(ancestry) => (source, ancestry),
        Err(error) => {
            notes.push(Note::new("ancestry-unknown", error.chain()));
            (source, Vec::new())
        }
    }
}

async fn described(session: &Session, base: &ImageRef, notes: &mut Vec<Note>) -> Option<Descriptor> {
    match Ec2::new(session.aws().await).describe(base).await {
        Ok(described) => ImageFacts::from_described(base, described?).ok().map(|facts| facts.descriptor),
        Err(error) => {
            notes.push(Note::new("base-image-unknown", error.chain()));
            None
        }
    }
}
