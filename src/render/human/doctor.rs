//! What `doctor` found, as a person reads it: the worst first, and under it what to type.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use goldseal_core::report::{DoctorReport, Finding, Severity};

use super::plain;

/// Says what was found.
pub(in crate::render) fn doctor(report: &DoctorReport) -> String {
    let mut text = findings(&report.findings);
    let count = |severity| report.count(severity);
    line!(
        text,
        "{} in {}: {} problems, {} not asked, {} warnings",
        report.account.as_ref().map_or("an unknown account", |account| account.as_str()),
        report.region,
        count(Severity::Problem),
        count(Severity::Unknown),
        count(Severity::Warning)
    );
    text
}

/// Lists findings, each with what to type.
pub(super) fn findings(found: &[Finding]) -> String {
    let mut text = String::new();
    for one in found {
        let (word, color) = match one.severity {
            Severity::Problem => ("PROBLEM", Some(AnsiColor::Red)),
            Severity::Unknown => ("UNKNOWN", Some(AnsiColor::Yellow)),
            Severity::Warning => ("WARNING", Some(AnsiColor::Yellow)),
            Severity::Note => ("note", None),
            Severity::Good => ("good", Some(AnsiColor::Green)),
        };
        let style = Style::new().fg_color(color.map(Into::into));
        let _ = write!(text, "{style}{word:<8}{style:#}");
        line!(text, "{}  {}", one.code, one.place);
        line!(text, "        {}", one.message);
        for command in &one.commands {
            line!(text, "        → {command}");
        }
    }
    text
}
