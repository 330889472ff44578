//! `goldseal trace`: an instance or an image → everything that is known of it, on one screen.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use goldseal_core::{
    attestation::EVIDENCE_LIMITS,
    flow::{Offline, TraceError, Traced, Tracing, trace, trace_offline},
    ids::{InstanceId, NotAnId, Region},
    report::{AuditReport, TraceReport},
};
use jiff::Timestamp;

use super::{
    describe::facts_of_file,
    exit::{Code, Failure},
    fleet::AccountArgs,
    image::ImageArg,
    policy,
    session::Session,
};
use crate::{
    adapters::aws::Ec2,
    files,
    render::{self, Bar, Format},
};

const AFTER: &str = "\
Commit, builder, base images, Packer, SBOM, scan, exceptions, approvals, keys, the verdict when it was sealed and now, and \
where it runs. Only what was verified is told as a fact. docs/trace.md explains what is asked, and with which permissions.

Examples:
  goldseal trace i-0123456789abcdef0
  goldseal trace eu-west-1:ami-0123456789abcdef0 --at 2027-01-01T00:00:00Z --output json
  goldseal trace i-0123456789abcdef0 --from audit.json
  goldseal trace eu-west-1:i-0123456789abcdef0 --organization --role goldseal/audit
  goldseal trace --image image.json --region eu-west-1 --evidence evidence.jsonl \\
    --policy policy.toml

Exit codes: 0 admit, 1 reject, or nobody tells of the instance, 3 undetermined.";

/// Arguments of `trace`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Trace {
    /// The instance or image: i-ID, ami-ID, REGION:ID or ARN
    #[arg(value_name = "INSTANCE|AMI", required_unless_present = "image")]
    what: Option<What>,
    /// Judge at this instant instead of now, such as 2027-12-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Look up instances in this audit too, of `goldseal audit --output json`: other accounts, and what ran
    #[arg(long, value_name = "AUDIT")]
    from: Option<PathBuf>,
    /// Read the image from a saved `aws ec2 describe-images` answer or a descriptor; with --evidence, no network
    #[arg(long, value_name = "FILE", requires = "evidence", conflicts_with = "AccountArgs")]
    image: Option<PathBuf>,
    /// Read the evidence from a file
    #[arg(long, value_name = "FILE", requires = "image")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    accounts: AccountArgs,
}

/// What people name: an image, or an instance, perhaps with its region.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Image(ImageArg),
    Instance { id: InstanceId, region: Option<Region> },
}

impl Trace {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        let audit = self.from.as_deref().map(saved).transpose()?;
        let at = self.at.unwrap_or_else(Timestamp::now);
        let tracing = Tracing { policy: &policy, at, audit: audit.as_ref() };
        let report = match (&self.image, &self.evidence) {
            (Some(image), Some(evidence)) => self.offline(session, &tracing, image, evidence).await?,
            _ => self.ask(session, &tracing).await?,
        };
        if let Some(What::Image(image)) = &self.what {
            image.check_owner(report.image.owner.as_ref())?;
        }
        let code = Code::from(report.outcome());
        // A rejection that could not be printed is one all the same.
        render::trace(format, &report).or_else(|error| if code == Code::Good { Err(error) } else { Ok(()) })?;
        Ok(code)
    }

    async fn ask(&self, session: &Session, tracing: &Tracing<'_>) -> Result<TraceReport, Failure> {
        let what = self.what.as_ref().context("name an instance or an image")?;
        let traced = traced(what, session, tracing).await?;
        let store = session.store().await?;
        let aws = session.aws().await;
        let fleet = self.accounts.fleet(session).await?;
        let bar = Bar::calls("looking for what runs");
        let report = trace(tracing, &traced, &fleet, &Ec2::new(aws), &store, &session.keys(), &bar).await;
        bar.finish();
        report.map_err(|error| match error {
            TraceError::NotSeen { .. } => Failure::new(Code::No, error.to_string()).hint(
                "EC2 forgets instances soon after their end, and shows none of other accounts and regions: give REGION:i-ID, \
                 --organization or --accounts with --role, or --from with an audit that saw it",
            ),
            TraceError::NotAsked { .. } => Failure::from(anyhow::Error::from(error)).unanswered(),
        })
    }

    async fn offline(
        &self,
        session: &Session,
        tracing: &Tracing<'_>,
        image: &Path,
        evidence: &Path,
    ) -> Result<TraceReport> {
        let default = session.settings.region.as_ref();
        let (facts, instance) = match &self.what {
            None => (facts_of_file(image, None, default)?, None),
            Some(What::Image(named)) => (facts_of_file(image, Some(named.id()), named.region().or(default))?, None),
            Some(What::Instance { id, .. }) => {
                let Some(seen) = tracing.saved(id) else {
                    bail!("files do not tell which image {id} runs: give --from with an audit that saw it")
                };
                (facts_of_file(image, Some(&seen.ami), Some(&seen.region))?, Some(id.clone()))
            }
        };
        // One byte over the limit is read, so that the verdict can say that it is too large.
        let bytes = files::read_up_to(evidence, EVIDENCE_LIMITS.bytes)?;
        let place = evidence.display().to_string();
        let offline = Offline { facts: &facts, evidence: &bytes, place: &place };
        Ok(trace_offline(tracing, &offline, instance, &session.keys()).await)
    }
}

