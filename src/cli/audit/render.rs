//! `goldseal audit render`: one audit, many outputs, whenever they are wanted.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use goldseal_core::report::{AuditReport, Condition, FailOn, Outcome};

use super::{
    super::{
        exit::{Code, Failure},
        session::Session,
    },
    output::Output,
};
use crate::{files, render::Format};

const AFTER: &str = "\
Reads what `goldseal audit --output json` wrote. docs/audit.md says which format is for whom.

Examples:
  goldseal audit render audit.json
  goldseal audit render audit.json --output csv --write html=audit.html --write sarif=audit.sarif
  goldseal audit render audit.json --lake s3://security-lake/goldseal
  goldseal audit render audit.json --fail-on refused,root-replaced,door --output junit >audit.xml

Exit codes: 0 it was rendered, and nothing of --fail-on was found, 1 something was, 2 it cannot be read, 3 something of
--fail-on is not known.";

/// Arguments of `audit render`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Render {
    /// The saved report; - is standard input
    #[arg(value_name = "REPORT")]
    report: PathBuf,
    #[command(flatten)]
    output: Output,
    /// Fail on these: refused, root-replaced, unsealed, expired, undetermined, overridden, expiring, admitted, door, missed
    /// [default: rendering fails on nothing]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    fail_on: Option<Vec<Condition>>,
}

impl Render {
    pub async fn run(self, session: impl FnOnce() -> Result<Session>, format: Format) -> Result<Code, Failure> {
        let bytes = files::read(&self.report, AuditReport::LARGEST).map_err(anyhow::Error::from)?;
        let report = AuditReport::read(&bytes).with_context(|| format!("reading {}", self.report.display()))?;
        drop(bytes);
        let fail_on: Option<FailOn> = self.fail_on.map(|list| list.into_iter().collect());
        let lake = self.output.lake(async |place| session()?.lake(place).await).await?;
        if let Some(error) = self.output.keep(&report, lake.as_ref()).await.into_iter().next() {
            return Err(error.into());
        }
        Output::print(&report, format, fail_on.map_or(Outcome::Admit, |conditions| conditions.outcome(&report)))
    }
}
