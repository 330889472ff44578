//! How long ago everything was last seen, as a person reads it.

use std::fmt::Write as _;

use goldseal_core::report::{AuditAgeReport, Outcome};

use super::plain;

/// Says it in one line.
pub(in crate::render) fn audit_age(report: &AuditAgeReport) -> String {
    let mut text = String::new();
    let word = match report.outcome {
        Outcome::Admit => "good",
        Outcome::Reject => "TOO OLD",
        Outcome::Undetermined => "UNKNOWN",
    };
    line!(text, "{word}  {} (--max-age {})", report.message, report.max_age);
    text
}
