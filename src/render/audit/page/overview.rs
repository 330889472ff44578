//! What the page says first: how many of which class, where, and how old their images are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use goldseal_core::report::{AuditReport, AuditedInstance, Class};
use jiff::{SignedDuration, Timestamp};

use super::{
    super::human::boot_guards,
    html::{Count, Esc, Number, Section, bar, chip, html, minute},
};

/// Accounts that are listed one by one.
const ACCOUNTS: usize = 60;

type Counts = BTreeMap<Class, u64>;

pub(super) fn title(report: &AuditReport) -> String {
    format!("goldseal fleet audit, {}", report.at.strftime("%Y-%m-%d"))
}

/// Says what matters in a line.
pub(super) fn headline(report: &AuditReport) -> String {
    let (bad, total, unknown) = (report.bad(), report.total(), report.count(Class::Undetermined));
    match (bad, unknown, total) {
        (_, _, 0) => "No instance was seen".to_owned(),
        (0, 0, _) if report.is_whole() => format!("All {} may run", Count(total, "instance")),
        (0, 0, _) => format!("All {} that could be seen may run", Count(total, "instance")),
        (0, ..) => format!("{} of {} could not be judged", Number(unknown), Count(total, "instance")),
        _ => format!("{} of {} should not be running", Number(bad), Count(total, "instance")),
    }
}

pub(super) fn lead(report: &AuditReport) -> String {
    let accounts: BTreeSet<_> = report.places.iter().map(|place| &place.account).collect();
    let regions: BTreeSet<_> = report.places.iter().filter_map(|place| place.region.as_ref()).collect();
    let said = |guards| format!(" Boot guard: {}.", boot_guards(guards, |count| Number(*count).to_string()));
    let guards = report.guards().map(said).unwrap_or_default();
    format!(
        "Judged at {} on {}. {}, {}, {}.{guards}",
        minute(report.at),
        Count(report.images.len() as u64, "image"),
        Count(accounts.len() as u64, "account"),
        Count(regions.len() as u64, "region"),
        if report.is_whole() { "everything was seen" } else { "not everything was seen" }
    )
}

/// Says what a reader must know before anything else.
pub(super) fn notices(report: &AuditReport) -> String {
    let mut text = String::new();
    let missed = report.places.iter().filter(|place| !place.faults.is_empty()).count() as u64;
    if missed > 0 {
        html!(
            text,
            "<p class=\"notice\">{} of {} could not be seen, or not wholly. <a href=\"#missed\">What runs there is not known.</a></p>",
            Number(missed),
            Count(report.places.len() as u64, "place")
        );
    }
    let apart = report.at.duration_since(report.started).abs();
    if apart > SignedDuration::from_hours(1) {
        html!(
            text,
            "<p class=\"notice\">These are the verdicts of another time: the fleet is that of {}.</p>",
            minute(report.started)
        );
    }
    for note in &report.notes {
        html!(text, "<p class=\"notice\">{} <code>{}</code></p>", Esc(&note.message), Esc(&note.code));
    }
    text
}

pub(super) fn footer(report: &AuditReport) -> String {
    format!(
        "Made by goldseal {} from what was asked between {} and {}. Policy <code>sha256:{}</code>. This page fetches nothing.",
        env!("CARGO_PKG_VERSION"),
        minute(report.started),
        minute(report.finished),
        report.policy
    )
}

/// How many instances are of which class.
pub(super) fn verdicts(report: &AuditReport) -> Option<Section> {
    let counts = Class::ALL.into_iter().map(|class| (class, report.count(class)));
    let mut body = format!("<div class=\"bar\">{}</div>\n<ul class=\"tiles\">", bar(counts.clone(), report.total()));
    for (class, count) in counts {
        let (name, zero) = (class.as_str(), if count == 0 { " zero" } else { "" });
        html!(
            body,
            "<li class=\"tile {name}{zero}\"><a href=\"#instances\" data-class=\"{name}\"><b>{}</b> {}</a><small>{}</small></li>",
            Number(count),
            chip(class),
            class.meaning()
        );
    }
    body.push_str("</ul>");
    Some(Section { id: "verdicts", title: "Verdicts", count: None, body })
}

/// The same by account and by region.
pub(super) fn places(report: &AuditReport) -> Option<Section> {
    let names = report.names();
    let count = |by: fn(&AuditedInstance) -> &str| {
        let mut counted: BTreeMap<&str, Counts> = BTreeMap::new();
        for one in &report.instances {
            *counted.entry(by(one)).or_default().entry(one.class).or_default() += 1;
        }
        counted
    };
    let mut accounts = count(|one| one.account.as_str());
    let mut regions = count(|one| one.region.as_str());
    for place in &report.places {
        accounts.entry(place.account.as_str()).or_default();
        if let Some(region) = &place.region {
            regions.entry(region.as_str()).or_default();
        }
    }
    let names: BTreeMap<&str, &str> = names.into_iter().map(|(account, name)| (account.as_str(), name)).collect();
    let account = |id: &str| match names.get(id) {
        Some(name) => format!("{}<small class=\"id\">{}</small>", Esc(name), Esc(id)),
        None => format!("<span class=\"id\">{}</span>", Esc(id)),
    };
    let body = format!(
        "<div class=\"two\"><div>{}</div><div>{}</div></div>",
        table("Account", accounts, account),
        table("Region", regions, |region| Esc(region).to_string())
    );
    Some(Section { id: "places", title: "Accounts and regions", count: None, body })
}

