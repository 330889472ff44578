//! Where an enforcement point keeps its state: a store URL → a directory or a bucket behind the `StateStore` port.
//!
//! A directory is made when it is first written to, for its owner alone: what was decided, and evidence that was good
//! once, are nobody else's to change.

mod own;

use std::path::Path;

use goldseal_core::ports::{Expected, PortError, STATE_LIMIT, StateName, StateStore, Stored, Written};

pub use self::own::NotOwn;
use super::{
    documents::{either::Documents, files::Files, objects::Objects},
    store::{StoreUrl, s3::Connection, url::Place},
};

/// A place for state.
#[derive(Debug, Clone)]
pub struct State(Documents);

/// Why state cannot be kept there: a mistake in the settings, nothing was asked of the place yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// What is there cannot be changed, or not on a condition.
    #[error("state cannot be kept in {0}: give file:///absolute/directory or s3://bucket[/prefix]")]
    NoPlace(String),
    /// A bucket without a connection to S3.
    #[error("state in S3 needs a connection to it")]
    NotConnected,
}

impl State {
    /// Opens the state of a URL. A bucket needs a connection to it ([`StoreUrl::bucket`] says which it is).
    ///
    /// # Errors
    /// [`OpenError`]. A wrong bucket or directory shows at the first use.
    pub fn open(url: &StoreUrl, s3: Option<Connection>) -> Result<Self, OpenError> {
        Ok(Self(match url.0.clone() {
            Place::Directory(root) => Documents::Directory(Files::private(root, STATE_LIMIT)),
            Place::S3 { bucket, prefix } => {
                Documents::Bucket(Objects::new(s3.ok_or(OpenError::NotConnected)?, bucket, prefix, STATE_LIMIT))
            }
            Place::Oci { .. } | Place::Https { .. } => return Err(OpenError::NoPlace(url.to_string())),
        }))
    }

    /// Opens a directory that is the caller's alone; it is made if it is not there.
    ///
    /// # Errors
    /// See [`NotOwn`].
    pub fn own(directory: &Path) -> Result<Self, NotOwn> {
        Ok(Self(Documents::Directory(Files::private(own::own(directory)?, STATE_LIMIT))))
    }
}

impl StateStore for State {
    async fn read(&self, name: &StateName) -> Result<Option<Stored>, PortError> {
        self.0.read(name.as_str()).await
    }

    async fn write(&self, name: &StateName, bytes: &[u8], expected: Expected) -> Result<Written, PortError> {
        self.0.write(name.as_str(), bytes, expected).await
    }

    async fn list(&self, prefix: &StateName, most: usize) -> Result<Vec<StateName>, PortError> {
        // Locks, and what was being written when a machine stopped, have no such names.
        let named = |path: &str| StateName::new(path).is_ok();
        let found = self.0.list(prefix.as_str(), None, most, named).await?;
        Ok(found.into_iter().filter_map(|path| StateName::new(path).ok()).collect())
    }

    async fn remove(&self, name: &StateName) -> Result<(), PortError> {
        self.0.remove(name.as_str()).await
    }
}

#[cfg(test)]
mod tests;
