//! `goldseal sign`: an image and what is known of it → signed evidence in the store, and tags that point to it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use goldseal_core::{
    flow::{Existing, Inputs, Signing, sign},
    ids::ImageRef,
    ports::{ImageTags, PortError, Signer as _},
    report::{Note, SignReport},
    trust::{KeyUri, Scheme},
};

use super::{
    describe::{self, Reading},
    exit::{Code, Failure},
    image::ImageArg,
    session::Session,
};
use crate::{
    adapters::{
        aws::{Ec2, KmsSigner},
        keys::LocalKey,
        store::Store,
    },
    files,
    render::{self, Format},
};

const LARGEST_INPUT: usize = 256 << 20;
const LARGEST_FACTS: usize = 1 << 20;

const AFTER: &str = "\
Example:
  goldseal sign ami-0123456789abcdef0 --store s3://evidence/golden \\
    --key awskms:///alias/image-signing \\
    --sbom sbom.spdx.json --scan grype.json --provenance build.json --content";

/// Arguments of `sign`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Sign {
    /// The image: ami-ID, REGION:ami-ID or its ARN
    ami: ImageArg,
    /// The KMS key: awskms:///KEY, where KEY is a key id, a key ARN, alias/NAME or an alias ARN
    #[arg(long, value_name = "URI", required_unless_present = "dangerous_local_key")]
    key: Option<KeyUri>,
    /// Sign with a key file on disk (PKCS #8, PEM) instead; every report will say so
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    dangerous_local_key: Option<PathBuf>,
    /// The signature scheme, where a key has several [default: rsa-pkcs1-sha256 for RSA]
    #[arg(long, value_name = "SCHEME")]
    scheme: Option<Scheme>,
    /// The SBOM: SPDX 2 or CycloneDX, in JSON
    #[arg(long, value_name = "FILE")]
    sbom: PathBuf,
    /// Where the SBOM can be had; needed when it has more than 16 MiB and is signed by reference
    #[arg(long, value_name = "URL")]
    sbom_location: Option<String>,
    /// The scan: Grype's report in JSON
    #[arg(long, value_name = "FILE")]
    scan: PathBuf,
    /// The build facts in JSON: builder, source, base image, tools, tags (docs/formats.md)
    #[arg(long, value_name = "FILE")]
    provenance: PathBuf,
    /// The accepted exceptions; bound by digest
    #[arg(long, value_name = "FILE")]
    exceptions: Option<PathBuf>,
    /// Also read every EBS device and seal its content digest
    #[arg(long)]
    content: bool,
    /// Put new evidence in the place of what is there
    #[arg(long)]
    replace: bool,
    /// Put the signatures behind those that are there: a second authority signs the same inputs
    #[arg(long, conflicts_with = "replace")]
    add: bool,
    /// Read a saved `aws ec2 describe-images` answer, or a descriptor, instead of asking EC2; no tag is written then
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Write no tags
    #[arg(long)]
    no_tags: bool,
    #[command(flatten)]
    reading: Reading,
}

impl Sign {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let store = session.store().await?;
        let (sbom, scan) = (input(&self.sbom, LARGEST_INPUT)?, input(&self.scan, LARGEST_INPUT)?);
        let build = input(&self.provenance, LARGEST_FACTS)?;
        let exceptions = self.exceptions.as_deref().map(|path| input(path, LARGEST_FACTS)).transpose()?;
        let image = session.images(std::slice::from_ref(&self.ami)).await?.remove(0);
        let facts = describe::facts(session, &image, self.image.as_deref()).await?;
        if let Some(state) = facts.state.as_deref().filter(|state| *state != "available") {
            let hint = format!("aws ec2 wait image-available --image-ids {}", image.id);
            return Err(Failure::new(Code::No, format!("{image} is {state}; its facts may still change")).hint(hint));
        }
        let descriptor = facts.descriptor;
        self.ami.check_owner(Some(descriptor.owner()))?;
        let content = match self.content {
            true => describe::content(session, &descriptor, &self.reading).await?,
            false => Vec::new(),
        };
        let signing = Signing {
            image: &descriptor,
            inputs: Inputs {
                sbom: &sbom,
                sbom_location: self.sbom_location.as_deref(),
                scan: &scan,
                facts: &build,
                exceptions: exceptions.as_deref(),
                content: &content,
            },
            existing: match (self.replace, self.add) {
                (true, _) => Existing::Replace,
                (_, true) => Existing::Add,
                _ => Existing::Refuse,
            },
            tag: self.image.is_none() && !self.no_tags,
        };
        let report = self.seal(session, &signing, &store).await.with_context(|| format!("signing {image}"))?;
        render::sign(format, &report)?;
        Ok(Code::Good)
    }

    async fn seal(&self, session: &Session, signing: &Signing<'_>, store: &Store) -> Result<SignReport> {
        if let Some(path) = &self.dangerous_local_key {
            let key = LocalKey::open(path)?;
            let only = key.key().public.scheme();
            if self.scheme.is_some_and(|scheme| scheme != only) {
                bail!("{} signs {only} only", path.display());
            }
            let mut report = sign(signing, &key, store, &Tags(session)).await?;
            report.notes.extend(key.hint().map(|hint| Note::new("key-file-readable", hint)));
            return Ok(report);
        }
        let uri = self.key.as_ref().context("one of --key and --dangerous-local-key says which key signs")?;
        let signer = KmsSigner::open(session.aws().await, uri, self.scheme).await;
        let signer = signer.with_context(|| format!("opening {uri}"))?;
        Ok(sign(signing, &signer, store, &Tags(session)).await?)
    }
}

fn input(path: &Path, limit: usize) -> Result<Vec<u8>> {
    Ok(files::read(path, limit)?)
}

/// EC2's tags, connected when the first one is written: sealing from files needs no EC2.
struct Tags<'s>(&'s Session);

impl ImageTags for Tags<'_> {
    async fn tag(&self, image: &ImageRef, tags: &[(String, String)]) -> Result<(), PortError> {
        Ec2::new(self.0.aws().await).tag(image, tags).await
    }
}
