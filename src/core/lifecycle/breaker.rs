//! Abandoned launches → an alarm, once: a group that is told to launch an image that is never admitted launches and
//! terminates it without end, at the owner's cost.
//!
//! A breaker counts distinct instances of one image in one group that were really abandoned within a window. It opens
//! once, stays open while launches go on being abandoned, and closes by itself when none was for a window's length,
//! unless it suspended launches: then somebody must reset it. Replicas report late, by seconds or, when the state was out,
//! by much more: what was abandoned before a reset does not count after it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounded::{self, JsonFault, Limits, Object},
    ids::{AmiId, GroupName, InstanceId},
    policy::BreakerRule,
};

/// The schema of [`Breakers`] as stored.
const SCHEMA: &str = "goldseal/breakers/v1";
/// A document with [`MOST`] breakers of 100 instances each is below 4 MiB.
const LIMITS: Limits = Limits { bytes: 8 << 20, depth: 8 };
/// So many breakers are kept; of more, those that were quiet for longest are forgotten. So many resets are, too.
const MOST: usize = 512;

/// The breakers of one region.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breakers {
    known: BTreeMap<(GroupName, AmiId), Breaker>,
    /// The last one last.
    resets: Vec<Reset>,
}

/// The breaker of one image in one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Breaker {
    /// The group.
    pub group: GroupName,
    /// The image.
    pub image: AmiId,
    /// The last distinct instances that were abandoned, and when: as many as open it.
    pub abandoned: BTreeMap<InstanceId, Timestamp>,
    /// When it opened; none while it is closed.
    pub open_since: Option<Timestamp>,
    /// Whether it suspends launches of the group, and has.
    pub suspension: Option<Suspension>,
}

/// What an open breaker does to the launches of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Suspension {
    /// They are to be suspended.
    Due,
    /// They were suspended.
    Done,
}

/// A breaker that has just opened: raise the alarm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trip {
    /// The group.
    pub group: GroupName,
    /// The image.
    pub image: AmiId,
    /// Suspend the group's launches.
    pub suspend: bool,
}

/// What somebody said is over: of a group, of an image, of an image in a group, or of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<GroupName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<AmiId>,
    at: Timestamp,
}

/// Why a stored document is none of breakers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BreakerFault {
    /// Not the JSON of breakers.
    #[error("not a document of breakers: {0}")]
    Json(JsonFault),
    /// Another schema: of another version.
    #[error("a document of schema {0:?}, not {SCHEMA}")]
    Schema(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    schema: String,
    breakers: Vec<Breaker>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resets: Vec<Reset>,
}

