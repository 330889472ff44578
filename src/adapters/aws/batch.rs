//! Single questions → few calls: what many callers ask within a moment goes out in one call.
//!
//! A batch goes out when it is full, when nothing new came for a moment, or when its first question has waited long
//! enough; meanwhile the next one fills. Few questions go out soon; many are of a scale-out, which is worth waiting for:
//! its messages come ten at a time. It is driven by those who wait for it and by nobody else: a caller that goes
//! away leaves it to the others, and when the last has gone, so has the call.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use goldseal_core::ports::PortError;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// More questions than a queue hands out messages at once are many.
const FEW: usize = 10;

/// When a batch goes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// So many different questions fill it.
    pub most: usize,
    /// Nothing new came for so long, and there are few.
    pub quiet: Duration,
    /// Nothing new came for so long, and there are many.
    pub lull: Duration,
    /// The first question has waited for so long.
    pub longest: Duration,
}

impl Terms {
    /// Returns those for calls that take so many questions.
    pub(super) fn of(most: usize) -> Self {
        let [quiet, lull, longest] = [150, 1000, 3000].map(Duration::from_millis);
        Self { most, quiet, lull, longest }
    }

    /// When a batch is due that has so many questions, if no other comes.
    fn due(&self, asked: usize, first: Instant, last: Instant) -> Instant {
        let pause = if asked > FEW { self.lull } else { self.quiet };
        (last + pause).min(first + self.longest)
    }
}

/// Questions of one kind. Clones share their batches.
pub(super) struct Batches<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    terms: Terms,
    call: Box<Call<K, V>>,
    filling: Mutex<Option<Filling<K, V>>>,
}

type Call<K, V> = dyn Fn(Vec<K>) -> BoxFuture<'static, Found<K, V>> + Send + Sync;
/// What a call found, by question; what is not in it, is not there.
type Found<K, V> = Result<BTreeMap<K, V>, PortError>;
type Batch<K, V> = BoxFuture<'static, Arc<Found<K, V>>>;

/// The batch that takes questions, for as long as somebody waits for it.
struct Filling<K, V> {
    questions: Arc<Questions<K>>,
    batch: WeakShared<Batch<K, V>>,
}

struct Questions<K> {
    asked: Mutex<Asked<K>>,
    full: Notify,
}

struct Asked<K> {
    keys: BTreeSet<K>,
    first: Instant,
    last: Instant,
    closed: bool,
}

impl<K, V> Batches<K, V>
where
    K: Ord + Clone + fmt::Display + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Asks with this call; it may leave out what it did not find, and must not be given more than it takes.
    pub(super) fn new<F>(terms: Terms, call: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Found<K, V>> + Send + 'static,
    {
        let call = Box::new(move |keys| call(keys).boxed());
        Self(Arc::new(Inner { terms, call, filling: Mutex::default() }))
    }

    /// Asks one question, in the batch that is filling. A call that fails, fails for each of its questions.
    pub(super) async fn ask(&self, key: &K) -> Result<Option<V>, PortError> {
        match &*self.join(key).await {
            Ok(found) => Ok(found.get(key).cloned()),
            Err(error) => {
                let own = PortError::new(error.kind, error.operation, key);
                Err(match &error.source {
                    Some(cause) => own.because(cause.to_string()),
                    None => own,
                })
            }
        }
    }

    fn join(&self, key: &K) -> Shared<Batch<K, V>> {
        let mut filling = lock(&self.0.filling);
        if let Some(Filling { questions, batch }) = &*filling
            && let Some(batch) = batch.upgrade()
            && questions.take(key, self.0.terms.most)
        {
            return batch;
        }
        let now = Instant::now();
        let asked = Asked { keys: BTreeSet::new(), first: now, last: now, closed: false };
        let questions = Arc::new(Questions { asked: Mutex::new(asked), full: Notify::new() });
        questions.take(key, self.0.terms.most);
        let (inner, taken) = (Arc::clone(&self.0), Arc::clone(&questions));
        let batch = async move {
            let keys = taken.gather(inner.terms).await;
            Arc::new((inner.call)(keys).await)
        };
        let batch = batch.boxed().shared();
        *filling = batch.downgrade().map(|batch| Filling { questions, batch });
        batch
    }
}

impl<K: Ord + Clone> Questions<K> {
    /// Takes a question, unless the batch has gone out or is full without it.
    fn take(&self, key: &K, most: usize) -> bool {
        let mut asked = lock(&self.asked);
        if asked.closed {
            return false;
        }
        asked.keys.insert(key.clone());
        asked.last = Instant::now();
        if asked.keys.len() >= most {
            asked.closed = true;
            self.full.notify_one();
        }
        true
    }

    async fn gather(&self, terms: Terms) -> Vec<K> {
        loop {
            let due = {
                let mut asked = lock(&self.asked);
                let due = terms.due(asked.keys.len(), asked.first, asked.last);
                if asked.closed || due <= Instant::now() {
                    asked.closed = true;
                    return std::mem::take(&mut asked.keys).into_iter().collect();
                }
                due
            };
            // Full or due, the next look tells.
            timeout_at(due, self.full.notified()).await.unwrap_or_default();
        }
    }
}

impl<K, V> Clone for Batches<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> fmt::Debug for Batches<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Batches").field(&self.0.terms).finish()
    }
}

/// Nothing is left half done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
