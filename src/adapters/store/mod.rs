//! Where evidence is kept: a store URL → the adapter behind the `EvidenceStore` port.
//!
//! | URL | adapter | conditional write |
//! | --- | --- | --- |
//! | `file:///dir` | [`dir`] | file lock, link and rename |
//! | `s3://bucket/prefix` | [`s3`] | by S3 itself |
//! | `oci://registry/repo` | [`oci`] | by reading back: a registry has none |
//! | `https://host/path` | [`https`] | read only |

mod dir;
mod https;
mod oci;
pub mod s3;
pub(super) mod transfer;
pub(super) mod url;

#[cfg(test)]
mod contract;

use std::path::{Path, PathBuf};

use goldseal_core::{
    attestation::lines,
    digest::Sha256Digest,
    flow::find_receipts,
    ids::ImageRef,
    image::Descriptor,
    policy::{FoundReceipt, WantedReceipts},
    ports::{EvidenceStore, Expected, Inventory, ListStore, Listing, PortError, PortErrorKind, Stored, Written},
};
use jiff::Timestamp;

pub use self::{
    dir::DirStore,
    https::HttpsStore,
    oci::OciStore,
    s3::S3Store,
    url::{NotAStoreUrl, StoreUrl},
};
use super::receipts::Receipts;

/// A store of evidence, and where receipts are looked for beside it.
#[derive(Debug)]
pub struct Store {
    kind: Kind,
    receipts: Option<Receipts>,
}

/// One of the stores.
#[derive(Debug)]
enum Kind {
    Dir(DirStore),
    S3(S3Store),
    Oci(Box<OciStore>),
    Https(HttpsStore),
}

/// What is set for stores beside their URL.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// A PEM file of certificate authorities that `https` and `oci` stores trust beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// The file with the logins to registries, in the format of `~/.docker/config.json`; that and podman's if not set.
    pub registry_logins: Option<PathBuf>,
}

