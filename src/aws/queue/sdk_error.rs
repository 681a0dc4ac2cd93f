//! From an error of the AWS SDK to what it means for the queue.
//!
//! What is to be done about each kind is said in `error`.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

use crate::aws::credentials::{causes, chain};
use crate::aws::queue::{QueueError, QueueErrorKind, QueueOperation};

/// What it means that the SDK gave no answer.
pub(super) fn queue_error<E>(
    operation: QueueOperation,
    url: &str,
    error: &SdkError<E, HttpResponse>,
) -> QueueError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    let refusal = error.as_service_error().map(ProvideErrorMetadata::meta);
    let (kind, detail) = match refusal.and_then(|refusal| Some((refusal, refusal.code()?))) {
        Some((refusal, code)) => (kind_of(code, status), words(code, refusal.message())),
        None => (
            kind_without_refusal(error, status),
            words("", Some(&chain(error))),
        ),
    };
    QueueError::new(operation, url, kind, &detail)
}

/// The code of a refusal and the first line of its message.
///
/// What follows a first line is the request as SQS saw it, and that can hold a session token.
fn words(code: &str, message: Option<&str>) -> String {
    let line = message.unwrap_or_default().lines().next();
    match (code, line.unwrap_or_default()) {
        (code, "") => code.to_owned(),
        ("", line) => line.to_owned(),
        (code, line) => format!("{code}: {line}"),
    }
}

/// The kind that a code decides, else the status.
///
/// SQS has each code in an old spelling and a new one.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>
fn kind_of(code: &str, status: Option<u16>) -> QueueErrorKind {
    match code {
        "AWS.SimpleQueueService.NonExistentQueue"
        | "NonExistentQueue"
        | "QueueDoesNotExist"
        | "AWS.SimpleQueueService.QueueDeletedRecently" => QueueErrorKind::NoSuchQueue,
        "AccessDenied"
        | "AccessDeniedException"
        | "NotAuthorized"
        | "OptInRequired"
        | "KmsAccessDenied"
        | "KMS.AccessDeniedException" => QueueErrorKind::AccessDenied,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "InvalidSecurity"
        | "RequestExpired"
        | "RequestTimeTooSkewed" => QueueErrorKind::NoCredentials,
        "RequestThrottled"
        | "ThrottlingException"
        | "Throttling"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "OverLimit"
        | "AWS.SimpleQueueService.OverLimit"
        | "KmsThrottled"
        | "KMS.ThrottlingException" => QueueErrorKind::Throttled,
        "InternalError" | "InternalFailure" | "ServiceUnavailable" => QueueErrorKind::Unavailable,
        _ => kind_of_status(status).unwrap_or(QueueErrorKind::Refused),
    }
}

fn kind_of_status(status: Option<u16>) -> Option<QueueErrorKind> {
    match status? {
        429 => Some(QueueErrorKind::Throttled),
        500.. => Some(QueueErrorKind::Unavailable),
        403 => Some(QueueErrorKind::AccessDenied),
        300.. => Some(QueueErrorKind::Refused),
        _ => None,
    }
}

/// What it means that the SDK ended without an answer, or with one that it cannot read.
fn kind_without_refusal<E>(error: &SdkError<E, HttpResponse>, status: Option<u16>) -> QueueErrorKind
where
    E: Error + 'static,
{
    let of_credentials = causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>());
    match (of_credentials, error) {
        (Some(CredentialsError::ProviderTimedOut(_)), _) => QueueErrorKind::Connection,
        (Some(_), _) => QueueErrorKind::NoCredentials,
        (None, SdkError::ConstructionFailure(_)) => QueueErrorKind::Refused,
        (None, SdkError::DispatchFailure(failure)) if failure.is_user() => QueueErrorKind::Refused,
        (None, _) => kind_of_status(status).unwrap_or(QueueErrorKind::Connection),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use QueueErrorKind as Kind;

    #[test]
    fn each_refusal_is_of_one_kind() {
        for (code, status, want) in [
            (
                "AWS.SimpleQueueService.NonExistentQueue",
                400,
                Kind::NoSuchQueue,
            ),
            ("QueueDoesNotExist", 400, Kind::NoSuchQueue),
            ("AccessDenied", 403, Kind::AccessDenied),
            ("AccessDeniedException", 400, Kind::AccessDenied),
            ("KmsAccessDenied", 400, Kind::AccessDenied),
            ("", 403, Kind::AccessDenied),
            ("ExpiredToken", 403, Kind::NoCredentials),
            ("InvalidClientTokenId", 403, Kind::NoCredentials),
            ("SignatureDoesNotMatch", 403, Kind::NoCredentials),
            ("InvalidSignatureException", 400, Kind::NoCredentials),
            ("RequestThrottled", 403, Kind::Throttled),
            ("ThrottlingException", 400, Kind::Throttled),
            ("", 429, Kind::Throttled),
            ("InternalFailure", 500, Kind::Unavailable),
            ("", 502, Kind::Unavailable),
            ("InvalidAddress", 400, Kind::Refused),
            ("", 400, Kind::Refused),
        ] {
            assert_eq!(kind_of(code, Some(status)), want, "{status} {code}");
        }
    }

    #[test]
    fn the_request_that_a_refusal_repeats_is_not_printed() {
        let message = "it does not match.\n\nThe Canonical String should have been\n\
                       x-amz-security-token:TOKEN";
        let said = words("InvalidSignatureException", Some(message));
        assert_eq!(said, "InvalidSignatureException: it does not match.");
    }
}
