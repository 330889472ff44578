//! The right to hold one wait until a deadline, as a pure state machine: what is due at an instant, and what follows
//! from the answers.
//!
//! The deadline counts from our first sight of the wait, whose first act is a heartbeat: how much of the hook's timeout
//! was gone by then, nobody knows. A heartbeat that fails is tried again by itself, and no heartbeat is sent once the
//! work has ended. At the deadline the lease asks for a decision on what is known; after it, only the completion is
//! tried for a while, and then the hook's own timeout ends the wait.

use jiff::{SignedDuration, Timestamp};

use super::Answer;
use crate::enforcement::{Action, Completion, Patience};

/// How long a lease may take, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long a verdict may take, from the first sight of the wait.
    pub patience: SignedDuration,
    /// The hook's timeout: how long the wait goes on without a heartbeat.
    pub timeout: SignedDuration,
    /// How long the wait goes on at most.
    pub longest: SignedDuration,
    /// Whether heartbeats are sent. Who cannot remember when a wait was first seen must not prolong it for ever.
    pub heartbeats: bool,
}

/// The first look is waited for, be the deadline past before it began; but not for longer than this.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(20);
/// How long after the deadline a completion is still tried.
const OVERTIME: SignedDuration = SignedDuration::from_mins(2);
/// Between failures of the same thing: one second, doubled each time up to this.
const SLOWEST: SignedDuration = SignedDuration::from_secs(15);

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    deadline: Timestamp,
    decide_at: Timestamp,
    give_up: Timestamp,
    beat: SignedDuration,
    heartbeat: Option<Task>,
    look: Task,
    decided: Option<(Completion, Task)>,
    end: Option<End>,
}

/// How a lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Auto Scaling took our completion.
    Completed(Completion),
    /// Somebody else ended the wait, or it ran out.
    NoSuchWait,
    /// Our completion never got through; the hook's timeout will end the wait.
    GaveUp,
}

/// What is to be done now. Each thing is asked for once, and again only after its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// Send a heartbeat.
    pub heartbeat: bool,
    /// Look at the instance and judge.
    pub look: bool,
    /// The deadline has come: decide on what is known.
    pub decide: bool,
    /// End the wait so.
    pub complete: Option<Completion>,
    /// Nothing is due before this, unless an answer comes.
    pub wake: Option<Timestamp>,
    /// It is over; nothing else is due.
    pub end: Option<End>,
}

/// One thing that is done again and again: when next, unless it is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Task {
    due: Timestamp,
    running: bool,
    failures: u32,
}

impl Task {
    fn at(due: Timestamp) -> Self {
        Self { due, running: false, failures: 0 }
    }

    fn start(&mut self, now: Timestamp) -> bool {
        let starts = !self.running && self.due <= now;
        self.running |= starts;
        starts
    }

    fn failed(&mut self, now: Timestamp) {
        let seconds = 1i64.checked_shl(self.failures.min(10)).unwrap_or(i64::MAX);
        let pause = SignedDuration::from_secs(seconds).min(SLOWEST);
        *self = Self { due: later(now, pause), running: false, failures: self.failures.saturating_add(1) };
    }

    fn wake(&self) -> Option<Timestamp> {
        (!self.running).then_some(self.due)
    }
}

impl Lease {
    /// Begins at `now` for a wait that we first saw at `first_sight` (not later than now).
    pub fn new(terms: &Terms, first_sight: Timestamp, now: Timestamp) -> Self {
        let deadline = later(first_sight.min(now), terms.patience.min(terms.longest));
        let decide_at = deadline.max(later(now, FIRST_LOOK));
        // Three in a timeout: one may fail, and be tried again.
        let beat = SignedDuration::from_millis_i128(terms.timeout.as_millis() / 3).max(SignedDuration::from_secs(1));
        Self {
            deadline,
            decide_at,
            give_up: later(decide_at, OVERTIME),
            beat,
            heartbeat: terms.heartbeats.then(|| Task::at(now)),
            look: Task::at(now),
            decided: None,
            end: None,
        }
    }

    /// Returns what is due, and takes note that it is being done.
    pub fn due(&mut self, now: Timestamp) -> Due {
        if self.end.is_none() && now >= self.give_up {
            self.end = Some(End::GaveUp);
        }
        if self.end.is_some() {
            return Due { end: self.end, ..Due::default() };
        }
        let heartbeat = self.heartbeat.as_mut().is_some_and(|task| task.start(now));
        let mut due = Due { heartbeat, ..Due::default() };
        let mut wake = self.heartbeat.as_ref().and_then(Task::wake);
        match &mut self.decided {
            Some((completion, task)) => {
                due.complete = task.start(now).then_some(*completion);
                wake = earliest(wake, task.wake());
            }
            None => {
                due.look = self.look.start(now);
                due.decide = now >= self.decide_at;
                wake = earliest(earliest(wake, self.look.wake()), Some(self.decide_at));
            }
        }
        due.wake = earliest(wake, Some(self.give_up)).filter(|_| !due.decide);
        due
    }

    /// Says whether there is time to ask again.
    pub fn patience(&self, now: Timestamp) -> Patience {
        if now < self.deadline { Patience::Left } else { Patience::Over }
    }

    /// Returns the deadline.
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// Takes the answer to a heartbeat; none when it failed.
    pub fn beaten(&mut self, answer: Option<Answer>, now: Timestamp) {
        match answer {
            Some(Answer::Accepted) => self.heartbeat = Some(Task::at(later(now, self.beat))),
            Some(Answer::NoSuchWait) => self.over(End::NoSuchWait),
            None => {
                if let Some(task) = &mut self.heartbeat {
                    task.failed(now);
                }
            }
        }
    }

    /// Takes what was planned after a look, or at the deadline. The first decision stands.
    pub fn planned(&mut self, action: Action, now: Timestamp) {
        match action {
            Action::Complete(completion) if self.decided.is_none() => {
                self.decided = Some((completion, Task::at(now)));
            }
            Action::AskAgain if self.decided.is_none() => self.look.failed(now),
            Action::Complete(_) | Action::AskAgain => {}
        }
    }

    /// Takes the answer to a completion; none when it failed.
    pub fn completed(&mut self, answer: Option<Answer>, now: Timestamp) {
        let Some((completion, task)) = &mut self.decided else { return };
        match answer {
            Some(Answer::Accepted) => {
                let end = End::Completed(*completion);
                self.over(end);
            }
            Some(Answer::NoSuchWait) => self.over(End::NoSuchWait),
            None => task.failed(now),
        }
    }

    fn over(&mut self, end: End) {
        self.end.get_or_insert(end);
    }
}

fn later(start: Timestamp, by: SignedDuration) -> Timestamp {
    start.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    crate::time::earlier(a, b)
}

#[cfg(test)]
mod tests;
