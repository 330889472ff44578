//! `goldseal hook`: the launch hook as a daemon, and its breakers.

pub mod assemble;
mod breaker;

use std::time::Duration;

use anyhow::{Context as _, Result};
use goldseal_core::ports::PortErrorKind;

use self::{
    assemble::{Assembly, Host},
    breaker::BreakerCommand,
};
use super::{
    exit::{Code, Failure},
    receipt_key::{ReceiptKey, required_place},
    session::Session,
};
use crate::{
    adapters::aws::Queue,
    hook::{daemon::Daemon, health, receipts::Scribe, record::Recorder},
    render::Format,
    settings::HookFragment,
    telemetry,
};

/// How long the last receipts may take, when we are told to stop.
const LAST_RECEIPTS: Duration = Duration::from_secs(10);

const AFTER: &str = "\
Reads an SQS queue for launches of guarded Auto Scaling groups and ends their wait: CONTINUE for images that the policy \
admits, ABANDON for all others. docs/hook.md says how to set it up, and what it does not promise.

Examples:
  goldseal hook --queue https://sqs.eu-west-1.amazonaws.com/123456789012/goldseal \\
    --guard-group web --guard-hook goldseal --state file:///var/lib/goldseal \\
    --store s3://evidence/golden --policy /etc/goldseal/policy.toml
  goldseal hook --check
  goldseal hook breaker
  goldseal hook breaker reset --group web

SIGHUP reads the policy again. SIGTERM finishes what is held, for up to a minute.

Exit codes: 0 stopped by a signal, 2 settings, 3 AWS could not be asked at the start, or the place for state not be written.";

/// Arguments of `hook`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER, args_conflicts_with_subcommands = true)]
pub struct Hook {
    #[command(subcommand)]
    command: Option<HookCommand>,
    #[command(flatten)]
    settings: HookFragment,
    #[command(flatten)]
    receipt_key: ReceiptKey,
    /// Read settings and policy, say whether they are valid, and end
    #[arg(long)]
    check: bool,
}

#[derive(Debug, clap::Subcommand)]
enum HookCommand {
    /// Show the breakers of a region, or reset them
    Breaker(BreakerCommand),
}

impl Hook {
    pub fn run(self, mut session: Session, format: Format) -> Result<Code, Failure> {
        if let Some(HookCommand::Breaker(command)) = self.command {
            return super::wait(command.run(&session, format))?;
        }
        let settings = session.settings.hook(self.settings).map_err(anyhow::Error::from)?;
        let policy = super::policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        required_place(&session, &policy)?;
        self.receipt_key.check(&session)?;
        let url = settings.queue().map_err(anyhow::Error::from)?.clone();
        if self.check {
            return Ok(Code::Good);
        }
        telemetry::daemon();
        let assembly = Assembly::observed(&mut session);
        // Verification of a large SBOM must not hold heartbeats up.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.map_err(anyhow::Error::from)?.block_on(async {
            let queue = Queue::open(session.aws().await, &url).await.context("opening the queue")?;
            match queue.look_up().await {
                // It would be asked for without end. Whatever else is wrong may pass, and the sweep does without it.
                Err(error) if error.kind == PortErrorKind::NotFound => {
                    return Err(error).context("opening the queue")?;
                }
                Ok(()) | Err(_) => {}
            }
            let engine = assembly.engine(&session, &settings, policy, queue.region(), Host::Daemon).await?;
            let recorder = Recorder::new(
                assembly.tried_state(&session, &settings).await?,
                assembly.groups(&session, queue.region()).await,
                queue.region().clone(),
                assembly.metrics(),
            );
            let listening = health::listen(settings.listen).await;
            let listener = listening.with_context(|| format!("listening on {}", settings.listen))?;
            let daemon = Daemon { engine: engine.into(), queue, recorder, listener };
            let load = || async {
                let loaded = assembly.policy(&session, &settings).await;
                loaded.map_err(|failure| failure.chain.join(": "))
            };
            let scribe = match self.receipt_key.open(&session).await? {
                Some(keeping) => {
                    let (place, key) = keeping.into_parts();
                    Some(Scribe::new(assembly.state(&session, &settings).await?, place, key, assembly.metrics()))
                }
                None => None,
            };
            let writing = scribe.clone().map(|scribe| tokio::spawn(async move { scribe.run().await }));
            let ran = daemon.run(load).await.context("hearing signals");
            if let (Some(writing), Some(scribe)) = (writing, scribe) {
                writing.abort();
                // What was decided last; what this does not get through waits in the state.
                let _late = tokio::time::timeout(LAST_RECEIPTS, scribe.write()).await;
            }
            ran?;
            Ok(Code::Good)
        })
    }
}
