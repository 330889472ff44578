//! The few calls of the OCI distribution specification that a store needs, with every answer bounded and checked.
//!
//! They are here and not oci-client's because that reads manifests of any size, takes a registry's error for "no
//! referrers", and has no deletion. Credentials go to the registry's own origin and nowhere else; a blob may come from
//! elsewhere by redirect, since its digest is checked.

use goldseal_core::ports::{PortError, PortErrorKind};
use oci_client::{Reference, RegistryOperation};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};

use super::{
    super::{OpenError, Settings, transfer},
    layout::{Digest, Entry, INDEX_TYPE, Index, MANIFEST_LIMITS, MANIFEST_TYPE, Manifest},
    login::Login,
};
use crate::adapters::documents::tries;

const READ_MANIFEST: &str = "reading manifest";
const WRITE_MANIFEST: &str = "writing manifest";
const DELETE_MANIFEST: &str = "deleting manifest";
const LIST_REFERRERS: &str = "listing referrers";
const READ_BLOB: &str = "reading blob";
const WRITE_BLOB: &str = "writing blob";

/// Pages of referrers that are read at most.
const PAGES: usize = 64;

/// One repository of a registry.
#[derive(Debug)]
pub(super) struct Registry {
    http: reqwest::Client,
    login: Login,
    base: String,
}

/// What a registry says about what refers to a manifest.
#[derive(Debug)]
pub(super) enum Referrers {
    /// These do.
    Listed(Vec<Entry>),
    /// It keeps no list: look at the fallback tag.
    NotKept,
}

impl Registry {
    pub(super) fn new(registry: &str, repository: &str, settings: &Settings) -> Result<Self, OpenError> {
        let reference = Reference::with_tag(registry.to_owned(), repository.to_owned(), "latest".to_owned());
        let host = reference.resolve_registry().to_owned();
        let plain = is_loopback(&host);
        let scheme = if plain { "http" } else { "https" };
        let base = format!("{scheme}://{host}/v2/{repository}");
        Ok(Self { http: transfer::http(settings)?, login: Login::new(reference, plain, settings)?, base })
    }

