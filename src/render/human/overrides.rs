//! Overrides as a person reads them, before they sign one or while they look for those that are in force.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use goldseal_core::report::{
    Cause, OverriddenCode, OverrideReport, OverrideSeen, OverrideState, OverrideStep, OverridesReport,
};
use jiff::Timestamp;

use super::{causes, notes, plain};

/// Lists overrides, each with all that it says.
pub(in crate::render) fn overrides(report: &OverridesReport) -> String {
    let mut text = String::new();
    match report.step {
        OverrideStep::Shown => {}
        OverrideStep::Granted => {
            line!(text, "GRANTED  by one person; nothing passes by it before another one countersigns");
        }
        OverrideStep::Countersigned => line!(text, "COUNTERSIGNED"),
        OverrideStep::Ended => line!(text, "TO BE ENDED"),
    }
    for one in &report.overrides {
        seen(&mut text, one);
    }
    if report.overrides.is_empty() {
        line!(text, "there are no overrides");
    }
    if let Some(key) = &report.key {
        let danger = if key.dangerous_local { "  DANGEROUS: a key file on disk" } else { "" };
        line!(text, "  key       {}{danger}", key.name);
    }
    let verb = if report.step == OverrideStep::Ended { "taken out" } else { "written" };
    for place in &report.written {
        line!(text, "  {verb:<9} {place}");
    }
    for command in &report.commands {
        line!(text, "            → {command}");
    }
    notes(&mut text, &report.notes);
    text
}

fn seen(text: &mut String, one: &OverrideSeen) {
    let color = match one.state {
        OverrideState::Active => AnsiColor::Yellow,
        OverrideState::NotYet | OverrideState::HalfSigned | OverrideState::Ended | OverrideState::Over => {
            AnsiColor::White
        }
        OverrideState::Void => AnsiColor::Red,
    };
    let style = Style::new().bold().fg_color(Some(color.into()));
    let word = one.state.as_str().to_uppercase();
    let _ = writeln!(text, "{style}{word}{style:#}  {}", plain(&one.scope));
    line!(text, "  statement sha256 {}", one.statement);
    line!(text, "  stands    it {}", one.standing);
    for OverriddenCode { code, meaning } in &one.causes {
        line!(text, "  lets pass {code}: {meaning}");
    }
    for entry in &one.revocations {
        line!(text, "  against   entry {entry} of the revocation list");
    }
    line!(text, "  why       {}", one.reason);
    line!(text, "  ticket    {}", one.ticket);
    line!(text, "  granted   by {}, at {:.0}", one.granted_by, one.granted_at);
    line!(text, "  holds     from {:.0} until {:.0}", one.from, one.until);
    let by: Vec<&str> = one.by.iter().map(|name| name.as_str()).collect();
    let by = if by.is_empty() { "nobody whose signature counts".to_owned() } else { by.join(" and ") };
    let danger = if one.dangerous_local { "  DANGEROUS: key files on disk" } else { "" };
    line!(text, "  signed    by {by}, {} of {}{danger}", one.by.len(), one.needed);
    for place in one.found.iter().filter(|place| !place.is_empty()) {
        line!(text, "  in        {place}");
    }
}

/// Says by whose word something passes, why, until when, and what it lets pass.
pub(super) fn overridden(text: &mut String, one: &OverrideReport, ended: Option<Timestamp>) {
    let by: Vec<&str> = one.by.iter().map(|name| name.as_str()).collect();
    let danger = if one.dangerous_local { "  DANGEROUS: key files on disk" } else { "" };
    line!(text, "  by        {}, granted by {} at {:.0}{danger}", by.join(" and "), one.granted_by, one.granted_at);
    line!(text, "  why       {}, ticket {}", one.reason, one.ticket);
    let held = match ended {
        Some(ended) => format!("held until {ended:.0}, when this was launched; it lets nothing pass any more"),
        None => format!("holds until {:.0}", one.until),
    };
    line!(text, "  override  sha256:{} for {}, {held}", one.statement, one.scope);
    let passed: Vec<Cause> = one.reasons.iter().chain(&one.faults).cloned().collect();
    if !passed.is_empty() {
        line!(text, "  let pass:");
        causes(text, &passed);
    }
}
