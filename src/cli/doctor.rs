//! `goldseal doctor`: everything that the launch hook stands on, looked at, with what to type.

use anyhow::{Context as _, Result};
use goldseal_core::{
    flow::{Asking, Setup, doctor},
    report::{DoctorReport, Severity},
};
use jiff::Timestamp;

use super::{
    exit::{Code, Failure},
    policy,
    receipt_key::required_place,
    session::Session,
};
use crate::{
    adapters::aws::{AutoScaling, Ec2, Ec2Instances, Queue, Surroundings, WatchedQueue},
    render::{self, Format},
    settings::{HookFragment, HookSettings},
};

const AFTER: &str = "\
Reads the settings of `goldseal hook`. Run it with the role of the hook: what that role may not do is named. Nothing is \
changed but one small document in the place for state, which is written and removed. docs/doctor.md lists what is found.

Examples:
  goldseal doctor
  goldseal doctor --guard-group web --guard-hook goldseal --state file:///var/lib/goldseal \\
    --queue https://sqs.eu-west-1.amazonaws.com/123456789012/goldseal

Exit codes: 0 nothing worse than a warning, 1 problems, 3 something could not be asked.";

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Doctor {
    #[command(flatten)]
    settings: HookFragment,
}

impl Doctor {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let settings = session.settings.hook(self.settings).map_err(anyhow::Error::from)?;
        let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        required_place(session, &policy)?;
        let report = look(session, &settings, &policy).await?;
        let code = match report.worst() {
            Severity::Problem => Code::No,
            Severity::Unknown => Code::Unknown,
            Severity::Warning | Severity::Note | Severity::Good => Code::Good,
        };
        render::doctor(format, &report)?;
        Ok(code)
    }
}

async fn look(
    session: &Session,
    settings: &HookSettings,
    policy: &goldseal_core::policy::Policy,
) -> Result<DoctorReport> {
    let aws = session.aws().await;
    // Without a queue, what is said of queues is that there is none.
    let queue = match settings.queue() {
        Ok(url) => Some(Queue::open(aws, url).await.context("opening the queue")?),
        Err(_missing) => None,
    };
    let region = match &queue {
        Some(queue) => queue.region().clone(),
        None => aws.region().await.context("finding the region that is guarded")?,
    };
    let setup = Setup {
        region: &region,
        guarded: &settings.guarded,
        deadline: settings.deadline,
        policy,
        store: session.settings.store()?.to_string(),
        state: settings.state.to_string(),
    };
    let queue = queue.map(|queue| WatchedQueue::new(aws, queue));
    let asking = Asking {
        fleet: &AutoScaling::new(aws, &region),
        instances: &Ec2Instances::new(aws, &region),
        account: &Surroundings::new(aws, &region),
        queue: queue.as_ref(),
        catalog: &Ec2::new(aws),
        store: &session.store().await?,
        keys: &session.keys(),
        state: &session.state(&settings.state).await?,
    };
    Ok(doctor(&setup, &asking, Timestamp::now()).await?)
}
