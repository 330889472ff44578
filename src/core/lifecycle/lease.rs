//! The right to hold one wait until a deadline, as a pure state machine: what is due at an instant, and what follows
//! from the answers.
//!
//! The deadline counts from our first sight of the wait, whose first act is a heartbeat: how much of the hook's timeout
//! was gone by then, nobody knows. A heartbeat that fails is tried again by itself, and no heartbeat is sent once the
//! work has ended. At the deadline the lease asks for a decision on what is known; after it, only the completion is
//! tried for a while, and then the hook's own timeout ends the wait.
//!
//! A completion whose answer was lost may have been done. If the wait is gone afterwards, where the instance goes tells
//! whose doing that was.

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
    decided: Option<Decided>,
    end: Option<End>,
}

/// What was decided, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decided {
    completion: Completion,
    task: Task,
    /// An answer to it was lost.
    unheard: bool,
}

/// How a lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Auto Scaling took our completion.
    Completed(Completion),
    /// Somebody else ended the wait, or it ran out.
    NoSuchWait,
    /// The same, after an answer to our `ABANDON` was lost: it may have been that one.
    Unheard,
    /// Our completion never got through; the hook's timeout will end the wait.
    GaveUp,
}

/// What came of asking Auto Scaling to end a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It answered.
    Answered(Answer),
    /// It did not do it, and said so.
    Failed,
    /// There was no answer, or none that can be read: it may have been done.
    Unheard,
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
            Some(Decided { completion, task, .. }) => {
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
            // It may be the completion under way that ended the wait; its own answer tells.
            Some(Answer::NoSuchWait) if self.decided.is_some_and(|decided| decided.task.running) => {
                self.heartbeat = None;
            }
            Some(Answer::NoSuchWait) => self.gone(),
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
                self.decided = Some(Decided { completion, task: Task::at(now), unheard: false });
            }
            Action::AskAgain if self.decided.is_none() => self.look.failed(now),
            Action::Complete(_) | Action::AskAgain => {}
        }
    }

    /// Takes what came of a completion.
    pub fn completed(&mut self, tried: Tried, now: Timestamp) {
        let Some(decided) = &mut self.decided else { return };
        match tried {
            Tried::Answered(Answer::Accepted) => {
                let end = End::Completed(decided.completion);
                self.over(end);
            }
            Tried::Answered(Answer::NoSuchWait) => self.gone(),
            Tried::Failed => decided.task.failed(now),
            Tried::Unheard => {
                decided.unheard = true;
                decided.task.failed(now);
            }
        }
    }

    fn gone(&mut self) {
        let ours = self.decided.is_some_and(|one| one.unheard && one.completion == Completion::Abandon);
        self.over(if ours { End::Unheard } else { End::NoSuchWait });
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
