//! What the boot guard decided about one boot: what it prints, and what is recorded off the instance.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::Judged;
use crate::{
    digest::Sha256Digest,
    enforcement::BootEnd,
    identity::InstanceIdentity,
    ids::{AccountId, ImageRef, InstanceId, Region},
};

/// The schema of [`BootReport`].
pub const BOOT_SCHEMA: &str = "goldseal/boot/v1";

/// What was decided about one boot.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BootReport {
    /// `goldseal/boot/v1`.
    pub schema: &'static str,
    /// The instant of the verdict.
    pub at: Timestamp,
    /// SHA-256 of the policy document, and of the files that it names.
    pub policy: Sha256Digest,
    /// Who the instance is, by what EC2 signed; none when that was not proven.
    pub instance: Option<BootIdentity>,
    /// What says what the image is; none when nobody did.
    pub facts_from: Option<FactsFrom>,
    /// The same instance of the same image was admitted at an earlier boot.
    pub admitted_before: bool,
    /// How the boot is ended; none when it goes on.
    pub action: Option<BootEnd>,
    /// Whether the action is taken. If not, it is only said.
    pub enforced: bool,
    /// The verdict, and on what.
    #[serde(flatten)]
    pub judged: Judged,
}

/// Who an instance is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BootIdentity {
    /// Its id.
    pub id: InstanceId,
    /// The account that runs it.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
    /// Its availability zone.
    pub availability_zone: String,
    /// Its architecture.
    pub architecture: String,
    /// Its type.
    pub instance_type: String,
    /// The image that it was launched of, or that its root volume was last replaced with.
    pub image: ImageRef,
    /// When it was launched, or started again after a stop.
    pub pending: Timestamp,
    /// SHA-256 of the pinned certificate that vouches for all this.
    pub certificate: Sha256Digest,
}

/// What says what an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FactsFrom {
    /// EC2, now.
    Ec2,
    /// The descriptor in the signed provenance, held against what EC2 signed about the instance.
    Provenance,
}

impl From<&InstanceIdentity> for BootIdentity {
    fn from(identity: &InstanceIdentity) -> Self {
        Self {
            id: identity.instance().clone(),
            account: identity.account().clone(),
            region: identity.image().region.clone(),
            availability_zone: identity.availability_zone().to_owned(),
            architecture: identity.architecture().to_owned(),
            instance_type: identity.instance_type().to_owned(),
            image: identity.image().clone(),
            pending: identity.pending(),
            certificate: identity.certificate(),
        }
    }
}

impl BootIdentity {
    /// Returns the ARN of the instance, as IAM has it in `${ec2:SourceInstanceARN}`.
    pub fn arn(&self) -> String {
        instance_arn(&self.region, &self.account, &self.id)
    }
}

/// Returns the ARN of an instance.
pub fn instance_arn(region: &Region, account: &AccountId, id: &InstanceId) -> String {
    format!("arn:{}:ec2:{region}:{account}:instance/{id}", region.partition())
}
