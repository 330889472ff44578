mod seen;

use proptest::prelude::*;

use super::*;
use crate::{
    ids::{AccountId, Region},
    report::{AuditReport, Cause, Condition, Door, FailOn, Outcome, PlaceReport, Severity},
    testing::audits::fleet,
    verdict::Fault,
};

const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// A place as an audit meets it: whether it is looked at, whether it is seen, and what runs there, by number.
#[derive(Debug, Clone, Default)]
struct Here {
    absent: bool,
    fault: bool,
    runs: BTreeMap<u8, Class>,
    doors: BTreeMap<u8, Severity>,
}

type World = BTreeMap<(u8, usize), Here>;

fn account(number: u8) -> AccountId {
    format!("{number:012}").parse().unwrap()
}

fn region(number: usize) -> Region {
    REGIONS[number].parse().unwrap()
}

fn instance(number: u8) -> InstanceId {
    format!("i-{number:08x}").parse().unwrap()
}

fn fault() -> Cause {
    Cause::fault(&Fault::PlaceUnavailable { problem: "denied".to_owned() })
}

/// What an audit reports of a world. Instances of a place that is not seen are not listed.
fn report(world: &World) -> AuditReport {
    let sample = fleet(20);
    let template = sample.instances[0].clone();
    let mut report = AuditReport { places: Vec::new(), instances: Vec::new(), classes: BTreeMap::new(), ..sample };
    let mut doors = Vec::new();
    for ((number, at), here) in world.iter().filter(|(_, here)| !here.absent) {
        let faults = if here.fault { vec![fault()] } else { Vec::new() };
        let runs = if here.fault { BTreeMap::new() } else { here.runs.clone() };
        let (account, region) = (account(*number), region(*at));
        report.places.push(PlaceReport {
            account: account.clone(),
            name: None,
            region: Some(region.clone()),
            instances: runs.len() as u64,
            faults,
            seen: None,
        });
        for (number, class) in runs {
            *report.classes.entry(class).or_default() += 1;
            let (account, region, instance) = (account.clone(), region.clone(), instance(number));
            let one = crate::report::AuditedInstance { account, region, instance, class, ..template.clone() };
            report.instances.push(one);
        }
        for (number, severity) in here.doors.iter().filter(|_| !here.fault) {
            doors.push(Door {
                severity: *severity,
                code: format!("door-{number}").into(),
                account: account.clone(),
                region: region.clone(),
                place: "web".to_owned(),
                message: String::new(),
                commands: Vec::new(),
            });
        }
    }
    report.doors = Some(doors);
    report
}

fn after(last: Option<&Snapshot>, world: &World) -> (Snapshot, AuditReport) {
    let mut report = report(world);
    let next = Snapshot::after(last, &report, Outcome::Admit);
    report.changes = Some(changes(last, &next));
    (next, report)
}

/// A world of one place.
fn here(runs: &[(u8, Class)]) -> World {
    [((1, 0), Here { runs: runs.iter().copied().collect(), ..Here::default() })].into()
}

fn told(report: &AuditReport) -> Vec<(u8, Change)> {
    let number = |id: &InstanceId| u8::from_str_radix(&id.as_str()[8..], 16).unwrap();
    report.changes().unwrap().instances.iter().map(|one| (number(&one.instance), one.change)).collect()
}

/// What fails the audit by default, of all and of what is new.
fn outcomes(report: &AuditReport) -> (Outcome, Outcome) {
    (FailOn::default().outcome(report), FailOn::default().outcome_of_new(report))
}

#[test]
fn the_first_time_everything_is_new() {
    let (_, report) = after(None, &here(&[(1, Class::Refused), (2, Class::Admitted), (3, Class::Expiring)]));
    assert_eq!(told(&report), [(1, Change::New), (3, Change::New)]);
    assert_eq!(report.changes().unwrap().classes, report.classes);
    assert_eq!(report.changes().unwrap().since, None);
    assert_eq!(outcomes(&report), (Outcome::Reject, Outcome::Reject));
}

