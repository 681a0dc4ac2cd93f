//! To which Sources the events of a queue are of concern: by bucket and prefix.
//!
//! The rules of a Source are asked when it is known what happened; they are not asked here.

use std::collections::HashMap;
use std::sync::Arc;

use crate::bucket::LazyBucket;
use crate::source::Source;
use crate::status::SourceBoard;
use crate::sync::source_state::SourceId;

/// A Source that is followed.
#[derive(Clone, Debug)]
pub struct Follower {
    /// Its number in the index.
    pub id: SourceId,
    /// The Source.
    pub source: Arc<Source>,
    /// Its bucket, for look-ups.
    pub bucket: Arc<LazyBucket>,
    /// Where it is shown.
    pub board: Arc<SourceBoard>,
}

/// The Sources that get their events from one queue.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    by_bucket: HashMap<String, Vec<Arc<Follower>>>,
}

impl Routes {
    /// The routes to these Sources.
    pub fn new(followers: impl IntoIterator<Item = Arc<Follower>>) -> Self {
        let mut by_bucket: HashMap<String, Vec<Arc<Follower>>> = HashMap::new();
        for follower in followers {
            let bucket = follower.source.bucket.clone();
            by_bucket.entry(bucket).or_default().push(follower);
        }
        Self { by_bucket }
    }

    /// Those whose bucket it is.
    pub fn of_bucket(&self, bucket: &str) -> impl Iterator<Item = &Arc<Follower>> {
        self.by_bucket.get(bucket).into_iter().flatten()
    }

    /// Those whose bucket it is and under whose prefix the key lies.
    pub fn of<'a>(&'a self, bucket: &str, key: &'a str) -> impl Iterator<Item = &'a Arc<Follower>> {
        self.of_bucket(bucket)
            .filter(move |follower| key.starts_with(&follower.source.prefix))
    }
}
