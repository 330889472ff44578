//! What boot guards reported, held against what runs → what is to be said of it, as doors.
//!
//! A record was written by code on the instance that is judged. It never makes anything better: an instance that reports
//! an admission is what its image and its root volume are.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::doors::counted;
use crate::{
    enforcement::BootEnd,
    ids::{AccountId, InstanceId, Region},
    report::{AuditReport, AuditedInstance, BootRecord, Door, Launcher, Outcome, Severity},
};

/// A boot is judged, recorded and, if it must be, ended within this: the guard's own units end it after 5 minutes.
const SETTLED: SignedDuration = SignedDuration::from_mins(15);
/// So far a clock may be ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);
/// What is found of a group whose launches wait for nobody.
const UNHELD: [&str; 2] = ["hook-missing", "hook-not-launching"];

const OVERRULED: &str = "guard-overruled";
const SILENT: &str = "guard-silent";
const UNREAD: &str = "guard-unread";
const HELD: &str = "guard-held";
const REPORTS: &str = "guard-reports";
const ABSENT: &str = "guard-absent";

/// Every door that records of boots open, with its severity, what it means and what to do. Part of the public interface: a
/// code never changes its meaning.
pub const GUARD_CODES: &[(&str, &str, &str, &str)] = &[
    (
        OVERRULED,
        "problem",
        "The boot guard powered the instance off more than 15 minutes ago, and it runs.",
        "Look at its console, and end it: something in the image keeps it up.",
    ),
    (
        SILENT,
        "problem",
        "The image carries a boot guard that records every boot, by its signed provenance; the instance was started more than 15 \
         minutes ago, and there is no record since.",
        "Look at its console. Its role must allow `s3:PutObject` on its own folder.",
    ),
    (
        UNREAD,
        "unknown",
        "Records could not be listed or read, or are none: denied, too large, of another instance, of a time to come, more than \
         1,000 since the start.",
        "The message says why.",
    ),
    (
        HELD,
        "warning",
        "The boot guard did not admit the instance and holds it for a person (`halt`, `emergency`).",
        "Look at its console, and end it.",
    ),
    (
        REPORTS,
        "warning",
        "The boot guard did not admit the instance and let its boot go on: it only reports, or what it stands on ran out since.",
        "Replace the instance with one of an image that is admitted.",
    ),
    (
        ABSENT,
        "warning",
        "The instance is admitted, no launch hook held it, and nothing signed says that its image carries the boot guard: neither \
         its launches nor its boots are judged.",
        "Bake the guard, and seal with `--boot-check`; or launch it through a guarded group.",
    ),
];

/// What was heard of an instance since it was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// There is no record.
    Nothing,
    /// Its newest record.
    Record(BootRecord),
    /// It could not be read: why.
    Unread(String),
}

impl Heard {
    /// Takes the newest record of an instance, by its ARN, as it was read.
    pub fn of(instance: &str, newest: Result<Option<&[u8]>, String>, now: Timestamp) -> Self {
        let bytes = match newest {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Self::Nothing,
            Err(problem) => return Self::Unread(problem),
        };
        match BootRecord::read(bytes) {
            Err(fault) => Self::Unread(format!("its newest record is {fault}")),
            Ok(record) if record.arn != instance => Self::Unread(format!("its newest record names {}", record.arn)),
            Ok(record) if record.at.duration_since(now) > AHEAD => {
                Self::Unread(format!("its newest record is of {}, which is to come", record.at))
            }
            Ok(record) => Self::Record(record),
        }
    }
}

/// What stands against an instance by what was heard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Overruled,
    Silent,
    Unread,
    Held,
    Reports,
    Absent,
}

/// Returns the doors of instances that run, by their places in the report; `now` is when they were looked at.
pub fn guard_doors(report: &AuditReport, heard: &BTreeMap<usize, Heard>, now: Timestamp) -> Vec<Door> {
    type Key<'r> = (Found, &'r AccountId, &'r Region, Option<usize>);
    let mut groups: BTreeMap<Key<'_>, Vec<(&AuditedInstance, &Heard)>> = BTreeMap::new();
    let unheld = unheld(report);
    for (place, heard) in heard {
        let Some(one) = report.instances.get(*place) else { continue };
        if let Some(found) = found(report, one, heard, &unheld, now) {
            // Whoever reads these looks at an account; of the others each image has its own cause.
            let image = (!matches!(found, Found::Absent | Found::Unread)).then_some(one.image);
            groups.entry((found, &one.account, &one.region, image)).or_default().push((one, heard));
        }
    }
    let door = |((found, account, region, _), all): (Key<'_>, Vec<(&AuditedInstance, &Heard)>)| {
        door(found, account, region, &all)
    };
    groups.into_iter().map(door).collect()
}

