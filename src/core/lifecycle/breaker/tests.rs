use proptest::prelude::*;

use super::*;

const RULE: BreakerRule = BreakerRule { instances: 3, within: crate::gate::Period::hours(1), suspend_launch: false };
const SUSPENDING: BreakerRule = BreakerRule { suspend_launch: true, ..RULE };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn group(name: &str) -> GroupName {
    name.parse().unwrap()
}

fn image(number: u8) -> AmiId {
    format!("ami-000000{number:02x}").parse().unwrap()
}

fn instance(number: u8) -> InstanceId {
    format!("i-000000{number:02x}").parse().unwrap()
}

fn abandon(breakers: &mut Breakers, rule: &BreakerRule, number: u8, second: i64) -> bool {
    breakers.abandoned(rule, &group("web"), &image(1), &instance(number), at(second)).is_some()
}

#[test]
fn it_opens_at_the_nth_distinct_instance_and_alarms_once() {
    let mut breakers = Breakers::default();
    let trips: Vec<bool> =
        [1, 1, 2, 2, 3, 4, 5].iter().zip(0..).map(|(&one, now)| abandon(&mut breakers, &RULE, one, now)).collect();
    assert_eq!(trips, [false, false, false, false, true, false, false]);
    assert_eq!(breakers.iter().next().unwrap().abandoned.len(), 3, "no more than open it are kept");
}

#[test]
fn other_groups_other_images_and_other_times_do_not_add_up() {
    let mut breakers = Breakers::default();
    for number in 0..20 {
        let trip = breakers.abandoned(
            &RULE,
            &group(&format!("web-{}", number % 10)),
            &image(number / 10),
            &instance(number),
            at(0),
        );
        assert_eq!(trip, None);
    }
    let mut slow = Breakers::default();
    assert!((0..20).all(|number| !abandon(&mut slow, &RULE, number, i64::from(number) * 1_900)));
    // An hour later is not within it.
    for (last, trips) in [(3_599, true), (3_600, false)] {
        let mut breakers = Breakers::default();
        let tripped = [(1, 0), (2, 1), (3, last)].map(|(one, now)| abandon(&mut breakers, &RULE, one, now));
        assert_eq!(tripped, [false, false, trips], "{last}");
    }
}

#[test]
fn it_closes_when_it_was_quiet_and_alarms_again() {
    let mut breakers = Breakers::default();
    assert!(
        abandon(&mut breakers, &RULE, 1, 0) | abandon(&mut breakers, &RULE, 2, 1) | abandon(&mut breakers, &RULE, 3, 2)
    );
    breakers.settle(&RULE, at(3_601));
    assert_eq!(breakers.iter().count(), 1);
    breakers.settle(&RULE, at(3_602));
    assert_eq!(breakers.iter().count(), 0);
    assert!([1, 2].iter().all(|&one| !abandon(&mut breakers, &RULE, one, 4_000)));
    assert!(abandon(&mut breakers, &RULE, 3, 4_000));
}

#[test]
fn one_that_suspended_launches_waits_for_a_person() {
    let mut breakers = Breakers::default();
    let trips = [1, 2, 3].map(|one| {
        breakers.abandoned(&SUSPENDING, &group("web"), &image(1), &instance(one), at(0)).map(|trip| trip.suspend)
    });
    assert_eq!(trips, [None, None, Some(true)]);
    breakers.settle(&SUSPENDING, at(1_000_000));
    assert_eq!(breakers.suspensions(Suspension::Due), [group("web")].into());
    breakers.suspended(&group("web"));
    assert_eq!(breakers.suspensions(Suspension::Due), [].into());
    assert_eq!(breakers.suspensions(Suspension::Done), [group("web")].into());
    assert_eq!(breakers.open(), 1);
    let now = at(1_000_000);
    assert!(breakers.reset(Some(&group("batch")), None, now).is_empty());
    assert!(breakers.reset(None, Some(&image(2)), now).is_empty());
    assert_eq!(breakers.reset(Some(&group("web")), Some(&image(1)), now).len(), 1);
    assert_eq!(breakers.iter().count(), 0);
}

#[test]
fn suspending_one_group_is_nothing_that_was_done_to_another() {
    let mut breakers = Breakers::default();
    assert_eq!(breakers.open(), 0);
    for name in ["batch", "web"] {
        for number in 1..4 {
            breakers.abandoned(&SUSPENDING, &group(name), &image(1), &instance(number), at(0));
        }
    }
    // Its breaker for another image is closed.
    breakers.abandoned(&SUSPENDING, &group("web"), &image(2), &instance(4), at(0));
    breakers.suspended(&group("web"));
    assert_eq!(breakers.suspensions(Suspension::Due), [group("batch")].into());
    assert_eq!(breakers.suspensions(Suspension::Done), [group("web")].into());
    assert_eq!((breakers.open(), breakers.iter().filter(|one| one.suspension.is_some()).count()), (2, 2));
}

