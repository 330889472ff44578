//! SDK errors → [`PortError`]: all that goldseal knows of them.
//!
//! The service's own error code decides first, then the HTTP status; an error without an answer is told by what caused
//! it. The cause that a person reads is the service's code and message.

use std::{error::Error, fmt, io};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::{
    config::http::HttpResponse,
    error::{ConnectorError, ErrorMetadata, ProvideErrorMetadata, SdkError},
};
use goldseal_core::ports::{PortError, PortErrorKind};

/// Returns what a failed call is to a flow.
pub fn port_error<E>(
    error: &SdkError<E, HttpResponse>,
    operation: &'static str,
    resource: impl fmt::Display,
) -> PortError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let (kind, cause) = match error {
        SdkError::ServiceError(answer) => {
            let (status, code) = (answer.raw().status().as_u16(), answer.err().code());
            let said = match (code, answer.err().message()) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                (Some(code), None) => code.to_owned(),
                (None, _) => format!("HTTP status {status} and no error code"),
            };
            (kind(code, Some(status)).unwrap_or(PortErrorKind::Malformed), said)
        }
        // An answer that broke off is no answer; one that came whole and cannot be read is a wrong one.
        SdkError::ResponseError(answer) if broke_off(error) => (PortErrorKind::Unavailable, causes(error)),
        SdkError::ResponseError(answer) => {
            let status = answer.raw().status();
            let kind = if status.is_success() { PortErrorKind::Malformed } else { kind_of_status(status.as_u16()) };
            (kind, format!("HTTP status {} and an answer that cannot be read: {}", status.as_u16(), causes(error)))
        }
        SdkError::TimeoutError(_) => (PortErrorKind::Unavailable, format!("no answer in time: {}", causes(error))),
        SdkError::ConstructionFailure(_) => without_credentials(error)
            .unwrap_or_else(|| (PortErrorKind::Refused, format!("the request cannot be made: {}", causes(error)))),
        SdkError::DispatchFailure(_) | _ => {
            without_credentials(error).unwrap_or_else(|| (PortErrorKind::Unavailable, causes(error)))
        }
    };
    PortError::new(kind, operation, resource).because(readable(&cause))
}

/// Returns the service's code for an error that it answered with.
pub fn code<E>(error: &SdkError<E, HttpResponse>) -> Option<&str>
where
    E: ProvideErrorMetadata,
{
    if let SdkError::ServiceError(answer) = error { answer.err().code() } else { None }
}

/// Returns the service's message for an error that it answered with.
pub fn message<E>(error: &SdkError<E, HttpResponse>) -> Option<&str>
where
    E: ProvideErrorMetadata,
{
    if let SdkError::ServiceError(answer) = error { answer.err().message() } else { None }
}

/// Returns what an error code and an HTTP status tell, as far as they are there.
pub fn kind(code: Option<&str>, status: Option<u16>) -> Option<PortErrorKind> {
    code.and_then(kind_of_code).or_else(|| status.map(kind_of_status))
}

/// Returns the HTTP status of the answer, if there was one.
pub fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

/// Every service has its own words for the same few things.
fn kind_of_code(code: &str) -> Option<PortErrorKind> {
    let code = code.rsplit('#').next().unwrap_or(code);
    Some(match code {
        "AccessDenied"
        | "AccessDeniedException"
        | "AllAccessDisabled"
        | "AuthFailure"
        | "AuthorizationError"
        | "Blocked"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "Forbidden"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "InvalidToken"
        | "KMS.AccessDeniedException"
        | "KmsAccessDenied"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotSignedUp"
        | "OptInRequired"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "TokenRefreshRequired"
        | "UnauthorizedOperation"
        | "UnrecognizedClientException" => PortErrorKind::Denied,
        "BandwidthLimitExceeded"
        | "EC2ThrottledException"
        | "LimitExceededException"
        | "OverLimit"
        | "PriorRequestNotComplete"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "SlowDown"
        | "TooManyRequestsException"
        | "TooManyUpdates" => PortErrorKind::Throttled,
        "AWS.SimpleQueueService.NonExistentQueue"
        | "NoSuchBucket"
        | "NoSuchKey"
        | "NotFound"
        | "NotFoundException"
        | "QueueDoesNotExist"
        | "ResourceNotFoundException" => PortErrorKind::NotFound,
        "DependencyTimeoutException"
        | "InternalError"
        | "InternalFailure"
        | "InternalServerException"
        | "KMSInternalException"
        | "KeyUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "ResourceContention"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "Unavailable" => PortErrorKind::Unavailable,
        _ if code.contains("Throttl") => PortErrorKind::Throttled,
        _ if code.ends_with(".NotFound") => PortErrorKind::NotFound,
        _ => return None,
    })
}

