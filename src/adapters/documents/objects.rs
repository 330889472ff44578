//! An S3 bucket → documents, at their paths under a prefix; a state is an ETag.
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
use goldseal_core::ports::{Expected, PortError, PortErrorKind, Revision, Stored, Written};

use super::{check_size, too_large, tries};
use crate::adapters::aws::fault;

/// A connection to S3: region, credentials and endpoint come with it.
pub type Connection = aws_sdk_s3::Client;

const GET: &str = "s3:GetObject";
const GET_BODY: &str = "s3:GetObject (body)";
const PUT: &str = "s3:PutObject";
const LIST: &str = "s3:ListObjectsV2";
const DELETE: &str = "s3:DeleteObject";

/// The most that S3 lists in one answer.
const PAGE: usize = 1000;

/// A bucket of documents.
#[derive(Debug, Clone)]
pub(in crate::adapters) struct Objects {
    connection: Connection,
    bucket: String,
    prefix: String,
    limit: usize,
}

impl Objects {
    /// Makes a bucket; an empty prefix is none. Larger documents are not read.
    pub(in crate::adapters) fn new(
        connection: Connection,
        bucket: impl Into<String>,
        prefix: impl Into<String>,
        limit: usize,
    ) -> Self {
        Self { connection, bucket: bucket.into(), prefix: prefix.into(), limit }
    }

    /// Returns where a document is.
    pub(in crate::adapters) fn locate(&self, path: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.key(path))
    }

    fn key(&self, path: &str) -> String {
        if self.prefix.is_empty() { path.to_owned() } else { format!("{}/{path}", self.prefix) }
    }

    async fn get(&self, path: &str) -> Result<Option<Stored>, PortError> {
        let place = self.locate(path);
        let call = self.connection.get_object().bucket(&self.bucket).key(self.key(path));
        let answer = match call.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(answer) => answer,
            Err(error) if fault::code(&error) == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(explained(&error, fault::port_error(&error, GET, &place))),
        };
        let malformed = |why: &str| PortError::new(PortErrorKind::Malformed, GET, &place).because(why);
        let etag = answer.e_tag.ok_or_else(|| malformed("the answer has no ETag"))?;
        let declared = answer.content_length.and_then(|length| usize::try_from(length).ok());
        if declared.is_some_and(|length| length > self.limit) {
            return Err(too_large(GET, &place, self.limit));
        }
        // At once: a text that grows leaves behind what it outgrew, and many are read together.
        let (mut body, mut bytes) = (answer.body, Vec::with_capacity(declared.unwrap_or_default()));
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| broken_off(&place, error))?;
            if bytes.len() + piece.len() > self.limit {
                return Err(too_large(GET, &place, self.limit));
            }
            bytes.extend_from_slice(&piece);
        }
        if declared.is_some_and(|length| length != bytes.len()) {
            return Err(malformed("the body is not as long as announced"));
        }
        Ok(Some(Stored { bytes, revision: Revision(etag) }))
    }

    async fn put(&self, path: &str, bytes: &[u8], expected: &Expected) -> Result<Written, PortError> {
        let call = self.connection.put_object().bucket(&self.bucket).key(self.key(path));
        let call = match expected {
            Expected::Absent => call.if_none_match("*"),
            Expected::Unchanged(Revision(etag)) => call.if_match(etag),
        };
        let once = aws_sdk_s3::config::Builder::new().retry_config(RetryConfig::disabled());
        let call = call
            .content_type(if path.ends_with(".jsonl") { "application/jsonl" } else { "application/json" })
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(ByteStream::from(bytes.to_owned()))
            .customize()
            .config_override(once);
        match call.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(&error, expected) => Ok(Written::Conflict),
            Err(error) => Err(explained(&error, fault::port_error(&error, PUT, self.locate(path)))),
        }
    }

    /// Returns the document of a path, or none when there is none.
    pub(in crate::adapters) async fn read(&self, path: &str) -> Result<Option<Stored>, PortError> {
        // The SDK tries again until there is an answer, but not when its body breaks off.
        let broken_off = |error: &PortError| error.operation == GET_BODY && tries::passes(error);
        tries::persist_when(broken_off, || self.get(path)).await
    }

    /// Writes a whole document if its place is as expected.
    pub(in crate::adapters) async fn write(
        &self,
        path: &str,
        bytes: &[u8],
        expected: Expected,
    ) -> Result<Written, PortError> {
        check_size(PUT, self.locate(path), bytes, self.limit)?;
        let mut tried = 1;
        loop {
            match self.put(path, bytes, &expected).await {
                Err(error) if tries::passes(&error) && tried < tries::TRIES => tries::wait(tried).await,
                Ok(Written::Conflict) if tried > 1 => {
                    let ours = self.read(path).await?.is_some_and(|found| found.bytes == bytes);
                    return Ok(if ours { Written::Stored } else { Written::Conflict });
                }
                outcome => return outcome,
            }
            tried += 1;
        }
    }

    /// Returns the paths under a directory that are accepted, sorted: the first so many, or of those that come after a path,
    /// which need not be there.
    pub(in crate::adapters) async fn list(
        &self,
        under: &str,
        after: Option<&str>,
        most: usize,
        accepted: impl Fn(&str) -> bool + Send,
    ) -> Result<Vec<String>, PortError> {
        // S3 sorts by bytes, as we do.
        let (start, place) = (self.key(""), self.locate(under));
        let call = self.connection.list_objects_v2().bucket(&self.bucket).prefix(format!("{}/", self.key(under)));
        let call = call.set_start_after(after.map(|after| self.key(after)));
        let (mut found, mut page) = (Vec::new(), None);
        while found.len() < most {
            let some = i32::try_from((most - found.len()).min(PAGE)).unwrap_or(i32::MAX);
            let answer = call.clone().max_keys(some).set_continuation_token(page).send().await;
            let answer = answer.map_err(|error| explained(&error, fault::port_error(&error, LIST, &place)))?;
            let keys = answer.contents().iter().filter_map(|object| object.key()?.strip_prefix(start.as_str()));
            found.extend(keys.filter(|path| accepted(path)).map(str::to_owned));
            page = answer.next_continuation_token;
            if page.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Removes a document; that there is none is no failure.
    pub(in crate::adapters) async fn remove(&self, path: &str) -> Result<(), PortError> {
        let call = self.connection.delete_object().bucket(&self.bucket).key(self.key(path));
        let answer = call.send().await.map(drop);
        answer.map_err(|error| explained(&error, fault::port_error(&error, DELETE, self.locate(path))))
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
    let kind = match fault::chain(&error).any(|cause| cause.to_string().contains("checksum mismatch")) {
        true => PortErrorKind::Malformed,
        false => PortErrorKind::Unavailable,
    };
    PortError::new(kind, GET_BODY, place).because(error)
}
