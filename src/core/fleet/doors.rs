//! Ways around the launch hooks of a place: what launches instances beside groups or changes them afterwards, and whether
//! EC2's own setting stops it.
//!
//! What groups themselves leave open, `doctor` finds: an audit asks it about every group.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Machine;
use crate::{
    doctor::{Asked, GroupFacts, Launching, command::aws, finding, unasked},
    ids::InstanceId,
    report::{Finding, Launcher, Severity},
};

/// So many instances are named in a finding.
const SHOWN: usize = 10;

const ATTACHED: &str = "instances-attached";
const DIRECT: &str = "instances-direct";
const OF_FLEET: &str = "instances-of-fleet";
const OF_KARPENTER: &str = "instances-of-karpenter";
const OF_SERVICE: &str = "instances-of-service";
const REPLACED: &str = "roots-replaced";
const OFF: &str = "allowed-images-off";
const AUDIT: &str = "allowed-images-audit";

/// Every door that an audit finds beside those of groups, with its severity, what it means and what to do. Part of the
/// public interface: a code never changes its meaning.
pub const DOOR_CODES: &[(&str, &str, &str, &str)] = &[
    (
        DIRECT,
        "warning",
        "Instances run that somebody launched with RunInstances: no lifecycle hook saw them.",
        "Launch them through a guarded group, or carry the boot guard in their images.",
    ),
    (
        OF_FLEET,
        "warning",
        "Instances run that an EC2 or Spot fleet launched: fleets have no lifecycle hooks.",
        "Use a mixed instances group with a lifecycle hook, or carry the boot guard in their images.",
    ),
    (
        OF_KARPENTER,
        "warning",
        "Instances run that Karpenter launched: it has no lifecycle hooks.",
        "Name only sealed images in `amiSelectorTerms`, and carry the boot guard in them.",
    ),
    (
        OF_SERVICE,
        "warning",
        "Instances run that an AWS service launched and manages.",
        "Nothing can hold them; know that they are there.",
    ),
    (
        ATTACHED,
        "warning",
        "A group has instances that it did not launch but was given: attaching passes no lifecycle hook.",
        "Deny `autoscaling:AttachInstances`, and let the group launch its own.",
    ),
    (
        REPLACED,
        "warning",
        "Root volumes of instances were replaced while they ran, or are being replaced: only an instance refresh passes a \
         lifecycle hook.",
        "See who asked for it, and deny `ec2:CreateReplaceRootVolumeTask`. The volume itself is judged: `root-replaced`.",
    ),
    (
        OFF,
        "warning",
        "The Allowed AMIs setting is off: EC2 launches images of any owner.",
        "Turn it on in audit mode for the owners of sealed images, then enable it.",
    ),
    (
        AUDIT,
        "warning",
        "The Allowed AMIs setting is in audit mode: EC2 says which images it would refuse, and launches them.",
        "Enable it once no instance runs an image that is not allowed.",
    ),
];

/// EC2's own Allowed AMIs setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllowedImages {
    /// Every image may be launched.
    Off,
    /// Images that are not allowed are marked, and may be launched.
    Audit,
    /// Images that are not allowed cannot be launched.
    On,
}

/// The replacement of a root volume while its instance ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplacedRoot {
    /// The instance.
    pub instance: InstanceId,
    /// `pending`, `in-progress`, `succeeded`, `failing`, `failed` or `failed-detached`.
    pub state: String,
}

/// What was told of a place beside its instances and groups.
#[derive(Debug)]
pub(crate) struct Around {
    /// EC2's own setting.
    pub(crate) allowed: Asked<AllowedImages>,
    /// Replaced root volumes.
    pub(crate) replaced: Asked<Vec<ReplacedRoot>>,
}

/// Returns what is open beside the groups of a place.
pub(crate) fn examine(machines: &[Machine], around: &Around, place: &Launching) -> Vec<Finding> {
    let mut found = outside(machines, place);
    found.extend(attached(place));
    found.extend(replaced(machines, &around.replaced, place));
    found.extend(setting(&around.allowed, place));
    found
}

