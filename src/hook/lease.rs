//! One wait, from the first sight of it to its end: a lease, and the calls that it asks for.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use goldseal_core::{
    enforcement::Completion,
    flow::{Cases, Decision, Launch, Sight, decide, decide_unseen, look},
    lifecycle::{Answer, End, Lease, Member, Terms, Tried, Wait, Way},
    policy::Policy,
    ports::{Instances, PortError, PortErrorKind, Waits},
    report::LaunchReport,
};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// How long Auto Scaling may take to say where an instance goes whose wait is over, and between two questions.
const AFTERMATH: SignedDuration = SignedDuration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(2);

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
            let end = if end == End::Unheard { whose(&launch.wait, &ports.waits).await } else { end };
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
                lease.completed(tried(&heard(answer, "ending a wait", &launch)), Timestamp::now());
            }
            answer = done(&mut beating) => {
                lease.beaten(heard(answer, "sending a heartbeat", &launch).ok(), Timestamp::now());
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

/// Finds out whether it was our `ABANDON` that ended a wait, when its answer was lost: then the instance goes.
async fn whose(wait: &Wait, waits: &impl Waits) -> End {
    let until = Timestamp::now().saturating_add(AFTERMATH).unwrap_or(Timestamp::MAX);
    loop {
        match waits.member(&wait.instance).await.map(|member| Way::of(member.as_ref())) {
            Ok(Way::Out) => return End::Completed(Completion::Abandon),
            Ok(Way::In) => return End::NoSuchWait,
            Ok(Way::Open) | Err(_) if Timestamp::now() >= until => return End::Unheard,
            Ok(Way::Open) | Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Says what is known of a completion.
fn tried(answer: &Result<Answer, PortError>) -> Tried {
    match answer {
        Ok(answer) => Tried::Answered(*answer),
        Err(error) => match error.kind {
            PortErrorKind::Unavailable | PortErrorKind::Malformed => Tried::Unheard,
            PortErrorKind::NotFound | PortErrorKind::Denied | PortErrorKind::Throttled | PortErrorKind::Refused => {
                Tried::Failed
            }
        },
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

fn heard(answer: Result<Answer, PortError>, doing: &str, launch: &Launch) -> Result<Answer, PortError> {
    answer.inspect_err(|error| {
        tracing::warn!(
            event = "call-failed",
            instance = %launch.wait.instance,
            group = %launch.wait.group,
            error = error.chain(),
            "{doing} failed; it is tried again"
        );
    })
}

#[cfg(test)]
mod tests {
    use goldseal_core::testing::launches::{FakeWaits, Script};

    use super::*;

    fn wait() -> Wait {
        Wait {
            group: "web".parse().unwrap(),
            hook: "goldseal".parse().unwrap(),
            instance: "i-0123abcd".parse().unwrap(),
            token: None,
        }
    }

    fn seen(state: &str) -> FakeWaits {
        let member = Member { group: wait().group, state: state.to_owned(), image: None };
        FakeWaits { members: [(wait().instance, Script::always(Some(member)))].into(), ..FakeWaits::default() }
    }

    #[tokio::test]
    async fn a_lost_answer_was_ours_if_the_instance_goes() {
        let ours = End::Completed(Completion::Abandon);
        assert_eq!(whose(&wait(), &seen("Terminating:Wait")).await, ours);
        assert_eq!(whose(&wait(), &FakeWaits::default()).await, ours, "it is gone already");
        assert_eq!(whose(&wait(), &seen("InService")).await, End::NoSuchWait);
    }

    #[test]
    fn only_a_clear_refusal_says_that_nothing_was_done() {
        let failed = |kind| tried(&Err(PortError::new(kind, "autoscaling:CompleteLifecycleAction", "i-1")));
        for (kind, expected) in [
            (PortErrorKind::Unavailable, Tried::Unheard),
            (PortErrorKind::Malformed, Tried::Unheard),
            (PortErrorKind::Throttled, Tried::Failed),
            (PortErrorKind::Denied, Tried::Failed),
            (PortErrorKind::Refused, Tried::Failed),
            (PortErrorKind::NotFound, Tried::Failed),
        ] {
            assert_eq!(failed(kind), expected, "{kind:?}");
        }
        assert_eq!(tried(&Ok(Answer::NoSuchWait)), Tried::Answered(Answer::NoSuchWait));
    }
}
