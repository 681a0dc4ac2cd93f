//! Errors of requests to a queue: the kinds of failure, which of them are retryable, and what to do about each.
//!
//! `sdk_error` classifies the SDK's errors. The caller decides when to retry.

use std::fmt;

use crate::aws::environment::InvalidEndpoint;
use crate::aws::error::ErrorDetail;
use crate::aws::tls::TlsFailure;
use crate::core::source::SourceLimits;
use crate::core::source::limits::HostNotAllowed;

/// A request to a queue that failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to {operation} queue {url}: {kind}{detail}. {}", self.remedy())]
pub struct QueueError {
    /// The operation that failed.
    pub operation: QueueOperation,
    /// The queue's URL, and that of the server if the first one does not name it.
    pub url: String,
    /// The kind of failure.
    pub kind: QueueErrorKind,
    /// How SQS or the network described the failure.
    pub detail: ErrorDetail,
}

/// An operation on a queue. It prints as a verb, for `failed to … queue …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueOperation {
    /// Loading the credentials. No request is sent.
    Open,
    /// Receiving messages.
    Receive,
    /// Deleting messages.
    Acknowledge,
    /// Extending the visibility timeout of messages.
    Extend,
    /// Reading the queue's attributes.
    Attributes,
}

/// The kinds of failure. Each has its own remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum QueueErrorKind {
    /// The queue does not exist.
    #[error("no such queue")]
    NoSuchQueue,
    /// The credentials are valid but lack a permission.
    #[error("access denied")]
    AccessDenied,
    /// The credentials cannot be loaded, or SQS rejects them: unknown, wrong or expired.
    #[error("no usable credentials")]
    NoCredentials,
    /// A managed Source has credentials of this machine, and may not use them. No request was sent.
    #[error("these credentials are not allowed")]
    CredentialsNotAllowed,
    /// A managed Source names a host that it may not reach. No request was sent.
    #[error("this host is not allowed")]
    HostNotAllowed,
    /// The environment sets an endpoint that cannot be used. No request was sent.
    #[error("no usable endpoint")]
    InvalidEndpoint,
    /// SQS, or KMS on its behalf, asks for fewer requests.
    #[error("SQS throttles requests")]
    Throttled,
    /// Any 5xx, except for 501.
    #[error("SQS is unavailable")]
    Unavailable,
    /// No connection, a timeout, or a response that is incomplete or cannot be read.
    #[error("no complete response from SQS")]
    Connection,
    /// There is no TLS connection, for a reason that stays.
    #[error("{0}")]
    Tls(TlsFailure),
    /// Any other refusal.
    #[error("the request was refused")]
    Refused,
}

impl QueueError {
    /// An operation that failed in this way.
    pub fn new(
        operation: QueueOperation,
        url: impl Into<String>,
        kind: QueueErrorKind,
        detail: &str,
    ) -> Self {
        Self {
            operation,
            url: url.into(),
            kind,
            detail: ErrorDetail::new(detail),
        }
    }

    /// Whether the same request may succeed later without a fix.
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// What to do about it: one sentence or two.
    pub fn remedy(&self) -> String {
        let action = self.operation.required_action();
        match self.kind {
            QueueErrorKind::NoSuchQueue => {
                "Check the account and region in queue_url. If the queue was deleted, create it again \
                 and send the bucket's notifications to it."
            }
            QueueErrorKind::AccessDenied => {
                return format!(
                    "Grant these credentials {action} on the queue, in their IAM policy and in the \
                     queue policy. If a KMS key of yours encrypts the queue, grant kms:Decrypt on \
                     that key too."
                );
            }
            QueueErrorKind::NoCredentials => {
                "Configure credentials that work on this machine. Check the access key, its secret, \
                 the session they come from, and the clock of this machine."
            }
            QueueErrorKind::CredentialsNotAllowed => SourceLimits::CREDENTIALS_REMEDY,
            QueueErrorKind::HostNotAllowed => HostNotAllowed::REMEDY,
            QueueErrorKind::InvalidEndpoint => InvalidEndpoint::REMEDY,
            QueueErrorKind::Throttled => "Wait, or lower events.receives_per_queue.",
            QueueErrorKind::Unavailable => "Wait. If it persists, check the status page of the queue's provider.",
            QueueErrorKind::Connection => {
                "Check queue_url, the network, DNS, and any firewall or proxy (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) in \
                 between."
            }
            QueueErrorKind::Tls(failure) => failure.remedy(),
            QueueErrorKind::Refused => {
                return format!(
                    "Read the response of SQS, and check queue_url, its region and the permission {action}."
                );
            }
        }
        .to_owned()
    }
}

impl QueueErrorKind {
    /// Whether the same request may succeed later without a fix.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::Connection)
    }
}

impl QueueOperation {
    /// The IAM action that it needs.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html>
    pub fn required_action(self) -> &'static str {
        match self {
            Self::Open | Self::Attributes => "sqs:GetQueueAttributes",
            Self::Receive => "sqs:ReceiveMessage",
            Self::Acknowledge => "sqs:DeleteMessage",
            Self::Extend => "sqs:ChangeMessageVisibility",
        }
    }
}

impl fmt::Display for QueueOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Receive => "receive from",
            Self::Acknowledge => "delete messages from",
            Self::Extend => "extend the visibility timeout of messages in",
            Self::Attributes => "read the attributes of",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use QueueErrorKind as Kind;

    #[test]
    fn only_transient_failures_are_retryable() {
        for (kind, is_retryable) in [
            (Kind::NoSuchQueue, false),
            (Kind::AccessDenied, false),
            (Kind::NoCredentials, false),
            (Kind::Throttled, true),
            (Kind::Unavailable, true),
            (Kind::Connection, true),
            (Kind::Refused, false),
        ] {
            assert_eq!(kind.is_retryable(), is_retryable, "{kind}");
        }
    }

    #[test]
    fn denial_names_the_missing_permission() {
        for (operation, action) in [
            (QueueOperation::Receive, "sqs:ReceiveMessage"),
            (QueueOperation::Acknowledge, "sqs:DeleteMessage"),
            (QueueOperation::Extend, "sqs:ChangeMessageVisibility"),
            (QueueOperation::Attributes, "sqs:GetQueueAttributes"),
        ] {
            let error =
                QueueError::new(operation, "http://q/1", Kind::AccessDenied, "AccessDenied");
            assert!(error.to_string().contains(action), "{error}");
        }
    }

    #[test]
    fn message_says_what_failed_why_and_what_to_do() {
        let detail = "RequestThrottled: slower\u{1b}[2J, please";
        let error = QueueError::new(
            QueueOperation::Receive,
            "http://q/1",
            Kind::Throttled,
            detail,
        );
        assert_eq!(
            error.to_string(),
            "failed to receive from queue http://q/1: SQS throttles requests (RequestThrottled: \
             slower\\u{1b}[2J, please). Wait, or lower events.receives_per_queue."
        );
    }
}
