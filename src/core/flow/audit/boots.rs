//! An audit, and what boot guards left off the instances → what each reported, and what follows.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use crate::{
    fleet::{Heard, guard_doors},
    ports::{BootRecords, Progress},
    report::{AuditReport, AuditedInstance, Door, instance_arn},
};

/// So many instances are asked about together: a record is at most one MiB.
const TOGETHER: usize = 32;

/// Adds to an audit what the boot guards of running instances reported since those were started, and the doors that
/// follow. It makes no instance better: a record was written by code on the instance itself.
pub async fn boots(report: &mut AuditReport, records: &impl BootRecords, progress: &impl Progress) {
    let now = report.started;
    let running = report.instances.iter().enumerate().filter(|(_, one)| one.state == "running");
    let running: Vec<(usize, &AuditedInstance)> = running.collect();
    progress.expect(running.len() as u64);
    let asked = running.into_iter().map(|(place, one)| async move {
        let heard = hear(one, records, now).await;
        progress.advance();
        (place, heard)
    });
    let heard: BTreeMap<usize, Heard> = stream::iter(asked).buffer_unordered(TOGETHER).collect().await;
    for (place, heard) in &heard {
        if let (Some(one), Heard::Record(record)) = (report.instances.get_mut(*place), heard) {
            one.boot = Some(record.seen());
        }
    }
    let found = guard_doors(report, &heard, now);
    add(report, found);
    report.boot_records = Some(records.locate());
}

async fn hear(one: &AuditedInstance, records: &impl BootRecords, now: Timestamp) -> Heard {
    let arn = instance_arn(&one.region, &one.account, &one.instance);
    let newest = records.newest(&arn, one.launched).await;
    let newest = newest.as_ref().map(Option::as_deref).map_err(|error| error.chain());
    Heard::of(&arn, newest, now)
}

/// Adds doors to those that were found, the worst first.
fn add(report: &mut AuditReport, found: Vec<Door>) {
    if found.is_empty() && report.doors.is_none() {
        return;
    }
    let doors = report.doors.get_or_insert_default();
    doors.extend(found);
    doors.sort_by_key(|door| door.severity);
}

#[cfg(test)]
mod tests;
