//! Where receipts are kept: a directory, or an S3 bucket. A receipt is made and never changed.

use goldseal_core::ports::{Expected, LARGEST_RECEIPT, PortError, ReceiptStore, Written, is_signed_path};

use super::{
    documents::{either::Documents, files::Files, objects::Objects},
    store::{StoreUrl, s3::Connection, url::Place},
};

/// A place for receipts.
#[derive(Debug, Clone)]
pub struct Receipts {
    documents: Documents,
    url: String,
}

/// Why there can be no receipts: a mistake in the settings, nothing was asked of the place yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// What is there cannot be listed.
    #[error("there are no receipts in {0}: give s3://bucket[/prefix] or file:///absolute/directory")]
    NoPlace(String),
    /// A bucket without a connection to S3.
    #[error("receipts in S3 need a connection to it")]
    NotConnected,
}

impl Receipts {
    /// Opens the receipts of a URL. A bucket needs a connection to it ([`StoreUrl::bucket`] says which it is).
    ///
    /// # Errors
    /// [`OpenError`]. A wrong bucket or directory shows at the first use.
    pub fn open(url: &StoreUrl, s3: Option<Connection>) -> Result<Self, OpenError> {
        let documents = match url.0.clone() {
            Place::Directory(root) => Documents::Directory(Files::public(root, LARGEST_RECEIPT)),
            Place::S3 { bucket, prefix } => {
                let s3 = s3.ok_or(OpenError::NotConnected)?;
                Documents::Bucket(Objects::new(s3, bucket, prefix, LARGEST_RECEIPT))
            }
            Place::Oci { .. } | Place::Https { .. } => return Err(OpenError::NoPlace(url.to_string())),
        };
        Ok(Self { documents, url: url.to_string() })
    }
}

impl ReceiptStore for Receipts {
    async fn add(&self, path: &str, bytes: &[u8]) -> Result<Written, PortError> {
        self.documents.write(path, bytes, Expected::Absent).await
    }

    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.documents.read(path).await?.map(|stored| stored.bytes))
    }

    async fn list(&self, folder: &str, after: Option<&str>, most: usize) -> Result<Vec<String>, PortError> {
        let named = |path: &str| is_signed_path(path).is_some();
        self.documents.list(folder, after.map(str::to_owned), most, named).await
    }

    fn locate(&self) -> String {
        self.url.clone()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::adapters::{aws::AwsConfig, cloud::cloud};

    const FOLDER: &str = "v1/receipts/eu-west-1/ami-0123456789abcdef0/none";

    async fn keeps(place: &Receipts) {
        let digest = goldseal_core::digest::Sha256Digest::of(b"statement");
        let path = |second: i64, signed| {
            let at = Timestamp::from_second(1_800_000_000 + second).unwrap();
            goldseal_core::ports::receipt_path(FOLDER, at, digest, signed)
        };
        assert!(place.list(FOLDER, None, 10).await.unwrap().is_empty());
        assert_eq!(place.read(&path(0, true)).await.unwrap(), None);
        assert_eq!(place.add(&path(0, true), b"one").await.unwrap(), Written::Stored);
        assert_eq!(place.add(&path(0, true), b"other").await.unwrap(), Written::Conflict, "never changed");
        assert_eq!(place.read(&path(0, true)).await.unwrap().unwrap(), b"one");
        assert_eq!(place.add(&path(1, false), b"two").await.unwrap(), Written::Stored);
        assert_eq!(place.list("v1/receipts", None, 10).await.unwrap(), [path(0, true), path(1, false)]);
        assert_eq!(place.list(FOLDER, Some(&path(0, true)), 10).await.unwrap(), [path(1, false)]);
        assert_eq!(place.list(FOLDER, None, 1).await.unwrap(), [path(0, true)]);
    }

    #[tokio::test]
    async fn a_directory_keeps_receipts() {
        let folder = tempfile::tempdir().unwrap();
        let url: StoreUrl = format!("file://{}", folder.path().display()).parse().unwrap();
        keeps(&Receipts::open(&url, None).unwrap()).await;
        let nowhere = Receipts::open(&"s3://receipts".parse().unwrap(), None).unwrap_err();
        assert_eq!(nowhere, OpenError::NotConnected);
        assert!(Receipts::open(&"https://receipts.example".parse().unwrap(), None).is_err());
    }

    #[tokio::test]
    async fn a_bucket_keeps_receipts() {
        let s3 = AwsConfig::local(&cloud().endpoint, "610000000081").await.s3(&"us-east-1".parse().unwrap());
        s3.create_bucket().bucket("receipts-610000000081").send().await.unwrap();
        let url: StoreUrl = "s3://receipts-610000000081/prod".parse().unwrap();
        keeps(&Receipts::open(&url, Some(s3)).unwrap()).await;
    }
}