/// Why a store could not be opened: a mistake in the settings, nothing was asked of the store yet.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file of certificate authorities cannot be read.
    #[error("reading certificate authorities from {path}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// It can be read but holds no certificates, or there are none at all on this system.
    #[error("setting up TLS")]
    Tls(#[source] reqwest::Error),
    /// A store of S3 without a connection to S3.
    #[error("a store of S3 needs a connection to it")]
    NotConnected,
    /// The same, as the login to a registry says it.
    #[error("setting up TLS")]
    Login(#[source] oci_client::errors::OciDistributionError),
}

impl Store {
    /// Opens the store of a URL. A store of S3 needs a connection to it ([`StoreUrl::bucket`] says which it is).
    ///
    /// # Errors
    /// [`OpenError`]. Nothing is asked of the store yet: a wrong bucket or host shows at the first use.
    pub fn open(url: &StoreUrl, settings: &Settings, s3: Option<s3::Connection>) -> Result<Self, OpenError> {
        let kind = match url.0.clone() {
            url::Place::Directory(root) => Kind::Dir(DirStore::new(root)),
            url::Place::S3 { bucket, prefix } => {
                Kind::S3(S3Store::new(s3.ok_or(OpenError::NotConnected)?, bucket, prefix))
            }
            url::Place::Oci { registry, repository } => {
                Kind::Oci(Box::new(OciStore::new(registry, repository, settings)?))
            }
            url::Place::Https { host, path } => Kind::Https(HttpsStore::new(&host, &path, settings)?),
        };
        Ok(Self { kind, receipts: None })
    }

    /// Looks for receipts in a place as well.
    #[must_use]
    pub fn with_receipts(self, receipts: Option<Receipts>) -> Self {
        Self { receipts, ..self }
    }
}

/// Looks whether the certificate authorities of the settings can be read, as a store does that trusts them.
///
/// # Errors
/// [`OpenError`].
pub fn check_authorities(file: &Path) -> Result<(), OpenError> {
    transfer::authorities(file).map(drop)
}

impl EvidenceStore for Store {
    async fn read(&self, image: &ImageRef) -> Result<Option<Stored>, PortError> {
        match &self.kind {
            Kind::Dir(store) => store.read(image).await,
            Kind::S3(store) => store.read(image).await,
            Kind::Oci(store) => store.read(image).await,
            Kind::Https(store) => store.read(image).await,
        }
    }

    async fn write(&self, image: &Descriptor, evidence: &[u8], expected: Expected) -> Result<Written, PortError> {
        match &self.kind {
            Kind::Dir(store) => store.write(image, evidence, expected).await,
            Kind::S3(store) => store.write(image, evidence, expected).await,
            Kind::Oci(store) => store.write(image, evidence, expected).await,
            Kind::Https(store) => store.write(image, evidence, expected).await,
        }
    }

    fn locate(&self, image: &ImageRef) -> String {
        match &self.kind {
            Kind::Dir(store) => store.locate(image),
            Kind::S3(store) => store.locate(image),
            Kind::Oci(store) => store.locate(image),
            Kind::Https(store) => store.locate(image),
        }
    }

    async fn receipts(
        &self,
        image: &ImageRef,
        evidence: Option<Sha256Digest>,
        wanted: WantedReceipts,
    ) -> Result<Vec<FoundReceipt>, PortError> {
        match &self.receipts {
            Some(place) => find_receipts(place, image, evidence, wanted, Timestamp::now()).await,
            None => Ok(Vec::new()),
        }
    }
}

impl ListStore for Store {
    async fn read_list(&self, listing: &Listing) -> Result<Option<Stored>, PortError> {
        match &self.kind {
            Kind::Dir(store) => store.read_list(listing).await,
            Kind::S3(store) => store.read_list(listing).await,
            Kind::Oci(store) => store.read_list(listing).await,
            Kind::Https(store) => store.read_list(listing).await,
        }
    }

    async fn write_list(&self, listing: &Listing, bytes: &[u8], expected: Expected) -> Result<Written, PortError> {
        match &self.kind {
            Kind::Dir(store) => store.write_list(listing, bytes, expected).await,
            Kind::S3(store) => store.write_list(listing, bytes, expected).await,
            Kind::Oci(store) => store.write_list(listing, bytes, expected).await,
            Kind::Https(store) => store.write_list(listing, bytes, expected).await,
        }
    }

    fn locate_list(&self, listing: &Listing) -> String {
        match &self.kind {
            Kind::Dir(store) => store.locate_list(listing),
            Kind::S3(store) => store.locate_list(listing),
            Kind::Oci(store) => store.locate_list(listing),
            Kind::Https(store) => store.locate_list(listing),
        }
    }
}

impl Inventory for Store {
    async fn images(&self, most: usize) -> Result<Vec<ImageRef>, PortError> {
        match &self.kind {
            Kind::Dir(store) => store.images(most).await,
            Kind::S3(store) => store.images(most).await,
            Kind::Oci(_) | Kind::Https(_) => {
                let why = "what is in a registry or on a web server cannot be listed";
                Err(PortError::new(PortErrorKind::Refused, "listing images", "the store").because(why))
            }
        }
    }
}

/// Refuses to write what no store could give back: nothing, too much, empty lines, a last line without an end.
fn check_writable(operation: &'static str, place: &str, evidence: &[u8]) -> Result<(), PortError> {
    let refuse = |why: String| PortError::new(PortErrorKind::Refused, operation, place).because(why);
    let found = lines(evidence).map_err(|(_, defect)| refuse(defect.to_string()))?;
    if found.is_empty() || !evidence.ends_with(b"\n") || found.iter().any(|(_, line)| line.is_empty()) {
        return Err(refuse("evidence is whole lines, at least one, none of them empty".to_owned()));
    }
    Ok(())
}
