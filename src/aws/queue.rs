//! SQS queues: the [`Queue`] trait, its implementation, and its errors.
//!
//! This module does not look into messages: `core::replication` decodes them. The caller decides which
//! messages to acknowledge and when, and how long to wait after an error.

mod attributes;
mod error;
mod probe;
mod sdk_error;
mod sqs;

use std::fmt;
use std::time::Duration;

pub use attributes::{QueueAttributes, RedrivePolicy};
pub use error::{QueueError, QueueErrorKind, QueueOperation};
pub use probe::QueueInfo;
pub use sqs::SqsQueue;

use crate::core::replication::timestamp::Timestamp;

/// The maximum number of messages that one request can receive, acknowledge or extend.
pub const MAX_BATCH: usize = 10;

/// The maximum time that a receive request waits for a message.
pub const MAX_WAIT: Duration = Duration::from_secs(20);

/// The maximum time that a message can be invisible, counted from its receipt.
pub const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);

/// A queue that delivers each message at least once, in any order.
///
/// A received message is *invisible* for the visibility timeout: no consumer receives it. If it is not
/// acknowledged in that time, the queue delivers it again, with another receipt handle and a higher
/// receive count. The queue may also deliver it again earlier, twice in one response, or once more after
/// it was acknowledged.
///
/// Any number of calls of each kind may run at the same time. Durations are rounded up to whole seconds.
pub trait Queue: Send + Sync + 'static {
    /// Receives up to `max` messages and makes them invisible for `visibility`.
    ///
    /// - It waits up to `wait` for the first message, but not for further ones. If none arrives, the list
    ///   is empty; that is not an error. It is also empty if too many messages are in flight (120,000 on AWS).
    /// - `max` is clamped to 1 to [`MAX_BATCH`]. `wait` and `visibility` are cut to [`MAX_WAIT`] and
    ///   [`MAX_VISIBILITY`].
    /// - It makes one attempt. After an error, the caller backs off and calls again.
    /// - Dropping the future loses no message: the queue delivers messages that were already sent again
    ///   after their visibility timeout.
    fn receive(
        &self,
        max: u8,
        wait: Duration,
        visibility: Duration,
    ) -> impl Future<Output = Result<Vec<Message>, QueueError>> + Send;

    /// Deletes messages. Returns the receipts that the queue refused, in the order of `receipts`.
    ///
    /// - Pass the latest receipt of each message. The queue refuses an older one, or accepts it without
    ///   effect.
    /// - Any number of receipts is allowed: they are sent in batches of [`MAX_BATCH`], one after the
    ///   other. With no receipts, no request is sent. A receipt may occur several times; the queue may
    ///   refuse the repetitions.
    /// - A refused receipt does not affect the others, and is not retried.
    /// - A request that fails as a whole is retried a bounded number of times. After an error it is
    ///   unknown which messages are deleted. Deleting a message twice does no harm, so the caller may
    ///   repeat the call with all receipts.
    /// - If the future is dropped, it is also unknown which messages are deleted.
    fn acknowledge(
        &self,
        receipts: &[ReceiptHandle],
    ) -> impl Future<Output = Result<Vec<RefusedReceipt>, QueueError>> + Send;

    /// Makes messages invisible for `visibility`, counted from now. Zero makes them visible immediately.
    ///
    /// Batches, refused receipts, errors and dropping work as in [`Queue::acknowledge`]. `visibility` is
    /// cut to [`MAX_VISIBILITY`]. The queue refuses to keep a message invisible longer than that after
    /// its receipt. It may also refuse a message that is visible again.
    fn extend(
        &self,
        receipts: &[ReceiptHandle],
        visibility: Duration,
    ) -> impl Future<Output = Result<Vec<RefusedReceipt>, QueueError>> + Send;

    /// Reads the queue's attributes. Message counts are estimates that settle within a minute.
    ///
    /// Retryable failures are retried a bounded number of times.
    fn attributes(&self) -> impl Future<Output = Result<QueueAttributes, QueueError>> + Send;
}

/// One delivery of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The message id, the same for each delivery; for logs. Empty if the queue sends none.
    pub id: String,
    /// Identifies this delivery, to acknowledge or extend it.
    pub receipt: ReceiptHandle,
    /// The text as it was sent, byte for byte. Empty if the queue sends none: a sent message is never empty.
    pub body: String,
    /// When the message was sent, by the queue's clock, if the queue says so.
    pub sent: Option<Timestamp>,
    /// When it was delivered for the first time, to whichever consumer, by the queue's clock, if the queue says so.
    pub first_received: Option<Timestamp>,
    /// The number of deliveries so far, including this one. 1 if the queue does not say.
    pub receive_count: u32,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("receipt", &self.receipt)
            .field("body", &Truncated(&self.body))
            .field("sent", &self.sent)
            .field("first_received", &self.first_received)
            .field("receive_count", &self.receive_count)
            .finish()
    }
}

/// Identifies one delivery of a message: an opaque text of some hundred characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ReceiptHandle(pub String);

impl fmt::Debug for ReceiptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Truncated(&self.0).fmt(f)
    }
}

/// A receipt that the queue refused in an otherwise successful request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedReceipt {
    /// Its index in the list that was passed.
    pub index: usize,
    /// The error code, such as `ReceiptHandleIsInvalid`.
    pub code: String,
    /// Whether the queue blames the request. If so, repeating it is useless.
    pub is_sender_fault: bool,
}

/// Prints at most the first 40 characters of a text, and the length if it is longer.
struct Truncated<'a>(&'a str);

/// The number of characters that are printed of a long text.
const MAX_PRINTED: usize = 40;

impl fmt::Debug for Truncated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(MAX_PRINTED) {
            Some((end, _)) => write!(f, "{:?}… ({} bytes)", &self.0[..end], self.0.len()),
            None => write!(f, "{:?}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_truncates_long_texts() {
        let message = Message {
            id: "id".into(),
            receipt: ReceiptHandle("r".repeat(900)),
            body: "é\n".repeat(100_000),
            sent: None,
            first_received: None,
            receive_count: 1,
        };
        let printed = format!("{message:?}");
        assert!(printed.len() < 300, "{printed}");
        assert!(printed.contains("(900 bytes)"), "{printed}");
        assert!(printed.contains("(300000 bytes)"), "{printed}");
        assert_eq!(format!("{:?}", ReceiptHandle("short".into())), "\"short\"");
    }
}