/// Reads a saved audit.
pub fn saved(path: &Path) -> Result<AuditReport> {
    let bytes = files::read(path, AuditReport::LARGEST)?;
    AuditReport::read(&bytes).with_context(|| format!("reading {}", path.display()))
}

/// Completes what was named: the region of an instance is the one where an audit saw it, before the default one.
async fn traced(what: &What, session: &Session, tracing: &Tracing<'_>) -> Result<Traced> {
    match what {
        What::Image(image) => {
            let images = session.images(std::slice::from_ref(image)).await?;
            images.into_iter().next().map(Traced::Image).context("no image was named")
        }
        What::Instance { id, region } => {
            let seen = || tracing.saved(id).map(|seen| seen.region.clone());
            let region = match region.clone().or_else(seen).or_else(|| session.settings.region.clone()) {
                Some(region) => region,
                None => session.aws().await.region().await.context("finding the region of the instance")?,
            };
            Ok(Traced::Instance { id: id.clone(), region })
        }
    }
}

impl std::str::FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let told = |fault: NotAnId| fault.to_string();
        let parts: Vec<&str> = text.split(':').collect();
        let (region, id) = match parts.as_slice() {
            [id] => (None, *id),
            [region, id] => (Some(*region), *id),
            ["arn", partition, "ec2", region, _, resource] => {
                let Some(id) = resource.strip_prefix("instance/") else { return text.parse().map(Self::Image) };
                let known: Region = region.parse().map_err(told)?;
                if known.partition().to_string() != *partition {
                    return Err(format!("{region} is not in the partition {partition}"));
                }
                (Some(*region), id)
            }
            _ => return Err("expected i-ID, ami-ID, REGION:ID or the ARN of an instance or image".to_owned()),
        };
        if !id.starts_with("i-") {
            return text.parse().map(Self::Image);
        }
        let region = region.map(str::parse).transpose().map_err(told)?;
        Ok(Self::Instance { id: id.parse().map_err(told)?, region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_or_an_image_is_named_in_the_same_ways() {
        let id: InstanceId = "i-0123456789abcdef0".parse().unwrap();
        let region: Region = "eu-west-1".parse().unwrap();
        for (text, region) in [
            ("i-0123456789abcdef0", None),
            ("eu-west-1:i-0123456789abcdef0", Some(region.clone())),
            ("arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0", Some(region)),
        ] {
            assert_eq!(text.parse(), Ok(What::Instance { id: id.clone(), region }), "{text}");
        }
        for text in ["ami-0123456789abcdef0", "arn:aws:ec2:eu-west-1:123456789012:image/ami-0123456789abcdef0"] {
            assert_eq!(text.parse(), Ok(What::Image(text.parse().unwrap())), "{text}");
        }
        for bad in [
            "",
            "i-1",
            "nowhere:i-0123456789abcdef0",
            "a:b:c",
            "arn:aws:ec2:eu-west-1:1:volume/vol-0123abcd",
            "arn:aws-cn:ec2:eu-west-1:123456789012:instance/i-0123abcd",
        ] {
            assert!(bad.parse::<What>().is_err(), "{bad}");
        }
    }
}
