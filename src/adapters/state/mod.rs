//! Where an enforcement point keeps its state: a store URL → a directory or a bucket behind the `StateStore` port.
//!
//! A directory is made when it is first written to, for its owner alone: what was decided, and evidence that was good
//! once, are nobody else's to change.

mod own;

use std::path::Path;

use goldseal_core::ports::{Expected, PortError, STATE_LIMIT, StateName, StateStore, Stored, Written};

pub use self::own::NotOwn;
use super::{
    documents::{files::Files, objects::Objects},
    store::{StoreUrl, s3::Connection, url::Place},
};

/// A place for state.
#[derive(Debug, Clone)]
pub struct State(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Directory(Files),
    Bucket(Objects),
}

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
            Place::Directory(root) => Kind::Directory(Files::private(root, STATE_LIMIT)),
            Place::S3 { bucket, prefix } => {
                Kind::Bucket(Objects::new(s3.ok_or(OpenError::NotConnected)?, bucket, prefix, STATE_LIMIT))
            }
            Place::Oci { .. } | Place::Https { .. } => return Err(OpenError::NoPlace(url.to_string())),
        }))
    }
}

impl State {
    /// Opens a directory that is the caller's alone; it is made if it is not there.
    ///
    /// # Errors
    /// See [`NotOwn`].
    pub fn own(directory: &Path) -> Result<Self, NotOwn> {
        Ok(Self(Kind::Directory(Files::private(own::own(directory)?, STATE_LIMIT))))
    }
}

impl StateStore for State {
    async fn read(&self, name: &StateName) -> Result<Option<Stored>, PortError> {
        match &self.0 {
            Kind::Directory(files) => files.read(name.as_str()).await,
            Kind::Bucket(objects) => objects.read(name.as_str()).await,
        }
    }

    async fn write(&self, name: &StateName, bytes: &[u8], expected: Expected) -> Result<Written, PortError> {
        match &self.0 {
            Kind::Directory(files) => files.write(name.as_str(), bytes, expected).await,
            Kind::Bucket(objects) => objects.write(name.as_str(), bytes, expected).await,
        }
    }

    async fn list(&self, prefix: &StateName, most: usize) -> Result<Vec<StateName>, PortError> {
        // Locks, and what was being written when a machine stopped, have no such names.
        let named = |path: &str| StateName::new(path).is_ok();
        let found = match &self.0 {
            Kind::Directory(files) => files.list(prefix.as_str(), most, named).await?,
            Kind::Bucket(objects) => objects.list(prefix.as_str(), most, named).await?,
        };
        Ok(found.into_iter().filter_map(|path| StateName::new(path).ok()).collect())
    }

    async fn remove(&self, name: &StateName) -> Result<(), PortError> {
        match &self.0 {
            Kind::Directory(files) => files.remove(name.as_str()).await,
            Kind::Bucket(objects) => objects.remove(name.as_str()).await,
        }
    }
}

#[cfg(test)]
mod tests;
