//! The queues of a session: each is opened once, with the Sources that get their events from it.
//!
//! A new configuration replaces the Sources of an open queue. Nothing is received here: each queue has a consumer.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::context::DaemonContext;
use super::credential_files::CredentialFiles;
use super::deployment::{Deployment, QueueAccess, RunningQueue};
use super::source_queue::SourceQueue;
use crate::aws::queue::{QueueError, SqsQueue};
use crate::concurrency::ConcurrencyLimit;
use crate::config::EventsConfig;
use crate::index::IndexError;
use crate::index::writer::IndexHandle;
use crate::ingest::consumer::handler::Handler;
use crate::ingest::consumer::routes::{ActiveSource, SharedRoutes};
use crate::ingest::consumer::{Consumer, Permits, QueueState};
use crate::observe::status::{QueueHealth, QueueStatus, SourceCondition};

/// The open queues of a session, by URL.
pub(super) struct Queues {
    open: BTreeMap<String, OpenQueue>,
    limits: EventsConfig,
    permits: Permits,
    /// Limits the look-ups of all queues.
    look_ups: ConcurrencyLimit,
    /// The current index.
    index: IndexHandle,
    /// The index of a running rebuild.
    rebuild_index: Option<IndexHandle>,
    stop: CancellationToken,
}

/// An open queue, with the Sources that get their events from it.
struct OpenQueue {
    queue: SourceQueue,
    access: QueueAccess,
    sources: Vec<Arc<ActiveSource>>,
    handler: Arc<Handler>,
    /// Stops receiving. Messages in flight are finished.
    stop_receiving: CancellationToken,
}

/// A Source that begins, and the files with its credentials.
pub(super) struct NewSource {
    pub active: Arc<ActiveSource>,
    pub credentials: CredentialFiles,
}

