//! One case an image, shared by all launches that ask for it, and opened anew when it is no longer fresh.
//!
//! What is kept is the case, never a verdict: every launch judges it again, at its own instant. A case that lacks what
//! could not be asked for is shared by those who wait for it, and then forgotten.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use goldseal_core::{
    flow::{Case, Cases, Opened, TrustSources, keys, keys_again, outage},
    ids::ImageRef,
    policy::{Dossier, GrantState, Keys, Policy},
    ports::{EvidenceStore, ImageCatalog, KeyCatalog, ListStore, StateStore},
    verdict::Verdict,
};
use jiff::Timestamp;
use moka::{Expiry, future::Cache};

use super::metrics::{CaseResult, Metrics};
use crate::adapters::carried::Carrying;

/// How long facts and evidence of an image are taken for fresh.
const FRESH: Duration = Duration::from_secs(30);
/// How long keys and lists are. Before both are over, no launch is judged by a revocation list that is older.
const LISTED: Duration = Duration::from_secs(10);
/// How long it is believed that there is no evidence: it may be on its way.
const MISSING: Duration = Duration::from_secs(5);
/// How many images are kept.
const MOST: u64 = 512;

/// The ports that cases are opened with.
#[derive(Debug)]
pub struct Sources<C, S, K, T> {
    /// Where images are described.
    pub catalog: C,
    /// Where evidence is kept.
    pub store: S,
    /// Where keys are asked for.
    pub keys: K,
    /// Where last known good evidence is kept.
    pub state: T,
    /// Where overrides are carried, past the store.
    pub carrying: Carrying,
}

/// The cases under one policy.
#[derive(Debug)]
pub struct OpenCases<C, S, K, T> {
    policy: Arc<Policy>,
    sources: Arc<Sources<C, S, K, T>>,
    metrics: Arc<Metrics>,
    open: Cache<ImageRef, Arc<Case>>,
    dossiers: moka::sync::Cache<ImageRef, Arc<Dossier>>,
    keys: Cache<(), Arc<Keys>>,
    last: Mutex<Option<Arc<Keys>>>,
    kept: Mutex<BTreeMap<ImageRef, Timestamp>>,
}

struct Freshness;

impl Expiry<ImageRef, Arc<Case>> for Freshness {
    fn expire_after_create(&self, _: &ImageRef, case: &Arc<Case>, _: Instant) -> Option<Duration> {
        Some(if case.lacks_something() { MISSING } else { FRESH })
    }
}

impl<C, S, K, T> OpenCases<C, S, K, T>
where
    C: ImageCatalog + Send + Sync,
    S: EvidenceStore + ListStore + Send + Sync,
    K: KeyCatalog + Send + Sync,
    T: StateStore + Send + Sync,
{
    /// Starts without any.
    pub fn new(policy: Arc<Policy>, sources: Arc<Sources<C, S, K, T>>, metrics: Arc<Metrics>) -> Self {
        Self {
            policy,
            sources,
            metrics,
            open: Cache::builder().max_capacity(MOST).expire_after(Freshness).build(),
            dossiers: moka::sync::Cache::new(MOST),
            keys: Cache::builder().time_to_live(LISTED).build(),
            last: Mutex::default(),
            kept: Mutex::default(),
        }
    }

    async fn keys(&self) -> Arc<Keys> {
        let asked = async {
            let Sources { keys: kms, store, state, carrying, .. } = &*self.sources;
            let state = Some(state);
            let carried = if self.policy.overrides().is_some() { Box::pin(carrying.read()).await } else { Vec::new() };
            let asked = TrustSources { clock: Timestamp::now, keys: kms, store, state, carried: &carried };
            // On the heap: a worker's stack has to hold all that waits in one launch.
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let keys = Arc::new(match last {
                Some(last) => Box::pin(keys_again(&self.policy, &asked, &last)).await,
                None => Box::pin(keys(&self.policy, &asked)).await,
            });
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keys));
            let grants = keys.lists().grants(&self.policy, Timestamp::now());
            let counts = grants.iter().filter(|one| matches!(one.state, GrantState::Active | GrantState::NotYet));
            self.metrics.overrides(counts.map(|one| one.grant.from..one.grant.until).collect());
            if keys.is_complete() { Ok(keys) } else { Err(keys) }
        };
        match self.keys.try_get_with((), asked).await {
            Ok(keys) => keys,
            // Those who waited for them share them; nobody after them does.
            Err(incomplete) => Arc::clone(&incomplete),
        }
    }

    async fn open(&self, image: &ImageRef) -> Case {
        let Sources { catalog, store, state, .. } = &*self.sources;
        let keys = Box::pin(self.keys()).await;
        let before = self.dossiers.get(image);
        let Opened { mut case, bytes } = Case::open(image, catalog, store, &keys, before.as_ref()).await;
        if let Some(dossier) = case.dossier() {
            let again = before.is_some_and(|before| Arc::ptr_eq(&before, dossier));
            self.metrics.case(if again { CaseResult::Reused } else { CaseResult::Verified });
            self.dossiers.insert(image.clone(), Arc::clone(dossier));
        }
        let now = Timestamp::now();
        match (self.policy.launch().last_known_good, case.outage().is_some()) {
            (Some(age), true) => match outage::recall(state, image, age, now).await {
                Ok((evidence, note)) => {
                    self.metrics.stand_in();
                    case.stand_in(&evidence, note);
                }
                Err(why) => case.nothing_stands_in(&why),
            },
            (Some(_), false) => self.keep(image, &case, bytes.as_deref(), now).await,
            (None, _) => {}
        }
        case
    }

    /// Keeps evidence that admits, for a time when the store cannot be reached.
    async fn keep(&self, image: &ImageRef, case: &Case, bytes: Option<&[u8]>, now: Timestamp) {
        let Some(bytes) = bytes else { return };
        let last = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(image).copied();
        if !outage::worth_keeping(last, now) || !matches!(case.judge(&self.policy, now).verdict, Verdict::Admit(_)) {
            return;
        }
        match outage::keep(&self.sources.state, image, bytes, now).await {
            Ok(()) => {
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() >= usize::try_from(MOST).unwrap_or(usize::MAX) {
                    kept.clear();
                }
                kept.insert(image.clone(), now);
            }
            Err(error) => {
                self.metrics.state_failure();
                tracing::warn!(
                    event = "state-failed",
                    error = error.chain(),
                    "keeping last known good evidence failed"
                );
            }
        }
    }
}

impl<C, S, K, T> Cases for OpenCases<C, S, K, T>
where
    C: ImageCatalog + Send + Sync,
    S: EvidenceStore + ListStore + Send + Sync,
    K: KeyCatalog + Send + Sync,
    T: StateStore + Send + Sync,
{
    async fn case(&self, image: &ImageRef) -> Arc<Case> {
        let opened = async {
            let case = Arc::new(Box::pin(self.open(image)).await);
            if case.is_incomplete() { Err(case) } else { Ok(case) }
        };
        match self.open.try_get_with_by_ref(image, opened).await {
            Ok(case) => case,
            // Those who waited for it share it; nobody after them does.
            Err(incomplete) => {
                self.metrics.case(CaseResult::Incomplete);
                Arc::clone(&incomplete)
            }
        }
    }
}

#[cfg(test)]
mod tests;
