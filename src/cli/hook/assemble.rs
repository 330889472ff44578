//! Settings → an engine: what the daemon and the Lambda function are made of.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use goldseal_core::{
    flow::TriedState,
    ids::Region,
    policy::Policy,
    ports::{PortErrorKind, StateName},
};
use jiff::Timestamp;

use crate::{
    adapters::{
        aws::{AutoScaling, Ec2, Ec2Instances, KmsKeys},
        state::State,
        store::Store,
    },
    cli::{exit::Failure, policy, receipt_key::required_place, session::Session},
    hook::{
        cases::{OpenCases, Sources},
        decided::Underway,
        engine::{Current, Engine},
        groups::KnownGroups,
        lease::Ports,
        metrics::Metrics,
    },
    settings::HookSettings,
};

/// The cases of the hook, over the adapters.
pub type HookCases = OpenCases<Ec2, Store, KmsKeys, State>;
/// The engine of the hook, over the adapters.
pub type HookEngine = Engine<Ec2Instances, AutoScaling, AutoScaling, HookCases>;

/// What an engine runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// A process that goes on.
    Daemon,
    /// One that is called, and may be gone the next time.
    Function,
}

/// Puts the hook together.
#[derive(Debug)]
pub struct Assembly {
    metrics: Arc<Metrics>,
}

impl Assembly {
    /// Counts every call that the session makes from now on.
    pub fn observed(session: &mut Session) -> Self {
        let metrics = Arc::new(Metrics::default());
        let counted = Arc::clone(&metrics);
        session.observe(Arc::new(move |service: &str, operation: &str, outcome, _seconds| {
            counted.aws_call(service, operation, outcome);
        }));
        Self { metrics }
    }

    /// Returns the metrics.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Opens the state.
    pub async fn state(&self, session: &Session, settings: &HookSettings) -> Result<State> {
        session.state(&settings.state).await
    }

    /// Opens the state, and tries whether it can be written, before anybody decides anything.
    ///
    /// # Errors
    /// When it cannot, and asking again would bring the same. What may pass is no reason to guard nothing.
    pub async fn tried_state(&self, session: &Session, settings: &HookSettings) -> Result<State, Failure> {
        let state = self.state(session, settings).await?;
        // Replicas that start together share the place.
        let name = format!("v1/starts/{}-{}.json", std::process::id(), Timestamp::now().as_nanosecond());
        let name = StateName::new(name).map_err(anyhow::Error::msg)?;
        match TriedState::of(&state, &name).await.outcome() {
            Ok(()) => Ok(state),
            Err(error) if matches!(error.kind, PortErrorKind::Throttled | PortErrorKind::Unavailable) => {
                let error = error.chain();
                tracing::error!(event = "state-failed", error, "the place for state could not be tried");
                Ok(state)
            }
            Err(error) => {
                let what = format!("trying the place for state, {}", settings.state);
                Err(Failure::from(anyhow::Error::new(error).context(what)).hint(
                    "breakers, decisions and last known good evidence are kept there: let whoever runs this read, write and \
                     remove there, or name another place with --state; `goldseal doctor` tries it too",
                ))
            }
        }
    }

    /// Connects to Auto Scaling.
    pub async fn groups(&self, session: &Session, region: &Region) -> AutoScaling {
        AutoScaling::new(session.aws().await, region)
    }

    /// Reads the policy, and starts without any case.
    ///
    /// # Errors
    /// A policy that does not compile is none, and one that requires receipts needs a place where they are.
    pub async fn policy(
        &self,
        session: &Session,
        settings: &HookSettings,
    ) -> Result<(Arc<Policy>, Arc<HookCases>), Failure> {
        let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        required_place(session, &policy)?;
        Ok(self.cases(session, settings, policy).await?)
    }

    async fn cases(
        &self,
        session: &Session,
        settings: &HookSettings,
        policy: Policy,
    ) -> Result<(Arc<Policy>, Arc<HookCases>)> {
        let policy = Arc::new(policy);
        let aws = session.aws().await;
        let sources = Sources {
            catalog: Ec2::new(aws),
            store: session.store().await?,
            keys: KmsKeys::new(aws),
            state: self.state(session, settings).await?,
            carrying: session.carrying(&session.settings.overrides).await,
        };
        let cases = OpenCases::new(Arc::clone(&policy), Arc::new(sources), self.metrics());
        Ok((policy, Arc::new(cases)))
    }

    /// Makes the engine of a region.
    ///
    /// # Errors
    /// When a place cannot be opened, or the caller's account cannot be asked for.
    pub async fn engine(
        &self,
        session: &Session,
        settings: &HookSettings,
        policy: Policy,
        region: &Region,
        host: Host,
    ) -> Result<HookEngine> {
        let aws = session.aws().await;
        let (policy, cases) = self.cases(session, settings, policy).await?;
        let account = aws.account().await.context("finding the account that is guarded")?;
        Ok(Engine {
            guarded: settings.guarded.clone(),
            account: Some(account),
            region: region.clone(),
            patience: settings.deadline,
            ports: Arc::new(Ports { instances: Ec2Instances::new(aws, region), waits: AutoScaling::new(aws, region) }),
            groups: KnownGroups::new(AutoScaling::new(aws, region)),
            judges: Arc::new(Current::new(policy, cases)),
            remembers: host == Host::Daemon,
            underway: Underway::new(),
            metrics: self.metrics(),
        })
    }
}