#[test]
fn what_is_still_bad_is_alarmed_once_and_what_is_new_is_alarmed() {
    let (first, _) = after(None, &here(&[(1, Class::Refused), (2, Class::Admitted)]));
    let (second, report) = after(Some(&first), &here(&[(1, Class::Refused), (2, Class::Admitted)]));
    assert!(report.changes().unwrap().is_empty() && report.changes().unwrap().classes.is_empty());
    assert_eq!(outcomes(&report), (Outcome::Reject, Outcome::Admit));

    let now = [(1, Class::Refused), (2, Class::Expired), (3, Class::Unsealed), (4, Class::Admitted)];
    let (third, report) = after(Some(&second), &here(&now));
    assert_eq!(told(&report), [(3, Change::New), (2, Change::Changed)]);
    assert_eq!(outcomes(&report), (Outcome::Reject, Outcome::Reject));
    let classes = [(Class::Unsealed, 1), (Class::Expired, 1), (Class::Admitted, 1)];
    assert_eq!(report.changes().unwrap().classes, classes.into());

    let (_, report) = after(Some(&third), &here(&[(1, Class::Admitted), (2, Class::Expired)]));
    assert_eq!(told(&report), [(1, Change::Resolved), (3, Change::Gone)], "an admitted one may end");
    assert_eq!(outcomes(&report), (Outcome::Reject, Outcome::Admit));
}

#[test]
fn what_could_not_be_judged_for_a_while_is_neither_resolved_nor_new_again() {
    let all = |class| here(&[(1, class), (2, Class::Undetermined)]);
    let (first, _) = after(None, &here(&[(1, Class::Refused), (2, Class::Admitted)]));
    let (second, report) = after(Some(&first), &all(Class::Undetermined));
    assert_eq!(told(&report), [(1, Change::Changed), (2, Change::Changed)]);
    assert_eq!(outcomes(&report).1, Outcome::Undetermined);
    let (third, report) = after(Some(&second), &all(Class::Undetermined));
    assert_eq!((told(&report), outcomes(&report).1), (vec![], Outcome::Admit));

    let (_, report) = after(Some(&third), &here(&[(1, Class::Refused), (2, Class::Admitted)]));
    assert_eq!(told(&report), [(1, Change::Again), (2, Change::Again)]);
    assert_eq!(outcomes(&report), (Outcome::Reject, Outcome::Admit));
    let (_, report) = after(Some(&third), &here(&[(1, Class::Admitted), (2, Class::Refused)]));
    assert_eq!(told(&report), [(2, Change::Changed), (1, Change::Resolved)]);
    assert_eq!(outcomes(&report).1, Outcome::Reject);
}

#[test]
fn a_place_is_missed_once_seen_again_and_left() {
    let two = |fault, absent| {
        let one = Here { runs: [(1, Class::Refused)].into(), ..Here::default() };
        World::from([((1, 0), one.clone()), ((1, 1), Here { fault, absent, ..one })])
    };
    let sights = |report: &AuditReport| -> Vec<Sight> {
        report.changes().unwrap().places.iter().map(|place| place.change).collect()
    };
    let (first, report) = after(None, &two(false, false));
    assert_eq!((sights(&report), first.last_whole), (vec![], Some(report.started)));
    let (second, report) = after(Some(&first), &two(true, false));
    assert_eq!((sights(&report), told(&report)), (vec![Sight::Missed], vec![]));
    assert_eq!(outcomes(&report).1, Outcome::Undetermined);
    assert_eq!((second.whole, second.last_whole), (false, first.last_whole));
    let (third, report) = after(Some(&second), &two(true, false));
    assert_eq!((sights(&report), outcomes(&report).1), (vec![], Outcome::Admit));
    let (fourth, report) = after(Some(&third), &two(false, false));
    assert_eq!((sights(&report), told(&report)), (vec![Sight::SeenAgain], vec![]), "it was known before");
    let (_, report) = after(Some(&fourth), &two(false, true));
    assert_eq!((sights(&report), told(&report)), (vec![Sight::Left], vec![]), "nobody knows what runs there");
    assert_eq!(outcomes(&report).1, Outcome::Undetermined);
}

#[test]
fn regions_that_nobody_tells_are_missed() {
    let world = here(&[(1, Class::Refused)]);
    let (first, _) = after(None, &world);
    let mut closed = report(&here(&[]));
    closed.places[0].region = None;
    closed.places[0].faults = vec![fault()];
    let second = Snapshot::after(Some(&first), &closed, Outcome::Admit);
    let found = changes(Some(&first), &second);
    assert_eq!(found.places.iter().map(|one| one.change).collect::<Vec<_>>(), [Sight::Missed; 2]);
    assert!(found.instances.is_empty());
    let (_, report) = after(Some(&second), &world);
    let found = report.changes().unwrap();
    assert_eq!(found.places.iter().map(|one| one.change).collect::<Vec<_>>(), [Sight::SeenAgain; 2]);
    assert!(found.instances.is_empty() && found.classes.is_empty());
}

