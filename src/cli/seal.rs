//! `goldseal seal`: a Packer manifest → gate, approval check, signatures and publication, for every region of the build.

use std::collections::BTreeSet;

use goldseal_core::{
    flow::{self, Candidate, Existing, Material, Ports, Publishing, Sealing, Stopped, gate, seal},
    ids::ImageRef,
    publication::Wishes,
    report::{Note, PublishFailure, SealReport},
};
use jiff::Timestamp;

use super::{
    exit::{Code, Failure},
    gate::{demand, show},
    policy,
    publish::Wished,
    session::Session,
    sign::Tags,
    signer::KeyArgs,
    statements::{Prepared, StatementArgs},
};
use crate::{
    adapters::aws::{Ec2, Publisher},
    render::{self, Bar, Format},
};

const AFTER: &str = "\
Example, as Packer's last post-processor:
  goldseal seal --manifest packer-manifest.json --sbom sbom.spdx.json --scan grype.json \\
    --exceptions exceptions.toml --approval approval.jsonl --policy policy.toml \\
    --key awskms:///alias/image-signing --store s3://evidence/golden \\
    --share 222222222222 --ssm-parameter /images/golden

It stops at the first failure and says what was done; run again, it goes on from there.";

/// Arguments of `seal`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Seal {
    /// Only the images of this Packer build, where the run made several
    #[arg(long, value_name = "NAME")]
    build: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    statements: StatementArgs,
    /// Put new evidence in the place of what is there: of an earlier scan, for one
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    wished: Wished,
}

impl Seal {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        self.key.given()?;
        let path = session.settings.policy().map_err(anyhow::Error::from)?;
        let policy = policy::load(path)?;
        demand(&policy)?;
        let now = Timestamp::now();
        let material = self.statements.inputs.read(Some(path))?;
        let (report, passed) = gate(&material, Some(&policy), self.statements.inputs.fail_on, now);
        let Some(passed) = passed else { return show(format, &report) };
        let store = session.store().await?;
        let keys = flow::keys(&policy, &session.keys()).await;

        let mut prepared = Vec::new();
        for image in self.images(&material)? {
            prepared.push(Prepared::gather(session, &self.statements, &material, &image, None, now).await?);
        }
        let existing = if self.replace { Existing::Renew } else { Existing::Resume };
        let signings =
            prepared.iter().map(|one| one.signing(&material, Some((&policy, &keys, &passed)), existing, true));
        let signings: Vec<_> = signings.collect::<anyhow::Result<_>>()?;
        let images: Vec<Candidate> = prepared.iter().map(|one| one.facts.descriptor.image().into()).collect();
        let wishes = Wishes::from(self.wished.clone());
        let publishing = Publishing { policy: &policy, images: &images, wishes: &wishes, dry_run: false, now };
        let signer = self.key.open(session).await?;
        let aws = session.aws().await;
        let (ec2, publisher) = (Ec2::new(aws), Publisher::new(aws));
        let (keys, tags) = (session.keys(), Tags(session));
        let ports = Ports { catalog: &ec2, store: &store, keys: &keys, tags: &tags, publication: &publisher };
        let bar = Bar::calls("sealing");
        let sealing = Sealing { signings: &signings, publishing: &publishing };
        let done = seal(&sealing, &signer, &ports, &bar).await;
        bar.finish();
        let notes = prepared.iter().flat_map(|one| one.notes.clone()).chain(signer.note()).collect();
        finish(format, done, notes)
    }

    /// The images of the run, or of one build of it: one SBOM and one scan are of one build.
    fn images(&self, material: &Material) -> Result<Vec<ImageRef>, Failure> {
        let Some((manifest, _)) = &material.manifest else {
            return Err(Failure::new(Code::Usage, "--manifest says which images to seal"));
        };
        let builds: BTreeSet<&str> = manifest.images.iter().map(|one| one.build.as_str()).collect();
        let build = match (&self.build, builds.len()) {
            (Some(name), _) => name.as_str(),
            (None, 1) => builds.first().copied().unwrap_or_default(),
            (None, _) => {
                let names = builds.into_iter().collect::<Vec<_>>().join(", ");
                let hint = "each has an SBOM of its own: seal one after the other, with --build NAME";
                return Err(Failure::new(Code::Usage, format!("the run has several builds: {names}")).hint(hint));
            }
        };
        let images = manifest.images.iter().filter(|one| one.build == build).map(|one| one.image.clone());
        let images: Vec<ImageRef> = images.collect();
        if images.is_empty() {
            let names = builds.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Failure::new(Code::Usage, format!("the run has no build {build:?}; it has {names}")));
        }
        Ok(images)
    }
}

/// Prints what was done; of a sealing that stopped also what was not, and why.
fn finish(format: Format, done: Result<SealReport, Stopped>, notes: Vec<Note>) -> Result<Code, Failure> {
    let (mut report, failure) = match done {
        Ok(report) => (report, None),
        Err(stopped) => {
            let report = (*stopped.report).clone();
            (report, Some(Failure::from(anyhow::Error::new(stopped))))
        }
    };
    report.notes.extend(notes);
    report.failure =
        failure.as_ref().map(|failure| PublishFailure { causes: failure.chain.clone(), hints: failure.hints.clone() });
    let published = report.publish.as_ref().map_or(Code::Internal, |publish| Code::from(publish.outcome));
    let code = failure.as_ref().map_or(published, |failure| failure.code);
    render::seal(format, &report).or_else(|error| if code == Code::Good { Err(error) } else { Ok(()) })?;
    match (failure, format) {
        (Some(failure), Format::Human) => Err(failure),
        _ => Ok(code),
    }
}
