//! The queue of a Source, as far as its scans depend on it.
//!
//! Nothing is received here: the consumer does, and leaves what it sees on the queue's board.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::queue::{Queue, SqsQueue};
use crate::core::replication::schedule::QueueInfo;
use crate::ingest::consumer::Permits;
use crate::observe::status::QueueStatus;

/// How long a queue keeps messages if it cannot be asked: what AWS makes it where nobody has set it.
const DEFAULT_RETENTION: Duration = Duration::from_secs(4 * 24 * 3600);

/// The queue of a Source.
#[derive(Clone)]
pub(crate) struct Events {
    /// The queue.
    pub queue: Arc<SqsQueue>,
    /// Whether it answers.
    pub board: Arc<QueueStatus>,
    /// How many may ask at the same time.
    pub permits: Permits,
}

impl Events {
    /// Which queue it is, and how long it keeps messages.
    pub(crate) async fn facts(&self) -> QueueInfo {
        if self.board.attributes().is_none() {
            let _permit = self.permits.request().await;
            if let Ok(attributes) = self.queue.attributes().await {
                self.board.set_attributes(attributes);
            }
        }
        let retention = self
            .board
            .attributes()
            .map(|attributes| attributes.retention);
        QueueInfo {
            id: self.board.id(),
            retention: retention.unwrap_or(DEFAULT_RETENTION),
        }
    }
}
