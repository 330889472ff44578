//! Which waits are being looked at, and which tokens were decided: each is decided once, however often it is told.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use goldseal_core::{
    ids::{ActionToken, HookName, InstanceId},
    lifecycle::Wait,
};
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
    decided: moka::sync::Cache<ActionToken, ()>,
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
        let decided = moka::sync::Cache::builder().max_capacity(MOST).time_to_live(REMEMBERED).build();
        Arc::new(Self { waits: Mutex::default(), count: watch::Sender::new(0), decided })
    }

    /// Asks for the turn to look at a wait. One without a token is any wait of the instance on the hook.
    pub fn begin(self: &Arc<Self>, wait: &Wait) -> Told {
        if wait.token.as_ref().is_some_and(|token| self.decided.contains_key(token)) {
            return Told::Decided;
        }
        let key = (wait.instance.clone(), wait.hook.clone(), wait.token.clone());
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

    /// Remembers that a token was decided.
    pub fn decided(&self, wait: &Wait) {
        if let Some(token) = &wait.token {
            self.decided.insert(token.clone(), ());
        }
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
