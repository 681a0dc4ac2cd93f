//! Which Sources an event concerns, by bucket and prefix.
//!
//! It does not apply the Sources' rules: they depend on what happened, which is decided later.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::{TaskTrackerToken, TrackedFuture};

use crate::aws::bucket::LazyBucket;
use crate::concurrency::ConcurrencyLimit;
use crate::core::replication::source_state::SourceId;
use crate::core::source::Source;
use crate::observe::status::SourceStatus;

/// An enabled Source that the daemon keeps up to date.
#[derive(Debug)]
pub struct ActiveSource {
    /// The Source's number in the index.
    pub id: SourceId,
    /// The Source.
    pub source: Arc<Source>,
    /// Its bucket.
    pub bucket: Arc<LazyBucket>,
    /// Its status.
    pub board: Arc<SourceStatus>,
    /// Limits how many of the Source's keys are looked up at the same time.
    pub look_ups: ConcurrencyLimit,
    /// Whether anything has shown that the Source's events reach its queue.
    is_wired: AtomicBool,
    /// No look-up starts before this time, because one has failed.
    look_ups_paused_until: Mutex<Option<Instant>>,
    /// Cancelled when the Source is about to be changed or removed.
    ending: CancellationToken,
    /// Everything that may send requests about the Source to the index.
    work: TaskTracker,
}

/// How long look-ups of a Source are paused after one failed.
const LOOK_UP_PAUSE: Duration = Duration::from_secs(5);

impl ActiveSource {
    /// Creates a Source of which up to `look_ups` keys, and at least one, are looked up at the same time.
    pub fn new(
        id: SourceId,
        source: Arc<Source>,
        bucket: Arc<LazyBucket>,
        board: Arc<SourceStatus>,
        look_ups: usize,
    ) -> Self {
        Self {
            id,
            source,
            bucket,
            board,
            look_ups: ConcurrencyLimit::new(look_ups),
            is_wired: AtomicBool::new(false),
            look_ups_paused_until: Mutex::default(),
            ending: CancellationToken::new(),
            work: TaskTracker::new(),
        }
    }

    /// The right to send requests about the Source to the index, until the result is dropped. `None` after
    /// [`ActiveSource::end`] was called.
    pub(crate) fn begin_work(&self) -> Option<TaskTrackerToken> {
        let work = self.work.token();
        (!self.ending.is_cancelled()).then_some(work)
    }

    /// Counts a task of the Source as work until it has ended. The caller stops the task before
    /// [`ActiveSource::end`].
    pub(crate) fn track<F: Future>(&self, task: F) -> TrackedFuture<F> {
        self.work.track_future(task)
    }

    /// Lets no new work begin, and ends the messages that are being handled. They are handled again with the next
    /// routes.
    pub(crate) fn refuse_work(&self) {
        self.ending.cancel();
    }

    /// Waits until all work for the Source has ended. After that, nothing sends requests about it to the index.
    pub(crate) async fn end(&self) {
        self.refuse_work();
        self.work.close();
        self.work.wait().await;
    }

    /// Waits for [`ActiveSource::refuse_work`].
    pub(super) fn ending(&self) -> &CancellationToken {
        &self.ending
    }

    /// Records that the Source's events reach its queue. Returns whether that was not known before.
    pub(crate) fn set_wired(&self) -> bool {
        !self.is_wired.swap(true, Ordering::Relaxed)
    }

    pub(super) fn look_ups_are_paused(&self) -> bool {
        let until = *self.paused_until();
        until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn pause_look_ups(&self) {
        *self.paused_until() = Some(Instant::now() + LOOK_UP_PAUSE);
    }

    fn paused_until(&self) -> MutexGuard<'_, Option<Instant>> {
        // A panic cannot leave it half-written: each holder stores one value.
        self.look_ups_paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes of one queue. A new configuration replaces them while messages are handled.
#[derive(Debug)]
pub struct SharedRoutes(watch::Sender<Arc<Routes>>);

impl SharedRoutes {
    /// Routes to these Sources, until they are replaced.
    pub fn new(sources: impl IntoIterator<Item = Arc<ActiveSource>>) -> Self {
        Self(watch::Sender::new(Arc::new(Routes::new(sources))))
    }

    /// Replaces the routes. Messages whose Sources have been ended are handled again.
    pub(crate) fn replace(&self, sources: impl IntoIterator<Item = Arc<ActiveSource>>) {
        self.0.send_replace(Arc::new(Routes::new(sources)));
    }

    /// The routes, and later ones.
    pub(super) fn watch(&self) -> watch::Receiver<Arc<Routes>> {
        self.0.subscribe()
    }
}

/// The Sources that get their events from one queue.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    by_bucket: HashMap<String, Vec<Arc<ActiveSource>>>,
}

impl Routes {
    /// The routes to these Sources.
    pub fn new(sources: impl IntoIterator<Item = Arc<ActiveSource>>) -> Self {
        let mut by_bucket: HashMap<String, Vec<Arc<ActiveSource>>> = HashMap::new();
        for active in sources {
            let bucket = active.source.bucket.clone();
            by_bucket.entry(bucket).or_default().push(active);
        }
        Self { by_bucket }
    }

    /// The Sources of the bucket.
    pub fn of_bucket(&self, bucket: &str) -> impl Iterator<Item = &Arc<ActiveSource>> {
        self.by_bucket.get(bucket).into_iter().flatten()
    }

    /// The bucket whose name differs from this one only in the case of its letters.
    pub(super) fn similar_bucket(&self, name: &str) -> Option<&str> {
        let mut buckets = self.by_bucket.keys();
        let similar = buckets.find(|bucket| bucket.eq_ignore_ascii_case(name));
        similar.map(String::as_str)
    }

    /// The Sources of the bucket whose prefix the key starts with.
    pub fn of<'a>(
        &'a self,
        bucket: &str,
        key: &'a str,
    ) -> impl Iterator<Item = &'a Arc<ActiveSource>> {
        self.of_bucket(bucket)
            .filter(move |active| key.starts_with(&active.source.prefix))
    }
}
