//! Where the events of audits are kept for others to query: a directory, or an S3 bucket.
//!
//! A path names its content, so that what is there already is what was to be written, and nothing is ever written over.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use goldseal_core::ports::{Expected, PortError, Written};

use super::{
    documents::objects::Objects,
    store::{NotAStoreUrl, StoreUrl, s3::Connection, url::Place},
};
use crate::files::{self, FileError};

/// Where events go, as people write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LakePlace {
    /// A directory.
    Directory(PathBuf),
    /// A bucket, and a prefix in it.
    Bucket {
        /// The URL of both.
        url: StoreUrl,
        /// The bucket.
        bucket: String,
        /// The prefix; an empty one is none.
        prefix: String,
    },
}

/// A place for events.
#[derive(Debug)]
pub struct Lake(Kind);

#[derive(Debug)]
enum Kind {
    Directory(PathBuf),
    Bucket(Objects),
}

/// Events could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// A bucket without a connection to S3.
    #[error("events in S3 need a connection to it")]
    NotConnected,
    /// A directory could not be made.
    #[error("making {path}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("keeping events")]
    File(#[from] FileError),
    /// S3 did not take it.
    #[error("keeping events")]
    Port(#[from] PortError),
}

impl Lake {
    /// Opens a place. A bucket needs a connection to it ([`LakePlace::bucket`] says which it is).
    ///
    /// # Errors
    /// [`LakeError::NotConnected`]. A wrong bucket or directory shows at the first write.
    pub fn open(place: &LakePlace, s3: Option<Connection>) -> Result<Self, LakeError> {
        Ok(Self(match place {
            LakePlace::Directory(root) => Kind::Directory(root.clone()),
            LakePlace::Bucket { bucket, prefix, .. } => {
                Kind::Bucket(Objects::new(s3.ok_or(LakeError::NotConnected)?, bucket, prefix, usize::MAX))
            }
        }))
    }

    /// Keeps a file of events.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn keep(&self, path: &str, bytes: &[u8]) -> Result<(), LakeError> {
        match &self.0 {
            Kind::Directory(root) => keep_in(&root.join(path), bytes),
            Kind::Bucket(objects) => match objects.write(path, bytes, Expected::Absent).await? {
                Written::Stored | Written::Conflict => Ok(()),
            },
        }
    }
}

fn keep_in(path: &Path, bytes: &[u8]) -> Result<(), LakeError> {
    if let Some(folder) = path.parent() {
        let failed = |source| LakeError::Directory { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
    }
    Ok(files::write(path, bytes)?)
}

impl LakePlace {
    /// Returns the URL of a bucket, when it is one.
    pub const fn bucket(&self) -> Option<&StoreUrl> {
        match self {
            Self::Directory(_) => None,
            Self::Bucket { url, .. } => Some(url),
        }
    }
}

impl FromStr for LakePlace {
    type Err = NotAStoreUrl;

    fn from_str(text: &str) -> Result<Self, NotAStoreUrl> {
        if !text.starts_with("s3://") {
            return Ok(Self::Directory(PathBuf::from(text)));
        }
        let url: StoreUrl = text.parse()?;
        let place = match url.0.clone() {
            Place::S3 { bucket, prefix } => Self::Bucket { url, bucket, prefix },
            Place::Directory(_) | Place::Oci { .. } | Place::Https { .. } => Self::Directory(PathBuf::from(text)),
        };
        Ok(place)
    }
}

impl fmt::Display for LakePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Bucket { url, .. } => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use goldseal_core::ports::PortErrorKind;

    use super::*;
    use crate::adapters::{aws::AwsConfig, cloud::cloud};

    #[test]
    fn a_place_is_a_bucket_by_its_scheme_and_a_directory_otherwise() {
        for (text, bucket) in
            [("events", None), ("/var/lake", None), ("s3://lake", Some("lake")), ("s3://lake/a/b", Some("lake"))]
        {
            let place: LakePlace = text.parse().unwrap();
            assert_eq!(place.bucket().and_then(StoreUrl::bucket), bucket, "{text}");
            assert_eq!(place.to_string(), text);
        }
        assert!("s3://lake/../other".parse::<LakePlace>().is_err());
    }

    #[tokio::test]
    async fn what_is_kept_in_a_bucket_is_never_written_over() {
        let s3 = AwsConfig::local(&cloud().endpoint, "610000000071").await.s3(&"us-east-1".parse().unwrap());
        s3.create_bucket().bucket("lake-610000000071").send().await.unwrap();
        let place: LakePlace = "s3://lake-610000000071/goldseal".parse().unwrap();
        assert!(Lake::open(&place, None).is_err());
        let lake = Lake::open(&place, Some(s3.clone())).unwrap();
        for events in ["one", "one", "another"] {
            lake.keep("region=eu-west-1/a.json", events.as_bytes()).await.unwrap();
        }
        let found =
            s3.get_object().bucket("lake-610000000071").key("goldseal/region=eu-west-1/a.json").send().await.unwrap();
        assert_eq!(found.body.collect().await.unwrap().to_vec(), b"one");

        let nowhere = Lake::open(&"s3://lake-nobody".parse().unwrap(), Some(s3)).unwrap();
        let LakeError::Port(error) = nowhere.keep("a.json", b"x").await.unwrap_err() else { panic!("S3 was asked") };
        assert_eq!((error.kind, error.resource.as_str()), (PortErrorKind::NotFound, "s3://lake-nobody/a.json"));
    }
}
