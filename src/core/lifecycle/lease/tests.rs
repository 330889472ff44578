use proptest::prelude::*;

use super::*;
use Completion::{Abandon, Continue};

fn at(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + millisecond).unwrap()
}

fn terms(patience: i64, timeout: i64) -> Terms {
    let seconds = SignedDuration::from_secs;
    Terms { patience: seconds(patience), timeout: seconds(timeout), longest: seconds(timeout * 100), heartbeats: true }
}

fn lease(patience: i64, timeout: i64) -> Lease {
    Lease::new(&terms(patience, timeout), at(0), at(0))
}

#[test]
fn its_first_act_is_a_heartbeat_and_it_looks_at_once() {
    let mut lease = lease(300, 30);
    let due = lease.due(at(0));
    assert!(due.heartbeat && due.look && !due.decide && due.complete.is_none() && due.end.is_none());
    let again = lease.due(at(1));
    assert!(!again.heartbeat && !again.look, "each is asked for once");
}

#[test]
fn who_forgets_sends_no_heartbeat() {
    let terms = Terms { heartbeats: false, ..terms(300, 30) };
    let mut lease = Lease::new(&terms, at(0), at(0));
    assert!((0..400).all(|second| !lease.due(at(second * 1_000)).heartbeat));
}

#[test]
fn heartbeats_go_on_while_the_work_does_and_end_with_it() {
    let mut lease = lease(300, 30);
    assert!(lease.due(at(0)).heartbeat);
    lease.beaten(Some(Answer::Accepted), at(100));
    assert!(!lease.due(at(10_099)).heartbeat);
    assert!(lease.due(at(10_100)).heartbeat);
    lease.beaten(None, at(10_200));
    assert!(lease.due(at(11_200)).heartbeat, "a failure is tried again after a second");
    lease.beaten(None, at(11_300));
    assert!(!lease.due(at(13_200)).heartbeat && lease.due(at(13_300)).heartbeat, "and then after two");
    lease.planned(Action::Complete(Continue), at(14_000));
    assert_eq!(lease.due(at(14_000)).complete, Some(Continue));
    lease.completed(Tried::Answered(Answer::Accepted), at(14_100));
    let due = lease.due(at(60_000));
    assert_eq!(due, Due { end: Some(End::Completed(Continue)), ..Due::default() });
}

#[test]
fn what_is_not_known_is_asked_again_until_the_deadline() {
    let mut lease = lease(10, 3600);
    assert!(lease.due(at(0)).look);
    lease.planned(Action::AskAgain, at(10));
    assert_eq!(lease.due(at(11)).wake, Some(at(1_010)), "nobody sleeps until the deadline over it");
    assert!(!lease.due(at(1_000)).look && lease.due(at(1_010)).look);
    lease.planned(Action::AskAgain, at(1_020));
    assert!(lease.due(at(3_020)).look);
    assert_eq!((lease.patience(at(9_999)), lease.patience(at(10_000))), (Patience::Left, Patience::Over));
    // The look hangs. The deadline is earlier than the time that a first look is given, so that counts.
    assert!(!lease.due(at(19_999)).decide && lease.due(at(20_000)).decide);
    lease.planned(Action::Complete(Abandon), at(20_000));
    assert_eq!(lease.due(at(20_001)).complete, Some(Abandon));
    lease.planned(Action::Complete(Continue), at(20_002));
    lease.completed(Tried::Failed, at(20_003));
    assert_eq!(lease.due(at(21_003)).complete, Some(Abandon), "the first decision stands");
}

#[test]
fn a_deadline_that_passed_before_we_came_still_allows_one_look() {
    let mut lease = Lease::new(&terms(60, 3600), at(-100_000), at(0));
    let due = lease.due(at(0));
    assert!(due.look && !due.decide);
    assert_eq!(lease.patience(at(0)), Patience::Over);
    assert!(lease.due(at(20_000)).decide);
}