    /// Reads a manifest by tag or digest, or nothing when there is none.
    pub(super) async fn manifest(&self, reference: &str) -> Result<Option<Vec<u8>>, PortError> {
        let url = format!("{}/manifests/{reference}", self.base);
        let accept = format!("{MANIFEST_TYPE}, {INDEX_TYPE}");
        tries::persist(|| async {
            let request = self.http.get(&url).header(header::ACCEPT, &accept);
            let response = self.send(READ_MANIFEST, &url, request, RegistryOperation::Pull).await?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(None),
                _ => return Err(refused(READ_MANIFEST, &url, response).await),
            }
            transfer::body(READ_MANIFEST, &url, response, MANIFEST_LIMITS.bytes).await.map(Some)
        })
        .await
    }

    /// Reads a manifest by digest and checks it.
    pub(super) async fn manifest_of(&self, digest: Digest) -> Result<Option<Manifest>, PortError> {
        let Some(bytes) = self.manifest(&digest.to_string()).await? else { return Ok(None) };
        let malformed = || PortError::new(PortErrorKind::Malformed, READ_MANIFEST, self.place(&digest.to_string()));
        if Digest::of(&bytes) != digest {
            return Err(malformed().because("not the bytes of that digest"));
        }
        Manifest::parse(&bytes).map(Some).map_err(|fault| malformed().because(fault))
    }

    /// Writes a manifest under a tag or its digest.
    pub(super) async fn put_manifest(&self, reference: &str, media_type: &str, bytes: &[u8]) -> Result<(), PortError> {
        let url = format!("{}/manifests/{reference}", self.base);
        tries::persist(|| async {
            let request = self.http.put(&url).header(header::CONTENT_TYPE, media_type).body(bytes.to_owned());
            let response = self.send(WRITE_MANIFEST, &url, request, RegistryOperation::Push).await?;
            if response.status().is_success() { Ok(()) } else { Err(refused(WRITE_MANIFEST, &url, response).await) }
        })
        .await
    }

    /// Deletes a manifest; one that is not there is deleted.
    pub(super) async fn delete_manifest(&self, digest: Digest) -> Result<(), PortError> {
        let url = format!("{}/manifests/{digest}", self.base);
        tries::persist(|| async {
            let response = self.send(DELETE_MANIFEST, &url, self.http.delete(&url), RegistryOperation::Push).await?;
            match response.status() {
                status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
                _ => Err(refused(DELETE_MANIFEST, &url, response).await),
            }
        })
        .await
    }

    /// Lists what refers to a manifest and is of a type, if the registry keeps such a list.
    pub(super) async fn referrers(&self, subject: Digest, artifact_type: &str) -> Result<Referrers, PortError> {
        let place = format!("{}/referrers/{subject}", self.base);
        let malformed = |why: String| PortError::new(PortErrorKind::Malformed, LIST_REFERRERS, &place).because(why);
        let mut page =
            Url::parse_with_params(&place, [("artifactType", artifact_type)]).map_err(|e| malformed(e.to_string()))?;
        let mut entries = Vec::new();
        for _ in 0..PAGES {
            let answer = tries::persist(|| self.page(&page, &place)).await?;
            let Some((bytes, next)) = answer else { return Ok(Referrers::NotKept) };
            let index = Index::parse(&bytes).map_err(|fault| malformed(fault.to_string()))?;
            entries.extend(index.entries());
            let Some(next) = next else { return Ok(Referrers::Listed(entries)) };
            page = page
                .join(&next)
                .ok()
                .filter(|next| next.origin() == page.origin())
                .ok_or_else(|| malformed(format!("the next page is at {next:?}")))?;
        }
        Err(malformed(format!("more than {PAGES} pages")))
    }

    async fn page(&self, url: &Url, place: &str) -> Result<Option<(Vec<u8>, Option<String>)>, PortError> {
        let request = self.http.get(url.clone()).header(header::ACCEPT, INDEX_TYPE);
        let response = self.send(LIST_REFERRERS, place, request, RegistryOperation::Pull).await?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match response.status().as_u16() {
            // Some that do not know the path show a page of theirs there.
            200 if header(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with(INDEX_TYPE)) => {
                let next = header(header::LINK).and_then(|link| next_page(&link).map(str::to_owned));
                let bytes = transfer::body(LIST_REFERRERS, place, response, MANIFEST_LIMITS.bytes).await?;
                Ok(Some((bytes, next)))
            }
            200 | 400 | 404 | 405 | 406 | 501 => Ok(None),
            _ => Err(refused(LIST_REFERRERS, place, response).await),
        }
    }

    /// Reads a blob and checks it.
    pub(super) async fn blob(&self, entry: &Entry) -> Result<Vec<u8>, PortError> {
        let url = format!("{}/blobs/{}", self.base, entry.digest);
        let malformed = |why: &str| PortError::new(PortErrorKind::Malformed, READ_BLOB, &url).because(why);
        let size = usize::try_from(entry.size).map_err(|_e| malformed("its size is no size"))?;
        tries::persist(|| async {
            let response = self.send(READ_BLOB, &url, self.http.get(&url), RegistryOperation::Pull).await?;
            match response.status() {
                StatusCode::OK => {}
                // A manifest named it, so its absence is no answer.
                StatusCode::NOT_FOUND => return Err(malformed("a manifest names it, and it is not there")),
                _ => return Err(refused(READ_BLOB, &url, response).await),
            }
            let bytes = transfer::body(READ_BLOB, &url, response, size).await?;
            if Digest::of(&bytes) == entry.digest { Ok(bytes) } else { Err(malformed("not the bytes of that digest")) }
        })
        .await
    }

    /// Writes a blob, unless it is there.
    pub(super) async fn put_blob(&self, bytes: &[u8]) -> Result<(), PortError> {
        let digest = Digest::of(bytes);
        let url = format!("{}/blobs/{digest}", self.base);
        tries::persist(|| async {
            let known = self.send(WRITE_BLOB, &url, self.http.head(&url), RegistryOperation::Push).await?;
            if known.status() == StatusCode::OK {
                return Ok(());
            }
            let begin = format!("{}/blobs/uploads/", self.base);
            let request = self.http.post(&begin).header(header::CONTENT_LENGTH, 0);
            let begun = self.send(WRITE_BLOB, &url, request, RegistryOperation::Push).await?;
            if begun.status() != StatusCode::ACCEPTED {
                return Err(refused(WRITE_BLOB, &url, begun).await);
            }
            let request = self
                .upload(&begun, digest)
                .map_err(|why| PortError::new(PortErrorKind::Malformed, WRITE_BLOB, &url).because(why))?;
            let request = request.header(header::CONTENT_TYPE, "application/octet-stream").body(bytes.to_owned());
            let ended = self.send(WRITE_BLOB, &url, request, RegistryOperation::Push).await?;
            if ended.status().is_success() { Ok(()) } else { Err(refused(WRITE_BLOB, &url, ended).await) }
        })
        .await
    }

    fn upload(&self, begun: &Response, digest: Digest) -> Result<RequestBuilder, String> {
        let location = begun.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let mut to = begun.url().join(location.ok_or("no place to upload to")?).map_err(|e| e.to_string())?;
        if to.scheme() != "https" && to.origin() != begun.url().origin() {
            return Err(format!("the place to upload to is {to}"));
        }
        to.query_pairs_mut().append_pair("digest", &digest.to_string());
        Ok(self.http.request(Method::PUT, to))
    }

    /// Sends a request, with credentials if it goes to the registry itself.
    async fn send(
        &self,
        operation: &'static str,
        place: &str,
        request: RequestBuilder,
        scope: RegistryOperation,
    ) -> Result<Response, PortError> {
        let unanswered = |e| transfer::unanswered(operation, place, e);
        let target = request.try_clone().and_then(|request| request.build().ok()).map(|request| request.url().origin());
        let own = Url::parse(&self.base).map(|base| base.origin()).ok();
        let request = if target == own { self.login.sign(request, scope).await? } else { request };
        request.send().await.map_err(unanswered)
    }

    pub(super) fn place(&self, reference: &str) -> String {
        format!("{}/manifests/{reference}", self.base)
    }
}

