//! To which Sources the events of a queue are of concern: by bucket and prefix.
//!
//! The rules of a Source are asked when it is known what happened; they are not asked here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::look_up::LookUpError;
use crate::aws::bucket::LazyBucket;
use crate::core::replication::source_state::SourceId;
use crate::core::source::Source;
use crate::observe::status::SourceBoard;

/// A Source that is followed.
#[derive(Debug)]
pub struct ActiveSource {
    /// Its number in the index.
    pub id: SourceId,
    /// The Source.
    pub source: Arc<Source>,
    /// Its bucket, for look-ups.
    pub bucket: Arc<LazyBucket>,
    /// Where it is shown.
    pub board: Arc<SourceBoard>,
    /// How many of its keys may be listed alone at the same time.
    pub look_ups: Semaphore,
    /// Until when none is, because one could not be.
    resting_until: Mutex<Option<Instant>>,
}

/// For how long no key of a Source is listed alone after one could not be.
const REST: Duration = Duration::from_secs(5);

impl ActiveSource {
    /// A Source with that number, of whose keys up to `look_ups` are listed alone at the same time.
    pub fn new(
        id: SourceId,
        source: Arc<Source>,
        bucket: Arc<LazyBucket>,
        board: Arc<SourceBoard>,
        look_ups: usize,
    ) -> Self {
        Self {
            id,
            source,
            bucket,
            board,
            look_ups: Semaphore::new(look_ups.max(1)),
            resting_until: Mutex::default(),
        }
    }

    /// Why no key is listed alone just now, if so.
    pub(super) fn look_ups_rest(&self) -> Option<LookUpError> {
        let until = *self.resting();
        until
            .is_some_and(|until| Instant::now() < until)
            .then_some(LookUpError::Resting)
    }

    /// Lets no key be listed alone for a while.
    pub(super) fn let_look_ups_rest(&self) {
        *self.resting() = Some(Instant::now() + REST);
    }

    fn resting(&self) -> MutexGuard<'_, Option<Instant>> {
        // Each holder puts in one value.
        self.resting_until
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

    /// Those whose bucket it is.
    pub fn of_bucket(&self, bucket: &str) -> impl Iterator<Item = &Arc<ActiveSource>> {
        self.by_bucket.get(bucket).into_iter().flatten()
    }

    /// Those whose bucket it is and under whose prefix the key lies.
    pub fn of<'a>(
        &'a self,
        bucket: &str,
        key: &'a str,
    ) -> impl Iterator<Item = &'a Arc<ActiveSource>> {
        self.of_bucket(bucket)
            .filter(move |active| key.starts_with(&active.source.prefix))
    }
}