/// Returns the groups whose launches wait for nobody.
fn unheld(report: &AuditReport) -> BTreeSet<(&AccountId, &Region, &str)> {
    let doors = report.doors().iter().filter(|door| UNHELD.contains(&&*door.code));
    doors.map(|door| (&door.account, &door.region, door.place.as_str())).collect()
}

fn found(
    report: &AuditReport,
    one: &AuditedInstance,
    heard: &Heard,
    unheld: &BTreeSet<(&AccountId, &Region, &str)>,
    now: Timestamp,
) -> Option<Found> {
    // What nobody knows the start of has run for long enough.
    let settled = |since: Option<Timestamp>| since.is_none_or(|since| now.duration_since(since) >= SETTLED);
    let guard = report.image_of(one).and_then(|image| image.guard.as_ref());
    match heard {
        Heard::Unread(_) => Some(Found::Unread),
        Heard::Record(BootRecord { ended: Some(BootEnd::Halt | BootEnd::Emergency), .. }) => Some(Found::Held),
        Heard::Record(BootRecord { ended: Some(BootEnd::Poweroff), at, .. }) => {
            settled(Some(*at)).then_some(Found::Overruled)
        }
        Heard::Record(BootRecord { verdict: Outcome::Admit, ended: None, .. }) => None,
        Heard::Record(BootRecord { verdict: Outcome::Reject | Outcome::Undetermined, ended: None, .. }) => {
            Some(Found::Reports)
        }
        Heard::Nothing => match guard {
            Some(guard) => (guard.records && settled(one.launched)).then_some(Found::Silent),
            // What is not admitted has its class.
            None => {
                let held = match &one.launcher {
                    Launcher::Group { group } => !unheld.contains(&(&one.account, &one.region, group.as_str())),
                    Launcher::Fleet { .. }
                    | Launcher::Karpenter { .. }
                    | Launcher::Service { .. }
                    | Launcher::Direct => false,
                };
                (one.verdict == Outcome::Admit && !held).then_some(Found::Absent)
            }
        },
    }
}

fn door(found: Found, account: &AccountId, region: &Region, all: &[(&AuditedInstance, &Heard)]) -> Door {
    let (severity, code, says) = match found {
        Found::Overruled => (
            Severity::Problem,
            OVERRULED,
            "the boot guard powered it off more than 15 minutes ago, and it runs: something keeps it up",
        ),
        Found::Silent => (
            Severity::Problem,
            SILENT,
            "its image carries a boot guard that records every boot, by its signed provenance, and none was recorded since it \
             was started more than 15 minutes ago",
        ),
        Found::Unread => (Severity::Unknown, UNREAD, "what the boot guard reported could not be read"),
        Found::Held => {
            (Severity::Warning, HELD, "the boot guard did not admit it and holds it for a person to look at")
        }
        Found::Reports => (
            Severity::Warning,
            REPORTS,
            "the boot guard did not admit it and let the boot go on: it only reports, or what it stands on ran out since",
        ),
        Found::Absent => (
            Severity::Warning,
            ABSENT,
            "no launch hook held it, and nothing signed says that its image carries the boot guard: neither launch nor boot is \
             judged",
        ),
    };
    let ids: Vec<&InstanceId> = all.iter().map(|(one, _)| &one.instance).collect();
    let why = all.iter().find_map(|(_, heard)| match heard {
        Heard::Unread(problem) => Some(format!("; {problem}")),
        Heard::Nothing | Heard::Record(_) => None,
    });
    let place = match (found, all.first()) {
        (Found::Absent, _) => "instances without a guard".to_owned(),
        (Found::Unread, _) | (_, None) => "boot records".to_owned(),
        (Found::Overruled | Found::Silent | Found::Held | Found::Reports, Some((one, _))) => one.ami.to_string(),
    };
    let console = match (found, all.first()) {
        (Found::Overruled | Found::Silent | Found::Held, Some((one, _))) => {
            let id = &one.instance;
            Some(format!("aws ec2 get-console-output --latest --region {region} --output text --instance-id {id}"))
        }
        (Found::Unread | Found::Reports | Found::Absent, _) | (_, None) => None,
    };
    Door {
        severity,
        code: code.into(),
        account: account.clone(),
        region: region.clone(),
        place,
        message: format!("{}: {says}{}", counted(&ids), why.unwrap_or_default()),
        commands: console.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests;
