//! A fleet as it was seen → machines: who runs what, launched by whom, booted from which volume.
//!
//! Two calls of EC2 tell of an instance, and one of them may fail or be a moment later than the other. What only one of
//! them tells of is in the fleet all the same.

mod changes;
mod classes;
mod doors;
mod guards;
pub mod quarantine;
mod snapshot;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use self::doors::{Around, examine};
pub use self::{
    changes::changes,
    classes::{Classified, Image, classify, overridden},
    doors::{AllowedImages, DOOR_CODES, ReplacedRoot},
    guards::{GUARD_CODES, Heard, guard_doors},
    snapshot::{Snapshot, SnapshotFault},
};
use crate::{
    ids::{AccountId, AmiId, GroupName, InstanceId, Region, VolumeId},
    lifecycle::{Instance, Volume},
    report::{ImageSeen, Launcher},
};

/// The tags that say who launched an instance. Only AWS sets those that begin with `aws:`.
const GROUP_TAG: &str = "aws:autoscaling:groupName";
const FLEET_TAGS: [&str; 2] = ["aws:ec2:fleet-id", "aws:ec2spot:fleet-request-id"];
const KARPENTER_TAG: &str = "karpenter.sh/nodepool";

/// An account in a region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

/// An instance as DescribeInstanceImageMetadata lists it: be its image deregistered, not shared any more or not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listed {
    /// The instance.
    pub id: InstanceId,
    /// Its image.
    pub image: AmiId,
    /// `pending`, `running`, `stopping`, `stopped`, `shutting-down` or `terminated`.
    pub state: String,
    /// When it was launched, or last started.
    pub launched: Option<Timestamp>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The service that manages it.
    pub operator: Option<String>,
    /// What EC2 says of the image.
    pub seen: ImageSeen,
}

/// An instance, all told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The instance.
    pub id: InstanceId,
    /// Its image.
    pub image: AmiId,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// See [`Listed::state`].
    pub state: String,
    /// When it was launched, or last started.
    pub launched: Option<Timestamp>,
    /// Who launched it.
    pub launcher: Launcher,
    /// What EC2 says of the image.
    pub seen: ImageSeen,
    /// What it boots from.
    pub root: Root,
}

/// What an instance boots from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// It is filled from the image, and cannot be replaced.
    InstanceStore,
    /// A volume, or its id as long as it was not described.
    Volume(Result<Volume, VolumeId>),
    /// It was not told: why.
    Unknown(String),
}

/// Puts together what both calls tell. `described` are the instances of DescribeInstances, or why there are none.
pub fn machines(
    listed: Vec<Listed>,
    described: &Result<BTreeMap<InstanceId, Result<Instance, String>>, String>,
    volumes: &BTreeMap<VolumeId, Volume>,
) -> Vec<Machine> {
    let root = |id: &InstanceId| {
        let found = match described {
            Err(problem) => return Root::Unknown(problem.clone()),
            Ok(all) => all.get(id),
        };
        match found {
            None => Root::Unknown(format!("EC2 does not show {id}")),
            Some(Err(problem)) => Root::Unknown(problem.clone()),
            Some(Ok(instance)) if instance.root_device_type == "instance-store" => Root::InstanceStore,
            Some(Ok(instance)) => match &instance.root_volume {
                None => Root::Unknown("no root volume is attached".to_owned()),
                Some(volume) => Root::Volume(volumes.get(volume).cloned().ok_or_else(|| volume.clone())),
            },
        }
    };
    let machine = |one: Listed| Machine {
        root: root(&one.id),
        launcher: launcher(&one.tags, one.operator),
        name: one.tags.get("Name").cloned(),
        id: one.id,
        image: one.image,
        state: one.state,
        launched: one.launched,
        seen: one.seen,
    };
    listed.into_iter().map(machine).collect()
}

/// Who launched an instance, by its tags: a group before the fleet that it launches through.
fn launcher(tags: &BTreeMap<String, String>, operator: Option<String>) -> Launcher {
    let group = tags.get(GROUP_TAG).and_then(|name| name.parse::<GroupName>().ok());
    if let Some(group) = group {
        return Launcher::Group { group };
    }
    if let Some(pool) = tags.get(KARPENTER_TAG) {
        return Launcher::Karpenter { pool: pool.clone() };
    }
    if let Some(principal) = operator {
        return Launcher::Service { principal };
    }
    match FLEET_TAGS.iter().find_map(|tag| tags.get(*tag)) {
        Some(id) => Launcher::Fleet { id: id.clone() },
        None => Launcher::Direct,
    }
}

#[cfg(test)]
mod tests;
