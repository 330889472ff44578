//! `/healthz` and `/metrics`, and the service manager's watchdog: all three by progress, not by being there.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use jiff::Timestamp;

use super::metrics::Metrics;

/// How long there may be no answer from the queue: twelve long polls.
const PATIENCE_SECONDS: i64 = 120;

/// When something last went on, in seconds since 1970.
#[derive(Debug)]
pub struct Progress {
    /// The queue answered.
    answered: AtomicI64,
    /// The loop that asks it went round, whatever came of it.
    turned: AtomicI64,
}

impl Progress {
    /// Starts now.
    pub fn new() -> Arc<Self> {
        let now = Timestamp::now().as_second();
        Arc::new(Self { answered: now.into(), turned: now.into() })
    }

    /// Takes note of an answer of the queue.
    pub fn answered(&self) {
        self.answered.store(Timestamp::now().as_second(), Ordering::Relaxed);
    }

    /// Takes note that the loop goes round.
    pub fn turned(&self) {
        self.turned.store(Timestamp::now().as_second(), Ordering::Relaxed);
    }

    /// Says what is wrong: for whoever asks, that the queue does not answer.
    fn problem(&self) -> Option<String> {
        let silent = Timestamp::now().as_second() - self.answered.load(Ordering::Relaxed);
        (silent > PATIENCE_SECONDS).then(|| format!("no answer from the queue for {silent} seconds\n"))
    }

    /// Says whether we are alive. A queue that does not answer is no reason to start again: nothing would be better then.
    fn is_alive(&self) -> bool {
        Timestamp::now().as_second() - self.turned.load(Ordering::Relaxed) <= PATIENCE_SECONDS
    }
}

#[derive(Clone)]
struct Served {
    metrics: Arc<Metrics>,
    progress: Arc<Progress>,
}

/// Listens at an address.
///
/// # Errors
/// When nothing can listen there.
pub async fn listen(address: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(address).await
}

/// Serves until `stop`.
pub async fn serve(
    listener: tokio::net::TcpListener,
    metrics: Arc<Metrics>,
    progress: Arc<Progress>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let app = Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(text))
        .with_state(Served { metrics, progress });
    if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stop).await {
        tracing::error!(event = "listen-failed", error = error.to_string(), "serving metrics and health ended");
    }
}

async fn healthz(State(served): State<Served>) -> impl IntoResponse {
    match served.progress.problem() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(problem) => (StatusCode::SERVICE_UNAVAILABLE, problem),
    }
}

async fn text(State(served): State<Served>) -> impl IntoResponse {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, TYPE)], served.metrics.text(Timestamp::now()))
}

/// Tells the service manager that we are alive, as often as it asks for and as long as we are.
pub async fn watchdog(progress: Arc<Progress>) {
    let Some(every) = sd_notify::watchdog_enabled() else { return };
    let every = (every / 3).max(Duration::from_millis(200));
    loop {
        if progress.is_alive() {
            tell(&[sd_notify::NotifyState::Watchdog]);
        }
        tokio::time::sleep(every).await;
    }
}

/// Tells the service manager something, if there is one.
pub fn tell(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(event = "notify-failed", error = error.to_string(), "telling the service manager failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The queue answered, and the loop went round, so many seconds ago.
    fn ago(answered: i64, turned: i64) -> Progress {
        let now = Timestamp::now().as_second();
        Progress { answered: (now - answered).into(), turned: (now - turned).into() }
    }

    #[test]
    fn a_queue_that_does_not_answer_is_told_and_is_no_reason_to_start_again() {
        let silent = ago(PATIENCE_SECONDS + 5, 0);
        let problem = silent.problem().unwrap();
        assert!(problem.starts_with("no answer from the queue for 12"), "{problem}");
        assert!(silent.is_alive());
        silent.answered();
        assert_eq!(silent.problem(), None);
    }

    #[test]
    fn a_loop_that_stands_still_feeds_no_watchdog() {
        let stuck = ago(0, PATIENCE_SECONDS + 5);
        assert!(!stuck.is_alive());
        stuck.turned();
        assert!(stuck.is_alive());
    }
}
