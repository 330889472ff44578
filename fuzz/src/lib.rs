//! What every parser of outside bytes must hold, whatever the bytes are: one function a parser, given to libFuzzer by
//! `targets/NAME.rs`, and run on the seeds of `corpus/NAME` by every `cargo test` (`src/core/tests/seeds.rs`).
//!
//! None may panic, and that is the least: what was read is held against what was written, two readers of one form against
//! each other, and what somebody must have signed against what was signed.

pub mod builds;
pub mod evidence;
pub mod identity;
pub mod json;
pub mod policies;
pub mod scans;
pub mod state;
pub mod words;

/// A parser and what it must hold; says whether it took the bytes.
pub type Target = fn(&[u8]) -> bool;

/// Every target by its name: that of its program, and of the folder of its seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("audit_report", state::audit_report),
    ("boot_check", builds::boot_check),
    ("boot_memory", state::boot_memory),
    ("boot_record", state::boot_record),
    ("breakers", state::breakers),
    ("build_facts", builds::build_facts),
    ("bundle", evidence::bundle),
    ("certificates", identity::certificates),
    ("descriptor", builds::descriptor),
    ("described_images", builds::described_images),
    ("evidence_file", evidence::evidence_file),
    ("exceptions", policies::exceptions),
    ("gate", scans::gate),
    ("gate_report", state::gate_report),
    ("goss", builds::goss),
    ("identifiers", words::identifiers),
    ("identity_cms", identity::identity_cms),
    ("identity_text", identity::identity_text),
    ("judgement", evidence::judgement),
    ("kept_evidence", state::kept_evidence),
    ("kept_facts", state::kept_facts),
    ("launch_record", state::launch_record),
    ("message", state::message),
    ("packer_manifest", builds::packer_manifest),
    ("packer_provenance", builds::packer_provenance),
    ("policy", policies::policy),
    ("predicate", evidence::predicate),
    ("public_key", identity::public_key),
    ("query", words::query),
    ("receipted", state::receipted),
    ("sbom", scans::sbom),
    ("scan", scans::scan),
    ("snapshot", state::snapshot),
    ("statement", evidence::statement),
    ("strict_json", json::strict_json),
    ("trusted_root", identity::trusted_root),
    ("versions", words::versions),
    ("words", words::words),
];
