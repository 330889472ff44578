//! One wait, from the first sight of it to its end: a lease, and the calls that it asks for.

use std::{future::Future, pin::Pin, sync::Arc};

use goldseal_core::{
    flow::{Cases, Decision, Launch, Sight, decide, decide_unseen, look},
    lifecycle::{Answer, End, Lease, Member, Terms},
    policy::Policy,
    ports::{Instances, PortError, Waits},
    report::LaunchReport,
};
use jiff::Timestamp;
use tokio::time::Instant;

/// What leases are driven with.
#[derive(Debug)]
pub struct Ports<I, W> {
    /// EC2.
    pub instances: I,
    /// Auto Scaling.
    pub waits: W,
}

/// The policy of now, and its cases.
pub trait Judges: Send + Sync {
    /// The cases.
    type Cases: Cases + Send + Sync;

    /// Returns both: a policy that was read again counts from the next look on.
    fn now(&self) -> (Arc<Policy>, Arc<Self::Cases>);
}

/// How a wait ended, with the last decision, if there was one.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub end: End,
    /// What was decided.
    pub report: Option<LaunchReport>,
}

type Call<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Drives the lease of a wait to its end. Dropping the future ends it without a trace but for calls under way.
pub async fn drive<I, W, J>(
    launch: Launch,
    terms: Terms,
    member: Member,
    ports: Arc<Ports<I, W>>,
    judges: Arc<J>,
) -> Ended
where
    I: Instances + Send + Sync + 'static,
    W: Waits + Send + Sync + 'static,
    J: Judges + 'static,
{
    let launch = Arc::new(launch);
    let mut lease = Lease::new(&terms, launch.first_sight, Timestamp::now());
    let mut member = Some(member);
    let mut beating: Option<Call<Result<Answer, PortError>>> = None;
    let mut looking: Option<Call<(Sight, Arc<Policy>)>> = None;
    let mut completing: Option<Call<Result<Answer, PortError>>> = None;
    let mut last: Option<(Sight, Arc<Policy>)> = None;
    let mut decision: Option<Decision> = None;
    loop {
        let now = Timestamp::now();
        let due = lease.due(now);
        if let Some(end) = due.end {
            return Ended { end, report: decision.map(|decision| finished(decision, end)) };
        }
        if due.decide {
            let decided = match &last {
                Some((sight, policy)) => decide(&launch, sight, policy, lease.patience(now), now),
                None => decide_unseen(&launch, &judges.now().0, now),
            };
            lease.planned(decided.action, now);
            decision = Some(decided);
            continue;
        }
        if due.heartbeat {
            let (ports, launch) = (Arc::clone(&ports), Arc::clone(&launch));
            beating = Some(Box::pin(async move { ports.waits.heartbeat(&launch.wait).await }));
        }
        if due.look {
            let (ports, launch, member, (policy, cases)) =
                (Arc::clone(&ports), Arc::clone(&launch), member.take(), judges.now());
            looking = Some(Box::pin(async move {
                let sight = look(&launch, member, &policy, &ports.instances, &ports.waits, &*cases).await;
                (sight, policy)
            }));
        }
        if let Some(completion) = due.complete {
            looking = None;
            let (ports, launch) = (Arc::clone(&ports), Arc::clone(&launch));
            completing = Some(Box::pin(async move { ports.waits.complete(&launch.wait, completion).await }));
        }
        tokio::select! {
            answer = done(&mut completing) => {
                lease.completed(heard(answer, "ending a wait", &launch), Timestamp::now());
            }
            answer = done(&mut beating) => {
                lease.beaten(heard(answer, "sending a heartbeat", &launch), Timestamp::now());
            }
            (sight, policy) = done(&mut looking) => {
                let now = Timestamp::now();
                let decided = decide(&launch, &sight, &policy, lease.patience(now), now);
                lease.planned(decided.action, now);
                decision = Some(decided);
                last = Some((sight, policy));
            }
            () = until(due.wake, now) => {}
        }
    }
}

fn finished(decision: Decision, end: End) -> LaunchReport {
    LaunchReport { end: Some(end.into()), ..decision.report }
}

/// Waits for a call, if there is one, and takes it out.
async fn done<T>(call: &mut Option<Call<T>>) -> T {
    match call {
        Some(running) => {
            let answer = running.await;
            *call = None;
            answer
        }
        None => std::future::pending().await,
    }
}

async fn until(wake: Option<Timestamp>, now: Timestamp) {
    match wake.map(|wake| wake.duration_since(now)) {
        Some(pause) => tokio::time::sleep_until(Instant::now() + pause.unsigned_abs()).await,
        None => std::future::pending().await,
    }
}

fn heard(answer: Result<Answer, PortError>, doing: &str, launch: &Launch) -> Option<Answer> {
    answer
        .inspect_err(|error| {
            tracing::warn!(
                event = "call-failed",
                instance = %launch.wait.instance,
                group = %launch.wait.group,
                error = error.chain(),
                "{doing} failed; it is tried again"
            );
        })
        .ok()
}
