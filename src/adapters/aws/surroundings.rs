//! What only `doctor` asks of an account: who asks, how late it is, and what groups launch.

use goldseal_core::ids::Region;

use super::AwsConfig;

/// The account in a region, as `doctor` looks at it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub(super) autoscaling: aws_sdk_autoscaling::Client,
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) sts: aws_sdk_sts::Client,
}

impl Surroundings {
    /// Asks with these settings.
    pub fn new(aws: &AwsConfig, region: &Region) -> Self {
        Self { autoscaling: aws.autoscaling(region), ec2: aws.ec2(region), ssm: aws.ssm(region), sts: aws.sts(region) }
    }
}