#[test]
fn doors_open_and_close_where_somebody_looks() {
    let with = |doors: &[(u8, Severity)]| {
        World::from([((1, 0), Here { doors: doors.iter().copied().collect(), ..Here::default() })])
    };
    let only: FailOn = [Condition::Door].into_iter().collect();
    let moves = |report: &AuditReport| -> Vec<(Option<Severity>, Option<Severity>)> {
        report.changes().unwrap().doors.iter().map(|door| (door.from, door.to)).collect()
    };
    use Severity::{Good, Problem, Unknown, Warning};
    let (first, report) = after(None, &with(&[(1, Problem), (2, Warning), (3, Good)]));
    assert_eq!(moves(&report), [(None, Some(Problem)), (None, Some(Warning))]);
    assert_eq!(only.outcome_of_new(&report), Outcome::Reject);
    let (_, report) = after(Some(&first), &with(&[(1, Problem), (2, Problem)]));
    assert_eq!(moves(&report), [(Some(Warning), Some(Problem))]);
    assert_eq!(only.outcome_of_new(&report), Outcome::Reject, "it is wider open");
    let (_, report) = after(Some(&first), &with(&[(1, Warning)]));
    assert_eq!(moves(&report), [(Some(Problem), Some(Warning)), (Some(Warning), None)]);
    assert_eq!(only.outcome_of_new(&report), Outcome::Admit);
    let (second, report) = after(Some(&first), &with(&[(4, Unknown)]));
    assert_eq!(moves(&report), [(None, Some(Unknown))], "what could not be asked is not closed");
    assert_eq!(only.outcome_of_new(&report), Outcome::Undetermined);
    let (_, report) = after(Some(&second), &with(&[(1, Problem), (2, Warning)]));
    assert_eq!((moves(&report), only.outcome_of_new(&report)), (vec![(Some(Unknown), None)], Outcome::Admit));

    let mut blind = self::report(&with(&[]));
    blind.doors = None;
    let next = Snapshot::after(Some(&first), &blind, Outcome::Admit);
    blind.changes = Some(changes(Some(&first), &next));
    assert!(blind.changes().unwrap().doors.is_empty());
    assert_eq!(only.outcome_of_new(&blind), Outcome::Undetermined, "nobody looked for doors");
}

#[test]
fn an_audit_that_looked_nowhere_is_never_good() {
    let (first, _) = after(None, &here(&[]));
    let (_, report) = after(Some(&first), &World::new());
    let only: FailOn = [Condition::Class(Class::Refused)].into_iter().collect();
    assert_eq!(only.outcome_of_new(&report), Outcome::Undetermined);
}

#[test]
fn what_is_kept_is_read_again_and_nothing_else() {
    let (kept, _) = after(None, &here(&[(1, Class::Refused), (2, Class::Admitted)]));
    let text = String::from_utf8(kept.to_json().unwrap()).unwrap();
    for (from, to, why) in [
        ("goldseal/audit-state/v1", "goldseal/audit-state/v2", "v2"),
        ("i-00000002", "i-00000001", "i-00000001 is there twice"),
        ("\"missed\":", "\"hidden\":", "hidden"),
        ("\"whole\":true", "\"whole\":true,\"whole\":true", "duplicate key"),
        ("]}]", "", "not JSON"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        let fault = Snapshot::from_json(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        let cause = std::error::Error::source(&fault).map(ToString::to_string).unwrap_or_default();
        assert!(format!("{fault}: {cause}").contains(why), "{fault}: {cause}");
    }
}

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(Class::ALL.to_vec())
}

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(vec![Severity::Problem, Severity::Unknown, Severity::Warning, Severity::Good])
}

fn a_place() -> impl Strategy<Value = Here> {
    let runs = prop::collection::btree_map(0u8..6, class(), 0..5);
    let doors = prop::collection::btree_map(0u8..4, severity(), 0..3);
    (prop::bool::weighted(0.15), prop::bool::weighted(0.25), runs, doors)
        .prop_map(|(absent, fault, runs, doors)| Here { absent, fault, runs, doors })
}

