//! Receipts as a person reads them: what is proven first, then what stays so, then what was so at an instant.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use goldseal_core::{
    attestation::predicate::Said,
    report::{ReceiptReport, ReceiptStanding, ReceiptsReport, WroteReceiptsReport},
};
use jiff::Timestamp;

use super::plain;

/// So many launches are listed.
const LAUNCHES: usize = 5;

/// Says what receipts prove, and until when.
pub(in crate::render) fn receipts(report: &ReceiptsReport) -> String {
    let mut text = String::new();
    for one in &report.receipts {
        receipt(&mut text, one, report.at);
    }
    if report.receipts.is_empty() {
        line!(text, "there are no receipts");
    }
    if report.more {
        line!(text, "there are more: name an image, or when, with --since and --until");
    }
    text
}

/// Says how many receipts were written.
pub(in crate::render) fn wrote_receipts(report: &WroteReceiptsReport) -> String {
    let mut text = String::new();
    let WroteReceiptsReport { place, source, receipts, decisions, already, unreadable, problems, .. } = report;
    let unsigned = if report.signed { "" } else { ", signed by nobody, which proves nothing" };
    let (new, of) = (counted(*receipts, "new receipt"), counted(*decisions, "decision"));
    match (decisions, already) {
        (0, _) => line!(text, "no decision was left to write of in {source}"),
        (_, 0) => line!(text, "{new} of {of} in {place}{unsigned}"),
        (_, 1) => line!(text, "{new} of {of} in {place}{unsigned}; 1 was there"),
        (_, already) => line!(text, "{new} of {of} in {place}{unsigned}; {already} were there"),
    }
    if *unreadable > 0 {
        let end = if problems.is_empty() { "" } else { ":" };
        line!(text, "{} could not be read, and got no receipt{end}", counted(*unreadable, "record"));
    }
    for problem in problems {
        line!(text, "  {problem}");
    }
    if (1..*unreadable).contains(&problems.len()) {
        line!(text, "  and {} more", unreadable - problems.len());
    }
    text
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn receipt(text: &mut String, one: &ReceiptReport, now: Timestamp) {
    let (word, color) = match one.standing {
        ReceiptStanding::Proven => ("PROVEN", Some(AnsiColor::Green)),
        ReceiptStanding::Said => ("NOT ASKED", None),
        ReceiptStanding::NoReceipt if one.said.is_some() => ("CONTRADICTS ITSELF", Some(AnsiColor::Red)),
        ReceiptStanding::NoReceipt => ("NO RECEIPT", Some(AnsiColor::Red)),
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
    match (&one.by, one.standing) {
        (Some(by), _) => line!(text, "  {by} signed it"),
        (None, _) if !one.signed => line!(text, "  nobody signed it"),
        (None, ReceiptStanding::Said | ReceiptStanding::NoReceipt) => line!(text, "  not asked who signed it"),
        // The problem says it.
        (None, ReceiptStanding::Proven | ReceiptStanding::Undetermined | ReceiptStanding::Refused) => {}
    }
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
    instant(text, one, said, now);
    covers(text, said);
}

fn instant(text: &mut String, one: &ReceiptReport, said: &Said, now: Timestamp) {
    let at = &said.instant;
    line!(text, "  at {:.0} (receipt of {:.0}):", at.at, at.issued_at);
    let causes = if at.causes.is_empty() { String::new() } else { format!(": {}", at.causes.join(", ")) };
    line!(text, "    {}, {} in mode {}{causes}", passed(one.passed), at.verdict, at.mode);
    if let Some(statement) = at.overridden {
        line!(text, "    OVERRIDDEN by sha256:{statement}: the policy was not met");
    }
    if let Some(ages) = &at.ages {
        let scanned = ages.scanned.map_or_else(|| "unknown".to_owned(), |at| format!("{at:.0}"));
        let first = ages
            .exceptions
            .first()
            .map(|end| format!("; the first of {} exceptions ends {end:.0}", ages.exceptions.len()));
        line!(text, "    gate of {:.0}, scan of {scanned}{}", ages.gated, first.unwrap_or_default());
    }
    if let Some(list) = &at.revocations {
        line!(text, "    revocation list {} of {:.0}", list.serial, list.issued_at);
    }
    match (at.until, one.holds) {
        (Some(until), _) if until <= now => line!(text, "    it held until {until:.0}: over"),
        (Some(until), _) => line!(text, "    it holds until {until:.0}, everything else unchanged"),
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
        line!(text, "    {:.0}  {}{group}", one.at, one.instance);
    }
    if said.covers.len() > LAUNCHES {
        line!(text, "    and {} more", said.covers.len() - LAUNCHES);
    }
}
