//! Which waits are being looked at, which were decided, and which were given up: each is decided once, however often it
//! is told, and none gets a new deadline by being found again.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use goldseal_core::{
    ids::{ActionToken, HookName, InstanceId},
    lifecycle::Wait,
};
use jiff::Timestamp;
use tokio::sync::watch;

/// SQS delivers a message again within minutes; nobody does after an hour.
const REMEMBERED: Duration = Duration::from_hours(1);
const MOST: u64 = 50_000;

type Key = (InstanceId, HookName, Option<ActionToken>);

/// See the module.
#[derive(Debug)]
pub struct Underway {
    waits: Mutex<BTreeSet<Key>>,
    count: watch::Sender<usize>,
    decided: moka::sync::Cache<Key, ()>,
    left_open: moka::sync::Cache<(InstanceId, HookName), Timestamp>,
}

/// What is known of a wait that somebody tells of.
#[derive(Debug)]
pub enum Told {
    /// Nothing: it is the caller's to look at.
    New(Turn),
    /// It is being looked at.
    Underway,
    /// It was decided.
    Decided,
}

/// The right to look at a wait, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    key: Key,
    underway: Arc<Underway>,
}

impl Underway {
    /// Starts without any.
    pub fn new() -> Arc<Self> {
        let (decided, left_open) = (moka::sync::Cache::builder(), moka::sync::Cache::builder());
        Arc::new(Self {
            waits: Mutex::default(),
            count: watch::Sender::new(0),
            decided: decided.max_capacity(MOST).time_to_live(REMEMBERED).build(),
            left_open: left_open.max_capacity(MOST).time_to_live(REMEMBERED).build(),
        })
    }

    /// Asks for the turn to look at a wait. One without a token is any wait of the instance on the hook.
    pub fn begin(self: &Arc<Self>, wait: &Wait) -> Told {
        let key = (wait.instance.clone(), wait.hook.clone(), wait.token.clone());
        if wait.token.is_some() && self.decided.contains_key(&key) {
            return Told::Decided;
        }
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let same = (wait.instance.clone(), wait.hook.clone(), None)..;
        let mut others = waits.range(same).take_while(|(id, hook, _)| *id == wait.instance && *hook == wait.hook);
        if others.any(|(.., token)| wait.token.is_none() || *token == wait.token) {
            return Told::Underway;
        }
        waits.insert(key.clone());
        self.count.send_replace(waits.len());
        Told::New(Turn { key, underway: Arc::clone(self) })
    }

    /// Remembers that a wait was decided.
    pub fn decided(&self, wait: &Wait) {
        self.left_open.invalidate(&(wait.instance.clone(), wait.hook.clone()));
        if wait.token.is_some() {
            self.decided.insert((wait.instance.clone(), wait.hook.clone(), wait.token.clone()), ());
        }
    }

    /// Remembers when a wait was first seen that was given up.
    pub fn left_open(&self, wait: &Wait, first_sight: Timestamp) {
        self.left_open.insert((wait.instance.clone(), wait.hook.clone()), first_sight);
    }

    /// Returns when a wait was first seen that is seen now. One with a token is told by its message.
    pub fn first_sight(&self, wait: &Wait, now: Timestamp) -> Timestamp {
        if wait.token.is_some() {
            return now;
        }
        let before = self.left_open.get(&(wait.instance.clone(), wait.hook.clone()));
        before.map_or(now, |before| before.min(now))
    }

    /// Returns how many are being looked at, and tells of changes.
    pub fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut waits = self.underway.waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.remove(&self.key);
        self.underway.count.send_replace(waits.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(instance: u8, token: Option<u8>) -> Wait {
        Wait {
            group: "web".parse().unwrap(),
            hook: "goldseal".parse().unwrap(),
            instance: format!("i-000000{instance:02x}").parse().unwrap(),
            token: token.map(|token| format!("00000000-0000-0000-0000-0000000000{token:02x}").parse().unwrap()),
        }
    }

    fn turn(told: Told) -> Turn {
        let Told::New(turn) = told else { panic!("{told:?}") };
        turn
    }

    #[test]
    fn a_token_is_looked_at_once_and_decided_once() {
        let underway = Underway::new();
        let first = turn(underway.begin(&wait(1, Some(1))));
        assert!(matches!(underway.begin(&wait(1, Some(1))), Told::Underway));
        underway.decided(&wait(1, Some(1)));
        drop(first);
        assert!(matches!(underway.begin(&wait(1, Some(1))), Told::Decided));
    }

    #[test]
    fn a_token_with_another_instance_decides_nothing() {
        let underway = Underway::new();
        underway.decided(&wait(1, Some(1)));
        drop(turn(underway.begin(&wait(2, Some(1)))));
        assert!(matches!(underway.begin(&wait(1, Some(1))), Told::Decided));
    }

    #[test]
    fn a_wait_that_was_given_up_stays_as_old_as_it_was_until_it_is_decided() {
        let underway = Underway::new();
        let at = |second| Timestamp::from_second(second).unwrap();
        underway.left_open(&wait(1, Some(1)), at(100));
        let seen = |instance, now| underway.first_sight(&wait(instance, None), at(now));
        assert_eq!((seen(1, 200), seen(1, 50), seen(2, 200)), (at(100), at(50), at(200)));
        assert_eq!(underway.first_sight(&wait(1, Some(2)), at(200)), at(200), "another wait of it");
        underway.decided(&wait(1, None));
        assert_eq!(seen(1, 200), at(200));
    }

    #[test]
    fn the_second_wait_of_an_instance_is_another_one() {
        let underway = Underway::new();
        let first = turn(underway.begin(&wait(1, Some(1))));
        let second = turn(underway.begin(&wait(1, Some(2))));
        let other = turn(underway.begin(&wait(2, None)));
        assert_eq!(*underway.count().borrow(), 3);
        drop((first, second, other));
        assert_eq!(*underway.count().borrow(), 0);
    }

    #[test]
    fn a_sweep_leaves_alone_what_a_message_brought() {
        let underway = Underway::new();
        let told = turn(underway.begin(&wait(1, Some(1))));
        assert!(matches!(underway.begin(&wait(1, None)), Told::Underway));
        drop(told);
        let swept = turn(underway.begin(&wait(1, None)));
        assert!(matches!(underway.begin(&wait(1, None)), Told::Underway));
        drop(swept);
    }
}
