//! Keys that are not in KMS → the `Signer` port.

mod local;

pub use local::LocalKey;
