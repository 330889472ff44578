//! Receipts of what was decided, made once a minute of the decisions that are recorded: what was decided and not yet
//! receipted stands in the state, and whoever starts next goes on there. Nothing that fails here stops a decision.

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use goldseal_core::{
    flow::{Receipting, Wrote},
    ports::{PortError, ReceiptStore, Signer, StateName, StateStore},
};
use jiff::Timestamp;
use tokio::{sync::Mutex, time::MissedTickBehavior};

use super::metrics::Metrics;

/// How often.
const EVERY: Duration = Duration::from_mins(1);

/// A key that is opened when it is first needed.
pub trait OpensKey {
    /// Who signs then.
    type Signer: Signer + Send + Sync;

    /// Asks for it.
    fn open(&self) -> impl Future<Output = Result<Self::Signer, PortError>> + Send;
}

/// Makes receipts until it is dropped.
#[derive(Debug)]
pub struct Scribe<T, R, K: OpensKey> {
    state: T,
    place: R,
    /// Who signs; without a key, nobody is meant to.
    key: Option<K>,
    metrics: Arc<Metrics>,
    done: Mutex<Done<K::Signer>>,
}

/// What was done before.
#[derive(Debug)]
struct Done<S> {
    /// The key, once it was opened.
    signer: Option<S>,
    /// What is known to have its receipt.
    names: BTreeSet<StateName>,
    /// Everything that is kept was looked at once.
    all: bool,
}

impl<T, R, K> Scribe<T, R, K>
where
    T: StateStore + Send + Sync,
    R: ReceiptStore + Send + Sync,
    K: OpensKey + Send + Sync,
{
    /// Starts without any memory; the key is not asked for yet.
    pub fn new(state: T, place: R, key: Option<K>, metrics: Arc<Metrics>) -> Arc<Self> {
        let done = Mutex::new(Done { signer: None, names: BTreeSet::new(), all: false });
        Arc::new(Self { state, place, key, metrics, done })
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
        let mut done = self.done.lock().await;
        // Without its key, nothing is written: what nobody signed would stand where the receipts belong.
        if let (Some(key), None) = (&self.key, &done.signer) {
            match key.open().await {
                Ok(signer) => done.signer = Some(signer),
                Err(error) => {
                    self.metrics.receipt_failures(1);
                    let error = error.chain();
                    tracing::warn!(
                        event = "receipts-failed",
                        error,
                        "the key of receipts could not be opened; it is tried again in a minute, and decisions go on"
                    );
                    return;
                }
            }
        }
        let Done { signer, names, all } = &mut *done;
        let receipting = Receipting { state: &self.state, receipts: &self.place, signer: signer.as_ref() };
        match receipting.write(names, !*all, Timestamp::now()).await {
            Ok(wrote) => {
                *all = true;
                self.told(&wrote);
            }
            Err(error) => {
                self.metrics.receipt_failures(1);
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::error!(event = "receipts-failed", error, "writing receipts failed; it is tried again");
            }
        }
    }

    fn told(&self, wrote: &Wrote) {
        let Wrote { receipts, already, decisions, unreadable, problems } = wrote;
        if *unreadable > 0 {
            self.metrics.receipt_failures(*unreadable);
        }
        for problem in problems {
            tracing::error!(event = "receipts-missing", problem, "what was decided has no receipt: {problem}");
        }
        if *decisions > 0 {
            tracing::info!(event = "receipts-written", receipts, already, decisions, "receipts were written");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use goldseal_core::{
        ports::{Expected, PortErrorKind, Written},
        testing::{launches::FakeState, ports::FakeSigner, receipts::FakeReceipts},
    };

    use super::*;

    const DECISION: &str = "v1/decisions/2026-11-24/040506-0123456789abcdef.jsonl";

    /// A key that answers the second time.
    #[derive(Debug, Default)]
    struct Late(AtomicUsize);

    impl OpensKey for Late {
        type Signer = FakeSigner;

        async fn open(&self) -> Result<FakeSigner, PortError> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => Err(PortError::new(PortErrorKind::Unavailable, "kms:DescribeKey", "alias/receipts")),
                1 => Ok(FakeSigner::new(3)),
                _ => panic!("it was opened before"),
            }
        }
    }

    #[tokio::test]
    async fn a_key_that_does_not_answer_is_asked_for_again_and_nothing_is_written_without_it() {
        let state = FakeState::default();
        let name = StateName::new(DECISION).unwrap();
        let _written: Written = state.write(&name, b"{}\n", Expected::Absent).await.unwrap();
        let metrics: Arc<Metrics> = Arc::default();
        let scribe = Scribe::new(state, FakeReceipts::default(), Some(Late::default()), Arc::clone(&metrics));
        let counted = |failures: usize| {
            let line = format!("\ngoldseal_hook_receipt_failures_total {failures}\n");
            metrics.text(Timestamp::UNIX_EPOCH).contains(&line)
        };
        assert!(counted(0));
        scribe.write().await;
        let claims = StateName::new("v1/receipted").unwrap();
        assert!(counted(1) && scribe.state.list(&claims, 1).await.unwrap().is_empty(), "nothing is claimed");
        scribe.write().await;
        assert!(counted(2), "what is recorded is no decision, which counts as well");
        assert_eq!(scribe.state.list(&claims, 1).await.unwrap().len(), 1);
        scribe.write().await;
        assert!(counted(2));
    }
}
