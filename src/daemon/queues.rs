//! The queues of a session: each opened once, with the Sources that get their events from it.
//!
//! Nothing is received here.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::events::Events;
use super::session::Surroundings;
use crate::aws::queue::{QueueError, SqsQueue};
use crate::ingest::consumer::Permits;
use crate::ingest::consumer::routes::ActiveSource;
use crate::observe::status::{QueueHealth, QueueStatus, SourceCondition};

/// The queue of a Source, if that brings it its events.
pub(super) fn events_of(follower: &Arc<ActiveSource>, queues: &Queues) -> Option<Events> {
    let url = &follower.source.events.as_ref()?.queue_url;
    let (events, followers) = queues.get(url)?;
    let is_among = followers.iter().any(|other| Arc::ptr_eq(other, follower));
    is_among.then(|| events.clone())
}

/// How many queues they have.
pub(super) fn count_queues(followers: &[Arc<ActiveSource>]) -> usize {
    let events = followers
        .iter()
        .filter_map(|follower| follower.source.events.as_ref());
    let urls: HashSet<&str> = events.map(|events| &*events.queue_url).collect();
    urls.len()
}

/// The queues by their addresses.
pub(super) type Queues = BTreeMap<String, (Events, Vec<Arc<ActiveSource>>)>;

/// Opens the queues, each once, with the Sources that get their events from it.
pub(super) async fn open_queues(
    followers: &[Arc<ActiveSource>],
    permits: &Permits,
    around: &Surroundings,
) -> Queues {
    let mut queues = Queues::new();
    for follower in followers {
        let Some(events) = &follower.source.events else {
            continue;
        };
        if let Some((_, others)) = queues.get_mut(&events.queue_url) {
            others.push(Arc::clone(follower));
            continue;
        }
        let board = around.board.queue(&events.queue_url);
        board.restart();
        match SqsQueue::open(events, follower.source.region.as_deref()).await {
            Ok(queue) => {
                let queue = Arc::new(queue);
                let events_of = Events {
                    queue,
                    board,
                    permits: permits.clone(),
                };
                let opened = (events_of, vec![Arc::clone(follower)]);
                queues.insert(events.queue_url.clone(), opened);
            }
            Err(error) => refuse_queue(follower, &board, &error),
        }
    }
    queues
}

/// A queue that cannot even be opened, for want of a secret: the Source is kept by scans alone.
fn refuse_queue(follower: &ActiveSource, board: &QueueStatus, error: &QueueError) {
    board.set_health(QueueHealth::Failing(error.to_string()));
    follower
        .board
        .raise(SourceCondition::Queue, error.to_string());
    let source = &follower.source.name;
    tracing::warn!(
        source, %error,
        "events cannot be followed until that is mended, and the daemon reloaded or, where it says so, restarted"
    );
}
