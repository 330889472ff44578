//! The user's AWS settings → SDK clients, one for each service and region, made when first asked for.
//!
//! Settings come from the environment and the profile files, as in every AWS tool: credentials, region, proxies,
//! retries, and `AWS_ENDPOINT_URL` with its forms for one service. Loading them reads files at most: the network is
//! first used by the first call. No SDK type leaves this directory but S3's client, which the S3 store needs.

mod accounts;
mod asker;
mod autoscaling;
mod batch;
mod calls;
mod clients;
mod containment;
mod ebs;
mod ec2;
mod enrolling;
mod external_mu;
pub mod fault;
#[cfg(test)]
mod fleet;
mod instances;
mod kms;
mod launch_queue;
mod pace;
mod pages;
mod publishing;
mod queue_url;
mod running;
mod security_hub;
mod signed;
mod sqs;
mod ssm;
mod surroundings;
mod templates;

use std::{fmt, sync::Arc, time::Duration};

use aws_config::{
    BehaviorVersion, SdkConfig,
    default_provider::credentials::DefaultCredentialsChain,
    environment::EnvironmentVariableRegionProvider,
    imds::{self, region::ImdsRegionProvider},
    meta::region::RegionProviderChain,
    profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider},
    provider_config::ProviderConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_sts::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use goldseal_core::{
    ids::{AccountId, NotAnId, Region},
    ports::{PortError, PortErrorKind},
};
use tokio::sync::OnceCell;

pub use self::{
    accounts::{Accounts, Chosen, Role},
    autoscaling::AutoScaling,
    calls::Observer,
    ebs::Ebs,
    ec2::Ec2,
    instances::Ec2Instances,
    kms::{KmsKeys, KmsSigner},
    launch_queue::WatchedQueue,
    publishing::Publisher,
    queue_url::{NotAQueueUrl, QueueUrl},
    sqs::{NotDone, Queue, Received},
    surroundings::Surroundings,
};
use self::{clients::Clients, pace::Pace};

/// What the SDK believes when nobody named a region: it would ask the metadata service while loading otherwise. Only
/// a credential source that needs STS could come to use it, since every client here is made for a region by name.
const PLACEHOLDER_REGION: &str = "us-east-1";

const IDENTITY: &str = "sts:GetCallerIdentity";

/// AWS settings, and the clients made of them. Clones share both.
#[derive(Clone)]
pub struct AwsConfig(Arc<Shared>);

struct Shared {
    sdk: SdkConfig,
    imds: imds::Client,
    configured: Option<String>,
    region: OnceCell<Region>,
    account: OnceCell<AccountId>,
    calls: Option<SharedInterceptor>,
    clients: Clients,
    pace: Pace,
}

impl AwsConfig {
    /// Loads the settings; a region and a profile given here go before those of the environment.
    ///
    /// Credentials are looked for by the first call, not here. The observer is told of all calls of all clients.
    pub async fn load(region: Option<&Region>, profile: Option<&str>, observer: Option<Observer>) -> Self {
        let version = BehaviorVersion::v2026_01_12();
        let base = ProviderConfig::without_region().with_behavior_version(Some(version));
        let mut from_profile = ProfileFileRegionProvider::builder().configure(&base);
        let mut loader = aws_config::defaults(version).timeout_config(timeouts());
        if let Some(profile) = profile {
            from_profile = from_profile.profile_name(profile);
            loader = loader.profile_name(profile);
        }
        let environment = EnvironmentVariableRegionProvider::new();
        let given = RegionProviderChain::first_try(region.map(|region| aws_config::Region::new(region.to_string())));
        // A profile that is named goes before the environment, with its region as with its credentials.
        let chain = match profile {
            Some(_) => given.or_else(from_profile.build()).or_else(environment),
            None => given.or_else(environment).or_else(from_profile.build()),
        };
        let configured = chain.region().await;
        let imds = metadata_client(&base);
        let effective = configured.clone().unwrap_or(aws_config::Region::from_static(PLACEHOLDER_REGION));
        let loader = match profile {
            Some(profile) => {
                let base = base.with_region(Some(effective.clone()));
                let named = ProfileFileCredentialsProvider::builder().configure(&base).profile_name(profile);
                loader.credentials_provider(named.build())
            }
            None => {
                let chain = DefaultCredentialsChain::builder().configure(base).region(effective.clone());
                loader.credentials_provider(chain.imds_client(imds.clone()).build().await)
            }
        };
        let sdk = loader.region(effective).load().await;
        Self::new(sdk, imds, configured.map(|region| region.to_string()), observer)
    }

    fn new(sdk: SdkConfig, imds: imds::Client, configured: Option<String>, observer: Option<Observer>) -> Self {
        Self(Arc::new(Shared {
            sdk,
            imds,
            configured,
            region: OnceCell::new(),
            account: OnceCell::new(),
            calls: observer.map(calls::interceptor),
            clients: Clients::default(),
            pace: Pace::default(),
        }))
    }

