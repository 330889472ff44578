//! The daemon: the queue, the sweep, the records and the signals around the engine.

use std::{future::Future, sync::Arc, time::Duration};

use goldseal_core::{
    flow::Cases,
    lifecycle::{Wait, parse_message},
    policy::Policy,
    ports::{Groups, Instances, StateStore, Waits},
    report::{LaunchEnd, LaunchReport},
};
use jiff::Timestamp;
use sd_notify::NotifyState;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
};

use super::{
    decided::Turn,
    engine::{Engine, Outcome},
    health::{self, Progress},
    inbox::{self, Disposition},
    lease::Judges as _,
    queue::{BATCH, Held, LONG_POLL, VISIBLE_AFTER, give_back},
    record::{self, Recorder},
    sweep,
};
use crate::adapters::aws::{Queue, Received};

/// With so many waits in hand, no more messages are taken; the queue keeps them. The sweep goes on: its number is that of
/// instances that really wait, whatever messages say.
const MOST_UNDERWAY: usize = 2_000;
/// How long what is held may take when we are told to stop.
const GRACE: Duration = Duration::from_mins(1);
/// Between two questions when the queue fails.
const SLOWEST: Duration = Duration::from_secs(15);

/// What the daemon runs.
#[derive(Debug)]
pub struct Daemon<I, W, G, C, T> {
    /// The engine.
    pub engine: Arc<Engine<I, W, G, C>>,
    /// The queue.
    pub queue: Queue,
    /// Where decisions are recorded.
    pub recorder: Recorder<T, G>,
    /// Where metrics and health are served.
    pub listener: tokio::net::TcpListener,
}

impl<I, W, G, C, T> Daemon<I, W, G, C, T>
where
    I: Instances + Send + Sync + 'static,
    W: Waits + Send + Sync + 'static,
    G: Groups + Send + Sync + 'static,
    C: Cases + Send + Sync + 'static,
    T: StateStore + Send + Sync + 'static,
{
    /// Runs until it is told to stop by SIGTERM or SIGINT. SIGHUP reads the policy again, with `load`.
    ///
    /// # Errors
    /// When signals cannot be heard.
    pub async fn run<F>(self, load: impl Fn() -> F) -> std::io::Result<()>
    where
        F: Future<Output = Result<(Arc<Policy>, Arc<C>), String>>,
    {
        let Self { engine, queue, recorder, listener } = self;
        let address = listener.local_addr()?.to_string();
        let (mut hangup, mut stop) = (signal(SignalKind::hangup())?, Stop::new()?);
        let (stopping, stopped) = watch::channel(false);
        let progress = Progress::new();
        let (journal, reports) = mpsc::channel(record::MOST);
        let (held, done) = Held::new(queue.clone());
        let held = Arc::new(held);
        let judges = Arc::clone(&engine.judges);
        let recording = tokio::spawn(async move { recorder.run(reports, move || *judges.now().0.breaker()).await });
        let returning = tokio::spawn({
            let queue = queue.clone();
            async move { give_back(&queue, done).await }
        });
        let background = [
            tokio::spawn({
                let held = Arc::clone(&held);
                async move { held.extend().await }
            }),
            tokio::spawn(health::watchdog(Arc::clone(&progress))),
            tokio::spawn(health::serve(listener, Arc::clone(&engine.metrics), Arc::clone(&progress), {
                let mut stopped = stopped.clone();
                // The sender outlives it.
                async move { drop(stopped.wait_for(|stopped| *stopped).await) }
            })),
            tokio::spawn(sweeps(Arc::clone(&engine), journal.clone(), stopped.clone())),
        ];
        let polling = tokio::spawn(poll(Arc::clone(&engine), queue, Arc::clone(&held), journal, progress, stopped));
        health::tell(&[NotifyState::Ready, NotifyState::Status("guarding launches")]);
        tracing::info!(event = "started", region = %engine.region, listen = address, "the launch hook is guarding launches");

        loop {
            tokio::select! {
                () = stop.come() => break,
                _ = hangup.recv() => {
                    health::tell(&[NotifyState::Reloading]);
                    reload(&engine, load().await);
                    health::tell(&[NotifyState::Ready]);
                }
            }
        }

        health::tell(&[NotifyState::Stopping]);
        tracing::info!(event = "stopping", "no more messages are taken; what is held is finished");
        stopping.send_replace(true);
        let mut count = engine.underway.count();
        let ended = async { drop(futures::join!(polling, count.wait_for(|count| *count == 0))) };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!(event = "stopping", "what is not finished is given back to the queue");
        }
        held.release_all();
        for task in background {
            task.abort();
        }
        drop(held);
        let _ended = tokio::time::timeout(Duration::from_secs(10), async {
            drop(recording.await);
            drop(returning.await);
        })
        .await;
        tracing::info!(event = "stopped", "the launch hook has stopped");
        Ok(())
    }
}

