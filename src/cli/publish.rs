//! `goldseal publish`: images that are admitted → shared, and named by parameters, in the safe order.

use anyhow::Result;
use goldseal_core::{
    flow::{Candidate, PublishError, Publishing, publish},
    publication::{Audience, LockDays, ParameterName, Wishes},
    report::{PublishFailure, PublishReport},
};
use jiff::Timestamp;

use super::{
    exit::{Code, Failure},
    image::ImageArg,
    policy,
    session::Session,
};
use crate::{
    adapters::aws::{Ec2, Publisher},
    render::{self, Bar, Format},
};

const AFTER: &str = "\
Every image is verified under the policy as its consumers will verify it, whatever the policy's mode; if one is not \
admitted, nothing is changed. What is so already is left alone, so it can be run again.

Examples:
  goldseal publish ami-0123456789abcdef0 --share 222222222222 --ssm-parameter /golden/base
  goldseal publish eu-west-1:ami-0123456789abcdef0 us-east-1:ami-0fedcba9876543210 \\
    --share arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5 \\
    --lock-snapshots 90 --protect --dry-run

Exit codes: 0 published or listed, 1 rejected or refused, 3 undetermined or a step could not be taken.";

/// Arguments of `publish`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Publish {
    /// The images: ami-ID, REGION:ami-ID or ARN
    #[arg(value_name = "AMI", required = true)]
    amis: Vec<ImageArg>,
    #[command(flatten)]
    wished: Wished,
    /// List the calls and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// What is wished of every image that is published.
#[derive(Debug, Clone, clap::Args)]
pub struct Wished {
    /// Let an account, an organization or an organizational unit launch the images
    #[arg(long, value_name = "ACCOUNT|ARN")]
    share: Vec<Audience>,
    /// Lock the snapshots against deletion, in governance mode, for so many days; a longer lock stays as it is
    #[arg(long, value_name = "DAYS")]
    lock_snapshots: Option<LockDays>,
    /// Protect the images against deregistration
    #[arg(long)]
    protect: bool,
    /// Let this parameter of the type aws:ec2:image name the image, in the image's region
    #[arg(long, value_name = "NAME")]
    ssm_parameter: Vec<ParameterName>,
}

impl From<Wished> for Wishes {
    fn from(wished: Wished) -> Self {
        let Wished { share, lock_snapshots, protect, ssm_parameter } = wished;
        let (share, parameters) = (share.into_iter().collect(), ssm_parameter.into_iter().collect());
        Self { lock: lock_snapshots, protect, share, parameters }
    }
}

impl Publish {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        let images = session.images(&self.amis).await?.into_iter().zip(&self.amis);
        let images: Vec<Candidate> =
            images.map(|(image, asked)| Candidate { image, owner: asked.owner().cloned() }).collect();
        let wishes = Wishes::from(self.wished);
        let publishing = Publishing {
            policy: &policy,
            images: &images,
            wishes: &wishes,
            dry_run: self.dry_run,
            now: Timestamp::now(),
        };
        let store = session.store().await?;
        let aws = session.aws().await;
        let bar = Bar::calls("publishing");
        let done = publish(&publishing, &Ec2::new(aws), &store, &session.keys(), &Publisher::new(aws), &bar).await;
        bar.finish();
        report(format, done)
    }
}

/// Prints what was done; of a publication that stopped also what was not, and why.
pub fn report(format: Format, done: Result<PublishReport, PublishError>) -> Result<Code, Failure> {
    let (report, failure) = match done {
        Ok(report) => (report, None),
        Err(error) => {
            let PublishError::Stopped { report, .. } = &error else { return Err(anyhow::Error::new(error).into()) };
            let mut report = report.as_ref().clone();
            let failure = Failure::from(anyhow::Error::new(error));
            report.failure = Some(PublishFailure { causes: failure.chain.clone(), hints: failure.hints.clone() });
            (report, Some(failure))
        }
    };
    let code = failure.as_ref().map_or_else(|| Code::from(report.outcome), |failure| failure.code);
    // A refusal that could not be printed is one all the same.
    render::publish(format, &report).or_else(|error| if code == Code::Good { Err(error) } else { Ok(()) })?;
    match (failure, format) {
        (Some(failure), Format::Human) => Err(failure),
        _ => Ok(code),
    }
}
