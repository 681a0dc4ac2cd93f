//! Releases messages to see who receives them next, and shows the result.
//!
//! [`sharing`](super::sharing) decides which messages, and what the result means.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Consumer, sharing};
use crate::aws::queue::{Message, Queue, ReceiptHandle};
use crate::observe::status::QueueProblem;

/// The suffix of the names of FIFO queues.
const FIFO: &str = ".fifo";

/// A message that was made visible again, see [`sharing`](super::sharing).
pub(super) struct Released {
    pub(super) id: String,
    /// Whether the queue has confirmed it.
    pub(super) is_visible: bool,
}

impl<Q: Queue> Consumer<Q> {
    /// Shows and logs whether another consumer receives from the queue.
    pub(super) fn show_sharing(&mut self) {
        let elsewhere = self.sharing.take_elsewhere();
        let board = self.state.board();
        board.counters.elsewhere.add(elsewhere);
        let queue = &board.url;
        if !self.sharing.is_shared() {
            if board.clear(QueueProblem::Shared) {
                tracing::info!(queue, "no other consumer receives from the queue any more");
            }
        } else if board.raise(QueueProblem::Shared, sharing::PROBLEM) {
            tracing::warn!(
                queue,
                "another consumer receives from the queue, so events are missing here"
            );
        }
    }

    /// Whether to release the message to see who receives it next. A FIFO queue keeps it back while later messages of
    /// its group are in flight, so there it would seem lost.
    pub(super) fn releases(&mut self, message: &Message) -> bool {
        let attributes = self.state.attributes();
        let now = Instant::now();
        let is_fifo = self.state.board().url.ends_with(FIFO);
        !self.is_stopping && !is_fifo && self.sharing.release(message, attributes.as_ref(), now)
    }

    /// Makes a message visible again. If the request fails, the message is redelivered when its visibility ends.
    pub(super) fn release(&mut self, id: String, receipt: ReceiptHandle) {
        self.state.board().counters.released.add(1);
        let (queue, permits) = (Arc::clone(&self.queue), self.permits.clone());
        self.releasing.spawn(async move {
            let _permit = permits.requests.acquire().await;
            let refused = queue.extend(&[receipt], Duration::ZERO).await;
            let is_visible = refused.is_ok_and(|refused| refused.is_empty());
            Released { id, is_visible }
        });
    }
}