#[test]
fn a_clock_that_was_set_back_does_not_move_the_deadline_ahead() {
    let lease = Lease::new(&terms(60, 3600), at(500_000), at(0));
    assert_eq!(lease.deadline(), at(60_000));
}

#[test]
fn the_hooks_own_limit_bounds_the_deadline() {
    let terms = Terms { longest: SignedDuration::from_secs(45), ..terms(600, 30) };
    assert_eq!(Lease::new(&terms, at(0), at(0)).deadline(), at(45_000));
}

#[test]
fn a_wait_that_is_gone_is_an_end_whoever_learns_of_it() {
    let mut by_heartbeat = lease(300, 30);
    by_heartbeat.due(at(0));
    by_heartbeat.beaten(Some(Answer::NoSuchWait), at(1));
    assert_eq!(by_heartbeat.due(at(2)).end, Some(End::NoSuchWait));
    let mut by_completion = lease(300, 30);
    by_completion.planned(Action::Complete(Abandon), at(1));
    by_completion.due(at(1));
    by_completion.completed(Tried::Answered(Answer::NoSuchWait), at(2));
    assert_eq!(by_completion.due(at(3)).end, Some(End::NoSuchWait));
}

#[test]
fn a_wait_that_is_gone_after_an_answer_was_lost_may_have_been_ended_by_us() {
    for (completion, first, by_heartbeat, end) in [
        (Abandon, Tried::Unheard, false, End::Unheard),
        (Abandon, Tried::Unheard, true, End::Unheard),
        (Abandon, Tried::Failed, false, End::NoSuchWait),
        (Abandon, Tried::Failed, true, End::NoSuchWait),
        (Continue, Tried::Unheard, false, End::NoSuchWait),
    ] {
        let mut lease = lease(300, 3600);
        lease.planned(Action::Complete(completion), at(0));
        assert_eq!(lease.due(at(0)).complete, Some(completion));
        lease.completed(first, at(1));
        if by_heartbeat {
            lease.beaten(Some(Answer::NoSuchWait), at(2));
        } else {
            assert_eq!(lease.due(at(1_001)).complete, Some(completion), "it is tried again");
            lease.completed(Tried::Answered(Answer::NoSuchWait), at(1_002));
        }
        assert_eq!(lease.due(at(1_003)).end, Some(end), "{completion:?} {first:?} {by_heartbeat}");
    }
}

#[test]
fn a_heartbeat_that_our_own_completion_overtook_ends_nothing() {
    let mut lease = lease(300, 30);
    assert!(lease.due(at(0)).heartbeat);
    lease.planned(Action::Complete(Abandon), at(1));
    assert_eq!(lease.due(at(1)).complete, Some(Abandon));
    lease.beaten(Some(Answer::NoSuchWait), at(2));
    let due = lease.due(at(3));
    assert_eq!((due.end, due.heartbeat), (None, false));
    lease.completed(Tried::Answered(Answer::Accepted), at(4));
    assert_eq!(lease.due(at(5)).end, Some(End::Completed(Abandon)));
}

#[test]
fn a_completion_that_never_gets_through_is_given_up() {
    let mut lease = lease(60, 30);
    lease.planned(Action::Complete(Abandon), at(0));
    let mut now = 0;
    let mut tries = 0;
    let end = loop {
        let due = lease.due(at(now));
        if due.complete.is_some() {
            tries += 1;
            lease.completed(Tried::Failed, at(now));
        }
        if due.end.is_some() {
            break due.end;
        }
        now += 500;
    };
    assert_eq!((end, now), (Some(End::GaveUp), 180_000));
    assert!((12..=20).contains(&tries), "{tries}");
}

#[derive(Debug, Clone)]
enum Event {
    Pass(i64),
    Beaten(Option<Answer>),
    Planned(Action),
    Completed(Tried),
}