impl Breakers {
    /// Reads a stored document.
    ///
    /// # Errors
    /// See [`BreakerFault`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, BreakerFault> {
        let Object(Wire { schema, breakers, resets }) = bounded::json(bytes, LIMITS).map_err(BreakerFault::Json)?;
        if schema != SCHEMA {
            return Err(BreakerFault::Schema(schema.chars().take(80).collect()));
        }
        let keyed = breakers.into_iter().map(|one| ((one.group.clone(), one.image.clone()), one));
        Ok(Self { known: keyed.collect(), resets })
    }

    /// Writes the document to store.
    pub fn to_json(&self) -> Vec<u8> {
        let breakers = self.known.values().cloned().collect();
        let wire = Wire { schema: SCHEMA.to_owned(), breakers, resets: self.resets.clone() };
        // Strings, instants and lists always have a JSON form.
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    /// Returns the breakers, by group and image.
    pub fn iter(&self) -> impl Iterator<Item = &Breaker> {
        self.known.values()
    }

    /// Takes note of an instance that was really abandoned; returns the trip if that opened the breaker. What was reset
    /// later than that is over.
    pub fn abandoned(
        &mut self,
        rule: &BreakerRule,
        group: &GroupName,
        image: &AmiId,
        instance: &InstanceId,
        at: Timestamp,
    ) -> Option<Trip> {
        self.settle(rule, at);
        if self.resets.iter().any(|reset| reset.is_of(group, image) && at <= reset.at) {
            return None;
        }
        let breaker = self.known.entry((group.clone(), image.clone())).or_insert_with(|| Breaker {
            group: group.clone(),
            image: image.clone(),
            abandoned: BTreeMap::new(),
            open_since: None,
            suspension: None,
        });
        // Replicas report in any order, and one instance counts once.
        let last = breaker.abandoned.get(instance).map_or(at, |before| at.max(*before));
        breaker.abandoned.insert(instance.clone(), last);
        breaker.shorten(rule.instances);
        let trips = breaker.open_since.is_none() && breaker.within(rule, at) >= rule.instances;
        let trip = trips.then(|| {
            breaker.open_since = Some(at);
            breaker.suspension = rule.suspend_launch.then_some(Suspension::Due);
            Trip { group: group.clone(), image: image.clone(), suspend: rule.suspend_launch }
        });
        while self.known.len() > MOST {
            let quiet = self.known.iter().min_by_key(|(_, one)| (one.open_since.is_some(), one.last()));
            let Some(key) = quiet.map(|(key, _)| key.clone()) else { break };
            self.known.remove(&key);
        }
        trip
    }

    /// Closes and forgets what has been quiet for long enough.
    pub fn settle(&mut self, rule: &BreakerRule, now: Timestamp) {
        self.known.retain(|_, one| {
            let quiet = one.last().is_none_or(|last| rule.within.after(last) <= now);
            !quiet || one.suspension.is_some()
        });
    }

    /// Forgets the breakers of a group and image, or of all, and what was abandoned until now, however late it is reported;
    /// returns those that were open.
    pub fn reset(&mut self, group: Option<&GroupName>, image: Option<&AmiId>, now: Timestamp) -> Vec<Breaker> {
        let reset = Reset { group: group.cloned(), image: image.cloned(), at: now };
        let chosen = |one: &Breaker| reset.is_of(&one.group, &one.image);
        let (gone, kept) = std::mem::take(&mut self.known).into_iter().partition(|(_, one)| chosen(one));
        self.known = kept;
        let gone: BTreeMap<(GroupName, AmiId), Breaker> = gone;
        self.resets.retain(|before| (&before.group, &before.image) != (&reset.group, &reset.image));
        self.resets.push(reset);
        let over = self.resets.len().saturating_sub(MOST);
        self.resets.drain(..over);
        gone.into_values().filter(|one| one.open_since.is_some()).collect()
    }

    /// Returns the groups whose launches a breaker suspends: has, or is to.
    pub fn suspensions(&self, suspension: Suspension) -> BTreeSet<GroupName> {
        self.known.values().filter(|one| one.suspension == Some(suspension)).map(|one| one.group.clone()).collect()
    }

    /// Takes note that a group's launches were suspended.
    pub fn suspended(&mut self, group: &GroupName) {
        for one in self.known.values_mut().filter(|one| one.group == *group && one.suspension.is_some()) {
            one.suspension = Some(Suspension::Done);
        }
    }

    /// Returns how many are open.
    pub fn open(&self) -> usize {
        self.known.values().filter(|one| one.open_since.is_some()).count()
    }
}

impl Reset {
    fn is_of(&self, group: &GroupName, image: &AmiId) -> bool {
        self.group.as_ref().is_none_or(|one| one == group) && self.image.as_ref().is_none_or(|one| one == image)
    }
}

impl Breaker {
    fn last(&self) -> Option<Timestamp> {
        self.abandoned.values().max().copied()
    }

    fn within(&self, rule: &BreakerRule, at: Timestamp) -> usize {
        self.abandoned.values().filter(|when| rule.within.after(**when) > at).count()
    }

    /// Keeps the latest so many.
    fn shorten(&mut self, most: usize) {
        while self.abandoned.len() > most {
            let oldest = self.abandoned.iter().min_by_key(|(_, when)| **when).map(|(id, _)| id.clone());
            let Some(oldest) = oldest else { break };
            self.abandoned.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
