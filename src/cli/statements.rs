//! What `sign` and `seal` make statements of, gathered for one image.

use std::path::{Path, PathBuf};

use anyhow::Result;
use goldseal_core::{
    attestation::predicate::{BootGuard, BuildFacts, TestResult},
    build::PackerProvenance,
    digest::Sha256Digest,
    flow::{Existing, Gating, Inputs, Material, Passed, Signing},
    ids::ImageRef,
    image::{DeviceContent, ImageFacts},
    policy::{Keys, Policy},
    report::Note,
};
use jiff::Timestamp;

use super::{
    describe::{self, Reading},
    exit::{Code, Failure},
    facts,
    inputs::{InputArgs, sbom_place},
    session::Session,
};
use crate::files;

const LARGEST_APPROVAL: usize = 4 << 20;

/// What statements are made of.
#[derive(Debug, clap::Args)]
pub struct StatementArgs {
    #[command(flatten)]
    pub inputs: InputArgs,
    #[command(flatten)]
    facts: facts::FactArgs,
    /// Where the SBOM can be had; needed when it has more than 16 MiB and is signed by reference
    #[arg(long, value_name = "URL")]
    sbom_location: Option<String>,
    /// What `approve` wrote
    #[arg(long, value_name = "FILE")]
    approval: Option<PathBuf>,
    /// Leave out the content digests of the EBS devices; every report will say so
    #[arg(long)]
    without_content: bool,
    #[command(flatten)]
    reading: Reading,
}

/// Everything that is known of one image before it is signed.
#[derive(Debug)]
pub struct Prepared {
    /// The image, with its tags.
    pub facts: ImageFacts,
    /// What a reader should know beside the report.
    pub notes: Vec<Note>,
    build: BuildFacts,
    tests: Option<(TestResult, Sha256Digest)>,
    guard: Option<(BootGuard, Sha256Digest)>,
    packer: Option<PackerProvenance>,
    content: Vec<DeviceContent>,
    approvals: Vec<u8>,
    sbom: Option<Vec<u8>>,
    sbom_location: Option<String>,
    now: Timestamp,
}

impl Prepared {
    /// Asks for all that is not in the files that the gate read.
    pub async fn gather(
        session: &Session,
        args: &StatementArgs,
        material: &Material,
        image: &ImageRef,
        file: Option<&Path>,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let facts = describe::facts(session, image, file).await?;
        if let Some(state) = facts.state.as_deref().filter(|state| *state != "available") {
            let hint = format!("aws ec2 wait image-available --image-ids {}", image.id);
            return Err(Failure::new(Code::No, format!("{image} is {state}; its facts may still change")).hint(hint));
        }
        let facts::Gathered { build, tests, guard, packer, notes } =
            args.facts.gather(session, &facts, material, file.is_some()).await?;
        let content = match args.without_content {
            true => Vec::new(),
            false => describe::content(session, &facts.descriptor, &args.reading).await?,
        };
        let approvals = args.approval.as_deref().map(|path| files::read(path, LARGEST_APPROVAL)).transpose();
        Ok(Self {
            facts,
            notes,
            build,
            tests,
            guard,
            packer,
            content,
            approvals: approvals.map_err(anyhow::Error::from)?.unwrap_or_default(),
            sbom: args.inputs.sbom_bytes(material)?,
            sbom_location: args.sbom_location.clone(),
            now,
        })
    }

    /// Returns what is to be signed.
    pub fn signing<'a>(
        &'a self,
        material: &'a Material,
        gate: Option<(&'a Policy, &'a Keys, &'a Passed)>,
        existing: Existing,
        tag: bool,
    ) -> Result<Signing<'a>> {
        let sbom = sbom_place(self.sbom.as_deref(), self.sbom_location.as_deref(), material.sbom.bytes)?;
        Ok(Signing {
            facts: &self.facts,
            inputs: Inputs {
                material,
                sbom,
                facts: &self.build,
                tests: self.tests.as_ref().map(|(result, digest)| (result, *digest)),
                guard: self.guard.as_ref().map(|(guard, digest)| (guard, *digest)),
                packer: self.packer.as_ref(),
                content: &self.content,
            },
            gate: gate.map(|(policy, keys, passed)| Gating { policy, keys, passed, approvals: &self.approvals }),
            existing,
            tag,
            now: self.now,
        })
    }
}
