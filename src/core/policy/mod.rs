//! The consumer's policy: one TOML document → compiled rules → a judgement.
//!
//! There is no default for anything that admits, and every problem of a document is listed at once.

mod compile;
mod document;
mod field;
mod judge;
mod keys;
mod problem;
mod rule;

pub use compile::{Files, compile, referenced_files};
pub use document::{Document, schema};
pub use judge::{Checked, Gathered, Judgement, judge, undescribed};
pub use keys::{Keys, Setback};
pub use problem::{Problem, Problems};
pub use rule::{Context, Identity, KeySource, Mode, Policy, Requirement, Scope, Signatory};