fn kind_of_status(status: u16) -> PortErrorKind {
    match status {
        401 | 403 => PortErrorKind::Denied,
        404 => PortErrorKind::NotFound,
        429 => PortErrorKind::Throttled,
        408 | 500..=599 => PortErrorKind::Unavailable,
        400..=499 => PortErrorKind::Refused,
        _ => PortErrorKind::Malformed,
    }
}

/// Returns what a failure is that came of missing or refused credentials.
pub(super) fn without_credentials(error: &(dyn Error + 'static)) -> Option<(PortErrorKind, String)> {
    const ADVICE: &str =
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached";
    let fault = chain(error).find_map(|cause| cause.downcast_ref::<CredentialsError>())?;
    if let Some(refused) = refused_credentials(fault) {
        return Some(refused);
    }
    Some(match fault {
        CredentialsError::CredentialsNotLoaded(_) => (PortErrorKind::Denied, format!("no AWS credentials: {ADVICE}")),
        CredentialsError::InvalidConfiguration(_) | CredentialsError::ProviderError(_) => {
            (PortErrorKind::Denied, format!("no AWS credentials: {ADVICE} ({})", causes(fault)))
        }
        CredentialsError::ProviderTimedOut(_) | CredentialsError::Unhandled(_) | _ => {
            (PortErrorKind::Unavailable, format!("no AWS credentials: {}", causes(fault)))
        }
    })
}

/// Returns what a service said that was asked for credentials: STS, of a role that does not trust the caller.
fn refused_credentials(fault: &(dyn Error + 'static)) -> Option<(PortErrorKind, String)> {
    let said = chain(fault).find_map(|cause| cause.downcast_ref::<ErrorMetadata>())?;
    let code = said.code()?;
    let kind = kind_of_code(code).unwrap_or(PortErrorKind::Denied);
    Some((kind, format!("no credentials were given: {code}: {}", said.message().unwrap_or("no message"))))
}

fn broke_off(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| cause.is::<io::Error>() || cause.is::<ConnectorError>())
}

/// Walks from an error down to its last cause.
pub(in crate::adapters) fn chain<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

/// Joins the causes of an error. The error itself says only what sort of error it is, which the kind says better.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in chain(error).skip(1) {
        let text = cause.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

/// EC2 adds kilobytes of encoded policy to a denial, and any text of a service's is somebody else's text.
pub(super) fn readable(text: &str) -> String {
    const LONGEST: usize = 600;
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    if text.chars().count() > LONGEST { format!("{plain}…") } else { plain }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ebs::primitives::SdkBody;
    use goldseal_core::ports::PortErrorKind::{Denied, Malformed, NotFound, Refused, Throttled, Unavailable};

    use super::*;

    fn response(status: u16) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), SdkBody::empty())
    }

    fn answered(status: u16, code: &str) -> PortError {
        let mut metadata = ErrorMetadata::builder().message("as a test ordered");
        if !code.is_empty() {
            metadata = metadata.code(code);
        }
        port_error(&SdkError::service_error(metadata.build(), response(status)), "ec2:DescribeImages", "ami-1")
    }

    #[test]
    fn codes_go_before_statuses() {
        for (status, code, kind) in [
            (403, "UnauthorizedOperation", Denied),
            (400, "AccessDeniedException", Denied),
            (403, "AccessDenied", Denied),
            (401, "AuthFailure", Denied),
            (400, "UnrecognizedClientException", Denied),
            (400, "ExpiredTokenException", Denied),
            (403, "RequestTimeTooSkewed", Denied),
            (403, "SomethingNew", Denied),
            (401, "", Denied),
            (503, "RequestLimitExceeded", Throttled),
            (400, "ThrottlingException", Throttled),
            (400, "Throttling", Throttled),
            (400, "RequestThrottledException", Throttled),
            (503, "SlowDown", Throttled),
            (400, "LimitExceededException", Throttled),
            (400, "TooManyUpdates", Throttled),
            (400, "OverLimit", Throttled),
            (403, "RequestThrottled", Throttled),
            (400, "KMS.AccessDeniedException", Denied),
            (400, "KmsAccessDenied", Denied),
            (400, "AWS.SimpleQueueService.NonExistentQueue", NotFound),
            (400, "com.amazonaws.sqs#QueueDoesNotExist", NotFound),
            (400, "ResourceContention", Unavailable),
            (400, "ReceiptHandleIsInvalid", Refused),
            (400, "ValidationError", Refused),
            (429, "", Throttled),
            (400, "NotFoundException", NotFound),
            (400, "com.amazonaws.kms#NotFoundException", NotFound),
            (400, "InvalidAMIID.NotFound", NotFound),
            (404, "ResourceNotFoundException", NotFound),
            (404, "NoSuchKey", NotFound),
            (404, "", NotFound),
            (500, "KMSInternalException", Unavailable),
            (400, "RequestTimeout", Unavailable),
            (500, "KeyUnavailableException", Unavailable),
            (500, "SomethingNew", Unavailable),
            (503, "", Unavailable),
            (408, "", Unavailable),
            (400, "DisabledException", Refused),
            (400, "KMSInvalidStateException", Refused),
            (400, "InvalidKeyUsageException", Refused),
            (400, "InvalidParameterValue", Refused),
            (400, "InvalidAMIID.Malformed", Refused),
            (400, "ValidationException", Refused),
            (412, "PreconditionFailed", Refused),
            (400, "", Refused),
            (302, "", Malformed),
        ] {
            assert_eq!(answered(status, code).kind, kind, "{status} {code}");
        }
    }

    #[test]
    fn a_person_sees_what_was_done_and_what_the_service_said() {
        assert_eq!(
            answered(403, "UnauthorizedOperation").chain(),
            "ec2:DescribeImages ami-1: access denied: UnauthorizedOperation: as a test ordered"
        );
        assert_eq!(
            answered(503, "").chain(),
            "ec2:DescribeImages ami-1: unavailable: HTTP status 503 and no error code"
        );
    }

    #[test]
    fn what_a_service_says_is_cut_and_has_no_control_characters() {
        let long = ErrorMetadata::builder().code("X").message(format!("a\n\u{1b}[31m{}", "b".repeat(5000))).build();
        let text = port_error(&SdkError::service_error(long, response(400)), "x", "y").chain();
        assert!(text.len() < 700 && !text.contains(char::is_control), "{text}");
        assert!(text.ends_with('…'));
    }

    #[test]
    fn errors_without_an_answer_are_told_by_their_cause() {
        type Fault = SdkError<ErrorMetadata, HttpResponse>;
        let refused = || io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let lookup = |fault: CredentialsError| Fault::dispatch_failure(ConnectorError::other(fault.into(), None));
        let said = |code: &str| ErrorMetadata::builder().code(code).message("not yours").build();
        let sts = |code| lookup(CredentialsError::provider_error(Fault::service_error(said(code), response(403))));
        let table: [(Fault, PortErrorKind, &str); 11] = [
            (sts("AccessDenied"), Denied, "no credentials were given: AccessDenied: not yours"),
            (sts("Throttling"), Throttled, "no credentials were given: Throttling"),
            (Fault::timeout_error("late"), Unavailable, "no answer in time: late"),
            (Fault::dispatch_failure(ConnectorError::io(refused().into())), Unavailable, "connection refused"),
            (Fault::response_error(refused(), response(200)), Unavailable, "connection refused"),
            (Fault::response_error("no JSON", response(200)), Malformed, "no JSON"),
            (Fault::response_error("no JSON", response(502)), Unavailable, "HTTP status 502"),
            (Fault::construction_failure("no bucket"), Refused, "no bucket"),
            (lookup(CredentialsError::not_loaded_no_source()), Denied, "set AWS_PROFILE"),
            (lookup(CredentialsError::provider_error("the SSO session has expired")), Denied, "SSO session"),
            (
                lookup(CredentialsError::provider_timed_out(std::time::Duration::from_secs(5))),
                Unavailable,
                "no AWS credentials",
            ),
        ];
        for (fault, kind, text) in table {
            let error = port_error(&fault, "kms:Sign", "a key");
            assert_eq!(error.kind, kind, "{fault:?}");
            assert!(error.chain().contains(text), "{}", error.chain());
        }
    }
}
