//! Telling a service of what an audit found: what it has to know is sent, and what an earlier run sent and this one does
//! not have any more is closed.
//!
//! Nothing is closed of what this run did not see: a place of which something could not be asked, doors that nobody looked
//! for. What could not be told is a note of the report.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use crate::{
    fleet::Place,
    ports::{Finding, Findings, Progress, Untaken},
    report::{AuditReport, DOOR_FINDING, Note, Severity},
};

/// So many places are told together.
const PLACES: usize = 8;
/// So many findings that were not taken are named, for each place.
const NAMED: usize = 3;

/// What became of it.
#[derive(Debug)]
pub struct Told {
    /// For the report.
    pub notes: Vec<Note>,
    /// Everything was taken.
    pub whole: bool,
}

#[derive(Debug, Default)]
struct Count {
    sent: usize,
    closed: usize,
    problems: Vec<String>,
}

/// Tells every place of a report of its findings.
pub async fn tell(
    hub: &impl Findings,
    report: &AuditReport,
    mut findings: BTreeMap<Place, Vec<Finding>>,
    progress: &impl Progress,
) -> Told {
    let regional = report.places.iter().filter_map(|place| {
        let whole = place.faults.is_empty();
        Some((Place { account: place.account.clone(), region: place.region.clone()? }, whole))
    });
    let places: BTreeMap<Place, bool> = regional.collect();
    progress.expect(places.len() as u64);
    let told = places.into_iter().map(|(place, whole)| {
        let findings = findings.remove(&place).unwrap_or_default();
        async move {
            let count = tell_place(hub, report, &place, whole, findings).await;
            progress.advance();
            (place, count)
        }
    });
    let mut told: Vec<(Place, Count)> = stream::iter(told).buffer_unordered(PLACES).collect().await;
    told.sort_by(|(one, _), (other, _)| one.cmp(other));
    summary(&told)
}

async fn tell_place(
    hub: &impl Findings,
    report: &AuditReport,
    place: &Place,
    whole: bool,
    mut findings: Vec<Finding>,
) -> Count {
    let mut count = Count { sent: findings.len(), ..Count::default() };
    if whole {
        match hub.open(place, report.finished).await {
            Ok(open) => findings.extend(over(report, place, &findings, open)),
            Err(error) => count.problems.push(error.chain()),
        }
    }
    count.closed = findings.len() - count.sent;
    if findings.is_empty() {
        return count;
    }
    let sent: BTreeSet<String> = findings.iter().take(count.sent).map(|one| one.id.clone()).collect();
    match hub.send(place, findings).await {
        Ok(untaken) => {
            for Untaken { id, .. } in &untaken {
                let counted = if sent.contains(id) { &mut count.sent } else { &mut count.closed };
                *counted = counted.saturating_sub(1);
            }
            let named = untaken.iter().take(NAMED).map(|one| format!("{}: {}", one.id, one.why));
            count.problems.extend(named);
            if untaken.len() > NAMED {
                count.problems.push(format!("and {} more were not taken", untaken.len() - NAMED));
            }
        }
        Err(error) => {
            (count.sent, count.closed) = (0, 0);
            count.problems.push(error.chain());
        }
    }
    count
}

/// Returns what is open in a place that was seen, and is not there any more.
fn over(report: &AuditReport, place: &Place, findings: &[Finding], open: Vec<Finding>) -> Vec<Finding> {
    let here: BTreeSet<&str> = findings.iter().map(|one| one.id.as_str()).collect();
    let unknown = report.doors().iter().any(|door| {
        door.severity == Severity::Unknown && (&door.account, &door.region) == (&place.account, &place.region)
    });
    let doors_known = report.doors.is_some() && !unknown;
    let gone = |one: &Finding| !here.contains(one.id.as_str()) && (doors_known || !one.id.starts_with(DOOR_FINDING));
    open.into_iter().filter(gone).collect()
}

fn summary(told: &[(Place, Count)]) -> Told {
    let mut notes = Vec::new();
    let sent: usize = told.iter().map(|(_, count)| count.sent).sum();
    let closed: usize = told.iter().map(|(_, count)| count.closed).sum();
    let taken = told.iter().filter(|(_, count)| count.sent + count.closed > 0).count();
    notes.push(Note::new("findings-sent", format!("findings sent: {sent}, closed: {closed}, places: {taken}")));
    for (Place { account, region }, count) in told {
        let note = |problem| Note::new("findings-not-sent", format!("{account} {region}: {problem}"));
        notes.extend(count.problems.iter().map(note));
    }
    Told { notes, whole: told.iter().all(|(_, count)| count.problems.is_empty()) }
}

#[cfg(test)]
mod tests;
