//! The record of a boot, off the instance: at once of a boot that ends, and by a process of its own of one that goes on,
//! which waits for nobody.

use std::{
    ffi::OsString,
    io::{self, Read as _, Write as _},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use goldseal_core::report::{BootRecord, BootReport};
use jiff::Timestamp;
use tokio::time::timeout;

use super::super::{
    exit::{Code, Failure},
    session::Session,
};
use crate::{adapters::records::Records, boot::say, settings::BootSettings, telemetry};

/// How long the record of a boot that ends may take.
const BEFORE_THE_END: Duration = Duration::from_secs(3);
/// How long the record of a boot that goes on may take, beside it.
const BESIDE: Duration = Duration::from_secs(30);
/// What the process of its own is told instead of `--enforce`.
const SUBCOMMAND: &str = "record";

/// Arguments of `boot record`, which is for the guard itself: it reads a report and records it.
#[derive(Debug, clap::Args)]
pub struct Record {}

impl Record {
    pub async fn run(self, mut session: Session) -> Result<Code, Failure> {
        telemetry::daemon();
        let settings = session.settings.boot().map_err(anyhow::Error::from)?;
        let mut report = Vec::new();
        let most = u64::try_from(BootRecord::LARGEST).unwrap_or(u64::MAX);
        io::stdin().take(most).read_to_end(&mut report).context("reading the report of the boot")?;
        let read = BootRecord::read(&report).context("reading the report of the boot")?;
        session.settings.region.get_or_insert(read.region);
        add(&settings, &session, &read.arn, read.at, &report, BESIDE).await;
        Ok(Code::Good)
    }
}

/// Leaves the record of a boot that ends. That it could not be left is said, and stops nothing.
pub async fn before_the_end(settings: &BootSettings, session: &Session, report: &BootReport) {
    let Some(instance) = report.instance.as_ref().filter(|_| settings.record.is_some()) else { return };
    match serde_json::to_vec(report) {
        Ok(bytes) => add(settings, session, &instance.arn(), report.at, &bytes, BEFORE_THE_END).await,
        Err(error) => say::problems(vec![format!("no record was left: {error}")]),
    }
}

/// Lets the record of a boot that goes on be left by another process, and waits for nothing. That it could not be started
/// is said, and stops nothing.
pub fn beside(settings: &BootSettings, report: &BootReport) {
    if settings.record.is_none() || report.instance.is_none() {
        return;
    }
    let started = serde_json::to_vec(report).map_err(io::Error::from).and_then(start);
    if let Err(error) = started {
        say::problems(vec![format!("no record is left of this boot: {error}")]);
    }
}

/// Starts this program again, with the report to read. systemd lets what is left of a unit's processes live on; this one is
/// about to end, so that PID 1 waits for it.
fn start(report: Vec<u8>) -> io::Result<()> {
    let arguments = std::env::args_os().skip(1);
    let arguments = arguments.map(|one| if one == "--enforce" { OsString::from(SUBCOMMAND) } else { one });
    let mut command = Command::new(std::env::current_exe()?);
    let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
    let input = command.spawn()?.stdin.take();
    let Some(mut input) = input else { return Ok(()) };
    say::within(say::PATIENCE, move || input.write_all(&report))
}

async fn add(
    settings: &BootSettings,
    session: &Session,
    instance: &str,
    at: Timestamp,
    report: &[u8],
    patience: Duration,
) {
    let Some(url) = &settings.record else { return };
    let recorded = timeout(patience, async {
        let records = Records::open(url, session.bucket(url).await?)?;
        Ok::<_, anyhow::Error>(records.add(instance, at, report).await?)
    });
    let problem = match recorded.await {
        Ok(Ok(place)) => return say::recorded(place),
        Ok(Err(error)) => format!("{error:#}"),
        Err(_late) => format!("no answer within {} s", patience.as_secs()),
    };
    say::problems(vec![format!("no record was left at {url}: {problem}")]);
}
