//! `goldseal lambda`: the launch hook as a Lambda function, called with messages of a queue, with events of EventBridge,
//! by Auto Scaling itself, or by a schedule.
//!
//! The flow is the daemon's. What does not come to an end before the call does is given back: to the queue as a failed
//! item, else by failing, so that Lambda calls again.

use std::{borrow::Cow, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use futures::future::join_all;
use goldseal_core::{
    bounded::{self, Limits, Object},
    lifecycle::{Message, parse_message},
    report::LaunchReport,
};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::{sync::mpsc, time::timeout};

use super::{
    exit::{Code, Failure},
    hook::assemble::{Assembly, HookEngine, Host},
    session::Session,
};
use crate::{
    adapters::{aws::AutoScaling, state::State},
    hook::{
        daemon::swept,
        inbox::{Disposition, handle},
        lease::Judges as _,
        record::{Pending, Recorder},
        sweep,
    },
    settings::HookFragment,
    telemetry,
};

const AFTER: &str = "\
Speaks the Lambda Runtime API (AWS_LAMBDA_RUNTIME_API). Settings come from the environment; docs/hook.md has the \
function, its role and its triggers. In the zip of `make lambda` this is what `bootstrap` does.

Example:
  goldseal lambda

Exit codes: 2 settings, 3 AWS could not be asked at the start, 70 the Runtime API failed.";

/// Lambda passes events of 6 MiB at most.
const EVENT_LIMITS: Limits = Limits { bytes: 6 << 20, depth: 32 };
/// What is left of a call's time for records and the answer.
const MARGIN: Duration = Duration::from_secs(5);
/// How much of that the records may take: the answer must not be late because the state is.
const RECORDING: Duration = Duration::from_secs(3);
/// What one call may find out and record at most.
const MOST: usize = 10_000;

/// Arguments of `lambda`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Lambda {
    #[command(flatten)]
    settings: HookFragment,
}

/// An event of a queue; any other is a message by itself.
#[derive(Deserialize)]
struct Batch<'e> {
    #[serde(rename = "Records", borrow)]
    records: Option<Vec<Object<QueueRecord<'e>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueRecord<'e> {
    message_id: Option<Cow<'e, str>>,
    #[serde(borrow)]
    body: Option<Cow<'e, str>>,
    #[serde(default)]
    attributes: Attributes,
    event_source: Option<Cow<'e, str>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    approximate_first_receive_timestamp: Option<String>,
}

/// What a queue is told: which of its messages should come again.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Answer {
    batch_item_failures: Vec<Failed>,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Failed {
    item_identifier: String,
}

struct Function {
    engine: HookEngine,
    recorder: Recorder<State, AutoScaling>,
}

impl Lambda {
    pub fn run(self, mut session: Session) -> Result<Code, Failure> {
        telemetry::daemon();
        let settings = session.settings.hook(self.settings).map_err(anyhow::Error::from)?;
        let policy = super::policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        let assembly = Assembly::observed(&mut session);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.map_err(anyhow::Error::from)?.block_on(async {
            let region = session.aws().await.region().await.context("finding the region of the function")?;
            let engine = assembly.engine(&session, &settings, policy, &region, Host::Function).await?;
            let recorder = Recorder::new(
                assembly.state(&session, &settings).await?,
                assembly.groups(&session, &region).await,
                region,
                assembly.metrics(),
            );
            let function = Arc::new(Function { engine, recorder });
            let served = run(service_fn(move |event| {
                let function = Arc::clone(&function);
                async move { function.call(event).await }
            }));
            served.await.map_err(|error| Failure::new(Code::Internal, format!("the Runtime API: {error}")))?;
            Ok(Code::Good)
        })
    }
}

