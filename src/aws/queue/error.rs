//! What can go wrong with a queue, whether it can pass by itself, and what a person can do about it.
//!
//! Which answer is of which kind is decided in `refusal`; who waits and tries again is the caller.

use std::fmt;

/// A request to a queue that failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} queue {url}: {kind}{}; {}", Detail(detail), self.remedy())]
pub struct QueueError {
    /// What was operation.
    pub operation: QueueOperation,
    /// The queue's address.
    pub url: String,
    /// What kind of failure it is.
    pub kind: QueueErrorKind,
    /// What SQS or the network said, in its own words; may be empty. Never a secret.
    pub detail: String,
}

/// What is done with a queue; it prints as a verb, for `failed to … queue …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueOperation {
    /// Reading the credentials; nothing is sent.
    Open,
    /// Receiving messages.
    Receive,
    /// Deleting messages that are done with.
    Acknowledge,
    /// Keeping messages invisible for longer.
    Extend,
    /// Reading the queue's attributes.
    Attributes,
}

/// The kinds of failure that call for different remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum QueueErrorKind {
    /// The queue does not exist.
    #[error("no such queue")]
    NoSuchQueue,
    /// The credentials are good but lack the right.
    #[error("access denied")]
    AccessDenied,
    /// The credentials cannot be had, are unknown, wrong or too old.
    #[error("no usable credentials")]
    NoCredentials,
    /// SQS, or the key service behind it, asks for fewer requests.
    #[error("the queue throttles requests")]
    Throttled,
    /// Any 5xx.
    #[error("the queue is unavailable")]
    Unavailable,
    /// No connection, a timeout, or an answer that broke off or cannot be read.
    #[error("no complete answer from the queue")]
    Connection,
    /// Any other refusal.
    #[error("the request was refused")]
    Refused,
}

/// The longest word of a server that is passed on, in characters.
const MAX_DETAIL: usize = 300;

impl QueueError {
    /// An error in its own words; control characters are spelled out, so that what a server says
    /// cannot command a terminal.
    pub fn new(
        operation: QueueOperation,
        url: impl Into<String>,
        kind: QueueErrorKind,
        detail: &str,
    ) -> Self {
        let mut shown = String::new();
        for c in detail.chars().take(MAX_DETAIL) {
            if c.is_control() {
                shown.extend(c.escape_default())
            } else {
                shown.push(c)
            }
        }
        Self {
            operation,
            url: url.into(),
            kind,
            detail: shown,
        }
    }

    /// Whether the same request may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self.kind {
            QueueErrorKind::NoSuchQueue => {
                "check queue_url, its account and its region; a queue that \
                was deleted has to be made again and the bucket's notifications sent to it"
                    .to_owned()
            }
            QueueErrorKind::AccessDenied => format!(
                "allow these credentials {} on the queue, in their policy and in the queue's; if \
                 the queue is encrypted with a key of your own, kms:Decrypt on that key too",
                self.operation.required_action()
            ),
            QueueErrorKind::NoCredentials => {
                "give credentials that work on this machine: check the \
                access key, its secret, the session they come from, and that this machine's clock \
                is right"
                    .to_owned()
            }
            QueueErrorKind::Throttled => "wait, or use fewer pollers".to_owned(),
            QueueErrorKind::Unavailable => {
                "wait; if it lasts, look at the queue's own status".to_owned()
            }
            QueueErrorKind::Connection => "check queue_url, and the network, DNS, proxy and \
                firewall between"
                .to_owned(),
            QueueErrorKind::Refused => format!(
                "see what the queue says, and check queue_url, its region and the right {}",
                self.operation.required_action()
            ),
        }
    }
}

impl QueueErrorKind {
    /// Whether the same request may succeed later without anybody doing anything.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::Connection)
    }
}

impl QueueOperation {
    /// The right that it needs.
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
            Self::Acknowledge => "acknowledge messages of",
            Self::Extend => "extend the visibility of messages of",
            Self::Attributes => "read the attributes of",
        })
    }
}

/// Prints what was said, where something was.
struct Detail<'a>(&'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => Ok(()),
            detail => write!(f, " ({detail})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use QueueErrorKind as Kind;

    #[test]
    fn what_may_pass_is_told_from_what_needs_a_person() {
        for (kind, passes) in [
            (Kind::NoSuchQueue, false),
            (Kind::AccessDenied, false),
            (Kind::NoCredentials, false),
            (Kind::Throttled, true),
            (Kind::Unavailable, true),
            (Kind::Connection, true),
            (Kind::Refused, false),
        ] {
            assert_eq!(kind.is_retryable(), passes, "{kind}");
        }
    }

    #[test]
    fn a_denial_names_the_right_that_is_missing() {
        for (operation, right) in [
            (QueueOperation::Receive, "sqs:ReceiveMessage"),
            (QueueOperation::Acknowledge, "sqs:DeleteMessage"),
            (QueueOperation::Extend, "sqs:ChangeMessageVisibility"),
            (QueueOperation::Attributes, "sqs:GetQueueAttributes"),
        ] {
            let error =
                QueueError::new(operation, "http://q/1", Kind::AccessDenied, "AccessDenied");
            assert!(error.to_string().contains(right), "{error}");
        }
    }

    #[test]
    fn an_error_says_what_was_tried_what_came_and_what_to_do() {
        let detail = "RequestThrottled: slower\u{1b}[2J, please";
        let error = QueueError::new(
            QueueOperation::Receive,
            "http://q/1",
            Kind::Throttled,
            detail,
        );
        assert_eq!(
            error.to_string(),
            "receive from queue http://q/1: the queue throttles requests (RequestThrottled: \
             slower\\u{1b}[2J, please); wait, or use fewer pollers"
        );
    }

    #[test]
    fn an_endless_detail_is_cut() {
        let endless = "a".repeat(10_000);
        let error = QueueError::new(QueueOperation::Open, "http://q/1", Kind::Refused, &endless);
        assert_eq!(error.detail.len(), MAX_DETAIL);
    }
}
