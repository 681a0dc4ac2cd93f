//! Classifies errors of the AWS SDK as [`QueueError`]s.
//!
//! The remedy for each kind is in `error`.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

use crate::aws::error::{credentials_failure, describe, is_connection_failure, refused_host};
use crate::aws::queue::{QueueError, QueueErrorKind, QueueOperation};
use crate::aws::tls::TlsFailure;

/// Forbids retries after a failure of TLS, and if the host is not allowed. The SDK takes both for a broken connection.
#[derive(Debug)]
pub(super) struct PermanentFailures;

impl ClassifyRetry for PermanentFailures {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let error = error.and_then(|error| error.as_connector_error());
        let is_permanent = error
            .is_some_and(|error| TlsFailure::of(error).is_some() || refused_host(error).is_some());
        if is_permanent {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "PermanentFailures"
    }
}

/// The error for a request that the SDK reports as failed.
pub(super) fn queue_error<E>(
    operation: QueueOperation,
    url: &str,
    error: &SdkError<E, HttpResponse>,
) -> QueueError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let service_error = error.as_service_error().map(ProvideErrorMetadata::meta);
    let (kind, detail) = match service_error
        .and_then(|service_error| Some((service_error, service_error.code()?)))
    {
        Some((service_error, code)) => (
            kind_of(code, status),
            message_text(code, service_error.message()),
        ),
        None => {
            if let Some(refused) = refused_host(error) {
                let kind = QueueErrorKind::HostNotAllowed;
                return QueueError::new(operation, url, kind, &refused.to_string());
            }
            let why = credentials_failure(error).map(|(_, why)| why);
            let why = why.filter(|why| !why.is_empty());
            let why = why.unwrap_or_else(|| describe(error));
            (
                kind_without_code(error, status),
                message_text("", Some(&why)),
            )
        }
    };
    QueueError::new(operation, url, kind, &detail)
}

/// The error code and the first line of the message.
///
/// The other lines of a message repeat the request as SQS saw it, which can include a session token.
fn message_text(code: &str, message: Option<&str>) -> String {
    let line = message.unwrap_or_default().lines().next();
    match (code, line.unwrap_or_default()) {
        (code, "") => code.to_owned(),
        ("", line) => line.to_owned(),
        (code, line) => format!("{code}: {line}"),
    }
}

/// The kind for an error code, or for the status if the code is not known.
///
/// SQS spells most codes in two ways: the query protocol's and the JSON protocol's.
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
        // The server does not know the operation, and will not by the next attempt.
        501 => Some(QueueErrorKind::Refused),
        500.. => Some(QueueErrorKind::Unavailable),
        403 => Some(QueueErrorKind::AccessDenied),
        300.. => Some(QueueErrorKind::Refused),
        _ => None,
    }
}

/// The kind if the SDK got no response, or one without an error code.
fn kind_without_code<E>(error: &SdkError<E, HttpResponse>, status: Option<u16>) -> QueueErrorKind
where
    E: Error + 'static,
{
    if let Some(tls) = TlsFailure::of(error) {
        return QueueErrorKind::Tls(tls);
    }
    match (credentials_failure(error), error) {
        (Some((CredentialsError::ProviderTimedOut(_), _)), _) => QueueErrorKind::Connection,
        (Some((error, _)), _) if is_connection_failure(error) => QueueErrorKind::Connection,
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
    fn classifies_error_codes() {
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
            ("NotImplemented", 501, Kind::Refused),
            ("", 501, Kind::Refused),
            ("InvalidAddress", 400, Kind::Refused),
            ("", 400, Kind::Refused),
        ] {
            assert_eq!(kind_of(code, Some(status)), want, "{status} {code}");
        }
    }

    #[test]
    fn does_not_repeat_the_request_of_a_signature_error() {
        let message = "it does not match.\n\nThe Canonical String should have been\n\
                       x-amz-security-token:TOKEN";
        let text = message_text("InvalidSignatureException", Some(message));
        assert_eq!(text, "InvalidSignatureException: it does not match.");
    }
}
