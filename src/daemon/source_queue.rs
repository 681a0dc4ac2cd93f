//! The queue of a Source, as far as its scans depend on it.
//!
//! It receives nothing. The consumer receives, and records the results in the queue's state.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::queue::{Queue, SqsQueue};
use crate::core::replication::schedule::QueueInfo;
use crate::ingest::consumer::{Permits, QueueState};

/// The retention that is assumed if the queue's attributes cannot be requested: the default of SQS.
const DEFAULT_RETENTION: Duration = Duration::from_secs(4 * 24 * 3600);

/// The queue of a Source.
#[derive(Clone)]
pub(super) struct SourceQueue {
    pub queue: Arc<SqsQueue>,
    pub state: Arc<QueueState>,
    /// Limits the requests to all queues.
    pub permits: Permits,
}

impl SourceQueue {
    /// Which queue it is, and how long it keeps messages. Requests the attributes if they are not known yet.
    pub(super) async fn info(&self) -> QueueInfo {
        if self.state.attributes().is_none() {
            let _permit = self.permits.requests.acquire().await;
            if let Ok(attributes) = self.queue.attributes().await {
                self.state.set_attributes(attributes);
            }
        }
        let attributes = self.state.attributes();
        let retention = attributes.map(|attributes| attributes.retention);
        QueueInfo {
            id: self.state.id(),
            retention: retention.unwrap_or(DEFAULT_RETENTION),
        }
    }
}
