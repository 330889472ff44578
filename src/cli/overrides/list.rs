//! `goldseal override list` and `show`: how overrides stand.

use anyhow::Result;
use goldseal_core::{
    flow::{
        listed,
        overrides::{report, seen},
    },
    report::OverrideStep,
};
use jiff::Timestamp;

use super::{Named, keys_of, policy_of};
use crate::{
    cli::{
        exit::{Code, Failure},
        session::Session,
    },
    render::{self, Format},
};

const AFTER_LIST: &str = "\
Those that let something pass come first, then those that are not signed by enough people, and those that are over.

Examples:
  goldseal override list
  goldseal override list --overrides override.jsonl --output json

Exit codes: 0 listed, 2 usage.";

const AFTER_SHOW: &str = "\
Examples:
  goldseal override show override.jsonl
  goldseal override show 3f5a…

Exit codes: 0 shown, 1 there is none, 2 usage.";

/// Arguments of `override list`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_LIST)]
pub struct List {
    /// Say how they stand at this instant instead of now, such as 2027-12-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

/// Arguments of `override show`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_SHOW)]
pub struct Show {
    /// The file of the override, or the SHA-256 of its statement, which the store or a carried file has
    #[arg(value_name = "FILE|STATEMENT")]
    named: Named,
    /// Say how it stands at this instant instead of now, such as 2027-12-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

impl List {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let policy = policy_of(session)?;
        let at = self.at.unwrap_or_else(Timestamp::now);
        let keys = listed(&policy, keys_of(&policy), &session.keys()).await;
        render::overrides(format, &report(&policy, &keys, &seen(&policy, &keys, at), OverrideStep::Shown, at))?;
        Ok(Code::Good)
    }
}

impl Show {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let policy = policy_of(session)?;
        let at = self.at.unwrap_or_else(Timestamp::now);
        let found = self.named.find(session, &policy, at).await?;
        render::overrides(format, &report(&policy, &keys_of(&policy), &[found.granted], OverrideStep::Shown, at))?;
        Ok(Code::Good)
    }
}
