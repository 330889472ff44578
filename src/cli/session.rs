//! What commands share: settings, and the connections made of them when first needed.

use anyhow::{Context as _, Result};
use goldseal_core::{
    ids::ImageRef,
    ports::{KeyCatalog, PortError},
    trust::KeyAnswer,
};
use tokio::sync::OnceCell;

use super::image::ImageArg;
use crate::{
    adapters::{
        aws::{AwsConfig, KmsKeys},
        store::{self, Store},
    },
    settings::Settings,
};

/// The settings of this run, and its connections.
#[derive(Debug)]
pub struct Session {
    /// The settings.
    pub settings: Settings,
    /// The AWS profile, when one was named.
    pub profile: Option<String>,
    aws: OnceCell<AwsConfig>,
}

impl Session {
    /// Starts without any connection.
    pub fn new(settings: Settings, profile: Option<String>) -> Self {
        Self { settings, profile, aws: OnceCell::new() }
    }

    /// Returns the AWS settings, read at the first call.
    pub async fn aws(&self) -> &AwsConfig {
        self.aws.get_or_init(|| AwsConfig::load(self.settings.region.as_ref(), self.profile.as_deref())).await
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
        let url = self.settings.store()?;
        let settings = store::Settings { ca_file: self.settings.ca_file.clone(), ..store::Settings::default() };
        let Some(bucket) = url.bucket() else { return Ok(Store::open(url, &settings, None)?) };
        let aws = self.aws().await;
        let region = aws.region().await.with_context(|| format!("finding the region of the bucket {bucket}"))?;
        Ok(Store::open(url, &settings, Some(aws.s3(&region)))?)
    }

    /// Returns where the public keys of KMS authorities are asked for; AWS settings are read when one is.
    pub fn keys(&self) -> Keys<'_> {
        Keys(self)
    }
}

/// KMS, connected at the first question: a policy of PEM keys needs none.
#[derive(Debug)]
pub struct Keys<'s>(&'s Session);

impl KeyCatalog for Keys<'_> {
    async fn public_key(&self, uri: &str) -> Result<KeyAnswer, PortError> {
        KmsKeys::new(self.0.aws().await).public_key(uri).await
    }
}
