//! A web server → evidence, read only: GET of `BASE/v1/PARTITION/REGION/AMI-ID.jsonl`.
//!
//! 404 and 410 say that there is none; every other status but 200 is a failure of the store. Nothing that the server
//! says leads away from https.

use goldseal_core::{
    attestation::EVIDENCE_LIMITS,
    digest::Sha256Digest,
    ids::ImageRef,
    image::Descriptor,
    ports::{
        EvidenceStore, Expected, ListStore, Listing, PortError, PortErrorKind, Revision, Stored, Written, evidence_path,
    },
};
use reqwest::StatusCode;

use super::{OpenError, Settings, transfer};
use crate::adapters::documents::tries;

const GET: &str = "GET";

/// A web server that has evidence.
#[derive(Debug, Clone)]
pub struct HttpsStore {
    http: reqwest::Client,
    base: String,
}

impl HttpsStore {
    /// Makes the store of a path on a host.
    ///
    /// # Errors
    /// [`OpenError`] when the certificate authorities cannot be read.
    pub fn new(host: &str, path: &str, settings: &Settings) -> Result<Self, OpenError> {
        let base = if path.is_empty() { format!("https://{host}") } else { format!("https://{host}/{path}") };
        Ok(Self { http: transfer::http(settings)?, base })
    }

    async fn ask(&self, url: &str) -> Result<Option<Stored>, PortError> {
        let response = self.http.get(url).send().await.map_err(|e| transfer::unanswered(GET, url, e))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            status => return Err(transfer::refused(GET, url, status, "")),
        }
        let bytes = transfer::body(GET, url, response, EVIDENCE_LIMITS.bytes).await?;
        let revision = Revision(format!("sha256:{}", Sha256Digest::of(&bytes)));
        Ok(Some(Stored { bytes, revision }))
    }
}

impl EvidenceStore for HttpsStore {
    async fn read(&self, image: &ImageRef) -> Result<Option<Stored>, PortError> {
        let url = self.locate(image);
        tries::persist(|| self.ask(&url)).await
    }

    async fn write(&self, image: &Descriptor, _: &[u8], _: Expected) -> Result<Written, PortError> {
        Err(read_only(self.locate(&image.image())))
    }

    fn locate(&self, image: &ImageRef) -> String {
        format!("{}/{}", self.base, evidence_path(image))
    }
}

impl ListStore for HttpsStore {
    async fn read_list(&self, listing: &Listing) -> Result<Option<Stored>, PortError> {
        let url = self.locate_list(listing);
        tries::persist(|| self.ask(&url)).await
    }

    async fn write_list(&self, listing: &Listing, _: &[u8], _: Expected) -> Result<Written, PortError> {
        Err(read_only(self.locate_list(listing)))
    }

    fn locate_list(&self, listing: &Listing) -> String {
        format!("{}/{}", self.base, listing.path())
    }
}

fn read_only(place: String) -> PortError {
    let why = "https stores are read only: write to what the server serves";
    PortError::new(PortErrorKind::Refused, "PUT", place).because(why)
}
