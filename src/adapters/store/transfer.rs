//! What the stores on the network share: HTTP settings, bounded bodies (IMDS too), status → kind of failure.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    time::Duration,
};

use goldseal_core::ports::{PortError, PortErrorKind};
use reqwest::{Certificate, Response, StatusCode, redirect};

use super::{OpenError, Settings};

const REDIRECTS: usize = 3;
/// All that a system trusts is a twentieth of it.
const AUTHORITIES_LIMIT: u64 = 4 << 20;

/// Makes the HTTP side of a store: the system's roots of trust (`SSL_CERT_FILE` and `SSL_CERT_DIR` replace them) and
/// those of the settings; proxies as the environment says; redirects few, and only to https.
pub(super) fn http(settings: &Settings) -> Result<reqwest::Client, OpenError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("goldseal/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(30))
        .timeout(Duration::from_secs(300))
        .redirect(redirect::Policy::custom(|attempt| {
            if attempt.url().scheme() != "https" {
                attempt.error("a redirect away from https")
            } else if attempt.previous().len() > REDIRECTS {
                attempt.error("too many redirects")
            } else {
                attempt.follow()
            }
        }));
    if let Some(path) = &settings.ca_file {
        builder = builder.tls_certs_merge(authorities(path)?);
    }
    builder.build().map_err(OpenError::Tls)
}

/// Reads the certificate authorities of the settings.
pub(super) fn authorities(path: &Path) -> Result<Vec<Certificate>, OpenError> {
    let unread = |source| OpenError::CaFile { path: path.to_owned(), source };
    let bad = |why: &str| unread(io::Error::new(io::ErrorKind::InvalidData, why));
    let mut pem = Vec::new();
    let read = File::open(path).and_then(|file| file.take(AUTHORITIES_LIMIT + 1).read_to_end(&mut pem));
    if read.map_err(unread)? as u64 > AUTHORITIES_LIMIT {
        return Err(bad("more than the 4 MiB that are read"));
    }
    let roots = Certificate::from_pem_bundle(&pem).map_err(OpenError::Tls)?;
    if roots.is_empty() {
        return Err(bad("no certificates in it"));
    }
    Ok(roots)
}

/// Reads a body, or says that it is larger than `limit`, then with no more than one piece too many in memory.
pub(in crate::adapters) async fn body(
    operation: &'static str,
    resource: &str,
    mut response: Response,
    limit: usize,
) -> Result<Vec<u8>, PortError> {
    let large = || {
        let why = format!("more than the {limit} bytes allowed");
        PortError::new(PortErrorKind::Malformed, operation, resource).because(why)
    };
    let declared = response.content_length().map(usize::try_from);
    if declared.is_some_and(|length| length.is_ok_and(|length| length > limit)) {
        return Err(large());
    }
    // At once: a text that grows leaves behind what it outgrew.
    let announced = declared.and_then(Result::ok).unwrap_or_default();
    let mut bytes = Vec::with_capacity(announced);
    // A body that breaks off is no answer, whatever reqwest calls the error.
    let cut =
        |e: reqwest::Error| PortError::new(PortErrorKind::Unavailable, operation, resource).because(e.without_url());
    while let Some(piece) = response.chunk().await.map_err(cut)? {
        if bytes.len() + piece.len() > limit {
            return Err(large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Turns a request that got no answer into a failure.
pub(super) fn unanswered(operation: &'static str, resource: &str, error: reqwest::Error) -> PortError {
    let kind =
        if error.is_redirect() || error.is_builder() { PortErrorKind::Refused } else { PortErrorKind::Unavailable };
    PortError::new(kind, operation, resource).because(error.without_url())
}

/// Turns an answer that is not the one asked for into a failure.
pub(super) fn refused(operation: &'static str, resource: &str, status: StatusCode, text: &str) -> PortError {
    let kind = match status.as_u16() {
        401 | 403 | 407 => PortErrorKind::Denied,
        404 | 410 => PortErrorKind::NotFound,
        429 => PortErrorKind::Throttled,
        408 | 425 | 500 | 502..=504 | 506..=599 => PortErrorKind::Unavailable,
        _ => PortErrorKind::Refused,
    };
    let text: String = text.chars().filter(|c| !c.is_control()).take(300).collect();
    let why = if text.is_empty() { status.to_string() } else { format!("{status}: {text}") };
    PortError::new(kind, operation, resource).because(why)
}
