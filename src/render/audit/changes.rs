//! What is new since the last audit, in the words of the text and of the page.

use std::fmt::Display;

use goldseal_core::report::{Change, Changes, DoorChange, Severity, Sight, Since};

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
