//! An S3 bucket → evidence, at `PREFIX/v1/PARTITION/REGION/AMI-ID.jsonl`; a state is an ETag.
//!
//! Writes carry `If-None-Match: *` or `If-Match`, so S3 itself decides between two writers. The SDK's own retries are
//! off for writes: after an answer that got lost, the next try is refused by our own first one, and only who knows of
//! the lost one may look whether what is there is ours.

use aws_sdk_s3::{
    config::{http::HttpResponse, retry::RetryConfig},
    error::SdkError,
    operation::put_object::PutObjectError,
    primitives::{ByteStream, ByteStreamError},
    types::{ChecksumAlgorithm, ChecksumMode},
};
use goldseal_core::{
    attestation::EVIDENCE_LIMITS,
    ids::ImageRef,
    image::Descriptor,
    ports::{EvidenceStore, Expected, PortError, PortErrorKind, Revision, StoredEvidence, Written, evidence_path},
};

use super::{check_writable, too_large, transfer};
use crate::adapters::aws::fault;

/// A connection to S3: region, credentials and endpoint come with it.
pub type Connection = aws_sdk_s3::Client;

const GET: &str = "s3:GetObject";
const GET_BODY: &str = "s3:GetObject (body)";
const PUT: &str = "s3:PutObject";

const CONTENT_TYPE: &str = "application/jsonl";

/// A bucket of evidence.
#[derive(Debug, Clone)]
pub struct S3Store {
    connection: Connection,
    bucket: String,
    prefix: String,
}

impl S3Store {
    /// Makes the store of a bucket; an empty prefix is none.
    pub fn new(connection: Connection, bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self { connection, bucket: bucket.into(), prefix: prefix.into() }
    }

    fn key(&self, image: &ImageRef) -> String {
        let path = evidence_path(image);
        if self.prefix.is_empty() { path } else { format!("{}/{path}", self.prefix) }
    }

    async fn get(&self, image: &ImageRef) -> Result<Option<StoredEvidence>, PortError> {
        let place = self.locate(image);
        let call = self.connection.get_object().bucket(&self.bucket).key(self.key(image));
        let answer = match call.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(answer) => answer,
            Err(error) if fault::code(&error) == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(explained(&error, fault::port_error(&error, GET, &place))),
        };
        let malformed = |why: &str| PortError::new(PortErrorKind::Malformed, GET, &place).because(why);
        let etag = answer.e_tag.ok_or_else(|| malformed("the answer has no ETag"))?;
        let declared = answer.content_length.and_then(|length| usize::try_from(length).ok());
        if declared.is_some_and(|length| length > EVIDENCE_LIMITS.bytes) {
            return Err(too_large(GET, &place));
        }
        let (mut body, mut bytes) = (answer.body, Vec::new());
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| broken_off(&place, error))?;
            if bytes.len() + piece.len() > EVIDENCE_LIMITS.bytes {
                return Err(too_large(GET, &place));
            }
            bytes.extend_from_slice(&piece);
        }
        if declared.is_some_and(|length| length != bytes.len()) {
            return Err(malformed("the body is not as long as announced"));
        }
        Ok(Some(StoredEvidence { bytes, revision: Revision(etag) }))
    }

    async fn put(&self, image: &ImageRef, evidence: &[u8], expected: &Expected) -> Result<Written, PortError> {
        let call = self.connection.put_object().bucket(&self.bucket).key(self.key(image));
        let call = match expected {
            Expected::Absent => call.if_none_match("*"),
            Expected::Unchanged(Revision(etag)) => call.if_match(etag),
        };
        let once = aws_sdk_s3::config::Builder::new().retry_config(RetryConfig::disabled());
        let call = call
            .content_type(CONTENT_TYPE)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(ByteStream::from(evidence.to_owned()))
            .customize()
            .config_override(once);
        match call.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(&error, expected) => Ok(Written::Conflict),
            Err(error) => Err(explained(&error, fault::port_error(&error, PUT, self.locate(image)))),
        }
    }
}

impl EvidenceStore for S3Store {
    async fn read(&self, image: &ImageRef) -> Result<Option<StoredEvidence>, PortError> {
        // The SDK tries again until there is an answer, but not when its body breaks off.
        let broken_off = |error: &PortError| error.operation == GET_BODY && transfer::passes(error);
        transfer::persist_when(broken_off, || self.get(image)).await
    }

    async fn write(&self, image: &Descriptor, evidence: &[u8], expected: Expected) -> Result<Written, PortError> {
        let image = image.image();
        check_writable(PUT, &self.locate(&image), evidence)?;
        let mut tried = 1;
        loop {
            match self.put(&image, evidence, &expected).await {
                Err(error) if transfer::passes(&error) && tried < transfer::TRIES => transfer::wait(tried).await,
                Ok(Written::Conflict) if tried > 1 => {
                    let ours = self.read(&image).await?.is_some_and(|found| found.bytes == evidence);
                    return Ok(if ours { Written::Stored } else { Written::Conflict });
                }
                outcome => return outcome,
            }
            tried += 1;
        }
    }

    fn locate(&self, image: &ImageRef) -> String {
        format!("s3://{}/{}", self.bucket, self.key(image))
    }
}

/// 412 is the answer to a condition that does not hold, 409 to two writers at the same moment; `If-Match` on a key
/// that is gone is answered with `NoSuchKey`.
fn is_conflict(error: &SdkError<PutObjectError, HttpResponse>, expected: &Expected) -> bool {
    match fault::code(error) {
        Some("PreconditionFailed" | "ConditionalRequestConflict") => true,
        Some("NoSuchKey") => matches!(expected, Expected::Unchanged(_)),
        _ => fault::status(error) == Some(412),
    }
}

/// Adds what the answer alone does not tell.
fn explained<E>(answer: &SdkError<E, HttpResponse>, error: PortError) -> PortError {
    let said = error.source.as_ref().map(ToString::to_string).unwrap_or_default();
    let header = answer.raw_response().and_then(|raw| raw.headers().get("x-amz-bucket-region"));
    match (error.kind, fault::status(answer), header) {
        (PortErrorKind::Denied, ..) => {
            let hint = "S3 denies absent keys too, unless the caller may s3:ListBucket on the bucket";
            error.because(format!("{said} ({hint})"))
        }
        (_, Some(301 | 400), Some(region)) => {
            let error = PortError { kind: PortErrorKind::Refused, ..error };
            error.because(format!("{said} (the bucket is in {region})"))
        }
        _ => error,
    }
}

/// A checksum that does not fit is told by the SDK as a failure to stream.
fn broken_off(place: &str, error: ByteStreamError) -> PortError {
    let mut kind = PortErrorKind::Unavailable;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(next) = cause {
        if next.to_string().contains("checksum mismatch") {
            kind = PortErrorKind::Malformed;
        }
        cause = next.source();
    }
    PortError::new(kind, GET_BODY, place).because(error)
}