impl Queues {
    /// No queue is open yet.
    pub(super) fn new(
        limits: EventsConfig,
        index: IndexHandle,
        rebuild_index: Option<IndexHandle>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            open: BTreeMap::new(),
            permits: Permits::new(&limits, 0),
            look_ups: ConcurrencyLimit::new(limits.look_ups_in_flight),
            limits,
            index,
            rebuild_index,
            stop,
        }
    }

    /// Uses other limits for the queues that are opened from now on.
    pub(super) fn set_limits(&mut self, limits: EventsConfig) {
        self.permits = Permits::new(&limits, self.open.len());
        self.look_ups = ConcurrencyLimit::new(limits.look_ups_in_flight);
        self.limits = limits;
    }

    /// What a new configuration is compared with. If `retries` is set, queues that cannot be received from are opened
    /// again.
    pub(super) fn running(&self, retries: bool) -> BTreeMap<&str, RunningQueue> {
        let running = |open: &OpenQueue| RunningQueue {
            access: open.access.clone(),
            opens_again: retries
                && matches!(open.queue.state.reception().health, QueueHealth::Failing(_)),
        };
        let open = self.open.iter();
        open.map(|(url, open)| (url.as_str(), running(open)))
            .collect()
    }

    /// The message handlers, by URL.
    pub(super) fn handlers(&self) -> impl Iterator<Item = (String, Arc<Handler>)> {
        let open = self.open.iter();
        open.map(|(url, open)| (url.clone(), Arc::clone(&open.handler)))
    }

    /// The queue that delivers the Source's events. `None` if the Source has none, or if it could not be
    /// opened for this Source.
    pub(super) fn of(&self, active: &Arc<ActiveSource>) -> Option<SourceQueue> {
        let open = self.open.get(queue_url(active)?)?;
        let delivers = open.sources.iter().any(|other| Arc::ptr_eq(other, active));
        delivers.then(|| open.queue.clone())
    }

    /// Closes queues, opens the queues of new Sources, and routes the events of all open queues to `running`, which
    /// has all Sources in the order of the configuration, without those that have ended. Consumers of opened queues
    /// become tasks.
    pub(super) async fn follow(
        &mut self,
        deployment: &Deployment,
        running: &[Arc<ActiveSource>],
        new: &[NewSource],
        ctx: &DaemonContext,
        tasks: &mut JoinSet<Result<(), IndexError>>,
    ) {
        let closed = deployment.close.iter();
        let closed: Vec<_> = closed.filter_map(|url| self.open.remove(url)).collect();
        for open in &closed {
            open.stop_receiving.cancel();
        }
        let mut opened = Vec::new();
        for NewSource {
            active,
            credentials,
        } in new
        {
            let Some(url) = queue_url(active) else {
                continue;
            };
            if let Some(open) = self.open.get_mut(url) {
                open.sources.push(Arc::clone(active));
            } else if let Some(open) = self.open_queue(active, credentials, ctx).await {
                opened.push(url.to_owned());
                self.open.insert(url.to_owned(), open);
            }
        }
        self.permits.set_queues(self.open.len());
        for open in self.open.values_mut() {
            let known = std::mem::take(&mut open.sources);
            let keeps =
                |active: &&Arc<ActiveSource>| known.iter().any(|known| Arc::ptr_eq(known, active));
            open.sources = running.iter().filter(keeps).cloned().collect();
            let is_same = known.len() == open.sources.len()
                && known
                    .iter()
                    .zip(&open.sources)
                    .all(|(a, b)| Arc::ptr_eq(a, b));
            if !is_same || new.iter().any(|new| keeps(&&new.active)) {
                open.handler.routes.replace(open.sources.iter().cloned());
            }
        }
        for url in opened {
            let open = &self.open[&url];
            let consumer = Consumer::new(
                Arc::clone(&open.queue.queue),
                Arc::clone(&open.handler),
                Arc::clone(&ctx.quarantine),
                self.limits,
                self.permits.clone(),
            );
            tasks.spawn(consumer.run(open.stop_receiving.clone()));
        }
        for open in closed {
            if let Some(again) = self.open.get(&open.access.events.queue_url) {
                // Messages that are in flight since before are handled with the new routes.
                open.handler.routes.replace(again.sources.iter().cloned());
            }
            // There are no routes after these: messages that cannot be handled with them are redelivered.
            open.handler.stop.cancel();
        }
    }

    /// Opens the queue of a Source. `None` if that fails, which is shown and logged.
    async fn open_queue(
        &self,
        active: &Arc<ActiveSource>,
        credentials: &CredentialFiles,
        ctx: &DaemonContext,
    ) -> Option<OpenQueue> {
        let access = QueueAccess::of(&active.source, credentials)?;
        let board = ctx.board.queue(&access.events.queue_url);
        let state = Arc::new(QueueState::new(Arc::clone(&board)));
        let (region, limits) = (access.region.as_deref(), access.limits.as_deref());
        let queue = match SqsQueue::open(&access.events, region, limits).await {
            Ok(queue) => Arc::new(queue),
            Err(error) => {
                on_open_failed(active, &board, &error);
                return None;
            }
        };
        let stop = self.stop.child_token();
        let handler = Handler {
            routes: SharedRoutes::new([]),
            index: self.index.clone(),
            rebuild_index: self.rebuild_index.clone(),
            look_ups: self.look_ups.clone(),
            stop: stop.clone(),
            queue: Arc::clone(&state),
        };
        Some(OpenQueue {
            queue: SourceQueue {
                queue,
                state,
                permits: self.permits.clone(),
            },
            access,
            sources: vec![Arc::clone(active)],
            handler: Arc::new(handler),
            stop_receiving: stop.child_token(),
        })
    }
}

fn queue_url(active: &ActiveSource) -> Option<&str> {
    let events = active.source.events.as_ref();
    events.map(|events| &*events.queue_url)
}

/// Shows and logs that a queue cannot be opened, for example because a secret is missing. Until the next
/// reload, only scans update the Source.
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
