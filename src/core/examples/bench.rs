//! What `tests/bench` measures inside one process, and the processes it measures from outside:
//!
//! ```text
//! bench warm FACTS SCAN SBOM…       verdicts on evidence in memory, and the signature checks in them
//! bench revoked ENTRIES…            verdicts under revocation lists of so many entries, and reading the list
//! bench content MIB                 the content digest over memory, and plain SHA-256 of the same bytes
//! bench hash MIB                    CPU of plain SHA-256 over so many bytes
//! bench ignore FILE…                reads JSON files as serde_json does when nothing of them is wanted
//! bench process RUNS COMMAND…       wall time, CPU and peak memory of a program that must exit with 0
//! ```
//!
//! Every answer is one line of JSON. Times are in milliseconds.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the inside touches no files and no clock; this example stands outside"
)]

#[path = "bench/content.rs"]
mod content;
#[path = "bench/process.rs"]
mod process;
#[path = "bench/revoked.rs"]
mod revoked;
#[path = "bench/warm.rs"]
mod warm;

use std::{error::Error, process::ExitCode};

/// What a measurement ends with.
type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments.as_slice() {
        ["warm", facts, scan, sboms @ ..] => warm::measure(facts, scan, sboms),
        ["revoked", sizes @ ..] => revoked::measure(sizes),
        ["content", mebibytes] => content::measure(mebibytes),
        ["hash", mebibytes] => content::plain(mebibytes),
        ["ignore", files @ ..] => ignore(files),
        ["process", runs, command, rest @ ..] => process::measure(runs, command, rest),
        _ => Err("usage: see the head of examples/bench.rs".into()),
    };
    match answer {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What reading a file from a stream costs at least, with this parser.
fn ignore(files: &[&str]) -> Outcome<serde_json::Value> {
    for file in files {
        let reader = std::io::BufReader::new(std::fs::File::open(file)?);
        let serde::de::IgnoredAny = serde_json::from_reader(reader)?;
    }
    Ok(serde_json::Value::Null)
}

/// Reads a clock, in milliseconds.
type Clock<'c> = &'c dyn Fn() -> f64;

/// Runs two things in turn, in batches that take some milliseconds, and returns the median time of one run of each.
///
/// In turn, so that a machine that is busy for a while is busy for both.
fn compare(
    clock: Clock<'_>,
    batch: f64,
    rounds: usize,
    mut ours: impl FnMut(),
    mut anchor: impl FnMut(),
) -> (f64, f64) {
    let (many_ours, many_anchor) = (runs_in(clock, batch, &mut ours), runs_in(clock, batch, &mut anchor));
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        first.push(timed(clock, many_ours, &mut ours));
        second.push(timed(clock, many_anchor, &mut anchor));
    }
    (median(first), median(second))
}

/// Warms up, and returns how many runs fill a batch.
fn runs_in(clock: Clock<'_>, batch: f64, run: &mut impl FnMut()) -> u32 {
    let mut runs = 1;
    while timed(clock, runs, run) * f64::from(runs) < batch {
        runs *= 2;
    }
    runs
}

fn timed(clock: Clock<'_>, runs: u32, run: &mut impl FnMut()) -> f64 {
    let started = clock();
    for _ in 0..runs {
        run();
    }
    (clock() - started) / f64::from(runs)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