fn table(what: &str, counted: BTreeMap<&str, Counts>, name: impl Fn(&str) -> String) -> String {
    let bad = |counts: &Counts| counts.iter().filter(|(class, _)| class.is_bad()).map(|(_, count)| count).sum::<u64>();
    let mut rows: Vec<(&str, Counts)> = counted.into_iter().collect();
    rows.sort_by_key(|(_, counts)| std::cmp::Reverse((bad(counts), counts.values().sum::<u64>())));
    let most = rows.iter().map(|(_, counts)| counts.values().sum::<u64>()).max().unwrap_or(0);
    let mut text = format!(
        "<table><caption class=\"quiet\">By {}, the worst first</caption><thead><tr><th scope=\"col\">{what}</th>\
         <th scope=\"col\" class=\"num\">Instances</th><th scope=\"col\" class=\"num\">Should not run</th>\
         <th scope=\"col\" class=\"wide\">Verdicts</th></tr></thead><tbody>",
        what.to_lowercase()
    );
    for (id, counts) in rows.iter().take(ACCOUNTS) {
        html!(
            text,
            "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td>{}<td class=\"wide\">{}</td></tr>",
            name(id),
            Number(counts.values().sum()),
            bad_cell(bad(counts)),
            bar(counts.iter().map(|(class, count)| (*class, *count)), most)
        );
    }
    text.push_str("</tbody></table>");
    if let Some(rest) = rows.get(ACCOUNTS..).filter(|rest| !rest.is_empty()) {
        let (instances, wrong) = (
            rest.iter().map(|(_, counts)| counts.values().sum::<u64>()).sum(),
            rest.iter().map(|(_, counts)| bad(counts)).sum(),
        );
        html!(
            text,
            "<p class=\"empty\">And {} more, with {}, {} of which should not run.</p>",
            Count(rest.len() as u64, if what == "Account" { "account" } else { "region" }),
            Count(instances, "instance"),
            Number(wrong)
        );
    }
    text
}

fn bad_cell(bad: u64) -> String {
    format!("<td class=\"num{}\">{}</td>", if bad > 0 { " some" } else { "" }, Number(bad))
}

/// How old the images are that run.
pub(super) fn ages(report: &AuditReport) -> Option<Section> {
    const STEPS: [(i64, &str); 6] = [
        (7, "up to a week"),
        (30, "up to 30 days"),
        (90, "up to 90 days"),
        (180, "up to 180 days"),
        (365, "up to a year"),
        (i64::MAX, "older"),
    ];
    let step = |created: Option<Timestamp>| {
        let days = created.map(|created| report.at.duration_since(created).as_hours() / 24);
        days.and_then(|days| STEPS.iter().position(|(most, _)| days <= *most)).unwrap_or(STEPS.len())
    };
    let mut steps: BTreeMap<usize, (u64, Counts)> = BTreeMap::new();
    for image in &report.images {
        let (images, counts) = steps.entry(step(image.seen.as_ref().and_then(|seen| seen.created))).or_default();
        *images += 1;
        image.classes.iter().for_each(|(class, count)| *counts.entry(*class).or_default() += count);
    }
    let most = steps.values().map(|(_, counts)| counts.values().sum::<u64>()).max()?;
    let mut body = String::from(
        "<p class=\"note\">How long ago the images were made that run now.</p><table><caption class=\"quiet\">By age of the image</caption>\
         <thead><tr><th scope=\"col\">Age</th><th scope=\"col\" class=\"num\">Images</th>\
         <th scope=\"col\" class=\"num\">Instances</th><th scope=\"col\" class=\"num\">Should not run</th>\
         <th scope=\"col\" class=\"wide\">Verdicts</th></tr></thead><tbody>",
    );
    for (step, (images, counts)) in &steps {
        let bad = counts.iter().filter(|(class, _)| class.is_bad()).map(|(_, count)| count).sum();
        html!(
            body,
            "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td>{}<td class=\"wide\">{}</td></tr>",
            STEPS.get(*step).map_or("not known", |(_, name)| name),
            Number(*images),
            Number(counts.values().sum()),
            bad_cell(bad),
            bar(counts.iter().map(|(class, count)| (*class, *count)), most)
        );
    }
    body.push_str("</tbody></table>");
    Some(Section { id: "ages", title: "Ages of images", count: None, body })
}

#[cfg(test)]
mod tests {
    use goldseal_core::testing::audits::fleet;

    use super::*;

    #[test]
    fn the_lead_has_no_number_that_must_be_counted() {
        let lead = lead(&fleet(10_000));
        let (_, guards) = lead.split_once("Boot guard: ").unwrap();
        let long = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 3);
        assert!(guards.contains(',') && !long(guards), "{lead}");
    }
}
