//! Documents in a directory or in a bucket, whichever a setting names.

use goldseal_core::ports::{Expected, PortError, Stored, Written};

use super::{files::Files, objects::Objects};

/// See the module.
#[derive(Debug, Clone)]
pub(in crate::adapters) enum Documents {
    /// In a directory.
    Directory(Files),
    /// In an S3 bucket.
    Bucket(Objects),
}

impl Documents {
    /// Reads a document whole, or says that there is none.
    pub(in crate::adapters) async fn read(&self, path: &str) -> Result<Option<Stored>, PortError> {
        match self {
            Self::Directory(files) => files.read(path).await,
            Self::Bucket(objects) => objects.read(path).await,
        }
    }

    /// Writes a document whole, if what is there is as expected.
    pub(in crate::adapters) async fn write(
        &self,
        path: &str,
        bytes: &[u8],
        expected: Expected,
    ) -> Result<Written, PortError> {
        match self {
            Self::Directory(files) => files.write(path, bytes, expected).await,
            Self::Bucket(objects) => objects.write(path, bytes, expected).await,
        }
    }

    /// Lists the first paths under one, and behind another if that is given, that are accepted.
    pub(in crate::adapters) async fn list(
        &self,
        under: &str,
        after: Option<String>,
        most: usize,
        accepted: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Vec<String>, PortError> {
        match self {
            Self::Directory(files) => {
                let behind = move |path: &str| after.as_deref().is_none_or(|after| path > after) && accepted(path);
                files.list(under, most, behind).await
            }
            Self::Bucket(objects) => objects.list(under, after.as_deref(), most, accepted).await,
        }
    }

    /// Removes a document, if it is there.
    pub(in crate::adapters) async fn remove(&self, path: &str) -> Result<(), PortError> {
        match self {
            Self::Directory(files) => files.remove(path).await,
            Self::Bucket(objects) => objects.remove(path).await,
        }
    }
}
