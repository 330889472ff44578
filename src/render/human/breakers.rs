//! Breakers as a person reads them.

use std::fmt::Write as _;

use goldseal_core::report::BreakersReport;

use super::plain;

/// Says which breakers are open, which were closed, and which have counted something.
pub(in crate::render) fn breakers(report: &BreakersReport) -> String {
    let mut text = String::new();
    for one in &report.closed {
        line!(text, "closed     {} in {}", one.image, one.group);
    }
    for one in &report.breakers {
        let counted = one.abandoned.len();
        match one.open_since {
            Some(since) => {
                let suspended = if one.suspension.is_some() { "; launches of the group are suspended" } else { "" };
                line!(text, "OPEN       {} in {}, since {since}{suspended}", one.image, one.group);
            }
            None => line!(text, "counting   {} in {}: {counted} abandoned", one.image, one.group),
        }
    }
    if report.breakers.iter().any(|one| one.open_since.is_some()) {
        line!(text, "           → find out why the image is not admitted (goldseal verify AMI), then");
        line!(text, "             goldseal hook breaker reset --group NAME [--resume-launch]");
    }
    if text.is_empty() {
        line!(text, "no launch was abandoned lately in {}", report.region);
    }
    text
}
