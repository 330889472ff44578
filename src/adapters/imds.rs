//! IMDS, version 2 → the signed identity document of this instance.
//!
//! Nothing is asked without a token, so an endpoint that speaks version 1 only is told as one and not spoken to. Requests
//! go to the address itself, whatever the environment says of proxies, and follow no redirect. Early in a boot there may
//! be no network yet, so what can pass is asked for again until the deadline of whoever asks.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>

use std::time::Duration;

use goldseal_core::{
    identity,
    ports::{InstanceMetadata, PortError, PortErrorKind},
};
use reqwest::{RequestBuilder, Response, StatusCode, header::HeaderValue, redirect};
use tokio::time::{Instant, sleep};

use super::{documents::tries::passes, store::transfer};

/// Where IMDS is, on every instance.
pub const ADDRESS: &str = "http://169.254.169.254";

const TOKEN: &str = "/latest/api/token";
const DOCUMENT: &str = "/latest/dynamic/instance-identity/rsa2048";
const TOKEN_HEADER: &str = "X-aws-ec2-metadata-token";
const LIFE_HEADER: &str = "X-aws-ec2-metadata-token-ttl-seconds";

/// What a token is needed for takes seconds.
const LIFE: &str = "300";

/// What EC2 gives out has 56 characters.
const TOKEN_LIMIT: usize = 4 << 10;

/// How long a connection may take, on a link without a router.
const CONNECT: Duration = Duration::from_secs(1);

/// How long an answer may take, connection included.
const ANSWER: Duration = Duration::from_millis(if cfg!(test) { 700 } else { 2_000 });

/// The first wait between tries; each is twice as long as the one before, up to the longest.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 100 });
const LONGEST_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 2_000 });

const DISABLED: &str = "IMDS refuses: it is disabled for this instance (HttpEndpoint), or something on the way changed the \
                        request";
const VERSION_1: &str = "this endpoint speaks IMDSv1 only, and goldseal asks by version 2 and nothing else";
const FAR: &str = "it takes the request for a token and the answer never arrives: in a container or another network \
                   namespace, the hop limit of IMDS (HttpPutResponseHopLimit) is too low";
const LATE: &str = "no time was left for an answer";
const UNREACHED: &str = "nothing answers there: no network yet, no route, or this is no EC2 instance";

/// IMDS at an address.
#[derive(Debug, Clone)]
pub struct Imds {
    http: reqwest::Client,
    address: String,
    deadline: Instant,
}

impl Imds {
    /// Makes a client of the IMDS at `address`, which is [`ADDRESS`] but in tests, to be asked until `deadline`.
    ///
    /// # Errors
    /// A failure of kind `Refused`, when no HTTP client can be made at all.
    pub fn new(address: &str, deadline: Instant) -> Result<Self, PortError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("goldseal/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            // There is no TLS here, and roots of trust may not be installed on an image.
            .tls_certs_only([])
            .build()
            .map_err(|error| PortError::new(PortErrorKind::Refused, "connect", address).because(error))?;
        Ok(Self { http, address: address.trim_end_matches('/').to_owned(), deadline })
    }

    /// Asks once, with the token that was kept if there is one. A token that IMDS does not take is replaced once.
    async fn attempt(&self, kept: &mut Option<HeaderValue>) -> Result<Vec<u8>, PortError> {
        for _ in 0..2 {
            let token = match kept.take() {
                Some(token) => token,
                None => self.token().await?,
            };
            let answer = self.document(&token).await;
            if !matches!(answer, Ok(None)) {
                *kept = Some(token);
            }
            if let Some(document) = answer? {
                return Ok(document);
            }
        }
        Err(self
            .fail(PortErrorKind::Denied, GET, DOCUMENT)
            .because("IMDS does not take the token that it has just given"))
    }

    async fn token(&self) -> Result<HeaderValue, PortError> {
        let request = self.http.put(self.url(TOKEN)).header(LIFE_HEADER, LIFE);
        let response = self.send(request).await.map_err(|error| {
            let why = match error.is_timeout() && !error.is_connect() {
                true if Instant::now() >= self.deadline => LATE,
                true => FAR,
                false => UNREACHED,
            };
            self.unanswered(PUT, TOKEN, why, error)
        })?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                return Err(self.fail(PortErrorKind::Refused, PUT, TOKEN).because(VERSION_1));
            }
            status => return Err(self.refused(PUT, TOKEN, status)),
        }
        let text = transfer::body(PUT, &self.url(TOKEN), response, TOKEN_LIMIT).await?;
        let mut token = HeaderValue::from_bytes(text.trim_ascii())
            .map_err(|error| self.fail(PortErrorKind::Malformed, PUT, TOKEN).because(error))?;
        token.set_sensitive(true);
        Ok(token)
    }

    /// Returns the document, or none when the token is not taken.
    async fn document(&self, token: &HeaderValue) -> Result<Option<Vec<u8>>, PortError> {
        let request = self.http.get(self.url(DOCUMENT)).header(TOKEN_HEADER, token);
        let response = self.send(request).await.map_err(|error| self.unanswered(GET, DOCUMENT, "no answer", error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Ok(None),
            StatusCode::NOT_FOUND => {
                let why = "this endpoint has no signed identity document";
                return Err(self.fail(PortErrorKind::NotFound, GET, DOCUMENT).because(why));
            }
            status => return Err(self.refused(GET, DOCUMENT, status)),
        }
        transfer::body(GET, &self.url(DOCUMENT), response, identity::LIMIT).await.map(Some)
    }

    async fn send(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        request.timeout(ANSWER.min(left)).send().await
    }

    fn refused(&self, operation: &'static str, path: &str, status: StatusCode) -> PortError {
        let (kind, why) = match status.as_u16() {
            403 => (PortErrorKind::Denied, DISABLED.to_owned()),
            429 => (PortErrorKind::Throttled, "IMDS is asked too often on this instance".to_owned()),
            408 | 425 | 500 | 502..=599 => (PortErrorKind::Unavailable, format!("answered {status}")),
            _ => (PortErrorKind::Refused, format!("answered {status}, which IMDS does not: something else is there")),
        };
        self.fail(kind, operation, path).because(why)
    }

    fn unanswered(&self, operation: &'static str, path: &str, why: &'static str, error: reqwest::Error) -> PortError {
        let cause = NoAnswer { why, source: error.without_url() };
        self.fail(PortErrorKind::Unavailable, operation, path).because(cause)
    }

    fn fail(&self, kind: PortErrorKind, operation: &'static str, path: &str) -> PortError {
        PortError::new(kind, operation, self.url(path))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }
}

impl InstanceMetadata for Imds {
    async fn identity(&self) -> Result<Vec<u8>, PortError> {
        let mut token = None;
        let mut pause = PAUSE;
        loop {
            let error = match self.attempt(&mut token).await {
                Ok(document) => return Ok(document),
                Err(error) => error,
            };
            // A try that is cut short by the deadline would tell of a slow answer where there was none.
            if !passes(&error) || Instant::now() + pause + ANSWER > self.deadline {
                return Err(error);
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }
}

/// Why there was no answer, as far as that can be told.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
struct NoAnswer {
    why: &'static str,
    #[source]
    source: reqwest::Error,
}

const PUT: &str = "PUT";
const GET: &str = "GET";

#[cfg(test)]
mod tests;
