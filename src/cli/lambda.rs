//! `goldseal lambda`: the launch hook as a Lambda function, called with messages of a queue, with events of EventBridge,
//! by Auto Scaling itself, or by a schedule.
//!
//! The flow is the daemon's. What does not come to an end before the call does is given back: to the queue as a failed
//! item, else by failing, so that Lambda calls again. In a batch, each record is looked at for itself: what is of another
//! source, or unreadable, takes none of ours with it.

use std::{borrow::Cow, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use futures::future::join_all;
use goldseal_core::{
    bounded::{self, JsonFault, Limits, Object},
    lifecycle::{Message, MessageFault, parse_message},
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
    records: Option<Vec<&'e RawValue>>,
}

/// What tells whose record it is, whatever form the rest has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marks<'e> {
    #[serde(borrow)]
    message_id: Option<&'e RawValue>,
    #[serde(borrow)]
    event_source: Option<&'e RawValue>,
}

#[derive(Deserialize)]
struct QueueRecord<'e> {
    #[serde(borrow)]
    body: Option<Cow<'e, str>>,
    #[serde(default)]
    attributes: Attributes,
}

/// A record of a batch.
#[derive(Debug, PartialEq, Eq)]
struct Item {
    /// By which the queue knows it.
    id: Option<String>,
    told: Result<Message, MessageFault>,
    /// When the queue first handed it out.
    first_sight: Timestamp,
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
        super::receipt_key::required_place(&session, &policy)?;
        let assembly = Assembly::observed(&mut session);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.map_err(anyhow::Error::from)?.block_on(async {
            let region = session.aws().await.region().await.context("finding the region of the function")?;
            let engine = assembly.engine(&session, &settings, policy, &region, Host::Function).await?;
            let recorder = Recorder::new(
                assembly.tried_state(&session, &settings).await?,
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
        records: Vec<Item>,
        budget: Duration,
    ) -> Result<Answer, Error> {
        let each = records.into_iter().map(|Item { id, told, first_sight }| async move {
            let handled = timeout(budget, handle(&self.engine, journal, told, first_sight)).await;
            // A message that nobody can read comes again until the queue puts it aside.
            (handled != Ok(Disposition::Delete)).then_some(id)
        });
        let open = join_all(each).await.into_iter().flatten();
        let named: Option<Vec<Failed>> = open.map(|id| Some(Failed { item_identifier: id? })).collect();
        // What has no name comes again with all the others; those that are over are over then too.
        let batch_item_failures = named.ok_or("a record that has no messageId cannot be read")?;
        Ok(Answer { batch_item_failures })
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

/// Returns the records of a queue's event; none where there is none of a queue among them.
fn batch(payload: &[u8]) -> Option<Vec<Item>> {
    let Object(Batch { records }) = bounded::json(payload, EVENT_LIMITS).ok()?;
    let (records, now) = (records?, Timestamp::now());
    let items: Vec<(bool, Item)> = records.into_iter().map(|record| item(record, now)).collect();
    // An event of something else alone is told as one.
    let foreign = !items.is_empty() && items.iter().all(|(queued, _)| !queued);
    (!foreign).then(|| items.into_iter().map(|(_, item)| item).collect())
}

/// Reads a record, and says whether it may be one of a queue.
fn item(record: &RawValue, now: Timestamp) -> (bool, Item) {
    let text = |raw: Option<&RawValue>| serde_json::from_str::<String>(raw?.get()).ok();
    let record = record.get().as_bytes();
    let unknown = |fault: JsonFault| (true, Item { id: None, told: Err(fault.into()), first_sight: now });
    let marks = match bounded::json(record, EVENT_LIMITS) {
        Ok(Object(Marks { message_id, event_source })) => (text(message_id), text(event_source)),
        Err(fault) => return unknown(fault),
    };
    let (id, source) = marks;
    if source.as_deref() != Some("aws:sqs") {
        let what = "a record of another source than a queue".to_owned();
        return (false, Item { id, told: Ok(Message::Foreign { what }), first_sight: now });
    }
    let (told, first) = match bounded::json(record, EVENT_LIMITS) {
        Ok(Object(QueueRecord { body, attributes })) => {
            let body = body.ok_or(MessageFault::Missing("body"));
            (body.and_then(|body| parse_message(body.as_bytes())), attributes.approximate_first_receive_timestamp)
        }
        Err(fault) => (Err(fault.into()), None),
    };
    let first = first.and_then(|text| Timestamp::from_millisecond(text.parse().ok()?).ok());
    (true, Item { id, told, first_sight: first.map_or(now, |first| first.min(now)) })
}

/// Returns how much of a call's time is left; `deadline` is in milliseconds since 1970.
fn left(deadline: u64, now: Timestamp) -> Duration {
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Duration::from_millis(deadline.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = r#"{"messageId":"m-1","body":"{\"Event\":\"autoscaling:TEST_NOTIFICATION\"}","eventSource":"aws:sqs",
        "receiptHandle":"r","attributes":{"ApproximateFirstReceiveTimestamp":"1700000000000","SentTimestamp":"1"}}"#;

    fn records(records: &[&str]) -> Option<Vec<Item>> {
        batch(format!(r#"{{"Records":[{}]}}"#, records.join(",")).as_bytes())
    }

    #[test]
    fn a_batch_of_a_queue_is_told_from_an_event() {
        let first_sight = Timestamp::from_second(1_700_000_000).unwrap();
        let expected = Item { id: Some("m-1".to_owned()), told: Ok(Message::Test), first_sight };
        assert_eq!(records(&[OURS]).unwrap(), [expected]);
        assert_eq!(records(&[]).unwrap(), []);
        for event in [&b"{}"[..], b"{\"detail-type\":\"x\"}", br#"{"Records":[{"s3":{}}]}"#, b"[[]]", b"[]", b""] {
            assert_eq!(batch(event), None);
        }
    }

    #[test]
    fn whatever_stands_beside_it_in_a_batch_a_record_of_ours_is_read() {
        let foreign = r#"{"messageId":"m-2","body":"x","eventSource":"aws:kinesis"}"#;
        let bodiless = r#"{"messageId":"m-2","eventSource":"aws:sqs"}"#;
        let torn = r#"{"messageId":"m-2","body":3,"attributes":[],"eventSource":"aws:sqs"}"#;
        let nameless = r#"{"messageId":{},"body":[],"eventSource":"aws:sqs"}"#;
        for (beside, id, deleted) in [
            (foreign, Some("m-2"), true),
            (r#"{"s3":{}}"#, None, true),
            (r#"{"eventSource":["aws:sqs"]}"#, None, true),
            (bodiless, Some("m-2"), false),
            (torn, Some("m-2"), false),
            (nameless, None, false),
            ("[]", None, false),
            ("3", None, false),
            ("null", None, false),
        ] {
            for both in [[OURS, beside], [beside, OURS]] {
                let mut found = records(&both).unwrap();
                let ours = found.remove(both.iter().position(|one| *one == OURS).unwrap());
                assert_eq!((ours.id.as_deref(), ours.told), (Some("m-1"), Ok(Message::Test)), "{beside}");
                let [other] = &found[..] else { panic!("{found:?}") };
                assert_eq!(other.id.as_deref(), id, "{beside}");
                assert_eq!(matches!(other.told, Ok(Message::Foreign { .. })), deleted, "{beside}");
                assert_eq!(other.told.is_err(), !deleted, "{beside}");
            }
        }
    }

    #[test]
    fn what_is_left_of_a_call_is_never_negative() {
        let now = Timestamp::from_second(100).unwrap();
        assert_eq!((left(130_000, now), left(90_000, now)), (Duration::from_secs(30), Duration::ZERO));
    }
}