async fn refused(operation: &'static str, place: &str, response: Response) -> PortError {
    let status = response.status();
    let said = transfer::body(operation, place, response, 64 << 10).await.unwrap_or_default();
    transfer::refused(operation, place, status, &String::from_utf8_lossy(&said))
}

/// Finds `rel="next"` in a Link header.
fn next_page(link: &str) -> Option<&str> {
    let (url, parameters) = link.trim_start().strip_prefix('<')?.split_once('>')?;
    parameters.replace(['"', ' '], "").split(';').any(|parameter| parameter == "rel=next").then_some(url)
}

/// A registry on this machine is asked by plain http, as other tools do.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked_in_the_clear() {
        for near in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"] {
            assert!(is_loopback(near), "{near}");
        }
        for far in ["registry.example", "10.0.0.1:5000", "localhost.example", "127.0.0.1.example", "[fe80::1]"] {
            assert!(!is_loopback(far), "{far}");
        }
    }

    #[test]
    fn the_next_page_is_found() {
        assert_eq!(next_page(r#"</v2/a/referrers/x?n=2>; rel="next""#), Some("/v2/a/referrers/x?n=2"));
        assert_eq!(next_page("</x>; rel=next"), Some("/x"));
        assert_eq!(next_page(r#"</x>; rel="prev""#), None);
        assert_eq!(next_page("x; rel=next"), None);
    }
}
