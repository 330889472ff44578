//! Calls of an API of AWS whose SDK is not in here: JSON over HTTPS, signed with version 4, tried again when that may
//! help. ADR 0024 says why Security Hub's SDK is not.

use std::{
    sync::PoisonError,
    time::{Duration, SystemTime},
};

use aws_credential_types::{Credentials, provider::ProvideCredentials as _};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use goldseal_core::{
    bounded::{self, Limits},
    ids::Region,
    ports::{PortError, PortErrorKind},
};
use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::{AwsConfig, fault};

/// Tries of one call, the first included.
const TRIES: u32 = 5;
/// The wait before the second try; it is twice as long before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(if cfg!(test) { 2 } else { 250 });
/// Credentials are asked for anew when they end within this time.
const MARGIN: Duration = Duration::from_secs(300);
/// A page of 100 findings, each of 240 KB at most.
const LARGEST: usize = 32 << 20;
/// More than the format of findings has.
const DEEPEST: usize = 32;

/// An API in a region, called by somebody.
pub(super) struct Signed {
    aws: AwsConfig,
    service: &'static str,
    region: Region,
    http: Client,
    credentials: std::sync::Mutex<Option<Credentials>>,
}

/// A call that came to nothing.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The service's own code, if it answered with one.
    pub code: Option<String>,
    /// What it is to a flow.
    pub error: PortError,
}

