//! A bucket that is opened when it is first used, so an unreachable bucket does not delay anything else.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::{BucketError, Lister, S3Bucket};
use crate::core::replication::listing::{ListingPage, PageRequest};
use crate::core::source::Source;

/// The bucket of a Source, opened once and shared by everything that lists it.
#[derive(Debug)]
pub struct LazyBucket {
    source: Arc<Source>,
    attempts: u32,
    opened: OnceCell<S3Bucket>,
}

impl LazyBucket {
    /// The bucket of the Source, with up to `attempts` attempts for each request. Sends no request yet.
    pub fn new(source: Arc<Source>, attempts: u32) -> Self {
        Self {
            source,
            attempts,
            opened: OnceCell::new(),
        }
    }

    /// The open bucket. If it cannot be opened, the next call tries again.
    pub async fn get(&self) -> Result<&S3Bucket, BucketError> {
        let open = || S3Bucket::open(&self.source, self.attempts);
        self.opened.get_or_try_init(open).await
    }

    /// The number of LIST requests sent so far, including failed attempts.
    pub fn lists_sent(&self) -> u64 {
        self.opened.get().map_or(0, S3Bucket::lists_sent)
    }
}

impl Lister for LazyBucket {
    async fn list(&self, request: &PageRequest) -> Result<ListingPage, BucketError> {
        self.get().await?.list(request).await
    }

    fn pages_in_flight(&self) -> usize {
        self.opened.get().map_or(1, Lister::pages_in_flight)
    }
}
