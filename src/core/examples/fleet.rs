//! Writes the audit of a made-up fleet: `fleet 10000 >fleet.json`, or `fleet hostile`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the inside prints nothing; this example stands outside")]

use std::process::ExitCode;

use goldseal_core::testing::audits;

fn main() -> ExitCode {
    let report = match std::env::args().nth(1).as_deref() {
        Some("hostile") => audits::hostile(),
        Some(size) if size.parse::<usize>().is_ok() => audits::compared(size.parse().unwrap_or_default()),
        _ => {
            eprintln!("usage: fleet INSTANCES|hostile");
            return ExitCode::FAILURE;
        }
    };
    match serde_json::to_string_pretty(&report) {
        Ok(text) => println!("{text}"),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
