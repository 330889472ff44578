//! The identity document: signed bytes → who the instance is.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{NotIdentified, signed::Proven};
use crate::{
    bounded::{self, Limits, Object},
    digest::Sha256Digest,
    ids::{AccountId, AmiId, ImageRef, InstanceId, Region},
};

const LIMITS: Limits = Limits { bytes: super::LIMIT, depth: 8 };

/// Who this instance is. Only [`identify`](super::identify) makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceIdentity {
    account: AccountId,
    image: ImageRef,
    instance: InstanceId,
    pending: Timestamp,
    availability_zone: String,
    architecture: String,
    instance_type: String,
    certificate: Sha256Digest,
}

impl InstanceIdentity {
    pub(super) fn read(proven: &Proven) -> Result<Self, NotIdentified> {
        let Object(document) =
            bounded::json::<Object<Document>>(proven.content(), LIMITS).map_err(NotIdentified::Document)?;
        Ok(Self {
            account: document.account_id,
            image: ImageRef { region: document.region, id: document.image_id },
            instance: document.instance_id,
            pending: document.pending_time,
            availability_zone: document.availability_zone,
            architecture: document.architecture,
            instance_type: document.instance_type,
            certificate: proven.certificate(),
        })
    }

    /// Returns the account that runs it: not the owner of its image.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Returns the image that it was launched of, or that its root volume was last replaced with, and the region of both.
    pub fn image(&self) -> &ImageRef {
        &self.image
    }

    /// Returns its id.
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// Returns when it was launched, or started again after a stop.
    pub fn pending(&self) -> Timestamp {
        self.pending
    }

    /// Returns its availability zone, such as `eu-west-1a`.
    pub fn availability_zone(&self) -> &str {
        &self.availability_zone
    }

    /// Returns its architecture, such as `x86_64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Returns its type, such as `m7i.large`.
    pub fn instance_type(&self) -> &str {
        &self.instance_type
    }

    /// Returns the SHA-256 of the pinned certificate that vouches for all this.
    pub fn certificate(&self) -> Sha256Digest {
        self.certificate
    }
}

/// What is read of it; EC2 adds fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    account_id: AccountId,
    region: Region,
    image_id: AmiId,
    instance_id: InstanceId,
    pending_time: Timestamp,
    #[serde(deserialize_with = "word")]
    availability_zone: String,
    #[serde(deserialize_with = "word")]
    architecture: String,
    #[serde(deserialize_with = "word")]
    instance_type: String,
}

/// Reads a name that can be shown anywhere as it is.
fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(text);
    }
    Err(D::Error::custom("expected 1 to 64 letters, digits, '-', '_' and '.'"))
}
