//! Which Sources an event concerns, by bucket and prefix.
//!
//! It does not apply the Sources' rules: they depend on what happened, which is decided later.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
        }
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
