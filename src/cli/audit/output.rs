//! Where an audit goes, and what makes it fail.

use anyhow::Result;
use goldseal_core::report::{AuditReport, Outcome};

use super::super::{
    exit::{Code, Failure},
    target::{self, Target},
};
use crate::{
    adapters::lake::{Lake, LakePlace},
    files,
    render::{self, AuditPart, Format, Printed},
};

/// Arguments of whatever has an audit to show.
#[derive(Debug, clap::Args)]
pub struct Output {
    /// Also write it to a file, in this format; may be given several times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = target::of(Printed::Audit))]
    write: Vec<Target>,
    /// Also write OCSF events below a directory or s3://BUCKET/PREFIX, as region=R/accountid=A/eventday=D/
    #[arg(long, value_name = "DIR|URL")]
    lake: Option<LakePlace>,
}

impl Output {
    /// Opens the place of events, if there is to be one; a session is started for one in S3 only.
    pub async fn lake(&self, session: impl AsyncFnOnce(&LakePlace) -> Result<Lake>) -> Result<Option<Lake>> {
        match &self.lake {
            Some(place @ LakePlace::Bucket { .. }) => session(place).await.map(Some),
            Some(place @ LakePlace::Directory(_)) => Ok(Some(Lake::open(place, None)?)),
            None => Ok(None),
        }
    }

    /// Prints a report, and says by its outcome whether it is as it should be.
    pub fn print(report: &AuditReport, format: Format, outcome: Outcome) -> Result<Code, Failure> {
        let code = Code::from(outcome);
        // A failure that could not be printed is one all the same.
        render::audit(format, report).or_else(|error| if code == Code::Good { Err(error) } else { Ok(()) })?;
        Ok(code)
    }

    /// Writes a report to everywhere that was asked for, whatever becomes of one of them; returns what could not be written.
    pub async fn keep(&self, report: &AuditReport, lake: Option<&Lake>) -> Vec<anyhow::Error> {
        let mut failed = Vec::new();
        for Target { format, path } in &self.write {
            let written = render::audit_bytes(*format, report)
                .map_err(anyhow::Error::from)
                .and_then(|bytes| Ok(files::write(path, &bytes)?));
            failed.extend(written.err());
        }
        if let Some(lake) = lake {
            failed.extend(Self::pour(report, lake).await.err());
        }
        failed
    }

    async fn pour(report: &AuditReport, lake: &Lake) -> Result<()> {
        for AuditPart { path, bytes } in render::audit_parts(report)? {
            lake.keep(&path, &bytes).await?;
        }
        Ok(())
    }
}
