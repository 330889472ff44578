//! One wait, whoever told of it → confirmed → driven to its end → recorded.
//!
//! What a message says is a hint: the group and hook must be guarded, and Auto Scaling must say that the instance is in
//! that group and waits, before anything is done to it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use goldseal_core::{
    flow::{Cases, Launch},
    ids::{AccountId, Region},
    lifecycle::{End, Guarded, Member, Standing, Wait},
    policy::Policy,
    ports::{Groups, Instances, Waits},
    report::{FoundBy, LaunchReport},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    decided::{Told, Turn, Underway},
    groups::KnownGroups,
    lease::{Ended, Judges, Ports, drive},
    metrics::Metrics,
};

/// How long Auto Scaling may take to say that an instance waits of which a message told.
const CONFIRMATION: SignedDuration = SignedDuration::from_secs(30);
/// Between two questions.
const PAUSE: Duration = Duration::from_secs(2);

/// What all launches share.
#[derive(Debug)]
pub struct Engine<I, W, G, C> {
    /// Which groups and hooks are guarded.
    pub guarded: Guarded,
    /// The account that the queue is in.
    pub account: Option<AccountId>,
    /// The region.
    pub region: Region,
    /// How long a verdict may take.
    pub patience: SignedDuration,
    /// EC2 and Auto Scaling.
    pub ports: Arc<Ports<I, W>>,
    /// The groups.
    pub groups: KnownGroups<G>,
    /// The policy of now.
    pub judges: Arc<Current<C>>,
    /// Whether it goes on running between launches.
    pub remembers: bool,
    /// What is being looked at.
    pub underway: Arc<Underway>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
}

/// The policy of now and its cases, exchanged as one.
#[derive(Debug)]
pub struct Current<C>(RwLock<(Arc<Policy>, Arc<C>)>);

impl<C> Current<C> {
    /// Starts with a policy.
    pub fn new(policy: Arc<Policy>, cases: Arc<C>) -> Self {
        Self(RwLock::new((policy, cases)))
    }

    /// Puts another policy in its place: it counts from the next look on.
    pub fn set(&self, policy: Arc<Policy>, cases: Arc<C>) {
        // Both are whole, so a poisoned lock holds a pair as good as any.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = (policy, cases);
    }
}

impl<C: Cases + Send + Sync> Judges for Current<C> {
    type Cases = C;

    fn now(&self) -> (Arc<Policy>, Arc<C>) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What became of a wait that somebody told of.
#[derive(Debug)]
pub enum Outcome {
    /// It came to an end; the report is there if something was decided.
    Over(Option<Box<LaunchReport>>),
    /// The instance does not wait, or is in another group.
    NotWaiting,
    /// It is still open: Auto Scaling could not be asked, or did not take our answer.
    Open,
}

impl<I, W, G, C> Engine<I, W, G, C>
where
    I: Instances + Send + Sync + 'static,
    W: Waits + Send + Sync + 'static,
    G: Groups + Send + Sync,
    C: Cases + Send + Sync + 'static,
{
    /// Says whether a group and hook are guarded.
    pub fn guards(&self, wait: &Wait) -> bool {
        self.guarded.group(&wait.group) && self.guarded.hook(&wait.hook)
    }

    /// Asks for the turn to look at a wait.
    pub fn begin(&self, wait: &Wait) -> Told {
        self.underway.begin(wait)
    }

    /// Takes a guarded wait to its end. One that was given up before is as old as it was then.
    pub async fn take(&self, turn: Turn, wait: Wait, found_by: FoundBy, first_sight: Timestamp) -> Outcome {
        let first_sight = self.underway.first_sight(&wait, first_sight);
        let outcome = self.pursue(&wait, found_by, first_sight).await;
        match outcome {
            Outcome::Over(_) => self.underway.decided(&wait),
            Outcome::Open => self.underway.left_open(&wait, first_sight),
            // It may come to wait later than the message.
            Outcome::NotWaiting => {}
        }
        drop(turn);
        outcome
    }

    async fn pursue(&self, wait: &Wait, found_by: FoundBy, first_sight: Timestamp) -> Outcome {
        let member = match self.confirmed(wait).await {
            Confirmed::Waiting(member) => member,
            Confirmed::Not(why) => {
                self.metrics.ended("not-waiting");
                tracing::info!(
                    event = "not-waiting",
                    instance = %wait.instance,
                    group = %wait.group,
                    hook = %wait.hook,
                    "{} does not wait: {why}",
                    wait.instance
                );
                return Outcome::NotWaiting;
            }
            Confirmed::Unknown => return Outcome::Open,
        };
        // A function does not remember when it first saw a wait that no message told of.
        let heartbeats = self.remembers || found_by == FoundBy::Message;
        let (group, terms) =
            futures::join!(self.groups.arn(&wait.group), self.groups.terms(wait, self.patience, heartbeats));
        let launch = Launch {
            wait: wait.clone(),
            group,
            account: self.account.clone(),
            region: self.region.clone(),
            found_by,
            first_sight,
        };
        let Ended { end, report } =
            drive(launch, terms, member, Arc::clone(&self.ports), Arc::clone(&self.judges)).await;
        self.metrics.ended(match end {
            End::Completed(_) => "completed",
            End::NoSuchWait | End::Unheard => "no-such-wait",
            End::GaveUp => "gave-up",
        });
        if let Some(report) = &report {
            self.metrics.decided(report, Timestamp::now().duration_since(first_sight));
        }
        match end {
            End::Completed(_) | End::NoSuchWait | End::Unheard => Outcome::Over(report.map(Box::new)),
            End::GaveUp => Outcome::Open,
        }
    }

    /// Asks Auto Scaling whether the instance waits, in that group; for a while, because a message may be first.
    async fn confirmed(&self, wait: &Wait) -> Confirmed {
        let until = Timestamp::now().saturating_add(CONFIRMATION).unwrap_or(Timestamp::MAX);
        loop {
            let last = Timestamp::now() >= until;
            match self.ports.waits.member(&wait.instance).await {
                Ok(Some(member)) if member.group != wait.group => {
                    return Confirmed::Not(format!("it is in the group {}", member.group));
                }
                Ok(Some(member)) => match Standing::of(&member.state) {
                    Standing::Waiting => return Confirmed::Waiting(member),
                    Standing::Over => return Confirmed::Not(format!("it is {}", member.state)),
                    Standing::NotYet if last => return Confirmed::Not(format!("it is still {}", member.state)),
                    Standing::NotYet => {}
                },
                Ok(None) if last => return Confirmed::Not("no group has it".to_owned()),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(
                        event = "call-failed",
                        instance = %wait.instance,
                        group = %wait.group,
                        error = error.chain(),
                        "asking for a wait failed"
                    );
                    if last {
                        return Confirmed::Unknown;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

enum Confirmed {
    Waiting(Member),
    Not(String),
    Unknown,
}
