//! The queues of a session: each is opened once, with the Sources that get their events from it.
//!
//! Nothing is received here.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::context::DaemonContext;
use super::source_queue::SourceQueue;
use crate::aws::queue::{QueueError, SqsQueue};
use crate::ingest::consumer::routes::ActiveSource;
use crate::ingest::consumer::{Permits, QueueState};
use crate::observe::status::{QueueHealth, QueueStatus, SourceCondition};

/// The open queues of a session.
pub(super) struct Queues(BTreeMap<String, OpenQueue>);

/// An open queue, with the Sources that get their events from it.
pub(super) struct OpenQueue {
    pub queue: SourceQueue,
    pub sources: Vec<Arc<ActiveSource>>,
}

impl Queues {
    /// Opens the queues of the Sources.
    pub(super) async fn open(
        sources: &[Arc<ActiveSource>],
        permits: &Permits,
        ctx: &DaemonContext,
    ) -> Self {
        let mut queues = BTreeMap::<String, OpenQueue>::new();
        for active in sources {
            let Some(events) = &active.source.events else {
                continue;
            };
            if let Some(open) = queues.get_mut(&events.queue_url) {
                open.sources.push(Arc::clone(active));
                continue;
            }
            let board = ctx.board.queue(&events.queue_url);
            let state = QueueState::new(Arc::clone(&board));
            match SqsQueue::open(events, active.source.region.as_deref()).await {
                Ok(queue) => {
                    let queue = SourceQueue {
                        queue: Arc::new(queue),
                        state: Arc::new(state),
                        permits: permits.clone(),
                    };
                    let sources = vec![Arc::clone(active)];
                    queues.insert(events.queue_url.clone(), OpenQueue { queue, sources });
                }
                Err(error) => on_open_failed(active, &board, &error),
            }
        }
        Self(queues)
    }

    /// The open queues, by address.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &OpenQueue)> {
        self.0.iter()
    }

    /// The queue that delivers the Source's events. `None` if the Source has none, or if it could not be
    /// opened for this Source.
    pub(super) fn of(&self, active: &Arc<ActiveSource>) -> Option<SourceQueue> {
        let open = self.0.get(&active.source.events.as_ref()?.queue_url)?;
        let delivers = open.sources.iter().any(|other| Arc::ptr_eq(other, active));
        delivers.then(|| open.queue.clone())
    }
}

/// The number of different queues of the Sources.
pub(super) fn count_queues(sources: &[Arc<ActiveSource>]) -> usize {
    let events = sources
        .iter()
        .filter_map(|active| active.source.events.as_ref());
    let urls: HashSet<&str> = events.map(|events| &*events.queue_url).collect();
    urls.len()
}

/// Shows and logs that a queue cannot be opened, for example because a secret is missing. Until the next
/// session, only scans update the Source.
fn on_open_failed(active: &ActiveSource, board: &QueueStatus, error: &QueueError) {
    board.set_health(QueueHealth::Failing(error.to_string()));
    active
        .board
        .raise(SourceCondition::Queue, error.to_string());
    let source = &active.source.name;
    tracing::warn!(
        source, %error,
        "failed to open the queue; after fixing this, reload the daemon, or restart it if the error says so"
    );
}
