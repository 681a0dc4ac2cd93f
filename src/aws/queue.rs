//! The SQS side: who receives the messages of a queue, and what can go wrong with it.
//!
//! What a message says is not looked at here: that is `sync`. Which messages are acknowledged, and
//! when, is the caller's to decide, and so is how long to wait after an error.

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

/// How many messages one request can receive, acknowledge or extend.
pub const MAX_BATCH: usize = 10;

/// The longest that a queue waits for a message.
pub const MAX_WAIT: Duration = Duration::from_secs(20);

/// The longest that a message can be invisible, counted from when it was received.
pub const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);

/// One queue that delivers each message at least once, in any order.
///
/// A message that was received is *invisible* for a while: nobody receives it. If it is not
/// acknowledged by then, it comes again, under another receipt handle and with a higher count. It can
/// also come again without that, twice in one answer, or a last time after it was acknowledged.
///
/// Any number of calls may be under way at a time, of each kind. Durations count in whole seconds:
/// a part of a second counts as a whole one.
pub trait Queue: Send + Sync + 'static {
    /// Receives up to `max` messages, which are then invisible for `visibility`.
    ///
    /// - It waits for the first message, up to `wait`, and then for no further one. Nothing there:
    ///   an empty list, which is no error. A queue with too many messages in flight (120,000 on AWS)
    ///   gives nothing either.
    /// - `max` is brought into 1 to [`MAX_BATCH`], `wait` and `visibility` are cut to [`MAX_WAIT`] and
    ///   [`MAX_VISIBILITY`].
    /// - One attempt and no more: after an error the caller waits, longer with each, and calls again.
    /// - Dropping the future loses nothing: what the queue had already handed out comes again when its
    ///   visibility has run out.
    fn receive(
        &self,
        max: u8,
        wait: Duration,
        visibility: Duration,
    ) -> impl Future<Output = Result<Vec<Message>, QueueError>> + Send;

    /// Deletes messages for good; gives those that were refused, in the order of their places.
    ///
    /// - `receipts` are the latest that were received of each message. What an older one does is not
    ///   promised: it is refused, or accepted without effect.
    /// - Any number of receipts: they go in requests of [`MAX_BATCH`], one after the other; none, no
    ///   request. The same receipt may stand in it more than once: the repetitions may be refused.
    /// - A refusal of one does not touch the others, and is only told: nothing refused is tried again.
    /// - A request that fails as a whole is tried again inside, within a bound. An error is final, and
    ///   leaves open which messages are deleted. Deleting again what is deleted does no harm, so the
    ///   caller may call again with all of them.
    /// - Dropping the future leaves open the same.
    fn acknowledge(
        &self,
        receipts: &[ReceiptHandle],
    ) -> impl Future<Output = Result<Vec<RefusedReceipt>, QueueError>> + Send;

    /// Makes messages invisible for `visibility` from now on; zero: visible at once.
    ///
    /// Batches, refusals, errors and dropping are as with [`Queue::acknowledge`]. `visibility` is cut to
    /// [`MAX_VISIBILITY`]; an extension beyond that since the message was received is refused. What it does to
    /// a message that is visible again already is not promised: as likely as not it is refused.
    fn extend(
        &self,
        receipts: &[ReceiptHandle],
        visibility: Duration,
    ) -> impl Future<Output = Result<Vec<RefusedReceipt>, QueueError>> + Send;

    /// What the queue says of itself; its counts are estimates that settle within a minute.
    ///
    /// Failures that may pass are tried again inside, within a bound.
    fn attributes(&self) -> impl Future<Output = Result<QueueAttributes, QueueError>> + Send;
}

/// One delivery of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The queue's own name for the message, the same at each delivery; for logs, and empty if the
    /// queue gives none.
    pub id: String,
    /// What to acknowledge or extend this delivery by.
    pub receipt: ReceiptHandle,
    /// The text as it was sent, byte for byte; empty if the queue gives none, which no sender can send.
    pub body: String,
    /// When the queue took it in, by the queue's clock; `None` if the queue does not say.
    pub sent: Option<Timestamp>,
    /// How often it has been received, this time included; 1 if the queue does not say.
    pub receive_count: u32,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("receipt", &self.receipt)
            .field("body", &Truncated(&self.body))
            .field("sent", &self.sent)
            .field("receive_count", &self.receive_count)
            .finish()
    }
}

/// What names one delivery of a message; some hundred characters that mean nothing to anybody else.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ReceiptHandle(pub String);

impl fmt::Debug for ReceiptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Truncated(&self.0).fmt(f)
    }
}

/// A receipt that a queue did not accept, in an answer that was otherwise one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedReceipt {
    /// Its place in the list that was given, from 0.
    pub place: usize,
    /// The queue's word for the reason, such as `ReceiptHandleIsInvalid`.
    pub code: String,
    /// Whether the queue says that the request was wrong: if so, it is of no use to repeat it.
    pub is_sender_fault: bool,
}

/// Prints the beginning of a text and how long it is.
struct Truncated<'a>(&'a str);

/// How many characters of a long text are printed.
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
    fn long_texts_do_not_flood_a_log() {
        let message = Message {
            id: "id".into(),
            receipt: ReceiptHandle("r".repeat(900)),
            body: "é\n".repeat(100_000),
            sent: None,
            receive_count: 1,
        };
        let printed = format!("{message:?}");
        assert!(printed.len() < 300, "{printed}");
        assert!(printed.contains("(900 bytes)"), "{printed}");
        assert!(printed.contains("(300000 bytes)"), "{printed}");
        assert_eq!(format!("{:?}", ReceiptHandle("short".into())), "\"short\"");
    }
}
