//! `goldseal verify`: images → verdicts, with every reason. The exit code is the worst verdict.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use goldseal_core::{
    attestation::EVIDENCE_LIMITS,
    flow::{Offline, judge_offline, verify},
    ids::{AccountId, GroupArn},
    image::ImageFacts,
    policy::{Context, Policy},
    report::{Note, VerifyReport},
};
use jiff::Timestamp;

use super::{
    describe::facts_of_file,
    exit::{Code, Failure},
    image::ImageArg,
    policy,
    receipt_key::missing_place,
    session::Session,
};
use crate::{
    adapters::aws::Ec2,
    files,
    render::{self, Format},
};

const AFTER: &str = "\
Examples:
  goldseal verify ami-0123456789abcdef0 --policy policy.toml --store s3://evidence/golden
  goldseal verify eu-west-1:ami-0123456789abcdef0 us-east-1:ami-0fedcba9876543210 --output json
  goldseal verify ami-0123456789abcdef0 --at 2027-01-01T00:00:00Z
  goldseal verify --image image.json --evidence evidence.jsonl --policy policy.toml

Exit codes: 0 admit, 1 reject, 3 undetermined; of several images the worst.";

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Verify {
    /// The images: ami-ID, REGION:ami-ID or ARN
    #[arg(value_name = "AMI", required_unless_present = "image")]
    amis: Vec<ImageArg>,
    /// Judge at this instant instead of now, such as 2027-12-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Read the image from a saved `aws ec2 describe-images` answer or a descriptor; with --evidence, no network
    #[arg(long, value_name = "FILE", requires = "evidence")]
    image: Option<PathBuf>,
    /// Read the evidence from a file
    #[arg(long, value_name = "FILE", requires = "image")]
    evidence: Option<PathBuf>,
    /// The account that launches, for the policy's scopes
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<AccountId>,
    /// The ARN of the Auto Scaling group that launches, for the policy's scopes
    #[arg(long, value_name = "ARN")]
    group: Option<GroupArn>,
}

impl Verify {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        let now = self.at.unwrap_or_else(Timestamp::now);
        let context =
            Context { account: self.account.clone(), region: None, group: self.group.clone().map(String::from) };
        let mut report = match (&self.image, &self.evidence) {
            (Some(image), Some(evidence)) => self.offline(session, &policy, &context, image, evidence, now).await?,
            _ => {
                let images = session.images(&self.amis).await?;
                let store = session.store().await?;
                let ec2 = Ec2::new(session.aws().await);
                verify(&policy, &images, &context, &ec2, &store, &session.keys(), now).await
            }
        };
        if missing_place(session, &policy) {
            let text =
                "the policy requires a receipt of every image, and no place for receipts is set: give --receipts URL";
            let note = Note::new("no-place-for-receipts", text);
            report.images.iter_mut().for_each(|image| image.notes.push(note.clone()));
        }
        let images = self.amis.iter().zip(&report.images);
        for (asked, found) in images {
            asked.check_owner(found.owner.as_ref())?;
        }
        let code = Code::from(report.outcome());
        // A rejection that could not be printed is one all the same.
        render::verify(format, &report).or_else(|error| if code == Code::Good { Err(error) } else { Ok(()) })?;
        Ok(code)
    }

    async fn offline(
        &self,
        session: &Session,
        policy: &Policy,
        context: &Context,
        image: &Path,
        evidence: &Path,
        now: Timestamp,
    ) -> Result<VerifyReport> {
        let facts = self.facts(session, image)?;
        // One byte over the limit is read, so that the verdict can say that it is too large.
        let bytes = files::read_up_to(evidence, EVIDENCE_LIMITS.bytes)?;
        let place = evidence.display().to_string();
        let offline = Offline { facts: &facts, evidence: &bytes, place: &place };
        Ok(judge_offline(policy, &offline, context, &session.keys(), now).await)
    }

    /// The image of a file: the one that was named, or the only one that is in it.
    fn facts(&self, session: &Session, path: &Path) -> Result<ImageFacts> {
        let default = session.settings.region.as_ref();
        match self.amis.as_slice() {
            [] => facts_of_file(path, None, default),
            [one] => facts_of_file(path, Some(one.id()), one.region().or(default)),
            _ => bail!("--evidence holds the evidence of one image; name one"),
        }
    }
}
