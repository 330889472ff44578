//! Two snapshots → what is another between them. What was not seen is as it was, so nothing unseen counts as resolved.

use std::collections::{BTreeMap, BTreeSet};

use super::snapshot::{PlaceKey, Snapshot, Was};
use crate::{
    ids::InstanceId,
    report::{Change, Changes, Class, DoorChange, InstanceChange, PlaceChange, Sight, Since},
};

/// An instance before and after; not there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Move {
    place: PlaceKey,
    instance: InstanceId,
    from: Option<Was>,
    to: Option<Was>,
}

/// Compares an audit with the one before it; without one, everything is new.
pub fn changes(last: Option<&Snapshot>, next: &Snapshot) -> Changes {
    let moves = moves(last, next);
    let mut classes: BTreeMap<Class, u64> = BTreeMap::new();
    for class in moves.iter().filter_map(Move::newly) {
        *classes.entry(class).or_default() += 1;
    }
    let mut instances: Vec<InstanceChange> = moves.iter().filter_map(told).collect();
    instances.sort_by(|a, b| {
        let key = |one: &InstanceChange| (one.change, one.to.or(one.from));
        (key(a), &a.account, &a.region, &a.instance).cmp(&(key(b), &b.account, &b.region, &b.instance))
    });
    let since = last.map(|last| Since {
        started: last.started,
        finished: last.finished,
        whole: last.whole,
        other_policy: last.policy != next.policy,
    });
    let (last_whole, places, doors) = (next.last_whole, places(last, next), doors(last, next));
    Changes { since, last_whole, classes, instances, places, doors }
}

/// Every instance that is another, and in places that are looked at.
fn moves(last: Option<&Snapshot>, next: &Snapshot) -> Vec<Move> {
    let none = BTreeMap::new();
    let mut moves = Vec::new();
    for (place, now) in &next.places {
        let before = last.and_then(|last| last.places.get(place)).map_or(&none, |before| &before.instances);
        let ids: BTreeSet<&InstanceId> = before.keys().chain(now.instances.keys()).collect();
        for id in ids {
            let (from, to) = (before.get(id).copied(), now.instances.get(id).copied());
            if from != to {
                moves.push(Move { place: place.clone(), instance: id.clone(), from, to });
            }
        }
    }
    moves
}

impl Move {
    /// The class that it is newly of.
    fn newly(&self) -> Option<Class> {
        let class = self.to?.class;
        let same = self.from.is_some_and(|from| from.class == class);
        (!same && !self.is_again()).then_some(class)
    }

    /// It could not be judged, and is now what it was before that.
    fn is_again(&self) -> bool {
        let judged = self.to.filter(|to| to.class != Class::Undetermined);
        let unjudged = self.from.filter(|from| from.class == Class::Undetermined);
        matches!((unjudged.and_then(Was::known), judged), (Some(known), Some(to)) if known == to.class)
    }
}

/// What is said of it; nothing of what is as it should be.
fn told(one: &Move) -> Option<InstanceChange> {
    let (from, to) = (one.from.map(|from| from.class), one.to.map(|to| to.class));
    let known_bad = one.from.and_then(Was::known).is_some_and(Class::is_bad);
    let change = match (from, to) {
        (None, None | Some(Class::Admitted)) | (Some(Class::Admitted), None) => return None,
        (None, Some(_)) => Change::New,
        (Some(_), None) => Change::Gone,
        (Some(from), Some(to)) if from == to => return None,
        (Some(_), Some(_)) if one.is_again() => Change::Again,
        (Some(_), Some(to)) if known_bad && !to.is_bad() && to != Class::Undetermined => Change::Resolved,
        (Some(_), Some(_)) => Change::Changed,
    };
    // What runs, runs in a region.
    let (account, region) = (one.place.0.clone(), one.place.1.clone()?);
    Some(InstanceChange { account, region, instance: one.instance.clone(), change, from, to })
}

fn places(last: Option<&Snapshot>, next: &Snapshot) -> Vec<PlaceChange> {
    let before = |key: &PlaceKey| last.and_then(|last| last.places.get(key)).map(|place| place.missed);
    let mut changes: Vec<PlaceChange> = Vec::new();
    let mut change = |(account, region): &PlaceKey, change| {
        changes.push(PlaceChange { account: account.clone(), region: region.clone(), change });
    };
    for (key, place) in &next.places {
        match (before(key), place.missed) {
            (None | Some(false), true) => change(key, Sight::Missed),
            (Some(true), false) => change(key, Sight::SeenAgain),
            (None | Some(false), false) | (Some(true), true) => {}
        }
    }
    for key in last.iter().flat_map(|last| last.places.keys()).filter(|key| !next.places.contains_key(*key)) {
        let (account, region) = key;
        // That an account does not tell its regions was no place, only a fault.
        let told = region.is_none() && next.places.keys().any(|(other, _)| other == account);
        change(key, if told { Sight::SeenAgain } else { Sight::Left });
    }
    changes.sort_by(|a, b| (a.change, &a.account, &a.region).cmp(&(b.change, &b.account, &b.region)));
    changes
}

fn doors(last: Option<&Snapshot>, next: &Snapshot) -> Vec<DoorChange> {
    let none = BTreeMap::new();
    let before = last.map_or(&none, |last| &last.doors);
    let keys: BTreeSet<_> = before.keys().chain(next.doors.keys()).collect();
    let mut changes: Vec<DoorChange> = Vec::new();
    for key in keys {
        let (account, region, code, place) = key;
        let (from, to) = (before.get(key).copied(), next.doors.get(key).copied());
        // Where nobody is to look any more, a door is not closed.
        let left = !next.places.contains_key(&(account.clone(), Some(region.clone())));
        if from != to && !(to.is_none() && left) {
            let (account, region, code, place) = (account.clone(), region.clone(), code.clone(), place.clone());
            changes.push(DoorChange { account, region, code, place, from, to });
        }
    }
    changes.sort_by_key(|door| (door.to.is_none(), door.to.or(door.from)));
    changes
}

#[cfg(test)]
mod tests;
