//! What `enroll` did or would do, as a person reads it.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use goldseal_core::report::{EnrollOutcome, EnrollReport};

use super::{doctor::findings, plain};

/// Says what is different, what is done about it, and what to know.
pub(in crate::render) fn enroll(report: &EnrollReport) -> String {
    let (word, color) = match report.outcome {
        EnrollOutcome::Enrolled => ("ENROLLED", AnsiColor::Green),
        EnrollOutcome::Already => ("ENROLLED ALREADY", AnsiColor::Green),
        EnrollOutcome::Planned => ("WOULD ENROLL", AnsiColor::Yellow),
        EnrollOutcome::Refused => ("NOT ENROLLED", AnsiColor::Red),
    };
    let style = Style::new().bold().fg_color(Some(color.into()));
    let mut text = format!("{style}{word}{style:#}");
    let new = if report.new { ", which is not there yet" } else { "" };
    let new = if report.outcome == EnrollOutcome::Planned { new } else { "" };
    line!(text, "  {} in {}, by the lifecycle hook {}{new}", report.group, report.region, report.hook);
    for one in &report.differences {
        let to = one.to.as_deref().unwrap_or("none");
        match &one.from {
            Some(from) => line!(text, "  {:<22} {from} → {to}", one.what),
            None => line!(text, "  {:<22} {to}", one.what),
        }
    }
    text.push_str(&findings(&report.findings));
    match report.outcome {
        EnrollOutcome::Planned => {
            for command in &report.commands {
                line!(text, "  → {command}");
            }
            line!(text, "nothing was changed: --apply does it, or the command above");
        }
        EnrollOutcome::Enrolled => line!(text, "launches of the group wait from now on; next: goldseal doctor"),
        EnrollOutcome::Already => line!(text, "nothing was changed"),
        EnrollOutcome::Refused => line!(text, "nothing was changed: the problem above stands in the way"),
    }
    text
}