fn event() -> impl Strategy<Value = Event> {
    let answer = prop_oneof![
        4 => Just(Some(Answer::Accepted)),
        1 => Just(Some(Answer::NoSuchWait)),
        3 => Just(None)
    ];
    let tried = prop_oneof![
        2 => Just(Tried::Answered(Answer::Accepted)),
        2 => Just(Tried::Answered(Answer::NoSuchWait)),
        2 => Just(Tried::Failed),
        3 => Just(Tried::Unheard),
    ];
    let action = prop_oneof![
        3 => Just(Action::AskAgain),
        1 => Just(Action::Complete(Continue)),
        1 => Just(Action::Complete(Abandon))
    ];
    prop_oneof![
        4 => (0i64..20_000).prop_map(Event::Pass),
        3 => answer.clone().prop_map(Event::Beaten),
        3 => action.prop_map(Event::Planned),
        2 => tried.prop_map(Event::Completed),
    ]
}

proptest! {
    /// Whatever comes in whatever order, as long as answers answer something that was asked.
    #[test]
    fn leases_keep_their_promises(
        patience in 1i64..400, timeout in 30i64..400, late in 0i64..100_000,
        events in proptest::collection::vec(event(), 0..200),
    ) {
        let mut lease = Lease::new(&terms(patience, timeout), at(-late), at(0));
        let (mut now, mut first, mut ended) = (0, None, None);
        let first_due = lease.due(at(0));
        prop_assert!(first_due.heartbeat && first_due.look);
        let (mut beating, mut looking, mut completing) = (true, true, false);
        let mut unheard = false;
        for event in events {
            match event {
                Event::Pass(by) => now += by,
                Event::Beaten(answer) if beating => { lease.beaten(answer, at(now)); beating = false; }
                Event::Planned(action) if looking => {
                    let action = match (action, lease.patience(at(now))) {
                        (Action::AskAgain, Patience::Over) => Action::Complete(Abandon),
                        (action, _) => action,
                    };
                    lease.planned(action, at(now));
                    looking = false;
                    if let (Action::Complete(completion), None) = (action, first) { first = Some(completion); }
                }
                Event::Completed(tried) if completing => {
                    lease.completed(tried, at(now));
                    completing = false;
                    unheard |= tried == Tried::Unheard;
                }
                // Nobody asked, so nobody answers.
                Event::Beaten(_) | Event::Planned(_) | Event::Completed(_) => {}
            }
            let due = lease.due(at(now));
            let twice = [due.heartbeat && beating, due.look && looking, due.complete.is_some() && completing];
            prop_assert_eq!(twice, [false; 3], "each is asked for once");
            prop_assert!(due.complete.is_none() || due.complete == first, "only what was decided, and first");
            prop_assert!(!(due.look && first.is_some()), "no look after the decision");
            if let Some(end) = due.end {
                prop_assert!(!due.heartbeat && !due.look && due.complete.is_none() && !due.decide);
                prop_assert!(ended.is_none_or(|before| before == end), "an end stands");
                ended = Some(end);
                match end {
                    End::Completed(completion) => prop_assert_eq!(first, Some(completion)),
                    End::Unheard => prop_assert!(unheard && first == Some(Abandon)),
                    End::NoSuchWait => prop_assert!(!unheard || first == Some(Continue)),
                    End::GaveUp => {}
                }
            } else {
                prop_assert!(ended.is_none());
                prop_assert!(due.wake.is_some_and(|wake| wake > at(now)) || due.decide);
                prop_assert!(at(now) < later(lease.decide_at, OVERTIME), "every lease ends");
            }
            if due.decide {
                prop_assert!(first.is_none() && lease.patience(at(now)) == Patience::Over);
                lease.planned(Action::Complete(Abandon), at(now));
                first = Some(Abandon);
                looking = false;
                completing |= lease.due(at(now)).complete.is_some();
            }
            beating |= due.heartbeat;
            looking |= due.look;
            completing |= due.complete.is_some();
        }
    }
}
