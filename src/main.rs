//! goldseal: only machine images that their own pipeline sealed may launch, boot or keep running on AWS.
//!
//! Parse → settings → dispatch → exit code. What decides is in the package `goldseal-core`; this one touches the world.

#![allow(unreachable_pub, reason = "in a binary, pub is for the modules above")]

mod adapters;
mod boot;
mod cli;
mod files;
mod hook;
mod render;
mod settings;
mod telemetry;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
