//! Receipts of what was decided, made once a minute of the decisions that are recorded: what was decided and not yet
//! receipted stands in the state, and whoever starts next goes on there.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use goldseal_core::{
    flow::{Receipting, Wrote},
    ports::{ReceiptStore, Signer, StateName, StateStore},
};
use jiff::Timestamp;
use tokio::{sync::Mutex, time::MissedTickBehavior};

/// How often.
const EVERY: Duration = Duration::from_mins(1);

/// Makes receipts until it is dropped.
#[derive(Debug)]
pub struct Scribe<T, R, S> {
    state: T,
    place: R,
    signer: Option<S>,
    done: Mutex<Done>,
}

/// What is known to have its receipt.
#[derive(Debug, Default)]
struct Done {
    names: BTreeSet<StateName>,
    /// Everything that is kept was looked at once.
    all: bool,
}

impl<T, R, S> Scribe<T, R, S>
where
    T: StateStore + Send + Sync,
    R: ReceiptStore + Send + Sync,
    S: Signer + Send + Sync,
{
    /// Starts without any memory.
    pub fn new(state: T, place: R, signer: Option<S>) -> Arc<Self> {
        Arc::new(Self { state, place, signer, done: Mutex::default() })
    }

    /// Makes what is missing, now and every minute.
    pub async fn run(&self) {
        let mut due = tokio::time::interval(EVERY);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            self.write().await;
        }
    }

    /// Makes what is missing. What fails is tried again the next time.
    pub async fn write(&self) {
        let Self { state, place, signer, done } = self;
        let mut done = done.lock().await;
        let all = !done.all;
        let receipting = Receipting { state, receipts: place, signer: signer.as_ref() };
        match receipting.write(&mut done.names, all, Timestamp::now()).await {
            Ok(wrote) => {
                done.all = true;
                told(wrote);
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::error!(event = "receipts-failed", error, "writing receipts failed; it is tried again");
            }
        }
    }
}

fn told(Wrote { receipts, already, decisions, problems }: Wrote) {
    for problem in problems {
        tracing::error!(event = "receipts-missing", problem, "what was decided has no receipt: {problem}");
    }
    if decisions > 0 {
        tracing::info!(event = "receipts-written", receipts, already, decisions, "receipts were written");
    }
}
