//! What a place told ↔ the file that it is kept as: a line with schema and SHA-256, and behind it JSON.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    bounded::{self, JsonFault, Limits, Object},
    digest::Sha256Digest,
    doctor::Launchable,
    fleet::{AllowedImages, Listed, ReplacedRoot},
    ids::{AccountId, InstanceId, Region, VolumeId},
    lifecycle::{Group, Hook, Instance, Volume},
    ports::Grouped,
};

/// The schema of kept facts.
const SCHEMA: &str = "goldseal/audit-facts/v1";
/// An instance with its tags has about a KiB.
const LIMITS: Limits = Limits { bytes: 64 << 20, depth: 10 };
/// The first line has as many bytes at most.
const HEAD: usize = 128;

/// Why a file is none that an audit kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FactsFault {
    /// It does not begin like one.
    #[error("what was kept is no {SCHEMA}: of another version, or damaged")]
    Schema,
    /// Something in it is another than what was written.
    #[error("what was kept is damaged: it does not have its digest")]
    Digest,
    /// Not the JSON of facts.
    #[error("what was kept cannot be read: {0}")]
    Json(#[from] JsonFault),
}

/// What is known of a place, since when, and of which audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Facts {
    pub(super) account: AccountId,
    pub(super) region: Region,
    pub(super) seen: Timestamp,
    pub(super) selection: Sha256Digest,
    pub(super) told: Told,
}

/// The answers to every question of a `View`: all of them, or there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Told {
    pub(super) listed: Vec<Listed>,
    pub(super) described: BTreeMap<InstanceId, Instance>,
    pub(super) volumes: BTreeMap<VolumeId, Volume>,
    groups: Vec<WholeGroup>,
    pub(super) named: Vec<Launchable>,
    pub(super) replaced: Vec<ReplacedRoot>,
    pub(super) allowed: AllowedImages,
}

/// A group of which everything was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WholeGroup {
    group: Group,
    hooks: Vec<Hook>,
    launches: Vec<Launchable>,
}

/// Answers as they come.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) listed: Option<Vec<Listed>>,
    pub(super) described: Option<BTreeMap<InstanceId, Result<Instance, String>>>,
    pub(super) volumes: Option<BTreeMap<VolumeId, Volume>>,
    pub(super) groups: Option<Vec<Grouped>>,
    pub(super) named: Option<Vec<Launchable>>,
    pub(super) replaced: Option<Vec<ReplacedRoot>>,
    pub(super) allowed: Option<AllowedImages>,
}

impl Heard {
    /// Takes the answers once the last is there. What could not be asked or read is no fact, and the place has none then.
    pub(super) fn whole(&mut self) -> Option<Told> {
        let Self { listed, described, volumes, groups, named, replaced, allowed } = self;
        let instances = listed.is_some() && described.is_some() && volumes.is_some();
        let doors = groups.is_some() && named.is_some() && replaced.is_some() && allowed.is_some();
        if !(instances && doors) {
            return None;
        }
        let described = described.take()?.into_iter().map(|(id, instance)| Some((id, instance.ok()?)));
        let group = |Grouped { group, hooks, launches }| {
            Some(WholeGroup { group, hooks: hooks.ok()?, launches: launches.ok()? })
        };
        Some(Told {
            allowed: allowed.take()?,
            listed: listed.take()?,
            described: described.collect::<Option<_>>()?,
            volumes: volumes.take()?,
            groups: groups.take()?.into_iter().map(group).collect::<Option<_>>()?,
            named: named.take()?,
            replaced: replaced.take()?,
        })
    }
}

impl Told {
    /// Returns the groups as `View::grouped` does.
    pub(super) fn grouped(&self) -> Vec<Grouped> {
        let group = |WholeGroup { group, hooks, launches }| Grouped { group, hooks: Ok(hooks), launches: Ok(launches) };
        self.groups.iter().cloned().map(group).collect()
    }
}

impl Facts {
    /// Reads what was kept.
    ///
    /// # Errors
    /// See [`FactsFault`].
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, FactsFault> {
        let end = bytes.iter().take(HEAD).position(|byte| *byte == b'\n').ok_or(FactsFault::Schema)?;
        let (head, body) = bytes.split_at_checked(end + 1).ok_or(FactsFault::Schema)?;
        let head = head.strip_prefix(SCHEMA.as_bytes()).ok_or(FactsFault::Schema)?;
        if body.len() > LIMITS.bytes {
            return Err(JsonFault::TooLarge { found: body.len(), limit: LIMITS.bytes }.into());
        }
        if head != format!(" {}\n", Sha256Digest::of(body)).as_bytes() {
            return Err(FactsFault::Digest);
        }
        let Object(facts) = bounded::json(body, LIMITS)?;
        Ok(facts)
    }

    /// Writes what to keep; none when it would be larger than what is read.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        // Strings, numbers, instants and lists always have a JSON form.
        let body = serde_json::to_vec(self).ok().filter(|body| body.len() <= LIMITS.bytes)?;
        let mut bytes = format!("{SCHEMA} {}\n", Sha256Digest::of(&body)).into_bytes();
        bytes.extend(body);
        Some(bytes)
    }
}
