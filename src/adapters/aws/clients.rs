//! The SDK clients, one for each service and region, made when first asked for and all of the same settings.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use goldseal_core::ids::Region;

use super::AwsConfig;

/// The clients that were made so far.
#[derive(Default)]
pub(super) struct Clients {
    autoscaling: PerRegion<aws_sdk_autoscaling::Client>,
    ebs: PerRegion<aws_sdk_ebs::Client>,
    ec2: PerRegion<aws_sdk_ec2::Client>,
    kms: PerRegion<aws_sdk_kms::Client>,
    organizations: PerRegion<aws_sdk_organizations::Client>,
    s3: PerRegion<aws_sdk_s3::Client>,
    sqs: PerRegion<aws_sdk_sqs::Client>,
    ssm: PerRegion<aws_sdk_ssm::Client>,
    sts: PerRegion<aws_sdk_sts::Client>,
}

type PerRegion<C> = Mutex<BTreeMap<Region, C>>;

/// The settings of one service's client. Every service has a type of its own for them, and all have the same methods.
macro_rules! config {
    ($aws:expr, $sdk:ident, $region:expr) => {{
        let mut config = $sdk::config::Builder::from(&$aws.0.sdk).region(to_sdk($region));
        if let Some(calls) = &$aws.0.calls {
            config.push_interceptor(calls.clone());
        }
        config
    }};
}

macro_rules! client {
    ($aws:expr, $cache:ident, $sdk:ident, $region:expr) => {
        cached(&$aws.0.clients.$cache, $region, || $sdk::Client::from_conf(config!($aws, $sdk, $region).build()))
    };
}

impl AwsConfig {
    /// Returns S3's client for a region.
    ///
    /// Buckets are named in the path if `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_S3` is set: what stands behind such a
    /// URL seldom answers to a host name for each bucket.
    pub fn s3(&self, region: &Region) -> aws_sdk_s3::Client {
        cached(&self.0.clients.s3, region, || {
            let elsewhere = self.0.sdk.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
            let config = config!(self, aws_sdk_s3, region).force_path_style(elsewhere);
            aws_sdk_s3::Client::from_conf(config.build())
        })
    }

    pub(super) fn autoscaling(&self, region: &Region) -> aws_sdk_autoscaling::Client {
        client!(self, autoscaling, aws_sdk_autoscaling, region)
    }

    pub(super) fn ebs(&self, region: &Region) -> aws_sdk_ebs::Client {
        client!(self, ebs, aws_sdk_ebs, region)
    }

    pub(super) fn ec2(&self, region: &Region) -> aws_sdk_ec2::Client {
        client!(self, ec2, aws_sdk_ec2, region)
    }

    pub(super) fn kms(&self, region: &Region, endpoint: Option<&str>) -> aws_sdk_kms::Client {
        match endpoint {
            Some(url) => {
                let config = config!(self, aws_sdk_kms, region).endpoint_url(url);
                aws_sdk_kms::Client::from_conf(config.build())
            }
            None => client!(self, kms, aws_sdk_kms, region),
        }
    }

    pub(super) fn organizations(&self, region: &Region) -> aws_sdk_organizations::Client {
        client!(self, organizations, aws_sdk_organizations, region)
    }

    pub(super) fn sqs(&self, region: &Region) -> aws_sdk_sqs::Client {
        client!(self, sqs, aws_sdk_sqs, region)
    }

    pub(super) fn ssm(&self, region: &Region) -> aws_sdk_ssm::Client {
        client!(self, ssm, aws_sdk_ssm, region)
    }

    pub(super) fn sts(&self, region: &Region) -> aws_sdk_sts::Client {
        client!(self, sts, aws_sdk_sts, region)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_is_made_once_for_a_region() {
        let aws = AwsConfig::local("http://127.0.0.1:9", "123456789012").await;
        for region in ["eu-west-1", "eu-west-2", "eu-west-1"] {
            let client = aws.ec2(&region.parse().unwrap());
            assert_eq!(client.config().region().map(AsRef::as_ref), Some(region));
        }
        assert_eq!(aws.0.clients.ec2.lock().unwrap().len(), 2);
    }
}
