//! What is another since the last audit of the same fleet.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AuditReport, Class, fail_on::open};
use crate::{
    ids::{AccountId, InstanceId, Region},
    report::{Outcome, Severity},
};

/// What is another since the last audit. What was not seen this time is not in here: nobody knows what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// The audit that this one is compared with; none: it is the first.
    pub since: Option<Since>,
    /// When the last audit began that saw everything; this one, if it did.
    pub last_whole: Option<Timestamp>,
    /// How many instances are of a class now that they were not of before. What could not be judged for a while, and is what
    /// it was before that, does not count.
    pub classes: BTreeMap<Class, u64>,
    /// The instances, the worst first. Those that came and are admitted, and those that were admitted and went, are left out.
    pub instances: Vec<InstanceChange>,
    /// The places.
    pub places: Vec<PlaceChange>,
    /// The doors, the worst first.
    pub doors: Vec<DoorChange>,
}

/// The audit before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Since {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// It saw everything that it was to see.
    pub whole: bool,
    /// It judged by another policy.
    pub other_policy: bool,
}

/// An instance that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceChange {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The instance.
    pub instance: InstanceId,
    /// What became of it.
    pub change: Change,
    /// Its class before; none: it was not there.
    pub from: Option<Class>,
    /// Its class now; none: it is not there any more.
    pub to: Option<Class>,
}

/// What became of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there before, and is not simply admitted.
    New,
    /// It is of another class.
    Changed,
    /// It could not be judged for a while, and is what it was before that.
    Again,
    /// It was of a class that nobody lets run, and is not any more.
    Resolved,
    /// It was of another class than admitted, and is not there any more.
    Gone,
}

impl Change {
    /// Every change, the worst first.
    pub const ALL: [Self; 5] = [Self::New, Self::Changed, Self::Again, Self::Resolved, Self::Gone];

    /// Returns its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Again => "again",
            Self::Resolved => "resolved",
            Self::Gone => "gone",
        }
    }
}

/// A place that is seen no more, or again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaceChange {
    /// The account.
    pub account: AccountId,
    /// The region; none when the account's regions could not be asked for.
    pub region: Option<Region>,
    /// What became of it.
    pub change: Sight,
}

/// What became of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sight {
    /// It, or something of it, could not be seen this time.
    Missed,
    /// It was seen before, and was not to be looked at this time.
    Left,
    /// It was missed before, and was seen this time.
    SeenAgain,
}

impl Sight {
    /// Every one, the worst first.
    pub const ALL: [Self; 3] = [Self::Missed, Self::Left, Self::SeenAgain];

    /// Returns its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Left => "left",
            Self::SeenAgain => "seen-again",
        }
    }
}

/// A door that opened or closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DoorChange {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// Its stable code.
    pub code: Cow<'static, str>,
    /// What it is.
    #[serde(rename = "where")]
    pub place: String,
    /// How wide it was open; none: it was not there.
    pub from: Option<Severity>,
    /// How wide it is open; none: it is not there any more.
    pub to: Option<Severity>,
}

impl DoorChange {
    /// Says that it is wider open than it was.
    pub fn opened(&self) -> bool {
        let of = |severity: Option<Severity>| severity.map_or(Outcome::Admit, open);
        match (self.from, self.to) {
            (_, None) => false,
            (None, Some(_)) => true,
            (from, to) => of(to) > of(from),
        }
    }
}

impl Changes {
    /// Says that there are none.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.places.is_empty() && self.doors.is_empty()
    }

    /// Returns what became of each instance that is listed.
    pub fn by_instance(&self) -> BTreeMap<(&AccountId, &Region, &InstanceId), &InstanceChange> {
        self.instances.iter().map(|one| ((&one.account, &one.region, &one.instance), one)).collect()
    }

    /// Returns how many instances are newly of a class.
    pub fn count(&self, class: Class) -> u64 {
        self.classes.get(&class).copied().unwrap_or(0)
    }
}

impl AuditReport {
    /// Returns its changes, where somebody compared.
    pub fn changes(&self) -> Option<&Changes> {
        self.changes.as_ref()
    }
}
