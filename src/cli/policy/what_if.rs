//! `goldseal policy what-if`: what would change if a policy were another one.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use goldseal_core::{
    attestation::EVIDENCE_LIMITS,
    flow::{Carried, Supposed, WhatIf, what_if},
    gate::Period,
    report::WhatIfReport,
};
use jiff::Timestamp;

use super::load;
use crate::{
    adapters::{carried::Carrying, state::State},
    cli::{
        exit::{Code, Failure},
        fleet::FleetArgs,
        session::Session,
    },
    files,
    render::{self, Bar, Format},
    settings::SettingsError,
};

const AFTER: &str = "\
Judges everything that runs, and everything that the launch hook decided and recorded, by two policies: the one of --policy, \
and the one that is in force (GOLDSEAL_POLICY or the settings file, or --against). With a revocation list or overrides that \
are published nowhere yet it may be the same one: who would be hit. Facts and evidence are asked for once. \
Nothing is changed. docs/what-if.md says what counts as a change.

Examples:
  goldseal policy what-if --policy new.toml
  goldseal policy what-if --policy new.toml --against old.toml --regions eu-west-1
  goldseal policy what-if --policy new.toml --organization --role goldseal/audit --output json
  goldseal policy what-if --policy new.toml --state s3://state/hook --since 7d
  goldseal policy what-if --revocations next.jsonl
  goldseal policy what-if --overrides override.jsonl --regions eu-west-1

Exit codes: 0 nothing would change, 1 something would, 3 it could not be told of everything. What is both ends with 1.";

/// Arguments of `policy what-if`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct WhatIfArgs {
    /// Compare with this policy [default: that of GOLDSEAL_POLICY or the settings file]
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    #[command(flatten)]
    fleet: FleetArgs,
    /// Judge what runs at this instant instead of now, such as 2027-12-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Tell admissions apart that end within this time
    #[arg(long, value_name = "TIME", default_value = "14d")]
    soon: Period,
    /// Look at instances that are stopped too
    #[arg(long)]
    stopped: bool,
    /// Where the launch hook keeps its decisions: file:///dir or s3://bucket/prefix [default: as the settings file says]
    #[arg(long, value_name = "URL", env = "GOLDSEAL_STATE")]
    state: Option<String>,
    /// Judge decisions again that are not older than this
    #[arg(long, value_name = "TIME", default_value = "30d")]
    since: Period,
    /// Let the candidate be judged by this revocation list, signed and published nowhere yet. The overrides of --overrides
    /// are the candidate's alone, too
    #[arg(long, value_name = "FILE")]
    revocations: Option<PathBuf>,
}

impl WhatIfArgs {
    /// Compares, and says what would change.
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let candidate = session.settings.policy().map_err(anyhow::Error::from)?;
        let (in_force, supposed) = self.supposed(session).await?;
        let current = match &self.against {
            Some(file) => file.clone(),
            None => {
                let environment = std::env::var_os("GOLDSEAL_POLICY").map(PathBuf::from);
                let current = session.settings.policy_in_force(environment).map_err(anyhow::Error::from)?;
                if current == candidate && supposed.is_empty() {
                    let message = format!("{} is the policy that is in force", current.display());
                    let hint = "give the new one with --policy, or the old one with --against; or a revocation list or \
                                overrides that are not published yet";
                    return Err(Failure::new(Code::Usage, message).hint(hint));
                }
                current
            }
        };
        let started = Timestamp::now();
        let (current, candidate) = (load(&current)?, load(candidate)?);
        let asked = WhatIf {
            current: &current,
            candidate: &candidate,
            at: self.at.unwrap_or(started),
            soon: self.soon,
            stopped: self.stopped,
            since: self.since.before(started),
            supposed: &supposed,
        };
        let mut report = self
            .compare(&asked, session, in_force, started)
            .await
            .map_err(|error| Failure::from(error).unanswered())?;
        report.finished = Timestamp::now();
        let code = Code::from(report.outcome());
        // A failure that could not be printed is one all the same.
        render::what_if(format, &report).or_else(|error| if code == Code::Good { Err(error) } else { Ok(()) })?;
        Ok(code)
    }

    /// Returns where overrides are carried now, and what the candidate is judged by beside that.
    async fn supposed(&self, session: &Session) -> Result<(Carrying, Supposed)> {
        let given = &session.settings.overrides;
        let in_force = given.in_force(std::env::var("GOLDSEAL_OVERRIDES").ok())?;
        let mut new = given.clone();
        new.places.retain(|place| !in_force.places.contains(place));
        let revocations = match &self.revocations {
            None => None,
            Some(path) => {
                let bytes = files::read(path, EVIDENCE_LIMITS.bytes)?;
                Some(Carried { place: path.display().to_string(), answer: Ok(Some(bytes)) })
            }
        };
        let supposed = Supposed { revocations, overrides: session.carrying(&new).await.read().await };
        Ok((session.carrying(&in_force).await, supposed))
    }

    async fn compare(
        &self,
        asked: &WhatIf<'_>,
        session: &Session,
        in_force: Carrying,
        started: Timestamp,
    ) -> Result<WhatIfReport> {
        let fleet = self.fleet.fleet(session).await?;
        let store = session.store().await?;
        let state = self.state(session).await?;
        let keys = session.keys().carrying(in_force);
        let bar = Bar::calls("looking at accounts, regions and images");
        let report = what_if(asked, &fleet, &store, &keys, state.as_ref(), &bar, started).await;
        bar.finish();
        report.context("finding the accounts of the fleet")
    }

    /// Opens the state of the launch hook, if there is one.
    async fn state(&self, session: &Session) -> Result<Option<State>> {
        match session.settings.state(self.state.clone()) {
            Ok(url) => Ok(Some(session.state(&url).await?)),
            Err(SettingsError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
