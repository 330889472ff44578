//! What is new since the last audit, in the words of the text and of the page; and what is new of one thing, for formats that
//! have a place for it.

use std::{collections::BTreeMap, fmt::Display};

use goldseal_core::{
    ids::{AccountId, InstanceId, Region},
    report::{
        AuditReport, AuditedInstance, Change, Changes, Door, DoorChange, InstanceChange, PlaceReport, Severity, Sight,
        Since,
    },
};

/// What became of each thing since the last audit; of nothing that is as it was.
#[derive(Debug, Default)]
pub(super) struct News<'r> {
    /// There was an audit before; without one, everything is new.
    pub(super) since: Option<&'r Since>,
    instances: BTreeMap<(&'r AccountId, &'r Region, &'r InstanceId), &'r InstanceChange>,
    doors: BTreeMap<(&'r AccountId, &'r Region, &'r str, &'r str), &'r DoorChange>,
    places: BTreeMap<(&'r AccountId, Option<&'r Region>), Sight>,
}

impl<'r> News<'r> {
    /// Finds what is new in a report; nothing where nobody compared.
    pub(super) fn of(report: &'r AuditReport) -> Self {
        let Some(changes) = report.changes() else { return Self::default() };
        let door = |one: &'r DoorChange| ((&one.account, &one.region, one.code.as_ref(), one.place.as_str()), one);
        Self {
            since: changes.since.as_ref(),
            instances: changes.by_instance(),
            doors: changes.doors.iter().map(door).collect(),
            places: changes.places.iter().map(|one| ((&one.account, one.region.as_ref()), one.change)).collect(),
        }
    }

    /// Returns what became of an instance.
    pub(super) fn instance(&self, one: &AuditedInstance) -> Option<&'r InstanceChange> {
        self.instances.get(&(&one.account, &one.region, &one.instance)).copied()
    }

    /// Returns what became of a door.
    pub(super) fn door(&self, one: &Door) -> Option<&'r DoorChange> {
        self.doors.get(&(&one.account, &one.region, one.code.as_ref(), one.place.as_str())).copied()
    }

    /// Returns what became of a place.
    pub(super) fn place(&self, one: &PlaceReport) -> Option<Sight> {
        self.places.get(&(&one.account, one.region.as_ref())).copied()
    }
}

/// Says with which audit this one is compared, which began at an instant that is written in this way.
pub(super) fn heading(since: &Since, started: impl Display) -> String {
    let partly = if since.whole { "" } else { ", which did not see everything" };
    let policy = if since.other_policy { "; it judged by another policy" } else { "" };
    format!("since the audit of {started}{partly}{policy}")
}

/// Counts what is new by what became of it.
pub(super) fn counts(changes: &Changes) -> String {
    let said = |counts: Vec<(usize, &str)>| -> Vec<String> {
        counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect()
    };
    let of = |change| changes.instances.iter().filter(|one| one.change == change).count();
    let seen = |sight| changes.places.iter().filter(|place| place.change == sight).count();
    let doors = |word| (changes.doors.iter().filter(|one| door(one).0 == word).count(), word);
    let parts = [
        ("instances", said(Change::ALL.map(|change| (of(change), change.as_str())).into())),
        ("places", said(Sight::ALL.map(|sight| (seen(sight), sight.as_str())).into())),
        ("doors", said(["opened", "closed", "changed"].map(doors).into())),
    ];
    let parts = parts.iter().filter(|(_, list)| !list.is_empty());
    parts.map(|(what, list)| format!("{what}: {}", list.join(", "))).collect::<Vec<_>>().join("; ")
}

/// Says what became of a place.
pub(super) const fn place(sight: Sight) -> &'static str {
    match sight {
        Sight::Missed => "is not seen any more, or not all of it",
        Sight::Left => "is not looked at any more",
        Sight::SeenAgain => "is seen again",
    }
}

/// Says what became of a door, and how wide it is open, or was.
pub(super) fn door(one: &DoorChange) -> (&'static str, Option<Severity>) {
    match (one.opened(), one.to) {
        (_, None) => ("closed", one.from),
        (true, to) => ("opened", to),
        (false, to) => ("changed", to),
    }
}
