//! An audit that goes on from one that was interrupted, and keeps what it is told until it ends.

use std::path::PathBuf;

use goldseal_core::{
    digest::Sha256Digest,
    flow::Resumption,
    gate::Period,
    report::{AuditReport, Note},
};
use jiff::Timestamp;

use super::super::exit::Failure;
use crate::adapters::{aws::Accounts, state::State};

/// What is older is no audit of now.
const OLDEST: Period = Period::hours(24);

/// Arguments of whoever goes on.
#[derive(Debug, clap::Args)]
pub struct Resume {
    /// While looking, keep in this directory what AWS says of each place, and ask no place again that an audit kept there which
    /// was interrupted; removed once an audit saw everything. It must be the caller's alone
    #[arg(long, value_name = "DIR", conflicts_with_all = ["means", "max_age"])]
    resume: Option<PathBuf>,
    /// How long ago that may have been, 24h at most
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = age)]
    resume_age: Period,
}

/// What is kept, and the clock.
pub type Resuming = Resumption<State, fn() -> Timestamp>;

impl Resume {
    /// Opens the directory, if one is named. `stopped` is whether instances are looked at that are stopped.
    pub fn open(&self, fleet: &Accounts, stopped: bool) -> Result<Option<Resuming>, Failure> {
        let Some(directory) = &self.resume else { return Ok(None) };
        let state = State::own(directory).map_err(|fault| {
            let failure = Failure::from(anyhow::Error::new(fault).context("--resume"));
            let hint =
                "others could write there what is running, or read it: name a directory of its own, which is made";
            failure.hint(hint)
        })?;
        let asked = format!("{:?} stopped={stopped}", fleet.selection());
        Ok(Some(Resumption::new(state, Sha256Digest::of(asked.as_bytes()), self.resume_age, Timestamp::now)))
    }

    /// Removes what was kept: this audit saw everything, and what it says is written down.
    pub async fn end(&self, resuming: &Resuming, report: &mut AuditReport) {
        if let Err(error) = resuming.clear().await {
            let message = format!("what was kept for --resume is still there: {}", error.chain());
            report.notes.push(Note::new("resume-not-removed", message));
        }
    }
}

fn age(text: &str) -> Result<Period, String> {
    let age = text.parse::<Period>().map_err(|fault| fault.to_string())?;
    if age > OLDEST { Err(format!("{age} is more than {OLDEST}: what ran then says little of now")) } else { Ok(age) }
}
