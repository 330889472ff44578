//! What is new since the last audit, where somebody compared.

use std::{collections::BTreeMap, fmt::Write as _};

use goldseal_core::{
    ids::{AccountId, Region},
    report::{AuditReport, Change, DoorChange, InstanceChange, PlaceChange, Sight},
};

use super::{
    super::changes::{self, counts, heading},
    html::{Esc, Section, chip, html, minute},
    sections::{rest, severity},
};

/// More than this nobody reads one by one.
const INSTANCES: usize = 50;
const PLACES: usize = 25;
const DOORS: usize = 25;

/// What is better than it was has the colour of what is good.
const GOOD: &str = "admitted";

type Names<'r> = BTreeMap<&'r AccountId, &'r str>;

/// Says what is new; the first time everything is, and it stands below anyway.
pub(super) fn changes(report: &AuditReport) -> Option<Section> {
    let changes = report.changes()?;
    let names = report.names();
    let section = |count, body| Some(Section { id: "changes", title: "What is new", count, body });
    let Some(since) = &changes.since else {
        let first = "<p class=\"empty\">There is none to compare with: this is the first audit that is kept.</p>";
        return section(None, first.to_owned());
    };
    let heading = heading(since, minute(since.started));
    if changes.is_empty() {
        return section(Some(0), format!("<p class=\"empty\">Nothing {heading}.</p>"));
    }
    let mut body = format!(
        "<p class=\"note\">{}: {}.</p>\n<table class=\"stack\" role=\"table\"><caption class=\"quiet\">Instances, places, doors; of each the worst first</caption>\
         <thead role=\"rowgroup\"><tr role=\"row\"><th scope=\"col\" role=\"columnheader\">Change</th>\
         <th scope=\"col\" role=\"columnheader\">What</th><th scope=\"col\" role=\"columnheader\">Where</th>\
         <th scope=\"col\" role=\"columnheader\">Was, and is</th></tr></thead><tbody role=\"rowgroup\">",
        capital(&heading),
        Esc(&counts(changes))
    );
    changes.instances.iter().take(INSTANCES).for_each(|one| instance(&mut body, &names, one));
    changes.places.iter().take(PLACES).for_each(|one| place(&mut body, &names, one));
    changes.doors.iter().take(DOORS).for_each(|one| door(&mut body, &names, one));
    body.push_str("</tbody></table>");
    rest(&mut body, changes.instances.len(), INSTANCES, "instance", "The JSON report has them all.");
    rest(&mut body, changes.places.len(), PLACES, "place", "The JSON report has them all.");
    rest(&mut body, changes.doors.len(), DOORS, "door", "The JSON report has them all.");
    section(Some((changes.instances.len() + changes.places.len() + changes.doors.len()) as u64), body)
}

fn instance(body: &mut String, names: &Names<'_>, one: &InstanceChange) {
    let style = match (one.change, one.to) {
        (Change::Resolved | Change::Gone, _) | (_, None) => GOOD,
        (_, Some(class)) => class.as_str(),
    };
    let classes: Vec<String> = [one.from, one.to].into_iter().flatten().map(chip).collect();
    let what = format!("<span class=\"id\">{}</span>", one.instance);
    row(body, (style, one.change.as_str()), &what, &whereabouts(names, &one.account, Some(&one.region)), &classes);
}

fn place(body: &mut String, names: &Names<'_>, one: &PlaceChange) {
    let style = match one.change {
        Sight::Missed => "unknown",
        Sight::Left => "note-door",
        Sight::SeenAgain => GOOD,
    };
    let what = Esc(changes::place(one.change)).to_string();
    row(body, (style, one.change.as_str()), &what, &whereabouts(names, &one.account, one.region.as_ref()), &[]);
}

fn door(body: &mut String, names: &Names<'_>, one: &DoorChange) {
    let (word, wide) = changes::door(one);
    let style = match (one.to, wide) {
        (Some(_), Some(wide)) => severity(wide),
        _ => GOOD,
    };
    let what = format!("door {} <code>{}</code>", Esc(&one.place), Esc(&one.code));
    let named = |of| format!("<span class=\"chip {}\">{}</span>", severity(of), of.as_str());
    let severities: Vec<String> = [one.from, one.to].into_iter().flatten().map(named).collect();
    row(body, (style, word), &what, &whereabouts(names, &one.account, Some(&one.region)), &severities);
}

fn row(body: &mut String, (style, word): (&str, &str), what: &str, whereabouts: &str, states: &[String]) {
    html!(
        body,
        "<tr role=\"row\"><td role=\"cell\"><span class=\"chip {style}\">{word}</span></td><td role=\"cell\">{what}</td>\
         <td role=\"cell\">{whereabouts}</td><td role=\"cell\">{}</td></tr>",
        states.join(" → ")
    );
}

fn whereabouts(names: &Names<'_>, account: &AccountId, region: Option<&Region>) -> String {
    let name = names.get(account).copied().unwrap_or(account.as_str());
    format!("{} {}", Esc(name), region.map_or("all regions", |region| region.as_str()))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use goldseal_core::{
        report::{Changes, Since},
        testing::audits::{at, compared, fleet, hostile},
    };

    use super::*;

    fn body(report: &AuditReport) -> String {
        changes(report).unwrap().body
    }

    #[test]
    fn every_change_has_its_row_with_what_it_was_and_is() {
        let (report, said) = (compared(400), body(&compared(400)));
        let changes = report.changes().unwrap();
        let rows = changes.instances.len() + changes.places.len() + changes.doors.len();
        assert_eq!(said.matches("<tr role=\"row\"><td").count(), rows);
        assert!(said.contains("instances: 2 new, 3 changed, 1 again, 1 resolved, 1 gone; places: 1 missed"), "{said}");
        let (was, is) = (chip(goldseal_core::report::Class::Expiring), chip(goldseal_core::report::Class::Expired));
        assert!(said.contains(&format!("{was} → {is}")), "{said}");
        assert!(said.contains("payments-prod") && said.contains("<code>hook-continues</code>"), "{said}");
    }

    #[test]
    fn no_changes_the_first_audit_and_nobody_who_compared_are_told_apart() {
        assert!(changes(&fleet(40)).is_none());
        let first = AuditReport { changes: Some(Changes::default()), ..fleet(40) };
        assert!(body(&first).contains("the first audit"));
        let since = Some(Since { started: at(), finished: at(), whole: true, other_policy: false });
        let same = AuditReport { changes: Some(Changes { since, ..Changes::default() }), ..fleet(40) };
        assert!(
            body(&same).contains(
                "Nothing since the audit of <time datetime=\"2026-11-24T05:00:00Z\">2026-11-24 05:00 UTC</time>."
            ),
            "{}",
            body(&same)
        );
    }

    #[test]
    fn hostile_doors_stay_text() {
        let said = body(&hostile());
        assert!(!said.contains("<script") && said.contains("&lt;script"), "{said}");
    }

    #[test]
    fn many_changes_are_cut_and_counted() {
        let mut report = compared(400);
        let list = &mut report.changes.as_mut().unwrap().instances;
        let one = list.first().unwrap().clone();
        list.extend(std::iter::repeat_n(one, 100));
        let left = list.len() - INSTANCES;
        let said = body(&report);
        assert!(said.contains(&format!("And {left} instances more.")), "{said}");
    }
}
