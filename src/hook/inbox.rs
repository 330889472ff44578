//! One message → what it says → what becomes of it: deleted, given back, or left for the dead-letter queue.

use goldseal_core::{
    flow::Cases,
    lifecycle::{Message, MessageFault, Notice},
    ports::{Groups, Instances, Waits},
    report::{FoundBy, LaunchReport},
};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{
    decided::Told,
    engine::{Engine, Outcome},
    metrics::MessageKind,
    record,
};

/// What is done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It has done its service.
    Delete,
    /// Somebody should see it again later: what it tells of is still open.
    Release,
    /// Somebody else should see it at once: we stop.
    Return,
    /// Nobody can read it: the queue's redrive policy takes it to the dead-letter queue.
    Leave,
}

/// Takes a message to its end, by what it says: its bytes need not be kept for so long. `first_sight` is when the queue
/// first handed it out, or now.
pub async fn handle<I, W, G, C>(
    engine: &Engine<I, W, G, C>,
    journal: &mpsc::Sender<LaunchReport>,
    told: Result<Message, MessageFault>,
    first_sight: Timestamp,
) -> Disposition
where
    I: Instances + Send + Sync + 'static,
    W: Waits + Send + Sync + 'static,
    G: Groups + Send + Sync,
    C: Cases + Send + Sync + 'static,
{
    let metrics = &engine.metrics;
    let Notice { wait, account, region } = match told {
        Ok(Message::Launch(notice)) => notice,
        Ok(Message::Test) => {
            metrics.message(MessageKind::Test);
            tracing::info!(event = "message-test", "Auto Scaling tried out the queue");
            return Disposition::Delete;
        }
        Ok(Message::Schedule) => {
            metrics.message(MessageKind::Schedule);
            return Disposition::Delete;
        }
        Ok(Message::Foreign { what }) => {
            metrics.message(MessageKind::Foreign);
            tracing::warn!(event = "message-foreign", "a message that is none of ours was deleted: {what}");
            return Disposition::Delete;
        }
        Err(fault) => {
            metrics.message(MessageKind::Poison);
            tracing::error!(event = "message-poison", "a message that cannot be read was left: {fault}");
            return Disposition::Leave;
        }
    };
    let elsewhere = account.is_some_and(|named| engine.account.as_ref().is_some_and(|ours| *ours != named))
        || region.is_some_and(|named| named != engine.region);
    if elsewhere || !engine.guards(&wait) {
        metrics.message(MessageKind::Unguarded);
        let place = if elsewhere { "another account or region" } else { "a group or hook that is not guarded" };
        tracing::warn!(
            event = "message-unguarded",
            instance = %wait.instance,
            group = %wait.group,
            hook = %wait.hook,
            "a launch of {place} was left alone and its message deleted"
        );
        return Disposition::Delete;
    }
    let turn = match engine.begin(&wait) {
        Told::New(turn) => turn,
        // The first message of it is kept until it comes to an end, so this one is not needed for anything.
        Told::Underway | Told::Decided => {
            metrics.message(MessageKind::Duplicate);
            return Disposition::Delete;
        }
    };
    metrics.message(MessageKind::Launch);
    match engine.take(turn, wait, FoundBy::Message, first_sight).await {
        Outcome::Over(report) => {
            if let Some(report) = report {
                note(engine, journal, *report);
            }
            Disposition::Delete
        }
        Outcome::NotWaiting => Disposition::Delete,
        Outcome::Open => Disposition::Release,
    }
}

/// Logs and records a launch that came to an end. Nothing waits for the state: what it does not take in is in the log.
pub fn note<I, W, G, C>(engine: &Engine<I, W, G, C>, journal: &mpsc::Sender<LaunchReport>, report: LaunchReport) {
    record::log(&report);
    if journal.try_send(report).is_err() {
        engine.metrics.state_failure();
    }
}
