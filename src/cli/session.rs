//! What commands share: settings, and the connections made of them when first needed.

use anyhow::{Context as _, Result};
use goldseal_core::{
    flow::{Carried, TrustSources},
    ids::ImageRef,
    ports::{KeyCatalog, Listing, Listings, PortError, PortErrorKind, Post, Postings},
    trust::KeyAnswer,
};
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::image::ImageArg;
use crate::{
    adapters::{
        aws::{AwsConfig, KmsKeys, Observer},
        carried::{CarriedPlace, Carrying},
        lake::{Lake, LakePlace},
        receipts::Receipts,
        state::State,
        store::{self, Store, StoreUrl, s3},
    },
    settings::{CarriedOverrides, Settings},
};

/// The settings of this run, and its connections.
pub struct Session {
    /// The settings.
    pub settings: Settings,
    /// The AWS profile, when one was named.
    pub profile: Option<String>,
    observer: Option<Observer>,
    aws: OnceCell<AwsConfig>,
}

impl Session {
    /// Starts without any connection.
    pub fn new(settings: Settings, profile: Option<String>) -> Self {
        Self { settings, profile, observer: None, aws: OnceCell::new() }
    }

    /// Returns the AWS settings, read at the first call.
    pub async fn aws(&self) -> &AwsConfig {
        let load = || AwsConfig::load(self.settings.region.as_ref(), self.profile.as_deref(), self.observer.clone());
        self.aws.get_or_init(load).await
    }

    /// Returns the AWS settings of a profile.
    pub async fn of_profile(&self, profile: &str) -> AwsConfig {
        AwsConfig::load(self.settings.region.as_ref(), Some(profile), self.observer.clone()).await
    }

    /// Tells somebody of every AWS call. It must be said before the first connection is made.
    pub fn observe(&mut self, observer: Observer) {
        self.observer = Some(observer);
    }

    /// Completes image arguments with the default region, which is looked up only when one of them needs it.
    pub async fn images(&self, args: &[ImageArg]) -> Result<Vec<ImageRef>> {
        let default = match &self.settings.region {
            Some(region) => Some(region.clone()),
            None if args.iter().all(|arg| arg.region().is_some()) => None,
            None => Some(self.aws().await.region().await.context("finding the region of the images")?),
        };
        args.iter().map(|arg| arg.in_region(default.as_ref()).context("no region for an image")).collect()
    }

    /// Opens the store of the settings.
    pub async fn store(&self) -> Result<Store> {
        self.store_at(self.settings.store()?).await
    }

    async fn store_at(&self, url: &StoreUrl) -> Result<Store> {
        let settings = store::Settings { ca_file: self.settings.ca_file.clone(), ..store::Settings::default() };
        let store = Store::open(url, &settings, self.bucket(url).await?)?;
        Ok(store.with_receipts(self.receipts().await?))
    }

    /// Opens the place of receipts, if there is one.
    pub async fn receipts(&self) -> Result<Option<Receipts>> {
        let Some(url) = self.settings.receipts() else { return Ok(None) };
        Ok(Some(Receipts::open(url, self.bucket(url).await?)?))
    }

    /// Opens the places where overrides are carried. One that cannot be opened is told of when it is asked: who lets
    /// somebody pass must not stop everything else.
    pub async fn carrying(&self, overrides: &CarriedOverrides) -> Carrying {
        let mut carrying = Carrying::default();
        for place in &overrides.places {
            match place {
                CarriedPlace::File(path) => carrying.file(path.clone(), overrides.named),
                CarriedPlace::Store(url) => {
                    carrying.store(url, self.store_at(url).await.map_err(|error| format!("{error:#}")));
                }
            }
        }
        carrying
    }

    /// Opens the state of an enforcement point.
    pub async fn state(&self, url: &StoreUrl) -> Result<State> {
        Ok(State::open(url, self.bucket(url).await?)?)
    }

    /// Opens a place for the events of audits.
    pub async fn lake(&self, place: &LakePlace) -> Result<Lake> {
        let connection = match place.bucket() {
            Some(url) => self.bucket(url).await?,
            None => None,
        };
        Ok(Lake::open(place, connection)?)
    }

    /// Connects to the bucket of a URL, when it names one.
    pub async fn bucket(&self, url: &StoreUrl) -> Result<Option<s3::Connection>> {
        let Some(bucket) = url.bucket() else { return Ok(None) };
        let aws = self.aws().await;
        let region = aws.region().await.with_context(|| format!("finding the region of the bucket {bucket}"))?;
        Ok(Some(aws.s3(&region)))
    }

    /// Returns where keys and lists are asked for; AWS settings are read, and the store is opened, when one is.
    pub fn keys(&self) -> Keys<'_> {
        Keys { session: self, state: None, carrying: None }
    }
}

/// KMS and the lists of the store, connected at the first question: a policy of PEM keys without lists needs neither.
pub struct Keys<'s> {
    session: &'s Session,
    state: Option<&'s State>,
    /// Overrides from these places instead of those of the settings.
    carrying: Option<Carrying>,
}

impl<'s> Keys<'s> {
    /// Looks for carried overrides elsewhere than the settings say.
    pub fn carrying(self, carrying: Carrying) -> Self {
        Self { carrying: Some(carrying), ..self }
    }

    /// Keeps the newest revocation list in a state.
    pub fn keeping(self, state: Option<&'s State>) -> Self {
        Self { state, ..self }
    }

    fn sources<'a>(&'a self, store: &'a Store, carried: &'a [Carried]) -> TrustSources<'a, Self, Store, State> {
        TrustSources { clock: Timestamp::now, keys: self, store, state: self.state, carried }
    }

    async fn carried(&self, listing: &Listing) -> Vec<Carried> {
        match (listing, &self.carrying) {
            (Listing::Revocations(_), _) => Vec::new(),
            (Listing::Overrides, Some(carrying)) => carrying.read().await,
            (Listing::Overrides, None) => self.session.carrying(&self.session.settings.overrides).await.read().await,
        }
    }
}

impl KeyCatalog for Keys<'_> {
    async fn public_key(&self, uri: &str) -> Result<KeyAnswer, PortError> {
        KmsKeys::new(self.session.aws().await).public_key(uri).await
    }
}

impl Listings for Keys<'_> {
    async fn posted(&self, listing: &Listing) -> Postings {
        let carried = self.carried(listing).await;
        match self.session.store().await {
            Ok(store) => self.sources(&store, &carried).posted(listing).await,
            Err(error) => {
                let answer = Err(unopened(&error));
                let post = Post { place: "the store".to_owned(), answer, kept: false };
                let posts = std::iter::once(post).chain(carried.iter().map(Carried::post)).collect();
                Postings { at: Timestamp::now(), posts }
            }
        }
    }

    async fn keep(&self, listing: &Listing, bytes: &[u8]) -> Result<(), PortError> {
        let store = self.session.store().await.map_err(|error| unopened(&error))?;
        self.sources(&store, &[]).keep(listing, bytes).await
    }
}

fn unopened(error: &anyhow::Error) -> PortError {
    PortError::new(PortErrorKind::Unavailable, "opening", "the store").because(format!("{error:#}"))
}
