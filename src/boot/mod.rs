//! The boot guard: `flow::boot` with a clock, and what is done about its decision.
//!
//! IMDS and the store are asked again until the deadline, because the network may still be coming up. A rejection ends
//! that at once; not knowing, only the deadline does.

mod around;
pub mod end;
pub mod inspect;
pub mod install;
pub mod root;
pub mod say;
pub mod units;

use std::{fmt::Display, sync::Arc, time::Duration};

use goldseal_core::{
    digest::Sha256Digest,
    enforcement::{BootStep, Patience},
    flow::{
        TrustSources,
        boot::{Decision, Memory, Sight, decide, look, recognise},
        listed,
    },
    identity::{Certificates, InstanceIdentity},
    ids::ImageRef,
    image::{DescribedImage, Descriptor},
    policy::{FoundReceipt, Keys, Policy, WantedReceipts},
    ports::{
        EvidenceStore, Expected, ImageCatalog, InstanceMetadata, KeyCatalog, ListStore, Listing, PortError,
        PortErrorKind, StateStore, Stored, Written,
    },
    report::Note,
    trust::KeyAnswer,
};
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};

use crate::adapters::carried::Carrying;

/// The first wait between looks; each is twice as long as the one before, up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long one look may take: a connection that hangs must not eat up the deadline.
const LOOK: Duration = Duration::from_secs(20);
/// The last look begins before the deadline, and has this long at least.
const SHORTEST_LOOK: Duration = Duration::from_secs(1);
/// How long EC2 may take, beside the evidence.
const DESCRIBE: Duration = Duration::from_secs(3);
/// Why there are no keys of KMS.
const NO_KMS: &str = "nobody asks KMS at boot";
/// How long the disk may take.
const DISK: Duration = Duration::from_secs(2);

/// What every boot is judged by.
#[derive(Debug)]
pub struct Guard {
    /// The policy.
    pub policy: Policy,
    /// Whose identity documents are believed.
    pub certificates: Certificates,
    /// When there must be a verdict.
    pub deadline: Instant,
    /// What time it is.
    pub clock: fn() -> Timestamp,
}

/// What is asked about the image of an instance, once it is known which that is.
#[derive(Debug)]
pub struct Sources<C, S> {
    /// EC2, where it is asked.
    pub ec2: Option<C>,
    /// The evidence.
    pub store: S,
    /// Where overrides are carried, past the store.
    pub carrying: Carrying,
}

/// A boot that was judged.
#[derive(Debug)]
pub struct Judged {
    /// What was decided.
    pub decision: Decision,
    /// On what; none of an instance that could not be identified.
    on: Option<(InstanceIdentity, Sight, Memory)>,
}

impl Guard {
    /// Judges this boot. `open` connects to what is asked about the image.
    ///
    /// # Errors
    /// Those of `open`: mistakes in the settings.
    pub async fn judge<C, S, F>(
        &self,
        imds: &impl InstanceMetadata,
        state: &(impl StateStore + Sync),
        open: impl FnOnce(InstanceIdentity) -> F,
    ) -> anyhow::Result<Judged>
    where
        C: ImageCatalog + Sync,
        S: EvidenceStore + ListStore + Sync,
        F: Future<Output = anyhow::Result<Sources<C, S>>>,
    {
        let mut pause = PAUSE;
        let identity = loop {
            let unknown = match recognise(imds.identity().await, &self.certificates, (self.clock)()) {
                Ok(identity) => break identity,
                Err(verdict) => verdict,
            };
            let (nothing, patience) = (Memory::default(), self.patience(pause));
            let decision = decide(Err(unknown), &nothing, &self.policy, patience, (self.clock)());
            if decision.step != BootStep::AskAgain {
                return Ok(Judged { decision, on: None });
            }
            pause = rest(pause).await;
        };
        let sources = open(identity.clone()).await?;
        let memory = timeout(DISK, Memory::recall(state, &identity)).await.unwrap_or_default();
        loop {
            let mut sight = self.look(&identity, &sources, state).await;
            let patience = self.patience(pause);
            if patience == Patience::Over {
                // What takes longer stands in for nothing.
                let _late = timeout(DISK, sight.stand_in(state, &self.policy, &memory, (self.clock)())).await;
            }
            let decision = decide(Ok((&identity, &sight)), &memory, &self.policy, patience, (self.clock)());
            if decision.step != BootStep::AskAgain {
                return Ok(Judged { decision, on: Some((identity, sight, memory)) });
            }
            pause = rest(pause).await;
        }
    }

