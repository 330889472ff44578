//! A revocation list as a person reads it: what was done, the entries, what falls, and until when the list counts.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use goldseal_core::report::{EntryReport, Falls, RevokeAction, RevokeReport, RevokedReport};

use super::{gate::several, notes, plain};

pub(in crate::render) fn revoke(report: &RevokeReport) -> String {
    let mut text = String::new();
    let (word, color) = match report.action {
        RevokeAction::Planned => ("TO BE SIGNED", AnsiColor::Yellow),
        RevokeAction::Already => ("ALREADY THERE", AnsiColor::Green),
        RevokeAction::Signed => ("SIGNED", AnsiColor::Green),
        RevokeAction::Waiting => ("WAITING", AnsiColor::Yellow),
        RevokeAction::Shown => ("REVOCATIONS", AnsiColor::Green),
    };
    let style = Style::new().bold().fg_color(Some(color.into()));
    let total = if report.total == 1 { "1 entry".to_owned() } else { format!("{} entries", report.total) };
    let list = format!("list {}, serial {}, {total}", report.list, report.serial);
    let _ = writeln!(text, "{style}{word}{style:#}  {}", plain(&list));
    for entry in &report.entries {
        self::entry(&mut text, entry);
    }
    if let Some(falls) = &report.falls {
        self::falls(&mut text, falls);
    }
    if !report.signed_by.is_empty() {
        let by: Vec<&str> = report.signed_by.iter().map(|name| name.as_str()).collect();
        let lacking = report.threshold.saturating_sub(by.len());
        let lacking = if lacking > 0 { format!("; {lacking} more to countersign") } else { String::new() };
        line!(text, "  signed by {}{lacking}", by.join(", "));
    }
    if let Some(key) = &report.key {
        let danger = if key.dangerous_local { "  DANGEROUS: a key file on disk" } else { "" };
        line!(text, "  key       {}{danger}", key.name);
    }
    if report.statement.is_some() {
        line!(text, "  counts    from {:.0} until {:.0}, unless it is renewed", report.issued, report.until);
    }
    line!(text, "  place     {}", report.place);
    notes(&mut text, &report.notes);
    text
}

fn entry(text: &mut String, entry: &EntryReport) {
    let since =
        |since: &Option<_>| since.map_or_else(String::new, |since: jiff::Timestamp| format!(" since {since:.0}"));
    let what = match &entry.revokes {
        RevokedReport::Image { image, content } if content.is_empty() => format!("image {image}"),
        RevokedReport::Image { image, .. } => format!("image {image}, and its copies"),
        RevokedReport::Key { spki_sha256, since: at } => format!("key sha256:{spki_sha256}{}", since(at)),
        RevokedReport::Builder { builder, since: at } => format!("builder {builder}{}", since(at)),
        RevokedReport::Evidence { sha256 } => format!("evidence sha256:{sha256}"),
        RevokedReport::Lift { entry } => format!("lifts entry {entry}"),
    };
    let lifted = entry.lifted_by.map(|number| format!("  (lifted by entry {number})")).unwrap_or_default();
    line!(text, "  entry {:<3} {what}{lifted}", entry.number);
    line!(text, "            {:.0}, {}: {}", entry.at, entry.by, entry.reason);
}

fn falls(text: &mut String, falls: &Falls) {
    for fall in &falls.images {
        let mut codes: Vec<&str> = fall.reasons.iter().map(|cause| cause.code.as_str()).collect();
        codes.dedup();
        let count = |count: u64| several(usize::try_from(count).unwrap_or(usize::MAX), "instance");
        let instances = fall.instances.map(|count_of| format!(", {} run it", count(count_of))).unwrap_or_default();
        line!(text, "  falls     {}  {}{instances}", fall.image, codes.join(", "));
    }
    for unknown in &falls.unknown {
        line!(text, "  unknown   {}: {}", unknown.image, unknown.why);
    }
    line!(
        text,
        "  together  {} of {} fall; {} not admitted as it is; of {} nobody knows",
        falls.images.len(),
        several(falls.looked_at, "image"),
        falls.not_admitted,
        falls.unknown.len()
    );
}
