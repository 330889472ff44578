//! Where an audit goes, and what makes it fail.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use goldseal_core::report::{AuditReport, Outcome};

use super::super::{
    exit::{Code, Failure},
    target::{self, Target},
};
use crate::{
    files,
    render::{self, AuditPart, Format, Printed},
};

/// Arguments of whatever has an audit to show.
#[derive(Debug, clap::Args)]
pub struct Output {
    /// Also write it to a file, in this format; may be given several times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = target::of(Printed::Audit))]
    write: Vec<Target>,
    /// Also write OCSF events below a directory, as region=R/accountid=A/eventday=D/
    #[arg(long, value_name = "DIR")]
    lake: Option<PathBuf>,
}

impl Output {
    /// Prints a report, and says by its outcome whether it is as it should be.
    pub fn print(report: &AuditReport, format: Format, outcome: Outcome) -> Result<Code, Failure> {
        let code = Code::from(outcome);
        // A failure that could not be printed is one all the same.
        render::audit(format, report).or_else(|error| if code == Code::Good { Err(error) } else { Ok(()) })?;
        Ok(code)
    }

    /// Writes a report to every file that was asked for.
    pub fn files(&self, report: &AuditReport) -> Result<()> {
        for Target { format, path } in &self.write {
            files::write(path, &render::audit_bytes(*format, report)?)?;
        }
        self.lake.as_deref().map_or(Ok(()), |lake| parts(report, lake))
    }
}

fn parts(report: &AuditReport, lake: &Path) -> Result<()> {
    for AuditPart { path, bytes } in render::audit_parts(report)? {
        let path = lake.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        files::write(&path, &bytes)?;
    }
    Ok(())
}
