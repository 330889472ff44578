//! `goldseal reseal`: images that an old key sealed → sealed by a new one as well, or instead.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context as _, Result};
use goldseal_core::{
    flow::{Resealing, keys, reseal},
    ids::ImageRef,
    report::{Outcome, ResealOutcome},
    trust::AuthorityName,
};
use jiff::Timestamp;

use super::{
    exit::{Code, Failure},
    image::ImageArg,
    policy,
    session::Session,
    sign::Tags,
    signer::KeyArgs,
    trace,
};
use crate::{
    adapters::aws::Ec2,
    render::{self, Bar, Format},
};

const AFTER: &str = "\
An image must be admitted by --policy as it is; what the old key signed of it is signed again, unchanged, by the new \
one, and stored only if --new-policy admits the image without any signature of the old key. What was moved already is \
told and left alone, so it can be run again.

Examples:
  goldseal reseal ami-0123456789abcdef0 --policy policy.toml --new-policy next.toml \\
    --key awskms:///alias/image-signing-2027
  goldseal reseal --from-audit audit.json --policy policy.toml --new-policy next.toml \\
    --key awskms:///alias/image-signing-2027
  goldseal reseal --from-audit audit.json --policy next.toml --new-policy next.toml \\
    --from ci-2026 --replace --key awskms:///alias/image-signing-2027

Exit codes: 0 all moved, now or before; 1 an image was refused; 3 something failed, run it again.";

/// Arguments of `reseal`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Reseal {
    /// The images: ami-ID, REGION:ami-ID or ARN
    #[arg(value_name = "AMI", required_unless_present = "from_audit")]
    amis: Vec<ImageArg>,
    /// Move every image that a saved `goldseal audit --output json` found running and admitted
    #[arg(long, value_name = "FILE", conflicts_with = "amis")]
    from_audit: Option<PathBuf>,
    /// The policy that has to admit the images by the new key alone
    #[arg(long, value_name = "FILE")]
    new_policy: PathBuf,
    /// The authority whose signatures are moved [default: all that may sign the gate result, but the new key]
    #[arg(long, value_name = "AUTHORITY")]
    from: Option<AuthorityName>,
    #[command(flatten)]
    key: KeyArgs,
    /// Drop what the old key signed; without it, the new signatures go behind the old ones
    #[arg(long)]
    replace: bool,
    /// Write no tags
    #[arg(long)]
    no_tags: bool,
}

impl Reseal {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        self.key.given()?;
        let old = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        let new = policy::load(&self.new_policy)?;
        let images = self.images(session).await?;
        let store = session.store().await?;
        let signer = self.key.open(session).await?;
        let sources = session.keys();
        let (old_keys, new_keys) = (keys(&old, &sources).await, keys(&new, &sources).await);
        let resealing = Resealing {
            old: (&old, &old_keys),
            new: (&new, &new_keys),
            from: self.from.as_ref(),
            replace: self.replace,
            tag: !self.no_tags,
            now: Timestamp::now(),
        };
        let ec2 = Ec2::new(session.aws().await);
        let bar = Bar::calls("resealing");
        let done = reseal(&resealing, &images, &signer, &ec2, &store, &Tags(session), &bar).await;
        bar.finish();
        let report = done.map_err(anyhow::Error::from)?;
        let code = match report.outcome() {
            ResealOutcome::Resealed | ResealOutcome::Already => Code::Good,
            ResealOutcome::Refused => Code::No,
            ResealOutcome::Failed => Code::Unknown,
        };
        // What went wrong and could not be printed went wrong all the same.
        render::reseal(format, &report).or_else(|error| if code == Code::Good { Err(error) } else { Ok(()) })?;
        Ok(code)
    }

    async fn images(&self, session: &Session) -> Result<Vec<ImageRef>> {
        let Some(path) = &self.from_audit else { return session.images(&self.amis).await };
        let audit = trace::saved(path)?;
        let admitted = audit.images.iter().filter(|one| one.report.verdict == Outcome::Admit);
        let images: BTreeSet<ImageRef> = admitted.map(|one| one.report.image.clone()).collect();
        (!images.is_empty())
            .then(|| images.into_iter().collect())
            .with_context(|| format!("{} has no image that is admitted, so there is nothing to move", path.display()))
    }
}
