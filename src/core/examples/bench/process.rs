//! A program, run again and again: wall time, CPU and peak memory, as the kernel accounts for children.
//!
//! A child counts the memory of the process that it was forked from, so the one that forks must be smaller than what it
//! measures. Python is not; this example is.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};
use serde_json::{Value, json};

use super::Outcome;

pub(super) const SELF: UsageWho = UsageWho::RUSAGE_SELF;

/// Runs a command so many times; every run must exit with 0.
pub(super) fn measure(runs: &str, command: &str, arguments: &[&str]) -> Outcome<Value> {
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..runs.parse::<usize>()? {
        let before = self::cpu(UsageWho::RUSAGE_CHILDREN)?;
        let mut child = Command::new(command);
        child.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        let status = child.status().map_err(|error| format!("{command}: {error}"))?;
        wall.push(started.elapsed().as_secs_f64() * 1000.0);
        cpu.push(self::cpu(UsageWho::RUSAGE_CHILDREN)? - before);
        if !status.success() {
            return Err(format!("{command} {}: {status}", arguments.join(" ")).into());
        }
    }
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    Ok(json!({ "wall": wall, "cpu": cpu, "peak_kib": peak }))
}

/// Returns the user and system time of this process, or of the children that it waited for.
pub(super) fn cpu(who: UsageWho) -> Outcome<f64> {
    let usage = getrusage(who)?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    #[expect(clippy::cast_precision_loss, reason = "a process of 285 years would be rounded")]
    Ok(microseconds as f64 / 1000.0)
}
