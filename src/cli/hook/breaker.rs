//! `goldseal hook breaker`: the breakers of a region, shown or reset.

use anyhow::{Context as _, Result};
use goldseal_core::{
    ids::{AmiId, GroupName, Region},
    lifecycle::{Breaker, Breakers, Suspension},
    ports::{Groups as _, StateStore as _},
    report::{BREAKERS_SCHEMA, BreakersReport},
};
use jiff::Timestamp;

use crate::{
    adapters::{aws::AutoScaling, store::StoreUrl},
    cli::{
        exit::{Code, Failure},
        session::Session,
    },
    hook::record::{breakers_name, change},
    render::{self, Format},
};

const AFTER: &str = "\
A breaker opens when so many instances of one image in one group were abandoned within a time that the policy says; \
where the policy allows, it suspends the group's launches. One that did stays open until it is reset.

Examples:
  goldseal hook breaker
  goldseal hook breaker reset --group web --resume-launch

Exit codes: 0 shown or reset, 1 one is open (when shown), 3 the state could not be read.";

/// Arguments of `hook breaker`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct BreakerCommand {
    #[command(subcommand)]
    command: Option<Reset>,
    /// Where the hook keeps its state: file:///dir or s3://bucket/prefix
    #[arg(long, value_name = "URL", env = "GOLDSEAL_STATE", global = true)]
    state: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Reset {
    /// Close breakers, so that they can open again
    #[command(after_help = "Example:\n  goldseal hook breaker reset --group web --resume-launch")]
    Reset {
        /// Those of this group
        #[arg(long, value_name = "NAME", required_unless_present_any = ["image", "all"])]
        group: Option<GroupName>,
        /// Those of this image
        #[arg(long, value_name = "AMI")]
        image: Option<AmiId>,
        /// All of the region
        #[arg(long, conflicts_with_all = ["group", "image"])]
        all: bool,
        /// Also let the groups launch again whose launches a breaker suspended
        #[arg(long)]
        resume_launch: bool,
    },
}

impl BreakerCommand {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let url: StoreUrl = session.settings.state(self.state).map_err(anyhow::Error::from)?;
        let region = session.aws().await.region().await.context("finding the region of the breakers")?;
        let state = session.state(&url).await?;
        let (closed, breakers) = match &self.command {
            None => {
                let name = breakers_name(&region).map_err(anyhow::Error::msg)?;
                let stored = state.read(&name).await.context("reading the breakers")?;
                let breakers =
                    stored.map_or_else(|| Ok(Breakers::default()), |stored| Breakers::from_json(&stored.bytes));
                (
                    Vec::new(),
                    breakers
                        .with_context(|| format!("reading {name} in {url}: move it away, and breakers begin anew"))?,
                )
            }
            Some(Reset::Reset { group, image, .. }) => {
                let now = Timestamp::now();
                let reset = change(&state, &region, |breakers| breakers.reset(group.as_ref(), image.as_ref(), now));
                reset.await.context("resetting breakers")?
            }
        };
        if let Some(Reset::Reset { resume_launch: true, .. }) = self.command {
            resume(session, &region, &closed, &breakers).await?;
        }
        let shown = self.command.is_none();
        let open = breakers.iter().any(|one| one.open_since.is_some());
        let report = BreakersReport {
            schema: BREAKERS_SCHEMA,
            at: Timestamp::now(),
            region,
            closed,
            breakers: breakers.iter().cloned().collect(),
        };
        render::breakers(format, &report)?;
        Ok(if shown && open { Code::No } else { Code::Good })
    }
}

/// Lets groups launch again, unless another breaker still suspends them.
async fn resume(session: &Session, region: &Region, closed: &[Breaker], left: &Breakers) -> Result<()> {
    let groups = AutoScaling::new(session.aws().await, region);
    let still = &left.suspensions(Suspension::Due) | &left.suspensions(Suspension::Done);
    for group in closed
        .iter()
        .filter(|one| one.suspension.is_some())
        .map(|one| &one.group)
        .filter(|group| !still.contains(*group))
    {
        groups.suspend_launch(group, false).await.with_context(|| format!("letting {group} launch again"))?;
    }
    Ok(())
}