#[test]
fn what_was_abandoned_before_a_reset_does_not_open_it_again_however_late_it_is_reported() {
    let (web, first) = (group("web"), image(1));
    for (of_group, of_image) in [(Some(&web), None), (Some(&web), Some(&first)), (None, Some(&first)), (None, None)] {
        let mut breakers = Breakers::default();
        assert!([1, 2, 3].map(|one| abandon(&mut breakers, &RULE, one, 0))[2]);
        breakers.reset(of_group, of_image, at(10));
        // Another replica read it from the state in between.
        let mut breakers = Breakers::from_json(&breakers.to_json()).unwrap();
        assert_eq!([4, 5, 6, 7].map(|one| abandon(&mut breakers, &RULE, one, 10)), [false; 4], "until the reset");
        assert_eq!(breakers.iter().count(), 0);
        breakers.settle(&RULE, at(1_000_000));
        assert_eq!([4, 5, 6, 7].map(|one| abandon(&mut breakers, &RULE, one, 9)), [false; 4], "reported days later");
        let later = [4, 5, 6].map(|one| abandon(&mut breakers, &RULE, one, 11));
        assert_eq!(later, [false, false, true], "what is abandoned after it counts");
    }
    for (of_group, of_image) in
        [(Some(group("batch")), None), (Some(group("web")), Some(image(2))), (None, Some(image(2)))]
    {
        let mut breakers = Breakers::default();
        breakers.reset(of_group.as_ref(), of_image.as_ref(), at(10));
        assert!([1, 2, 3].map(|one| abandon(&mut breakers, &RULE, one, 0))[2], "a reset of another one");
    }
}

#[test]
fn resets_are_bounded_and_the_last_one_of_a_group_counts() {
    let mut breakers = Breakers::default();
    for number in 0..1_000 {
        breakers.reset(Some(&group(&format!("g{number}"))), None, at(number));
        breakers.reset(Some(&group("web")), None, at(number));
    }
    assert_eq!(breakers.resets.len(), MOST);
    assert_eq!([1, 2, 3].map(|one| abandon(&mut breakers, &RULE, one, 999)), [false; 3]);
}

#[test]
fn a_stored_document_comes_back_and_others_are_refused() {
    let mut breakers = Breakers::default();
    for number in 0..5 {
        abandon(&mut breakers, &SUSPENDING, number, i64::from(number));
    }
    assert_eq!(Breakers::from_json(&breakers.to_json()).unwrap(), breakers);
    assert!(matches!(Breakers::from_json(br#"{"schema":"x","breakers":[]}"#), Err(BreakerFault::Schema(_))));
    for bad in [&b""[..], b"{}", br#"{"schema":"goldseal/breakers/v1","breakers":[],"more":1}"#] {
        assert!(matches!(Breakers::from_json(bad), Err(BreakerFault::Json(_))));
    }
}

#[test]
fn what_is_kept_is_bounded_and_open_breakers_stay() {
    let mut breakers = Breakers::default();
    for number in 0..3 {
        abandon(&mut breakers, &SUSPENDING, number, 0);
    }
    for number in 0..2_000 {
        breakers.abandoned(&SUSPENDING, &group(&format!("g{number}")), &image(1), &instance(1), at(1 + number));
    }
    assert_eq!(breakers.iter().count(), MOST);
    assert!(breakers.iter().any(|one| one.open_since.is_some()));
    assert!(breakers.to_json().len() < LIMITS.bytes / 2);
}

proptest! {
    /// However reports and resets interleave: one alarm an opening, and never for fewer than N distinct instances within the
    /// window, all abandoned after the last reset.
    #[test]
    fn no_alarm_without_enough_and_one_at_most_until_it_closes(
        events in proptest::collection::vec((0u8..8, 0i64..2_000, any::<bool>()), 0..80),
    ) {
        let (mut breakers, mut now, mut seen, mut open) = (Breakers::default(), 0, Vec::new(), false);
        let mut last_reset = -1;
        for (number, pass, reset) in events {
            now += pass;
            if reset && number == 0 {
                breakers.reset(None, None, at(now));
                (open, seen, last_reset) = (false, Vec::new(), now);
                continue;
            }
            if now <= last_reset {
                prop_assert!(!abandon(&mut breakers, &RULE, number, now));
                continue;
            }
            let last = seen.last().map(|(_, when)| *when);
            open &= last.is_some_and(|last: i64| now - last < 3_600);
            seen.push((number, now));
            let tripped = abandon(&mut breakers, &RULE, number, now);
            let recent: BTreeSet<u8> =
                seen.iter().filter(|(_, when)| now - when < 3_600).map(|(number, _)| *number).collect();
            prop_assert_eq!(tripped, !open && recent.len() >= 3, "{:?} at {}", seen, now);
            open |= tripped;
        }
    }
}