fn a_world() -> impl Strategy<Value = World> {
    prop::collection::btree_map((1u8..3, 0usize..REGIONS.len()), a_place(), 1..4)
}

proptest! {
    #[test]
    fn changes_applied_to_the_old_give_the_new(worlds in prop::collection::vec(a_world(), 1..4)) {
        let mut last: Option<Snapshot> = None;
        for world in &worlds {
            let (next, report) = after(last.as_ref(), world);
            let mut grown = last.clone().map(|last| last.places).unwrap_or_default();
            grown.retain(|key, _| next.places.contains_key(key));
            for one in moves(last.as_ref(), &next) {
                let place = grown.entry(one.place).or_default();
                prop_assert_eq!(place.instances.get(&one.instance).copied(), one.from);
                match one.to {
                    Some(to) => drop(place.instances.insert(one.instance, to)),
                    None => drop(place.instances.remove(&one.instance)),
                }
            }
            for change in report.changes().unwrap().places.iter().filter(|one| one.change != Sight::Left) {
                let missed = change.change == Sight::Missed;
                grown.entry((change.account.clone(), change.region.clone())).or_default().missed = missed;
            }
            // A place that is new and has nothing in it is no change.
            grown.extend(next.places.keys().filter(|key| !grown.contains_key(*key)).map(|key| (key.clone(), Default::default())).collect::<Vec<_>>());
            prop_assert_eq!(&grown, &next.places);
            let mut doors = last.map(|last| last.doors).unwrap_or_default();
            doors.retain(|(account, region, ..), _| next.places.contains_key(&(account.clone(), Some(region.clone()))));
            for DoorChange { account, region, code, place, from, to } in report.changes().unwrap().doors.clone() {
                let key = (account, region, code, place);
                prop_assert_eq!(doors.get(&key).copied(), from);
                match to {
                    Some(to) => drop(doors.insert(key, to)),
                    None => drop(doors.remove(&key)),
                }
            }
            prop_assert_eq!(&doors, &next.doors);
            prop_assert_eq!(Snapshot::from_json(&next.to_json().unwrap()).unwrap(), next.clone());
            last = Some(next);
        }
    }

    #[test]
    fn the_same_twice_is_no_change(before in a_world(), world in a_world()) {
        let (first, _) = after(None, &before);
        let (second, _) = after(Some(&first), &world);
        let (third, report) = after(Some(&second), &world);
        prop_assert_eq!(&third, &Snapshot { ..second });
        prop_assert!(report.changes().unwrap().is_empty(), "{:?}", report.changes());
        prop_assert!(report.changes().unwrap().classes.is_empty());
        let everything: FailOn = Condition::all().collect();
        let alarmed = everything.outcome_of_new(&report);
        prop_assert_eq!(alarmed, if report.places.is_empty() { Outcome::Undetermined } else { Outcome::Admit });
    }

    #[test]
    fn nothing_unseen_counts_as_resolved_and_nothing_bad_comes_unsaid(before in a_world(), world in a_world()) {
        let (first, earlier) = after(None, &before);
        let (_, report) = after(Some(&first), &world);
        let found = report.changes().unwrap();
        let seen = |account: &AccountId, region: &Region| {
            let of = |place: &&PlaceReport| &place.account == account && place.region.as_ref() == Some(region);
            report.places.iter().find(of).is_some_and(|place| place.faults.is_empty())
        };
        for one in found.instances.iter().filter(|one| matches!(one.change, Change::Resolved | Change::Gone)) {
            prop_assert!(seen(&one.account, &one.region), "{one:?}");
        }
        for door in found.doors.iter().filter(|door| door.to.is_none()) {
            prop_assert!(seen(&door.account, &door.region), "{door:?}");
        }
        let was = |one: &crate::report::AuditedInstance| {
            let same = |other: &&crate::report::AuditedInstance| {
                (&other.account, &other.region, &other.instance) == (&one.account, &one.region, &one.instance)
            };
            earlier.instances.iter().find(same).map(|other| other.class)
        };
        for class in Class::ALL {
            let newly = report.instances.iter().filter(|one| one.class == class && was(one) != Some(class)).count();
            prop_assert_eq!(found.count(class), newly as u64);
        }
    }
}
