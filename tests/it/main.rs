//! The real executable, against local servers: what users see, point by point.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod acting;
mod approving;
mod audit;
mod authorities;
mod aws;
mod bad_cloud;
mod bad_evidence;
mod bad_files;
mod bad_policy;
mod boot;
mod chain;
mod clock;
mod cloud;
mod commands;
mod content;
mod continuous;
mod dependencies;
mod deploy;
mod docs;
mod doctor;
mod documents;
mod e2e;
mod enrolling;
mod exceptions;
mod fleet;
mod formats;
mod full_disk;
mod gate;
mod gated;
mod goss;
mod hook;
mod iam;
mod installing;
mod key_life;
mod keys;
mod lambda;
mod layers;
mod monitoring;
mod offline;
mod order;
mod overriding;
mod policies;
mod proxy;
mod publishing;
mod receipts;
mod registry;
mod resealing;
mod resuming;
mod revoking;
mod run;
mod sbom;
mod seal;
mod sealing;
mod sharing;
mod stores;
#[path = "../../src/adapters/store/contract/tls.rs"]
#[allow(dead_code, reason = "the store's own tests need the rest")]
mod tls;
mod trace;
mod units;
mod walkthrough;
mod what_if;
mod withdrawn;

use std::{collections::BTreeSet, fs, path::Path};

/// Says why a test cannot run here. `tests/tally.sh` counts these lines.
fn skipped(what: &str, why: &str) {
    println!("skipped: {what}: {why}");
}

#[test]
fn no_file_was_forgotten() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = fs::read_to_string(home.join("main.rs")).unwrap();
    let named: BTreeSet<String> =
        main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).map(str::to_owned).collect();
    let files = fs::read_dir(&home).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let modules = files.map(|file| file.strip_suffix(".rs").unwrap_or(&file).to_owned());
    let forgotten: Vec<String> = modules.filter(|module| module != "main" && !named.contains(module)).collect();
    assert!(forgotten.is_empty(), "no mod line in main.rs for {forgotten:?}");
}