fn outside(machines: &[Machine], place: &Launching) -> Vec<Finding> {
    let mut outside: BTreeMap<(&str, &str), Vec<&InstanceId>> = BTreeMap::new();
    for machine in machines {
        if let Some(by) = outside_of_groups(&machine.launcher) {
            outside.entry(by).or_default().push(&machine.id);
        }
    }
    let door = |((code, by), ids): ((&'static str, &str), Vec<&InstanceId>)| {
        instances(code, by, "no lifecycle hook held what this launched", &ids, place)
    };
    outside.into_iter().map(door).collect()
}

/// Names the kind of launches that no lifecycle hook sees, and who makes them.
fn outside_of_groups(launcher: &Launcher) -> Option<(&'static str, &str)> {
    match launcher {
        Launcher::Group { .. } => None,
        Launcher::Fleet { id } => Some((OF_FLEET, id)),
        Launcher::Karpenter { pool } => Some((OF_KARPENTER, pool)),
        Launcher::Service { principal } => Some((OF_SERVICE, principal)),
        Launcher::Direct => Some((DIRECT, "RunInstances")),
    }
}

fn attached(place: &Launching) -> Vec<Finding> {
    let given = |one: &&GroupFacts| !one.group.attached.is_empty();
    let door = |one: &GroupFacts| {
        let ids: Vec<&InstanceId> = one.group.attached.iter().collect();
        instances(ATTACHED, one.group.name.as_str(), "attached to the group: no lifecycle hook held this", &ids, place)
    };
    place.groups.iter().flatten().filter(given).map(door).collect()
}

/// A replacement that failed left the root that was there.
fn replaced(machines: &[Machine], told: &Asked<Vec<ReplacedRoot>>, place: &Launching) -> Option<Finding> {
    let told = match told {
        Ok(told) => told,
        Err(fault) => return Some(unasked(place, fault, "the replaced root volumes")),
    };
    let here: BTreeSet<&InstanceId> = machines.iter().map(|machine| &machine.id).collect();
    let counts = |one: &&ReplacedRoot| here.contains(&one.instance) && !one.state.starts_with("fail");
    let ids: BTreeSet<&InstanceId> = told.iter().filter(counts).map(|one| &one.instance).collect();
    let ids: Vec<&InstanceId> = ids.into_iter().collect();
    let what = "the root volume was replaced while it ran, or is being replaced";
    (!ids.is_empty()).then(|| instances(REPLACED, place.region.as_str(), what, &ids, place))
}

fn setting(allowed: &Asked<AllowedImages>, place: &Launching) -> Option<Finding> {
    let region = place.region.as_str();
    let enable =
        |state| aws(place, &["ec2", "enable-allowed-images-settings", "--allowed-images-settings-state", state]);
    match allowed {
        Ok(AllowedImages::On) => None,
        Ok(AllowedImages::Off) => {
            let message = "the Allowed AMIs setting is off: EC2 itself refuses no image";
            Some(finding(Severity::Warning, OFF, region, message).typing(enable("audit-mode")))
        }
        Ok(AllowedImages::Audit) => {
            let message = "the Allowed AMIs setting is in audit mode: EC2 itself refuses no image";
            Some(finding(Severity::Warning, AUDIT, region, message).typing(enable("enabled")))
        }
        Err(fault) => Some(unasked(place, fault, "the Allowed AMIs setting")),
    }
}

/// A door is the same however many come through it: their number is in the message.
fn instances(code: &'static str, of: &str, what: &str, ids: &[&InstanceId], place: &Launching) -> Finding {
    let shown = ids.iter().take(SHOWN).map(|id| id.as_str());
    let show =
        aws(place, &["ec2", "describe-instances", "--instance-ids"].into_iter().chain(shown).collect::<Vec<_>>());
    finding(Severity::Warning, code, of, format!("{}: {what}", counted(ids))).typing(show)
}

/// Returns how many they are, and which.
pub(super) fn counted(ids: &[&InstanceId]) -> String {
    let noun = if ids.len() == 1 { "instance" } else { "instances" };
    let shown: Vec<&str> = ids.iter().take(SHOWN).map(|id| id.as_str()).collect();
    let more = match ids.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} {noun} ({}{more})", ids.len(), shown.join(", "))
}

#[cfg(test)]
mod tests;
