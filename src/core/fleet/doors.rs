//! Ways around the launch hooks of a place: what launches instances beside groups, and whether EC2's own setting stops it.
//!
//! What groups themselves leave open, `doctor` finds: an audit asks it about every group.

use std::collections::BTreeMap;

use super::Machine;
use crate::{
    doctor::{Asked, Launching, command::aws, finding, unasked},
    ids::InstanceId,
    report::{Finding, Launcher, Severity},
};

/// So many instances are named in a finding.
const SHOWN: usize = 20;

const DIRECT: &str = "instances-direct";
const OF_FLEET: &str = "instances-of-fleet";
const OF_KARPENTER: &str = "instances-of-karpenter";
const OF_SERVICE: &str = "instances-of-service";
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedImages {
    /// Every image may be launched.
    Off,
    /// Images that are not allowed are marked, and may be launched.
    Audit,
    /// Images that are not allowed cannot be launched.
    On,
}

/// Returns what is open beside the groups of a place.
pub(crate) fn examine(machines: &[Machine], allowed: &Asked<AllowedImages>, place: &Launching) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut outside: BTreeMap<(&str, &str), Vec<&InstanceId>> = BTreeMap::new();
    for machine in machines {
        if let Some(by) = outside_of_groups(&machine.launcher) {
            outside.entry(by).or_default().push(&machine.id);
        }
    }
    found.extend(outside.into_iter().map(|((code, by), ids)| instances(code, by, &ids, place)));
    let region = place.region.as_str();
    let enable =
        |state| aws(place, &["ec2", "enable-allowed-images-settings", "--allowed-images-settings-state", state]);
    match allowed {
        Ok(AllowedImages::On) => {}
        Ok(AllowedImages::Off) => {
            let message = "the Allowed AMIs setting is off: EC2 itself refuses no image";
            found.push(finding(Severity::Warning, OFF, region, message).typing(enable("audit-mode")));
        }
        Ok(AllowedImages::Audit) => {
            let message = "the Allowed AMIs setting is in audit mode: EC2 itself refuses no image";
            found.push(finding(Severity::Warning, AUDIT, region, message).typing(enable("enabled")));
        }
        Err(fault) => found.push(unasked(place, fault, "the Allowed AMIs setting")),
    }
    found
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

fn instances(code: &'static str, by: &str, ids: &[&InstanceId], place: &Launching) -> Finding {
    let shown: Vec<&str> = ids.iter().take(SHOWN).map(|id| id.as_str()).collect();
    let more = match ids.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (noun, them) = if ids.len() == 1 { ("instance", "it") } else { ("instances", "them") };
    let message = format!("no lifecycle hook held {them}: {}{more}", shown.join(", "));
    let show = aws(place, &[&["ec2", "describe-instances", "--instance-ids"], shown.as_slice()].concat());
    finding(Severity::Warning, code, format!("{} {noun} of {by}", ids.len()), message).typing(show)
}

#[cfg(test)]
mod tests;