impl Function {
    async fn call(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Error> {
        let budget = left(event.context.deadline, Timestamp::now()).saturating_sub(MARGIN);
        if budget.is_zero() {
            tracing::error!("nothing can be decided: the function's timeout must be longer than {MARGIN:?}");
        }
        let payload = event.payload.get().as_bytes();
        let (journal, mut reports) = mpsc::channel(MOST);
        let answer = match batch(payload) {
            Some(records) => self.messages(&journal, records, budget).await,
            None => self.event(&journal, payload, budget).await,
        };
        drop(journal);
        let mut ended = Pending::default();
        while let Some(report) = reports.recv().await {
            ended.take(report);
        }
        let rule = *self.engine.judges.now().0.breaker();
        let problem = match timeout(RECORDING, self.recorder.record(&mut ended, &rule)).await {
            Ok(Ok(())) => return answer,
            Ok(Err(error)) => error.chain(),
            Err(_) => "the state did not answer in time".to_owned(),
        };
        tracing::error!(event = "state-failed", error = problem, "recording decisions failed");
        answer
    }

    async fn messages(
        &self,
        journal: &mpsc::Sender<LaunchReport>,
        records: Vec<(String, String, Timestamp)>,
        budget: Duration,
    ) -> Result<Answer, Error> {
        let each = records.into_iter().map(|(id, body, first_sight)| async move {
            let handled =
                timeout(budget, handle(&self.engine, journal, parse_message(body.as_bytes()), first_sight)).await;
            // A message that nobody can read comes again until the queue puts it aside.
            (handled != Ok(Disposition::Delete)).then_some(Failed { item_identifier: id })
        });
        Ok(Answer { batch_item_failures: join_all(each).await.into_iter().flatten().collect() })
    }

    async fn event(
        &self,
        journal: &mpsc::Sender<LaunchReport>,
        payload: &[u8],
        budget: Duration,
    ) -> Result<Answer, Error> {
        let told = parse_message(payload);
        if told == Ok(Message::Schedule) {
            let found = sweep::find(&self.engine).await.map_err(|error| error.chain())?;
            let each = found.into_iter().map(|(turn, wait)| timeout(budget, swept(&self.engine, journal, turn, wait)));
            // What is not over by then is found again, by the next schedule.
            let _over = join_all(each).await;
            return Ok(Answer::default());
        }
        match timeout(budget, handle(&self.engine, journal, told, Timestamp::now())).await {
            Ok(Disposition::Delete) => Ok(Answer::default()),
            Ok(Disposition::Release | Disposition::Return) | Err(_) => {
                Err("the launch is still open; call again".into())
            }
            Ok(Disposition::Leave) => Err("the event cannot be read".into()),
        }
    }
}

/// Returns the messages of a queue's event: id, body, and when it was first received.
fn batch(payload: &[u8]) -> Option<Vec<(String, String, Timestamp)>> {
    let Object(Batch { records }) = bounded::json(payload, EVENT_LIMITS).ok()?;
    let records: Vec<QueueRecord<'_>> = records?.into_iter().map(|Object(record)| record).collect();
    if records.iter().any(|record| record.event_source.as_deref() != Some("aws:sqs")) {
        return None;
    }
    let now = Timestamp::now();
    let each = records.into_iter().map(|record| {
        let first = record.attributes.approximate_first_receive_timestamp;
        let first = first.and_then(|text| Timestamp::from_millisecond(text.parse().ok()?).ok());
        let text = |field: Option<Cow<'_, str>>| field.unwrap_or_default().into_owned();
        (text(record.message_id), text(record.body), first.map_or(now, |first| first.min(now)))
    });
    Some(each.collect())
}

/// Returns how much of a call's time is left; `deadline` is in milliseconds since 1970.
fn left(deadline: u64, now: Timestamp) -> Duration {
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Duration::from_millis(deadline.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_of_a_queue_is_told_from_an_event() {
        let queue = r#"{"Records":[{"messageId":"m-1","body":"{}","eventSource":"aws:sqs","receiptHandle":"r",
            "attributes":{"ApproximateFirstReceiveTimestamp":"1700000000000","SentTimestamp":"1"}}]}"#;
        let found = batch(queue.as_bytes()).unwrap();
        assert_eq!(found, [("m-1".to_owned(), "{}".to_owned(), Timestamp::from_second(1_700_000_000).unwrap())]);
        assert_eq!(batch(br#"{"Records":[]}"#).unwrap(), []);
        for event in [&b"{}"[..], b"{\"detail-type\":\"x\"}", br#"{"Records":[{"s3":{}}]}"#, b"[[]]", b"[]", b""] {
            assert_eq!(batch(event), None);
        }
    }

    #[test]
    fn what_is_left_of_a_call_is_never_negative() {
        let now = Timestamp::from_second(100).unwrap();
        assert_eq!((left(130_000, now), left(90_000, now)), (Duration::from_secs(30), Duration::ZERO));
    }
}
