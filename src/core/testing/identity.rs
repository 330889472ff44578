//! One instance, as IMDS would tell of it: of the image in [`images`](super::images), signed by a certificate that exists
//! for tests only (`tests/vectors/making/identity.py`).

#![expect(clippy::unwrap_used, reason = "fixtures that do not verify should stop the test")]

use super::launches::Script;
use crate::{
    identity::{Certificates, InstanceIdentity, identify},
    ports::{InstanceMetadata, PortError},
};

/// The certificate, as a list of one.
pub const CERTIFICATE: &str = include_str!("../../../tests/vectors/identity/good.pem");

/// What IMDS serves: launched at 2026-11-20T09:00:00Z.
pub const SIGNED: &str = include_str!("../../../tests/vectors/identity/ec2.p7");

/// The same instance of another image, `ami-0fedcba9876543210`.
pub const OF_ANOTHER_IMAGE: &str = include_str!("../../../tests/vectors/identity/document-other-image.p7");

/// The same under the name of the certificate, signed by another key.
pub const FORGED: &str = include_str!("../../../tests/vectors/identity/imposter.p7");

/// Returns the certificate, pinned.
pub fn certificates() -> Certificates {
    Certificates::from_pem(CERTIFICATE.as_bytes()).unwrap()
}

/// Returns the identity of [`SIGNED`].
pub fn identity() -> InstanceIdentity {
    identify(SIGNED.as_bytes(), &certificates(), "2026-11-20T09:00:30Z".parse().unwrap()).unwrap()
}

/// IMDS, with what it answers each time.
#[derive(Debug)]
pub struct FakeMetadata(pub Script<Vec<u8>>);

impl FakeMetadata {
    /// Always serves this.
    pub fn serving(text: &str) -> Self {
        Self(Script::always(text.as_bytes().to_vec()))
    }
}

impl InstanceMetadata for FakeMetadata {
    async fn identity(&self) -> Result<Vec<u8>, PortError> {
        self.0.next("imds:GET", "/latest/dynamic/instance-identity/rsa2048")
    }
}
