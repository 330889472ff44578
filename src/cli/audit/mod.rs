//! `goldseal audit`: what runs that should not, in every account and region that is named.

mod output;
mod render;

use anyhow::{Context as _, Result};
use goldseal_core::{
    flow::{Auditing, audit},
    gate::Period,
    ids::HookName,
    policy::Policy,
    report::{AuditReport, Condition, FailOn},
};
use jiff::Timestamp;

use self::output::Output;
use super::{
    exit::{Code, Failure},
    fleet::FleetArgs,
    policy,
    session::Session,
    wait,
};
use crate::{
    render::{Bar, Format},
    settings::DEADLINE,
};

const AFTER: &str = "\
Looks at every instance that runs, judges each image once by the policy, and says which doors are open beside the launch hook. \
Nothing that runs is touched. docs/audit.md says what is asked, and with which permissions.

Examples:
  goldseal audit
  goldseal audit --organization --role goldseal/audit --external-id 7f3c
  goldseal audit --accounts accounts.txt --role goldseal/audit --regions eu-west-1,us-east-1 --output json
  goldseal audit --at 2026-12-24T00:00:00Z
  goldseal audit --write json=audit.json --write html=audit.html --lake events

Exit codes: 0 as it should be, 1 something runs that should not, 3 something could not be judged or seen. What is both
ends with 1.";

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER, args_conflicts_with_subcommands = true)]
pub struct Audit {
    #[command(subcommand)]
    saved: Option<Saved>,
    #[command(flatten)]
    look: Look,
}

/// What is done with an audit that was saved.
#[derive(Debug, clap::Subcommand)]
enum Saved {
    /// Show a saved audit in another format
    Render(render::Render),
}

#[derive(Debug, clap::Args)]
struct Look {
    #[command(flatten)]
    fleet: FleetArgs,
    /// Judge at this instant instead of now: what expires next month?
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Name admissions that end within this time
    #[arg(long, value_name = "TIME", default_value = "14d")]
    soon: Period,
    /// Look at instances that are stopped too
    #[arg(long)]
    stopped: bool,
    /// The name of our lifecycle hook, which every group should have; may be several [default: goldseal]
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "goldseal", hide_default_value = true)]
    guard_hook: Vec<HookName>,
    /// The name of the queue, in each account and region, that those hooks should tell
    #[arg(long, value_name = "NAME")]
    guard_queue: Option<String>,
    /// What makes it fail: refused, root-replaced, unsealed, expired, undetermined, overridden, expiring, admitted, door,
    /// missed [default: refused,root-replaced,unsealed,expired,undetermined,missed]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    fail_on: Option<Vec<Condition>>,
    #[command(flatten)]
    output: Output,
}

impl Audit {
    pub fn run(self, session: impl FnOnce() -> Result<Session>, format: Format) -> Result<Code, Failure> {
        match self.saved {
            Some(Saved::Render(saved)) => saved.run(format),
            None => wait(self.look.run(&session()?, format))?,
        }
    }
}

impl Look {
    async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        let mut report = self.look(session, &policy).await?;
        report.finished = Timestamp::now();
        let fail_on = self.fail_on.map_or_else(FailOn::default, |list| list.into_iter().collect());
        self.output.put(&report, format, Some(&fail_on))
    }

    async fn look(&self, session: &Session, policy: &Policy) -> Result<AuditReport> {
        let started = Timestamp::now();
        let fleet = self.fleet.fleet(session).await?;
        let store = session.store().await?;
        let auditing = Auditing {
            policy,
            at: self.at.unwrap_or(started),
            soon: self.soon,
            stopped: self.stopped,
            hooks: self.guard_hook.clone(),
            queue: self.guard_queue.clone(),
            deadline: DEADLINE,
        };
        let bar = Bar::calls("looking at accounts, regions and images");
        let report = audit(&auditing, &fleet, &store, &session.keys(), &bar, started).await;
        bar.finish();
        report.context("finding the accounts of the fleet")
    }
}
