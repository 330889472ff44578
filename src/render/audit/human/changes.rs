//! What is new since the last audit, before everything else.

use std::collections::BTreeMap;

use goldseal_core::{
    ids::AccountId,
    report::{AuditReport, DoorChange, InstanceChange, PlaceChange},
};

use super::{
    super::changes::{self, counts, heading},
    Page,
};

type Names<'r> = BTreeMap<&'r AccountId, &'r str>;

/// Says what is new. The first time everything is, and stands below anyway.
pub(super) fn changes(page: &mut Page, report: &AuditReport) {
    let Some(changes) = report.changes() else { return };
    let Some(since) = &changes.since else {
        return page.wrapped("", "CHANGES  none to compare with: this is the first audit that is kept here");
    };
    let heading = heading(since, format_args!("{:.0}", since.started));
    if changes.is_empty() {
        return page.wrapped("", &format!("CHANGES  none {heading}"));
    }
    page.wrapped("", &format!("CHANGES  {heading}: {}", counts(changes)));
    let names = report.names();
    page.list(changes.instances.iter(), |page, one| instance(page, &names, one));
    page.list(changes.places.iter(), |page, one| place(page, &names, one));
    page.list(changes.doors.iter(), |page, one| door(page, &names, one));
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
    let what = changes::place(one.change);
    page.wrapped(&lead(one.change.as_str()), &format!("{} in {region} {what}", name(names, &one.account)));
}

fn door(page: &mut Page, names: &Names<'_>, one: &DoorChange) {
    let (word, severity) = changes::door(one);
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

#[cfg(test)]
mod tests {
    use goldseal_core::{
        report::{Change, Changes, Class, Severity, Sight, Since},
        testing::audits::fleet,
    };

    use super::*;

    fn said(changes: Changes) -> String {
        let report = AuditReport { changes: Some(changes), ..fleet(60) };
        super::super::audit(&report, None)
    }

    fn since(whole: bool, other_policy: bool) -> Option<Since> {
        let started = "2026-11-23T05:00:00Z".parse().unwrap();
        Some(Since { started, finished: started, whole, other_policy })
    }

    #[test]
    fn every_change_has_its_line_before_everything_else() {
        let (account, region) = ("111122223333".parse::<AccountId>().unwrap(), "eu-west-1".parse().unwrap());
        let instance = |change, from, to| InstanceChange {
            account: account.clone(),
            region: "eu-west-1".parse().unwrap(),
            instance: "i-0123456789abcdef0".parse().unwrap(),
            change,
            from,
            to,
        };
        let door = |from, to| DoorChange {
            account: account.clone(),
            region: "eu-west-1".parse().unwrap(),
            code: "hook-missing".into(),
            place: "web\n\u{1b}[31m".to_owned(),
            from,
            to,
        };
        let text = said(Changes {
            since: since(false, true),
            instances: vec![
                instance(Change::New, None, Some(Class::Refused)),
                instance(Change::Changed, Some(Class::Admitted), Some(Class::Expired)),
                instance(Change::Gone, Some(Class::Unsealed), None),
            ],
            places: vec![PlaceChange { account: account.clone(), region: Some(region), change: Sight::Missed }],
            doors: vec![door(None, Some(Severity::Problem)), door(Some(Severity::Problem), None)],
            ..Changes::default()
        });
        let lines: Vec<&str> = text.lines().take(7).collect();
        let place = "in payments-prod eu-west-1";
        let web = "web\\n\\u{1b}[31m";
        assert_eq!(
            lines,
            [
                "CHANGES  since the audit of 2026-11-23T05:00:00Z, which did not see everything; it judged by another policy: \
                 instances: 1 new, 1 changed, 1 gone; places: 1 missed; doors: 1 opened, 1 closed",
                &format!("  new        refused: i-0123456789abcdef0 {place}"),
                &format!("  changed    admitted → expired: i-0123456789abcdef0 {place}"),
                &format!("  gone       unsealed: i-0123456789abcdef0 {place}"),
                "  missed     payments-prod in eu-west-1 is not seen any more, or not all of it",
                &format!("  opened     problem hook-missing {web} {place}"),
                &format!("  closed     problem hook-missing {web} {place}"),
            ]
        );
    }

    #[test]
    fn that_nothing_is_new_is_said_too() {
        let text = said(Changes { since: since(true, false), ..Changes::default() });
        assert!(text.starts_with("CHANGES  none since the audit of 2026-11-23T05:00:00Z\n"), "{text}");
        assert!(said(Changes::default()).starts_with("CHANGES  none to compare with"));
    }
}
