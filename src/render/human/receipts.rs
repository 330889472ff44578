//! Receipts as a person reads them: what is proven first, then what stays so, then what was so at an instant.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use goldseal_core::{
    attestation::predicate::Said,
    report::{ReceiptReport, ReceiptStanding, ReceiptsReport, WroteReceiptsReport},
};

use super::plain;

/// So many launches are listed.
const LAUNCHES: usize = 5;

/// Says what receipts prove, and until when.
pub(in crate::render) fn receipts(report: &ReceiptsReport) -> String {
    let mut text = String::new();
    for one in &report.receipts {
        receipt(&mut text, one);
    }
    if report.receipts.is_empty() {
        line!(text, "there are no receipts");
    }
    text
}

/// Says how many receipts were written.
pub(in crate::render) fn wrote_receipts(report: &WroteReceiptsReport) -> String {
    let mut text = String::new();
    let WroteReceiptsReport { place, receipts, decisions, already, .. } = report;
    let unsigned = if report.signed { "" } else { ", which nobody signed and which prove nothing" };
    match decisions {
        0 => line!(text, "every decision has its receipt in {place}"),
        _ => line!(text, "{receipts} new receipts of {decisions} decisions in {place}{unsigned}; {already} were there"),
    }
    if report.unreadable > 0 {
        line!(text, "{} of what was recorded is no decision, and has no receipt", report.unreadable);
    }
    text
}

fn receipt(text: &mut String, one: &ReceiptReport) {
    let (word, color) = match one.standing {
        ReceiptStanding::Proven => ("PROVEN", Some(AnsiColor::Green)),
        ReceiptStanding::Said if one.said.is_some() => ("NOT ASKED", None),
        ReceiptStanding::Said => ("NO RECEIPT", Some(AnsiColor::Red)),
        ReceiptStanding::Undetermined => ("UNDETERMINED", Some(AnsiColor::Yellow)),
        ReceiptStanding::Refused => ("PROVES NOTHING", Some(AnsiColor::Red)),
    };
    let style = Style::new().bold().fg_color(color.map(Into::into));
    let _ = writeln!(text, "{style}{word}{style:#}  {}", plain(&one.place));
    if let Some(problem) = &one.problem {
        line!(text, "  {problem}");
    }
    let Some(said) = &one.said else { return };
    let proven = one.standing == ReceiptStanding::Proven;
    let whose = match &one.by {
        Some(by) => format!("{by} signed it"),
        None => "what it says, and nobody proves here".to_owned(),
    };
    line!(text, "  {whose}");
    line!(text, "  image     {}", one.resource.as_deref().unwrap_or("unknown"));
    if let Some(subject) = said.timeless.subject {
        line!(text, "  subject   sha256:{subject}");
    }
    if let Some(evidence) = said.timeless.evidence {
        line!(text, "  evidence  sha256:{evidence}");
    }
    if let Some(policy) = one.judged_by {
        line!(text, "  policy    sha256:{policy}");
    }
    line!(text, "  {}", if proven { "proven for good:" } else { "for good:" });
    for signature in &said.timeless.signatures {
        let kind = signature.kind.map_or_else(|| "statement".to_owned(), |kind| kind.to_string());
        line!(text, "    {kind:<10} sha256:{} signed by {}, key {}", signature.statement, signature.by, signature.key);
    }
    if said.timeless.signatures.is_empty() {
        line!(text, "    no signature counted");
    }
    instant(text, one, said);
    covers(text, said);
}

fn instant(text: &mut String, one: &ReceiptReport, said: &Said) {
    let at = &said.instant;
    line!(text, "  at {} (receipt of {}):", at.at, at.issued_at);
    let causes = if at.causes.is_empty() { String::new() } else { format!(": {}", at.causes.join(", ")) };
    line!(text, "    {}, {} in mode {}{causes}", passed(one.passed), at.verdict, at.mode);
    if let Some(statement) = at.overridden {
        line!(text, "    OVERRIDDEN by sha256:{statement}: the policy was not met");
    }
    if let Some(ages) = &at.ages {
        let scanned = ages.scanned.map_or_else(|| "unknown".to_owned(), |at| at.to_string());
        let first = ages
            .exceptions
            .first()
            .map(|end| format!("; the first of {} exceptions ends {end}", ages.exceptions.len()));
        line!(text, "    gate of {}, scan of {scanned}{}", ages.gated, first.unwrap_or_default());
    }
    if let Some(list) = &at.revocations {
        line!(text, "    revocation list {} of {}", list.serial, list.issued_at);
    }
    match (at.until, one.holds) {
        (Some(until), Some(false)) => line!(text, "    it held until {until}: over"),
        (Some(until), _) => line!(text, "    it holds until {until}, everything else unchanged"),
        (None, Some(_)) => line!(text, "    nothing in it ends by itself"),
        (None, None) => {}
    }
}

fn passed(passed: Option<bool>) -> &'static str {
    if passed == Some(true) { "PASSED" } else { "FAILED" }
}

fn covers(text: &mut String, said: &Said) {
    let enforcement = &said.enforcement;
    let decided = if enforcement.enforced { "enforced" } else { "said only" };
    line!(text, "  {} at {}, {decided}, for {}:", enforcement.action, enforcement.point, said.covers.len());
    for one in said.covers.iter().take(LAUNCHES) {
        let group = one.group.as_ref().map(|group| format!(" of {group}")).unwrap_or_default();
        line!(text, "    {}  {}{group}", one.at, one.instance);
    }
    if said.covers.len() > LAUNCHES {
        line!(text, "    and {} more", said.covers.len() - LAUNCHES);
    }
}