    /// Returns the same settings with the credentials of somebody else.
    fn with_credentials(&self, provider: impl ProvideCredentials + 'static) -> Self {
        let sdk = self.0.sdk.to_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build();
        Self(Arc::new(Shared {
            sdk,
            imds: self.0.imds.clone(),
            configured: self.0.configured.clone(),
            region: OnceCell::new_with(self.0.region.get().cloned()),
            account: OnceCell::new(),
            calls: self.0.calls.clone(),
            clients: Clients::default(),
            pace: Pace::default(),
        }))
    }

    /// Returns the default region: the one given or configured, else the one that this instance runs in.
    ///
    /// # Errors
    /// [`PortErrorKind::NotFound`] when there is none, or it is not a region's name.
    pub async fn region(&self) -> Result<Region, PortError> {
        let refuse = |why: String| PortError::new(PortErrorKind::NotFound, "aws:Region", "default region").because(why);
        let find = || async {
            let found = match &self.0.configured {
                Some(configured) => Some(configured.clone()),
                None => {
                    let provider = ImdsRegionProvider::builder().imds_client(self.0.imds.clone()).build();
                    provider.region().await.map(|region| region.to_string())
                }
            };
            let found = found.ok_or_else(|| {
                refuse("none is known: give --region, set AWS_REGION, or put a region into the profile".to_owned())
            })?;
            found.parse().map_err(|fault: NotAnId| refuse(fault.to_string()))
        };
        self.0.region.get_or_try_init(find).await.cloned()
    }

    /// Returns the account of the caller, asked for once.
    ///
    /// # Errors
    /// [`PortError`], of the question or of [`Self::region`].
    pub async fn account(&self) -> Result<AccountId, PortError> {
        let find = || async {
            let answer = self.sts(&self.region().await?).get_caller_identity().send().await;
            let answer = answer.map_err(|error| fault::port_error(&error, IDENTITY, "the caller"))?;
            let malformed = |why: String| PortError::new(PortErrorKind::Malformed, IDENTITY, "the caller").because(why);
            let account = answer.account.ok_or_else(|| malformed("an answer without Account".to_owned()))?;
            account.parse().map_err(|fault: NotAnId| malformed(format!("Account: {fault}")))
        };
        self.0.account.get_or_try_init(find).await.cloned()
    }
}

impl fmt::Debug for AwsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsConfig").field("region", &self.0.configured).finish_non_exhaustive()
    }
}

/// An attempt may take a minute, for a block on a slow line; a connection may not.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(30))
        .operation_attempt_timeout(Duration::from_mins(1))
        .operation_timeout(Duration::from_mins(3))
        .build()
}

/// The SDK's own settings try for 30 seconds; on an instance the answer takes milliseconds, elsewhere it never comes.
fn metadata_client(base: &ProviderConfig) -> imds::Client {
    imds::Client::builder()
        .configure(base)
        .max_attempts(2)
        .connect_timeout(Duration::from_secs(1))
        .read_timeout(Duration::from_secs(1))
        .operation_timeout(Duration::from_secs(4))
        .build()
}

#[cfg(test)]
impl AwsConfig {
    /// Returns settings for the local AWS, as an account.
    pub(crate) async fn local(endpoint: &str, account: &str) -> Self {
        Self::local_observed(endpoint, account, None).await
    }

    pub(crate) async fn local_observed(endpoint: &str, account: &str, observer: Option<Observer>) -> Self {
        let version = BehaviorVersion::v2026_01_12();
        let credentials = aws_sdk_ec2::config::Credentials::new(account, "testing", None, None, "test");
        let region = aws_config::Region::from_static("us-east-1");
        let loader = aws_config::defaults(version).credentials_provider(credentials).region(region);
        let sdk = loader.endpoint_url(endpoint).timeout_config(timeouts()).load().await;
        Self::new(sdk, metadata_client(&ProviderConfig::without_region()), Some("us-east-1".to_owned()), observer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::cloud::cloud;

    #[tokio::test]
    async fn a_given_region_is_the_default_one_and_loading_needs_no_network() {
        let started = std::time::Instant::now();
        let given = "eu-central-1".parse().unwrap();
        let aws = AwsConfig::load(Some(&given), None, None).await;
        assert_eq!(aws.region().await.unwrap(), given);
        assert!(started.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test]
    async fn the_account_is_the_callers_and_asked_for_once() {
        let aws = AwsConfig::local(&cloud().endpoint, "620000000003").await;
        for _ in 0..2 {
            assert_eq!(aws.account().await.unwrap().as_str(), "620000000003");
        }
        let calls = cloud().calls("service=sts&account=620000000003");
        assert_eq!(calls.matches("GetCallerIdentity").count(), 1, "{calls}");
    }
}
