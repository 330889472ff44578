//! `goldseal override end`: what ends an override before its time, wherever a copy of it is.

use anyhow::{Context as _, Result};
use goldseal_core::{
    flow::overrides::{report, take_out},
    ports::{ListStore as _, Listing},
    report::{Note, OverrideStep},
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

const AFTER: &str = "\
An override is ended for good by an entry of the revocation list: copies of it may be anywhere, and whoever may write to \
the store could put one back. This says what to type, and with --remove takes it out of the store. Left there it lets \
nothing pass once it is revoked, and audits go on to name what came in by it.

Examples:
  goldseal override end 3f5a…
  goldseal override end override.jsonl --remove

Exit codes: 0 said, and taken out where that was asked, 1 there is none, 2 usage, 3 the store could not be asked.";

/// Arguments of `override end`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct End {
    /// The file of the override, or the SHA-256 of its statement, which the store or a carried file has
    #[arg(value_name = "FILE|STATEMENT")]
    named: Named,
    /// Take it out of the overrides of the store
    #[arg(long)]
    remove: bool,
}

impl End {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let policy = policy_of(session)?;
        let now = Timestamp::now();
        let granted = self.named.find(session, &policy, now).await?.granted;
        let statement = granted.statement;
        let mut report = report(&policy, &keys_of(&policy), std::slice::from_ref(&granted), OverrideStep::Ended, now);
        let command = format!("goldseal revoke evidence {statement} --reason 'override ended' --by NAME --key KEY");
        report.commands.push(command);
        if self.remove {
            let store = session.store().await?;
            if take_out(&store, statement).await.context("taking the override out of the store")? {
                report.written.push(store.locate_list(&Listing::Overrides));
            } else {
                report.notes.push(Note::new("not-in-the-store", "the store does not have it"));
            }
        }
        render::overrides(format, &report)?;
        Ok(Code::Good)
    }
}
