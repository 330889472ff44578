//! `goldseal sign`: an image and what is known of it → signed evidence in the store, and tags that point to it.

use anyhow::Context as _;
use goldseal_core::{
    flow::{Existing, gate, sign},
    ids::ImageRef,
    ports::{ImageTags, PortError},
};
use jiff::Timestamp;

use super::{
    exit::{Code, Failure},
    gate::show,
    image::ImageArg,
    policy,
    session::Session,
    signer::KeyArgs,
    statements::{Prepared, StatementArgs},
};
use crate::{
    adapters::aws::Ec2,
    render::{self, Format},
};

const AFTER: &str = "\
Example:
  goldseal sign ami-0123456789abcdef0 --policy policy.toml --store s3://evidence/golden \\
    --key awskms:///alias/image-signing --sbom sbom.spdx.json --scan grype.json \\
    --manifest packer-manifest.json --exceptions exceptions.toml --approval approval.jsonl

The gate is evaluated again from the files themselves; what does not pass is not signed.";

/// Arguments of `sign`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Sign {
    /// The image: ami-ID, REGION:ami-ID or its ARN
    ami: ImageArg,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    statements: StatementArgs,
    /// Put new evidence in the place of what is there
    #[arg(long)]
    replace: bool,
    /// Put the signatures behind those that are there: a second authority signs the same inputs
    #[arg(long, conflicts_with = "replace")]
    add: bool,
    /// Read a saved `aws ec2 describe-images` answer, or a descriptor, instead of asking EC2; no tag is written then
    #[arg(long, value_name = "FILE")]
    image: Option<std::path::PathBuf>,
    /// Write no tags
    #[arg(long)]
    no_tags: bool,
}

impl Sign {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        self.key.given()?;
        let path = session.settings.policy().map_err(anyhow::Error::from)?;
        let policy = policy::load(path)?;
        let now = Timestamp::now();
        let material = self.statements.inputs.read(Some(path))?;
        // Under a policy that goes without a gate nobody asks for its result.
        let passed = match policy.dangerous_without_gate() {
            true => None,
            false => match gate(&material, Some(&policy), self.statements.inputs.fail_on, now) {
                (_, Some(passed)) => Some(passed),
                (report, None) => return show(format, &report),
            },
        };
        let store = session.store().await?;
        let image = session.images(std::slice::from_ref(&self.ami)).await?.remove(0);
        let keys = goldseal_core::flow::keys(&policy, &session.keys()).await;
        let prepared =
            Prepared::gather(session, &self.statements, &material, &image, self.image.as_deref(), now).await?;
        self.ami.check_owner(Some(prepared.facts.descriptor.owner()))?;
        let existing = match (self.replace, self.add) {
            (true, _) => Existing::Replace,
            (_, true) => Existing::Add,
            _ => Existing::Refuse,
        };
        let tag = self.image.is_none() && !self.no_tags;
        let signing =
            prepared.signing(&material, passed.as_ref().map(|passed| (&policy, &keys, passed)), existing, tag)?;
        let signer = self.key.open(session).await?;
        let report = sign(&signing, &signer, &store, &Tags(session)).await;
        let mut report = report.with_context(|| format!("signing {image}"))?;
        report.notes.extend(signer.note());
        report.notes.extend(prepared.notes);
        render::sign(format, &report)?;
        Ok(Code::Good)
    }
}

/// EC2's tags, connected when the first one is written: sealing from files needs no EC2.
pub struct Tags<'s>(pub &'s Session);

impl ImageTags for Tags<'_> {
    async fn tag(&self, image: &ImageRef, tags: &[(String, String)]) -> Result<(), PortError> {
        Ec2::new(self.0.aws().await).tag(image, tags).await
    }
}