    async fn look<C: ImageCatalog + Sync, S: EvidenceStore + ListStore + Sync>(
        &self,
        identity: &InstanceIdentity,
        sources: &Sources<C, S>,
        state: &(impl StateStore + Sync),
    ) -> Sight {
        let left = self.deadline.saturating_duration_since(Instant::now()).clamp(SHORTEST_LOOK, LOOK);
        let ec2 = sources.ec2.as_ref().map(|inner| Briefly { inner, most: DESCRIBE.min(left) });
        let store = Briefly { inner: &sources.store, most: left };
        let carried =
            async { if self.policy.overrides().is_some() { sources.carrying.read().await } else { Vec::new() } };
        // What takes longer lets nothing pass.
        let carried = timeout(left, carried).await.unwrap_or_default();
        let lists =
            TrustSources { clock: self.clock, keys: &NoKms, store: &store, state: Some(state), carried: &carried };
        let keys = || Keys::new(&self.policy, |_| Err(NO_KMS.to_owned()));
        // Without lists that came in time, a policy that asks for some admits nothing.
        let listed = timeout(left + DISK, listed(&self.policy, keys(), &lists)).await;
        let keys = Arc::new(listed.unwrap_or_else(|_late| keys()));
        look(identity, ec2.as_ref(), &store, &self.policy, &keys).await
    }

    fn patience(&self, pause: Duration) -> Patience {
        if Instant::now() + pause < self.deadline { Patience::Left } else { Patience::Over }
    }
}

impl Judged {
    /// Remembers an admission for later boots, where it can.
    pub async fn remember(&mut self, policy: &Policy, state: &impl StateStore) {
        let Some((identity, sight, memory)) = &self.on else { return };
        let kept = timeout(DISK, memory.keep(state, identity, sight, policy, &self.decision)).await;
        let late =
            |_elapsed| vec![Note::new("state-not-kept", "for later boots nothing could be remembered: the disk hangs")];
        self.decision.report.judged.notes.extend(kept.unwrap_or_else(late));
    }
}

async fn rest(pause: Duration) -> Duration {
    sleep(pause).await;
    LONGEST_PAUSE.min(pause * 2)
}

/// What is asked, with so much time for an answer: a question that hangs is one without an answer.
struct Briefly<'i, T> {
    inner: &'i T,
    most: Duration,
}

impl<T> Briefly<'_, T> {
    async fn within<R>(
        &self,
        operation: &'static str,
        asked: &impl Display,
        answer: impl Future<Output = Result<R, PortError>> + Send,
    ) -> Result<R, PortError> {
        timeout(self.most, answer).await.unwrap_or_else(|_late| {
            let why = format!("no answer within {} ms", self.most.as_millis());
            Err(PortError::new(PortErrorKind::Unavailable, operation, asked).because(why))
        })
    }
}

impl<C: ImageCatalog + Sync> ImageCatalog for Briefly<'_, C> {
    async fn describe(&self, image: &ImageRef) -> Result<Option<DescribedImage>, PortError> {
        self.within("ec2:DescribeImages", image, self.inner.describe(image)).await
    }
}

impl<S: ListStore + Sync> ListStore for Briefly<'_, S> {
    async fn read_list(&self, listing: &Listing) -> Result<Option<Stored>, PortError> {
        self.within("store:read", &self.locate_list(listing), self.inner.read_list(listing)).await
    }

    async fn write_list(&self, listing: &Listing, bytes: &[u8], expected: Expected) -> Result<Written, PortError> {
        self.inner.write_list(listing, bytes, expected).await
    }

    fn locate_list(&self, listing: &Listing) -> String {
        self.inner.locate_list(listing)
    }
}

/// KMS, which nobody asks.
struct NoKms;

impl KeyCatalog for NoKms {
    async fn public_key(&self, uri: &str) -> Result<KeyAnswer, PortError> {
        Err(PortError::new(PortErrorKind::Refused, "kms:GetPublicKey", uri).because(NO_KMS))
    }
}

impl<S: EvidenceStore + Sync> EvidenceStore for Briefly<'_, S> {
    async fn read(&self, image: &ImageRef) -> Result<Option<Stored>, PortError> {
        self.within("store:read", image, self.inner.read(image)).await
    }

    async fn write(&self, image: &Descriptor, evidence: &[u8], expected: Expected) -> Result<Written, PortError> {
        self.inner.write(image, evidence, expected).await
    }

    fn locate(&self, image: &ImageRef) -> String {
        self.inner.locate(image)
    }

    async fn receipts(
        &self,
        image: &ImageRef,
        evidence: Option<Sha256Digest>,
        wanted: WantedReceipts,
    ) -> Result<Vec<FoundReceipt>, PortError> {
        self.within("receipts:read", image, self.inner.receipts(image, evidence, wanted)).await
    }
}

#[cfg(test)]
mod tests;