impl Signed {
    /// Calls with the settings of somebody.
    pub(super) fn new(aws: &AwsConfig, service: &'static str, region: &Region) -> Result<Self, PortError> {
        let http = Client::builder()
            .user_agent(concat!("goldseal/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_mins(1))
            .redirect(reqwest::redirect::Policy::none());
        let http =
            http.build().map_err(|error| PortError::new(PortErrorKind::Refused, "HTTPS", region).because(error))?;
        let credentials = std::sync::Mutex::default();
        Ok(Self { aws: aws.clone(), service, region: region.clone(), http, credentials })
    }

    /// Posts JSON to a path, and returns the JSON that comes back.
    pub(super) async fn post(&self, operation: &'static str, path: &str, body: &Value) -> Result<Value, Refusal> {
        let body = body.to_string();
        let mut tried = 1;
        loop {
            match self.once(operation, path, &body).await {
                Err(Refusal { error, .. }) if passes(&error) && tried < TRIES => {
                    tokio::time::sleep(FIRST_WAIT * 2_u32.saturating_pow(tried - 1)).await;
                }
                outcome => return outcome,
            }
            tried += 1;
        }
    }

    async fn once(&self, operation: &'static str, path: &str, body: &str) -> Result<Value, Refusal> {
        let error = |kind| PortError::new(kind, operation, &self.region);
        let credentials = self.credentials(operation).await?;
        let url = format!("{}{path}", self.endpoint());
        let mut request = self.http.post(&url).header("content-type", "application/json").body(body.to_owned());
        for (name, value) in
            self.signature(credentials, &url, body).map_err(|why| error(PortErrorKind::Refused).because(why))?
        {
            request = request.header(name, value);
        }
        let answer = request.send().await;
        let answer = answer.map_err(|cause| error(PortErrorKind::Unavailable).because(cause.without_url()))?;
        let status = answer.status();
        let kind_of_error =
            answer.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let text = self.body(operation, answer).await?;
        let read = bounded::json::<Value>(&text, Limits { bytes: LARGEST, depth: DEEPEST });
        if status == StatusCode::OK {
            return Ok(read.map_err(|cause| error(PortErrorKind::Malformed).because(cause))?);
        }
        let read = read.unwrap_or(Value::Null);
        let field = |names: [&str; 3]| names.iter().find_map(|name| Some(read.get(name)?.as_str()?.to_owned()));
        let code = kind_of_error.or_else(|| field(["__type", "code", "Code"])).map(|code| bare(&code).to_owned());
        let message = field(["message", "Message", "errorMessage"]).unwrap_or_default();
        let kind = fault::kind(code.as_deref(), Some(status.as_u16())).unwrap_or(PortErrorKind::Malformed);
        let said = format!("{}: {message}", code.as_deref().unwrap_or(status.as_str()));
        Err(Refusal { code, error: error(kind).because(fault::readable(&said)) })
    }

    async fn body(&self, operation: &'static str, mut answer: reqwest::Response) -> Result<Vec<u8>, PortError> {
        let mut bytes = Vec::new();
        let cut = |cause: reqwest::Error| {
            PortError::new(PortErrorKind::Unavailable, operation, &self.region).because(cause.without_url())
        };
        while let Some(piece) = answer.chunk().await.map_err(cut)? {
            if bytes.len() + piece.len() > LARGEST {
                let why = format!("more than the {LARGEST} bytes allowed");
                return Err(PortError::new(PortErrorKind::Malformed, operation, &self.region).because(why));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    async fn credentials(&self, operation: &'static str) -> Result<Credentials, PortError> {
        let held = self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let soon = SystemTime::now() + MARGIN;
        if let Some(held) = held.filter(|held| held.expiry().is_none_or(|expiry| expiry > soon)) {
            return Ok(held);
        }
        let error = |kind| PortError::new(kind, operation, &self.region);
        let Some(provider) = self.aws.0.sdk.credentials_provider() else {
            return Err(error(PortErrorKind::Denied).because("no AWS credentials"));
        };
        let found = provider.provide_credentials().await.map_err(|cause| {
            let (kind, why) =
                fault::without_credentials(&cause).unwrap_or_else(|| (PortErrorKind::Denied, cause.to_string()));
            error(kind).because(fault::readable(&why))
        })?;
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }

    fn signature(
        &self,
        credentials: Credentials,
        url: &str,
        body: &str,
    ) -> Result<Vec<(String, String)>, Box<dyn std::error::Error + Send + Sync>> {
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region.as_str())
            .name(self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let headers = [("content-type", "application/json")];
        let request = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The endpoint that is set for this service, or for all, as every AWS tool reads them; else the region's.
    fn endpoint(&self) -> String {
        let own = std::env::var(format!("AWS_ENDPOINT_URL_{}", self.service.to_uppercase())).ok();
        let set = own.or_else(|| self.aws.0.sdk.endpoint_url().map(str::to_owned));
        match set {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let fips = if self.aws.0.sdk.use_fips() == Some(true) { "-fips" } else { "" };
                format!("https://{}{fips}.{}.{}", self.service, self.region, suffix(&self.region))
            }
        }
    }
}

/// The domain of the endpoints of a region's partition.
fn suffix(region: &Region) -> &'static str {
    match region.partition().to_string().as_str() {
        "aws-cn" => "amazonaws.com.cn",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

/// Takes what stands around an error's code: `prefix#Code:more`.
fn bare(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or(code);
    code.rsplit('#').next().unwrap_or(code)
}

fn passes(error: &PortError) -> bool {
    matches!(error.kind, PortErrorKind::Throttled | PortErrorKind::Unavailable)
}

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Self {
        Self { code: None, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_endpoint_is_that_of_the_regions_partition_unless_one_is_set() {
        let elsewhere = AwsConfig::local("http://127.0.0.1:9/", "620000000051").await;
        let region: Region = "eu-west-1".parse().unwrap();
        assert_eq!(Signed::new(&elsewhere, "securityhub", &region).unwrap().endpoint(), "http://127.0.0.1:9");
        let plain = AwsConfig::load(Some(&region), None, None).await;
        for (region, endpoint) in [
            ("eu-west-1", "https://securityhub.eu-west-1.amazonaws.com"),
            ("cn-north-1", "https://securityhub.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "https://securityhub.us-gov-west-1.amazonaws.com"),
        ] {
            let signed = Signed::new(&plain, "securityhub", &region.parse().unwrap()).unwrap();
            assert_eq!(signed.endpoint(), endpoint);
        }
    }

    #[test]
    fn codes_are_told_bare() {
        for code in ["InvalidInput", "com.amazonaws#InvalidInput", "InvalidInput:http://x/", "a#InvalidInput:b"] {
            assert_eq!(bare(code), "InvalidInput");
        }
    }

    #[tokio::test]
    async fn no_answer_is_told_after_some_tries() {
        let aws = AwsConfig::local("http://127.0.0.1:9", "620000000052").await;
        let signed = Signed::new(&aws, "securityhub", &"eu-west-1".parse().unwrap()).unwrap();
        let refusal = signed.post("securityhub:GetFindings", "/findings", &Value::Null).await.unwrap_err();
        assert_eq!((refusal.error.kind, refusal.code), (PortErrorKind::Unavailable, None));
    }
}
