//! The user's AWS settings → SDK clients, one for each service and region, made when first asked for.
//!
//! Settings come from the environment and the profile files, as in every AWS tool: credentials, region, proxies,
//! retries, and `AWS_ENDPOINT_URL` with its forms for one service. Loading them reads files at most: the network is
//! first used by the first call. No SDK type leaves this directory but S3's client, which the S3 store needs.

mod ebs;
mod ec2;
mod external_mu;
pub mod fault;
mod kms;
mod publishing;
mod ssm;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

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
use goldseal_core::{
    ids::Region,
    ports::{PortError, PortErrorKind},
};
use tokio::sync::OnceCell;

pub use self::{
    ebs::Ebs,
    ec2::Ec2,
    kms::{KmsKeys, KmsSigner},
    publishing::Publisher,
};

/// What the SDK believes when nobody named a region: it would ask the metadata service while loading otherwise. Only
/// a credential source that needs STS could come to use it, since every client here is made for a region by name.
const PLACEHOLDER_REGION: &str = "us-east-1";

/// AWS settings, and the clients made of them. Clones share both.
#[derive(Clone)]
pub struct AwsConfig(Arc<Shared>);

struct Shared {
    sdk: SdkConfig,
    imds: imds::Client,
    configured: Option<String>,
    region: OnceCell<Region>,
    ec2: PerRegion<aws_sdk_ec2::Client>,
    ebs: PerRegion<aws_sdk_ebs::Client>,
    kms: PerRegion<aws_sdk_kms::Client>,
    s3: PerRegion<aws_sdk_s3::Client>,
    ssm: PerRegion<aws_sdk_ssm::Client>,
}

type PerRegion<C> = Mutex<BTreeMap<Region, C>>;

impl AwsConfig {
    /// Loads the settings; a region and a profile given here go before those of the environment.
    ///
    /// Credentials are looked for by the first call, not here.
    pub async fn load(region: Option<&Region>, profile: Option<&str>) -> Self {
        let version = BehaviorVersion::v2026_01_12();
        let base = ProviderConfig::without_region().with_behavior_version(Some(version));
        let mut from_profile = ProfileFileRegionProvider::builder().configure(&base);
        let mut loader = aws_config::defaults(version).timeout_config(timeouts());
        if let Some(profile) = profile {
            from_profile = from_profile.profile_name(profile);
            loader = loader.profile_name(profile);
        }
        let environment = EnvironmentVariableRegionProvider::new();
        let given = RegionProviderChain::first_try(region.map(to_sdk));
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
        Self::new(sdk, imds, configured.map(|region| region.to_string()))
    }

    fn new(sdk: SdkConfig, imds: imds::Client, configured: Option<String>) -> Self {
        Self(Arc::new(Shared {
            sdk,
            imds,
            configured,
            region: OnceCell::new(),
            ec2: PerRegion::default(),
            ebs: PerRegion::default(),
            kms: PerRegion::default(),
            s3: PerRegion::default(),
            ssm: PerRegion::default(),
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
            found.parse().map_err(|fault: goldseal_core::ids::NotAnId| refuse(fault.to_string()))
        };
        self.0.region.get_or_try_init(find).await.cloned()
    }

    /// Returns S3's client for a region.
    ///
    /// Buckets are named in the path if `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_S3` is set: what stands behind such a
    /// URL seldom answers to a host name for each bucket.
    pub fn s3(&self, region: &Region) -> aws_sdk_s3::Client {
        cached(&self.0.s3, region, || {
            let config = aws_sdk_s3::config::Builder::from(&self.0.sdk).region(to_sdk(region));
            let elsewhere = self.0.sdk.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
            aws_sdk_s3::Client::from_conf(config.force_path_style(elsewhere).build())
        })
    }

    fn ec2(&self, region: &Region) -> aws_sdk_ec2::Client {
        cached(&self.0.ec2, region, || {
            let config = aws_sdk_ec2::config::Builder::from(&self.0.sdk).region(to_sdk(region));
            aws_sdk_ec2::Client::from_conf(config.build())
        })
    }

    fn ebs(&self, region: &Region) -> aws_sdk_ebs::Client {
        cached(&self.0.ebs, region, || {
            let config = aws_sdk_ebs::config::Builder::from(&self.0.sdk).region(to_sdk(region));
            aws_sdk_ebs::Client::from_conf(config.build())
        })
    }

    fn ssm(&self, region: &Region) -> aws_sdk_ssm::Client {
        cached(&self.0.ssm, region, || {
            let config = aws_sdk_ssm::config::Builder::from(&self.0.sdk).region(to_sdk(region));
            aws_sdk_ssm::Client::from_conf(config.build())
        })
    }

    fn kms(&self, region: &Region, endpoint: Option<&str>) -> aws_sdk_kms::Client {
        let config = || aws_sdk_kms::config::Builder::from(&self.0.sdk).region(to_sdk(region));
        match endpoint {
            Some(url) => aws_sdk_kms::Client::from_conf(config().endpoint_url(url).build()),
            None => cached(&self.0.kms, region, || aws_sdk_kms::Client::from_conf(config().build())),
        }
    }
}

impl fmt::Debug for AwsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsConfig").field("region", &self.0.configured).finish_non_exhaustive()
    }
}

fn cached<C: Clone>(clients: &PerRegion<C>, region: &Region, make: impl FnOnce() -> C) -> C {
    // A client is whole before it is put in, so a poisoned map is as good as any.
    let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
    clients.entry(region.clone()).or_insert_with(make).clone()
}

fn to_sdk(region: &Region) -> aws_config::Region {
    aws_config::Region::new(region.to_string())
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
        let version = BehaviorVersion::v2026_01_12();
        let credentials = aws_sdk_ec2::config::Credentials::new(account, "testing", None, None, "test");
        let region = aws_config::Region::from_static("us-east-1");
        let loader = aws_config::defaults(version).credentials_provider(credentials).region(region);
        let sdk = loader.endpoint_url(endpoint).timeout_config(timeouts()).load().await;
        Self::new(sdk, metadata_client(&ProviderConfig::without_region()), Some("us-east-1".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_given_region_is_the_default_one_and_loading_needs_no_network() {
        let started = std::time::Instant::now();
        let given = "eu-central-1".parse().unwrap();
        let aws = AwsConfig::load(Some(&given), None).await;
        assert_eq!(aws.region().await.unwrap(), given);
        assert!(started.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_client_is_made_once_for_a_region() {
        let aws = AwsConfig::local("http://127.0.0.1:9", "123456789012").await;
        for region in ["eu-west-1", "eu-west-2", "eu-west-1"] {
            let client = aws.ec2(&region.parse().unwrap());
            assert_eq!(client.config().region().map(AsRef::as_ref), Some(region));
        }
        assert_eq!(aws.0.ec2.lock().unwrap().len(), 2);
    }
}
