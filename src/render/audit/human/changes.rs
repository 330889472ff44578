//! What is new since the last audit, before everything else.

use std::collections::BTreeMap;

use goldseal_core::{
    ids::AccountId,
    report::{AuditReport, Change, Changes, DoorChange, InstanceChange, PlaceChange, Sight},
};

use super::Page;

type Names<'r> = BTreeMap<&'r AccountId, &'r str>;

/// Says what is new. The first time everything is, and stands below anyway.
pub(super) fn changes(page: &mut Page, report: &AuditReport) {
    let Some(changes) = report.changes() else { return };
    let Some(since) = &changes.since else {
        return page.wrapped("", "CHANGES  none to compare with: this is the first audit that is kept here");
    };
    let partly = if since.whole { "" } else { ", which did not see everything" };
    let policy = if since.other_policy { "; it judged by another policy" } else { "" };
    let heading = format!("since the audit of {:.0}{partly}{policy}", since.started);
    if changes.is_empty() {
        return page.wrapped("", &format!("CHANGES  none {heading}"));
    }
    page.wrapped("", &format!("CHANGES  {heading}: {}", counts(changes)));
    let names = report.names();
    page.list(changes.instances.iter(), |page, one| instance(page, &names, one));
    page.list(changes.places.iter(), |page, one| place(page, &names, one));
    page.list(changes.doors.iter(), |page, one| door(page, &names, one));
}

fn counts(changes: &Changes) -> String {
    let said = |counts: Vec<(usize, &str)>| -> Vec<String> {
        counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect()
    };
    let of = |change| changes.instances.iter().filter(|one| one.change == change).count();
    let seen = |sight| changes.places.iter().filter(|place| place.change == sight).count();
    let opened = changes.doors.iter().filter(|door| door.opened()).count();
    let closed = changes.doors.iter().filter(|door| door.to.is_none()).count();
    let parts = [
        ("instances", said(Change::ALL.map(|change| (of(change), change.as_str())).into())),
        ("places", said(Sight::ALL.map(|sight| (seen(sight), sight.as_str())).into())),
        (
            "doors",
            said(vec![(opened, "opened"), (closed, "closed"), (changes.doors.len() - opened - closed, "changed")]),
        ),
    ];
    let parts = parts.iter().filter(|(_, list)| !list.is_empty());
    parts.map(|(what, list)| format!("{what}: {}", list.join(", "))).collect::<Vec<_>>().join("; ")
}

/// Says of an instance what it was and is; its image stands below, with why.
fn instance(page: &mut Page, names: &Names<'_>, one: &InstanceChange) {
    let InstanceChange { account, region, instance, change, from, to } = one;
    let classes = match (from, to) {
        (Some(from), Some(to)) => format!("{} → {}", from.as_str(), to.as_str()),
        (None, Some(class)) | (Some(class), None) => class.as_str().to_owned(),
        (None, None) => String::new(),
    };
    page.wrapped(&lead(change.as_str()), &format!("{classes}: {instance} in {} {region}", name(names, account)));
}

fn place(page: &mut Page, names: &Names<'_>, one: &PlaceChange) {
    let region = one.region.as_ref().map_or("all regions", |region| region.as_str());
    let what = match one.change {
        Sight::Missed => "is not seen any more, or not all of it",
        Sight::Left => "is not looked at any more",
        Sight::SeenAgain => "is seen again",
    };
    page.wrapped(&lead(one.change.as_str()), &format!("{} in {region} {what}", name(names, &one.account)));
}

fn door(page: &mut Page, names: &Names<'_>, one: &DoorChange) {
    let (word, severity) = match (one.opened(), one.to) {
        (_, None) => ("closed", one.from),
        (true, to) => ("opened", to),
        (false, to) => ("changed", to),
    };
    let severity = severity.map_or("", |severity| severity.as_str());
    let (account, region) = (name(names, &one.account), &one.region);
    page.wrapped(&lead(word), &format!("{severity} {} {} in {account} {region}", one.code, one.place));
}

fn name(names: &Names<'_>, account: &AccountId) -> String {
    names.get(account).map_or_else(|| account.to_string(), |name| (*name).to_owned())
}

fn lead(word: &str) -> String {
    format!("  {word:<10} ")
}
