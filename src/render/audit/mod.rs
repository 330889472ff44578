//! An audit in every format: for people, for spreadsheets, for code scanning and test reports, for security services.

mod asff;
mod changes;
mod csv;
mod finding;
mod human;
mod junit;
mod metrics;
mod ocsf;
mod page;
mod sarif;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use goldseal_core::{
    ids::AccountId,
    report::{AuditReport, Group, OverriddenInstance},
};

use super::Format;

pub use asff::findings;
pub use ocsf::{Part, parts};

/// Writes an audit in a format; text for people is cut for so many columns, if there is such a number.
pub fn write(format: Format, report: &AuditReport, columns: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => out.write_all(human::audit(report, columns).as_bytes()),
        Format::Json => ended(serde_json::to_writer_pretty(&mut *out, report), out),
        Format::Sarif => ended(serde_json::to_writer_pretty(&mut *out, &sarif::log(report)), out),
        Format::Junit => junit::write(report, out),
        Format::Csv => csv::write(report, out),
        Format::Html => out.write_all(page::page(report).as_bytes()),
        Format::Ocsf => ocsf::write(report, out),
        Format::Asff => asff::write(report, out),
        Format::Markdown => Err(io::Error::other("an audit is not written as Markdown")),
    }
}

/// Returns an audit as metrics.
pub fn metrics(report: &AuditReport) -> String {
    metrics::metrics(report)
}

/// Says by whose word an instance runs, or came to run.
fn overridden(by: &OverriddenInstance) -> String {
    let OverriddenInstance { told, ended, ended_by } = by;
    let who: Vec<&str> = told.by.iter().map(|name| name.as_str()).collect();
    let held = match (ended, ended_by) {
        (None, _) => format!("Let pass until {:.0}", told.until),
        (Some(ended), None) => format!("Launched while an override held that is over since {ended:.0}"),
        (Some(ended), Some(entry)) => {
            format!("Launched while an override held that entry {entry} of the revocation list ended ({ended:.0})")
        }
    };
    let danger = if told.dangerous_local { " with key files on disk" } else { "" };
    format!(
        "{held}, by {}{danger} (granted by {}): {}, ticket {}; {}, sha256:{}.",
        who.join(" and "),
        told.granted_by,
        told.reason,
        told.ticket,
        told.scope,
        told.statement
    )
}

fn ended(written: serde_json::Result<()>, out: &mut dyn Write) -> io::Result<()> {
    written?;
    out.write_all(b"\n")
}

/// Says where a group runs, where most of it is first; of so many places.
fn places(group: &Group<'_>, names: &BTreeMap<&AccountId, &str>, most: usize) -> String {
    let mut places: Vec<_> = group.places.iter().collect();
    places.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let name =
        |account: &AccountId| names.get(account).map_or_else(|| account.to_string(), |name| super::human::plain(name));
    let said = places.iter().take(most).map(|((account, region), count)| format!("{} {region} {count}", name(account)));
    let mut text = said.collect::<Vec<String>>().join(", ");
    if places.len() > most {
        text.push_str(&format!(", and {} more", places.len() - most));
    }
    text
}
