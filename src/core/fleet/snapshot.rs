//! An audit → what the next one is compared with: every instance and its class, the places that were missed, the doors.
//!
//! It is no verdict to go by: each audit judges anew, and only says with this what is new about it. What an audit did not
//! see stands as it was seen last.

mod stored;

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;

pub use self::stored::SnapshotFault;
use crate::{
    digest::Sha256Digest,
    ids::{AccountId, InstanceId, Region},
    report::{AuditReport, Class, Door, Outcome, PlaceReport, Severity},
};

/// What an audit leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// It saw everything that it was to see.
    pub whole: bool,
    /// Its outcome, with all that it found.
    pub outcome: Outcome,
    /// When the last audit began that was whole; of one that went on from another, when the first place was seen.
    pub last_whole: Option<Timestamp>,
    /// The policy that it judged by.
    pub policy: Sha256Digest,
    pub(super) places: BTreeMap<PlaceKey, Standing>,
    pub(super) doors: BTreeMap<DoorKey, Severity>,
}

/// An account, and a region of it; none when its regions could not be asked for.
pub(super) type PlaceKey = (AccountId, Option<Region>);

/// Which door it is: account, region, code, and what it is about.
pub(super) type DoorKey = (AccountId, Region, Cow<'static, str>, String);

/// How a place stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// It was not seen, or not all of it, the last time.
    pub missed: bool,
    /// The instances there, as they were seen last.
    pub instances: BTreeMap<InstanceId, Was>,
}

/// What an instance was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Was {
    /// Its class.
    pub class: Class,
    /// Of one that could not be judged, the class it had when it last could be.
    pub known: Option<Class>,
}

impl Was {
    /// The class that it was last known to be of.
    pub(super) fn known(self) -> Option<Class> {
        if self.class == Class::Undetermined { self.known } else { Some(self.class) }
    }

    /// What it is after an instance that was this is seen to be of a class.
    fn then(before: Option<Self>, class: Class) -> Self {
        let known = if class == Class::Undetermined { before.and_then(Self::known) } else { None };
        Self { class, known }
    }
}

impl Snapshot {
    /// Puts an audit over the last one. `outcome` is that of all it found.
    pub fn after(last: Option<&Self>, report: &AuditReport, outcome: Outcome) -> Self {
        let whole = report.is_whole();
        let mut places = BTreeMap::new();
        for place in &report.places {
            let key = (place.account.clone(), place.region.clone());
            let missed = !place.faults.is_empty();
            let instances = if unseen(place) { stood(last, &key) } else { BTreeMap::new() };
            places.insert(key, Standing { missed, instances });
            if place.region.is_none() {
                places.extend(regions(last, &place.account));
            }
        }
        for one in &report.instances {
            let key = (one.account.clone(), Some(one.region.clone()));
            let before = last.and_then(|last| last.places.get(&key)?.instances.get(&one.instance).copied());
            let place: &mut Standing = places.entry(key).or_default();
            place.instances.insert(one.instance.clone(), Was::then(before, one.class));
        }
        let mut snapshot = Self {
            started: report.started,
            finished: report.finished,
            whole,
            outcome,
            last_whole: if whole { Some(report.oldest()) } else { last.and_then(|last| last.last_whole) },
            policy: report.policy,
            places,
            doors: BTreeMap::new(),
        };
        snapshot.doors = snapshot.doors_after(last, report);
        snapshot
    }

    /// What nobody could look for is as open as it was.
    fn doors_after(&self, last: Option<&Self>, report: &AuditReport) -> BTreeMap<DoorKey, Severity> {
        let found = report.doors().iter().filter(|door| door.severity != Severity::Good);
        let mut doors: BTreeMap<DoorKey, Severity> = BTreeMap::new();
        for door in found {
            // The worst of those that are told apart by nothing else.
            let key = door_key(door);
            let severity = doors.get(&key).map_or(door.severity, |other| door.severity.min(*other));
            doors.insert(key, severity);
        }
        for (key, severity) in last.into_iter().flat_map(|last| &last.doors) {
            let (account, region, ..) = key;
            let place = self.places.get(&(account.clone(), Some(region.clone())));
            let asked = || {
                let here = report.doors().iter().filter(|door| (&door.account, &door.region) == (account, region));
                here.into_iter().all(|door| door.severity != Severity::Unknown)
            };
            let looked = report.doors.is_some() && place.is_some_and(|place| !place.missed) && asked();
            // Where nobody is to look any more, nobody keeps count.
            if place.is_some() && !looked && !doors.contains_key(key) {
                doors.insert(key.clone(), *severity);
            }
        }
        doors
    }
}

fn door_key(door: &Door) -> DoorKey {
    (door.account.clone(), door.region.clone(), door.code.clone(), door.place.clone())
}

/// Says that nobody saw what runs in a place. Instances are listed whole or not at all.
fn unseen(place: &PlaceReport) -> bool {
    !place.faults.is_empty() && place.instances == 0
}

fn stood(last: Option<&Snapshot>, key: &PlaceKey) -> BTreeMap<InstanceId, Was> {
    last.and_then(|last| last.places.get(key)).map(|place| place.instances.clone()).unwrap_or_default()
}

/// The regions of an account as they were, where nobody told which there are: all of them were missed.
fn regions(last: Option<&Snapshot>, account: &AccountId) -> Vec<(PlaceKey, Standing)> {
    let own = |((of, region), _): &(&PlaceKey, &Standing)| of == account && region.is_some();
    let missed = |(key, place): (&PlaceKey, &Standing)| {
        (key.clone(), Standing { missed: true, instances: place.instances.clone() })
    };
    last.into_iter().flat_map(|last| &last.places).filter(own).map(missed).collect()
}
