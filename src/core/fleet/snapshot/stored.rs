//! A snapshot ↔ the document that it is kept as: instances by place and class, so that a hundred thousand are some MiB.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PlaceKey, Snapshot, Standing, Was};
use crate::{
    bounded::{self, JsonFault, Limits, Object},
    digest::Sha256Digest,
    ids::{AccountId, InstanceId, Region},
    report::{Class, Outcome, Severity},
};

/// The schema of a kept snapshot.
const SCHEMA: &str = "goldseal/audit-state/v1";
/// A million instances have about 25 MiB.
const LIMITS: Limits = Limits { bytes: 64 << 20, depth: 8 };

/// Why a document is none that an audit kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// Not the JSON of a snapshot.
    #[error("not what an audit keeps")]
    Json(#[from] JsonFault),
    /// Another schema: of another version.
    #[error("a document of schema {0:?}, not {SCHEMA}")]
    Schema(String),
    /// It contradicts itself.
    #[error("it contradicts itself: {0}")]
    Contradiction(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    schema: String,
    started: Timestamp,
    finished: Timestamp,
    whole: bool,
    outcome: Outcome,
    last_whole: Option<Timestamp>,
    policy: Sha256Digest,
    places: Vec<WirePlace>,
    doors: Vec<WireDoor>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WirePlace {
    account: AccountId,
    region: Option<Region>,
    missed: bool,
    classes: Vec<WireClass>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireClass {
    class: Class,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    known: Option<Class>,
    instances: Vec<InstanceId>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireDoor {
    account: AccountId,
    region: Region,
    code: String,
    #[serde(rename = "where")]
    place: String,
    severity: Severity,
}

impl Snapshot {
    /// Reads what was kept.
    ///
    /// # Errors
    /// See [`SnapshotFault`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, SnapshotFault> {
        let Object(wire): Object<Wire> = bounded::json(bytes, LIMITS)?;
        if wire.schema != SCHEMA {
            return Err(SnapshotFault::Schema(wire.schema.chars().take(80).collect()));
        }
        let mut places: BTreeMap<PlaceKey, Standing> = BTreeMap::new();
        for WirePlace { account, region, missed, classes } in wire.places {
            let mut instances = BTreeMap::new();
            for WireClass { class, known, instances: ids } in classes {
                for id in ids {
                    if let Some(_other) = instances.insert(id.clone(), Was { class, known }) {
                        return Err(SnapshotFault::Contradiction(format!("{id} is there twice")));
                    }
                }
            }
            let shown = format!("{account} in {}", region.as_ref().map_or("no region", Region::as_str));
            if places.insert((account, region), Standing { missed, instances }).is_some() {
                return Err(SnapshotFault::Contradiction(format!("{shown} is there twice")));
            }
        }
        let door = |one: WireDoor| ((one.account, one.region, Cow::Owned(one.code), one.place), one.severity);
        Ok(Self {
            started: wire.started,
            finished: wire.finished,
            whole: wire.whole,
            outcome: wire.outcome,
            last_whole: wire.last_whole,
            policy: wire.policy,
            places,
            doors: wire.doors.into_iter().map(door).collect(),
        })
    }

    /// Writes the document to keep; none when it would be larger than what is read.
    pub fn to_json(&self) -> Option<Vec<u8>> {
        let place = |((account, region), standing): (&PlaceKey, &Standing)| {
            let mut classes: BTreeMap<Was, Vec<InstanceId>> = BTreeMap::new();
            for (id, was) in &standing.instances {
                classes.entry(*was).or_default().push(id.clone());
            }
            let class = |(Was { class, known }, instances)| WireClass { class, known, instances };
            let classes = classes.into_iter().map(class).collect();
            WirePlace { account: account.clone(), region: region.clone(), missed: standing.missed, classes }
        };
        let wire = Wire {
            schema: SCHEMA.to_owned(),
            started: self.started,
            finished: self.finished,
            whole: self.whole,
            outcome: self.outcome,
            last_whole: self.last_whole,
            policy: self.policy,
            places: self.places.iter().map(place).collect(),
            doors: self
                .doors
                .iter()
                .map(|((account, region, code, place), severity)| WireDoor {
                    account: account.clone(),
                    region: region.clone(),
                    code: code.to_string(),
                    place: place.clone(),
                    severity: *severity,
                })
                .collect(),
        };
        // Strings, instants and lists always have a JSON form.
        serde_json::to_vec(&wire).ok().filter(|bytes| bytes.len() <= LIMITS.bytes)
    }
}
