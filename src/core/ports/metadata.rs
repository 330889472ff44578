//! What the boot guard asks of the instance that it runs on.

use std::future::Future;

use super::PortError;

/// Where an instance learns who it is: IMDS.
pub trait InstanceMetadata {
    /// Returns the signed identity document as it is served, whole and not believed: text in base64, at most
    /// [`identity::LIMIT`](crate::identity::LIMIT) bytes.
    fn identity(&self) -> impl Future<Output = Result<Vec<u8>, PortError>> + Send;
}
