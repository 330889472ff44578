//! The same audit, compared with one of the day before.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{at, fleet};
use crate::report::{
    AuditReport, AuditedInstance, Change, Changes, Class, Door, DoorChange, InstanceChange, PlaceChange, Severity,
    Sight, Since,
};

/// Returns an audit of so many instances to which every kind of change happened, as far as it has instances for them.
pub fn compared(instances: usize) -> AuditReport {
    let mut report = fleet(instances);
    let started = at() - SignedDuration::from_hours(24);
    let since = Since { started, finished: started + SignedDuration::from_secs(40), whole: false, other_policy: false };
    let changed = [
        (Class::Refused, Change::New, None),
        (Class::RootReplaced, Change::Changed, Some(Class::Admitted)),
        (Class::Unsealed, Change::New, None),
        (Class::Expired, Change::Changed, Some(Class::Expiring)),
        (Class::Undetermined, Change::Changed, Some(Class::Admitted)),
        (Class::Expiring, Change::Again, Some(Class::Undetermined)),
        (Class::Admitted, Change::Resolved, Some(Class::Unsealed)),
    ];
    let of = |(class, change, from)| {
        let one = report.instances.iter().find(|one| one.class == class)?;
        Some(instance(one, change, from, Some(class)))
    };
    let mut list: Vec<InstanceChange> = changed.into_iter().filter_map(of).collect();
    if let Some(gone) = report.instances.last() {
        list.push(instance(gone, Change::Gone, Some(Class::Expired), None));
    }
    let place = |index: usize, change| {
        let place = report.places.get(index)?;
        Some(PlaceChange { account: place.account.clone(), region: place.region.clone(), change })
    };
    let places = [place(report.places.len() - 1, Sight::Missed), place(3, Sight::SeenAgain)];
    let (problem, warning) = (Some(Severity::Problem), Some(Severity::Warning));
    let doors = [(0, None, problem), (1, warning, problem), (5, warning, None)];
    let doors = doors.into_iter().filter_map(|(index, from, to)| Some(door(report.doors().get(index)?, from, to)));
    let mut classes = BTreeMap::new();
    for class in list.iter().filter(|one| one.change != Change::Again).filter_map(|one| one.to) {
        *classes.entry(class).or_default() += 1;
    }
    report.changes = Some(Changes {
        since: Some(since),
        last_whole: Some(started - SignedDuration::from_hours(24)),
        classes,
        doors: doors.collect(),
        places: places.into_iter().flatten().collect(),
        instances: list,
    });
    report
}

fn instance(one: &AuditedInstance, change: Change, from: Option<Class>, to: Option<Class>) -> InstanceChange {
    let AuditedInstance { account, region, instance, .. } = one.clone();
    InstanceChange { account, region, instance, change, from, to }
}

fn door(door: &Door, from: Option<Severity>, to: Option<Severity>) -> DoorChange {
    let Door { account, region, code, place, .. } = door.clone();
    DoorChange { account, region, code, place, from, to }
}
