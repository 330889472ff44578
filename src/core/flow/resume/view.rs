//! A fleet of which some places were seen before: those answer from what was kept, the others are asked and kept.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use super::{
    Asking, Resumption,
    facts::{Heard, Told},
};
use crate::{
    doctor::Launchable,
    fleet::{AllowedImages, Listed, Place, ReplacedRoot},
    ids::{AccountId, ImageRef, InstanceId, Region, VolumeId},
    image::DescribedImage,
    lifecycle::{Instance, Volume},
    ports::{Account, Fleets, Grouped, ImageCatalog, PortError, Progress, StateStore, View},
};

/// See the module.
#[derive(Debug)]
pub struct Resumed<'a, F, S, N> {
    fleets: &'a F,
    by: &'a Resumption<S, N>,
}

/// See the module.
#[derive(Debug)]
pub struct ResumedView<'a, V, S, N> {
    view: V,
    by: &'a Resumption<S, N>,
    sight: Sight,
}

#[derive(Debug)]
enum Sight {
    Before(Box<Told>),
    Now(Asking, Box<Mutex<Heard>>),
}

impl<S, N> Resumption<S, N> {
    /// Returns a fleet as it is seen with what was kept.
    pub fn over<'a, F>(&'a self, fleets: &'a F) -> Resumed<'a, F, S, N> {
        Resumed { fleets, by: self }
    }
}

impl<'a, F, S, N> Fleets for Resumed<'a, F, S, N>
where
    F: Fleets<View: Send + Sync> + Sync,
    S: StateStore + Sync,
    N: Fn() -> Timestamp + Sync,
{
    type View = ResumedView<'a, F::View, S, N>;

    async fn accounts(&self) -> Result<Vec<Account>, PortError> {
        self.fleets.accounts().await
    }

    async fn regions(&self, account: &AccountId) -> Result<Vec<Region>, PortError> {
        self.fleets.regions(account).await
    }

    async fn view(&self, place: &Place) -> Result<Self::View, PortError> {
        let view = self.fleets.view(place).await?;
        let sight = match self.by.recall(place).await? {
            Ok(told) => Sight::Before(told),
            Err(asking) => Sight::Now(asking, Box::default()),
        };
        Ok(ResumedView { view, by: self.by, sight })
    }
}

impl<V, S: StateStore, N: Fn() -> Timestamp> ResumedView<'_, V, S, N> {
    /// Answers from what was kept, or by asking, and keeps the answer once it is the last.
    async fn told<T: Clone, A: Future<Output = Result<T, PortError>>>(
        &self,
        before: impl FnOnce(&Told) -> T,
        ask: impl FnOnce() -> A,
        hear: impl FnOnce(&mut Heard) -> &mut Option<T>,
    ) -> Result<T, PortError> {
        match &self.sight {
            Sight::Before(told) => Ok(before(told)),
            Sight::Now(asking, heard) => {
                let answer = ask().await?;
                let whole = {
                    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                    *hear(&mut heard) = Some(answer.clone());
                    heard.whole()
                };
                if let Some(told) = whole {
                    self.by.keep(asking, told).await;
                }
                Ok(answer)
            }
        }
    }
}

impl<V, S, N> View for ResumedView<'_, V, S, N>
where
    V: View + Send + Sync,
    S: StateStore + Sync,
    N: Fn() -> Timestamp + Sync,
{
    async fn listed(&self, progress: &impl Progress) -> Result<Vec<Listed>, PortError> {
        self.told(|told| told.listed.clone(), || self.view.listed(progress), |heard| &mut heard.listed).await
    }

    async fn described(&self) -> Result<BTreeMap<InstanceId, Result<Instance, String>>, PortError> {
        let before = |told: &Told| told.described.iter().map(|(id, one)| (id.clone(), Ok(one.clone()))).collect();
        self.told(before, || self.view.described(), |heard| &mut heard.described).await
    }

    async fn volumes(&self, ids: &[VolumeId]) -> Result<BTreeMap<VolumeId, Volume>, PortError> {
        let before = |told: &Told| {
            let volume = |id: &VolumeId| Some((id.clone(), told.volumes.get(id)?.clone()));
            ids.iter().filter_map(volume).collect()
        };
        self.told(before, || self.view.volumes(ids), |heard| &mut heard.volumes).await
    }

    async fn grouped(&self) -> Result<Vec<Grouped>, PortError> {
        self.told(Told::grouped, || self.view.grouped(), |heard| &mut heard.groups).await
    }

    async fn named(&self) -> Result<Vec<Launchable>, PortError> {
        self.told(|told| told.named.clone(), || self.view.named(), |heard| &mut heard.named).await
    }

    async fn replaced_roots(&self) -> Result<Vec<ReplacedRoot>, PortError> {
        self.told(|told| told.replaced.clone(), || self.view.replaced_roots(), |heard| &mut heard.replaced).await
    }

    async fn allowed_images(&self) -> Result<AllowedImages, PortError> {
        self.told(|told| told.allowed, || self.view.allowed_images(), |heard| &mut heard.allowed).await
    }
}

/// What an image is decides what may run: it is asked for each time.
impl<V, S, N> ImageCatalog for ResumedView<'_, V, S, N>
where
    V: ImageCatalog + Send + Sync,
    S: Sync,
    N: Sync,
{
    async fn describe(&self, image: &ImageRef) -> Result<Option<DescribedImage>, PortError> {
        self.view.describe(image).await
    }
}