/// Asks the queue for messages and starts a task for each.
async fn poll<I, W, G, C>(
    engine: Arc<Engine<I, W, G, C>>,
    queue: Queue,
    held: Arc<Held>,
    journal: mpsc::Sender<LaunchReport>,
    progress: Arc<Progress>,
    mut stopped: watch::Receiver<bool>,
) where
    I: Instances + Send + Sync + 'static,
    W: Waits + Send + Sync + 'static,
    G: Groups + Send + Sync + 'static,
    C: Cases + Send + Sync + 'static,
{
    let mut pause = Duration::from_secs(1);
    let mut underway = engine.underway.count();
    let mut counted = underway.clone();
    while !*stopped.borrow_and_update() {
        progress.turned();
        engine.metrics.in_flight(*counted.borrow_and_update());
        let room = tokio::time::timeout(Duration::from_secs(20), underway.wait_for(|count| *count < MOST_UNDERWAY));
        if !matches!(room.await, Ok(Ok(_))) {
            // Too much to do is not nothing done.
            progress.answered();
            continue;
        }
        // Never cut off: what a poll brings whose answer nobody hears is hidden from everybody for a while.
        match queue.receive(BATCH, LONG_POLL, VISIBLE_AFTER).await {
            Ok(messages) if *stopped.borrow() => {
                for message in &messages {
                    held.put_down(held.hold(message), Disposition::Return);
                }
            }
            Ok(messages) => {
                pause = Duration::from_secs(1);
                progress.answered();
                engine.metrics.progress(Timestamp::now());
                for message in messages {
                    let (engine, held, journal) = (Arc::clone(&engine), Arc::clone(&held), journal.clone());
                    let number = held.hold(&message);
                    tokio::spawn(async move {
                        let disposition = one(&engine, &journal, message).await;
                        held.put_down(number, disposition);
                    });
                }
            }
            Err(error) => {
                tracing::error!(event = "call-failed", error = error.chain(), "receiving messages failed");
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => break,
                }
                pause = (pause * 2).min(SLOWEST);
            }
        }
    }
}

async fn one<I, W, G, C>(
    engine: &Engine<I, W, G, C>,
    journal: &mpsc::Sender<LaunchReport>,
    message: Received,
) -> Disposition
where
    I: Instances + Send + Sync + 'static,
    W: Waits + Send + Sync + 'static,
    G: Groups + Send + Sync,
    C: Cases + Send + Sync + 'static,
{
    let now = Timestamp::now();
    if let Some(sent) = message.sent_at {
        engine.metrics.message_age(now.duration_since(sent));
    }
    // The queue's own time, not one that a sender wrote. Whoever had the message before us has seen the wait.
    let first_sight = message.first_received_at.map_or(now, |first| first.min(now));
    let told = parse_message(message.body.as_bytes());
    drop(message);
    inbox::handle(engine, journal, told, first_sight).await
}

/// Looks for waits that no message told of, again and again.
async fn sweeps<I, W, G, C>(
    engine: Arc<Engine<I, W, G, C>>,
    journal: mpsc::Sender<LaunchReport>,
    stopped: watch::Receiver<bool>,
) where
    I: Instances + Send + Sync + 'static,
    W: Waits + Send + Sync + 'static,
    G: Groups + Send + Sync + 'static,
    C: Cases + Send + Sync + 'static,
{
    loop {
        tokio::time::sleep(sweep::EVERY).await;
        if *stopped.borrow() {
            return;
        }
        match sweep::find(&engine).await {
            Ok(found) => {
                for (turn, wait) in found {
                    let (engine, journal) = (Arc::clone(&engine), journal.clone());
                    tokio::spawn(async move {
                        swept(&engine, &journal, turn, wait).await;
                    });
                }
            }
            Err(error) => {
                tracing::warn!(event = "call-failed", error = error.chain(), "looking for lost launches failed");
            }
        }
    }
}

/// Takes a wait that a sweep found to its end.
pub async fn swept<I, W, G, C>(
    engine: &Engine<I, W, G, C>,
    journal: &mpsc::Sender<LaunchReport>,
    turn: Turn,
    wait: Wait,
) where
    I: Instances + Send + Sync + 'static,
    W: Waits + Send + Sync + 'static,
    G: Groups + Send + Sync,
    C: Cases + Send + Sync + 'static,
{
    if let Outcome::Over(Some(report)) = engine.take(turn, wait, sweep::FOUND_BY, Timestamp::now()).await {
        if report.end == Some(LaunchEnd::Completed) {
            engine.metrics.swept();
        }
        inbox::note(engine, journal, *report);
    }
}

fn reload<I, W, G, C>(engine: &Engine<I, W, G, C>, loaded: Result<(Arc<Policy>, Arc<C>), String>) {
    match loaded {
        Ok((policy, cases)) => {
            let digest = policy.digest();
            engine.judges.set(policy, cases);
            engine.metrics.policy_reload(true);
            tracing::info!(event = "policy-reloaded", policy = %digest, "the policy was read again");
        }
        Err(problem) => {
            engine.metrics.policy_reload(false);
            tracing::error!(event = "policy-refused", "the new policy is refused and the old one stays: {problem}");
        }
    }
}

/// SIGTERM or SIGINT.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn come(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
