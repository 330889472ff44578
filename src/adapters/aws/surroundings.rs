//! What `doctor` asks of an account: who asks, how late it is, and what groups launch; an audit asks the latter too.

use goldseal_core::ids::Region;

use super::{AwsConfig, pace::Paced};

/// The account in a region, as `doctor` looks at it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub(super) autoscaling: aws_sdk_autoscaling::Client,
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) pace: Paced,
}

impl Surroundings {
    /// Asks with these settings.
    pub fn new(aws: &AwsConfig, region: &Region) -> Self {
        Self {
            autoscaling: aws.autoscaling(region),
            ec2: aws.ec2(region),
            ssm: aws.ssm(region),
            sts: aws.sts(region),
            pace: Paced::default(),
        }
    }

    /// Asks no faster than an audit may.
    pub(super) fn paced(aws: &AwsConfig, region: &Region) -> Self {
        Self { pace: Paced::of(&aws.0.pace, region), ..Self::new(aws, region) }
    }
}
