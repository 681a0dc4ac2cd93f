//! A bucket that is opened when it is first listed, so that one that cannot be reached yet stops
//! nothing else.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::{BucketError, Lister, S3Bucket};
use crate::core::replication::listing::{ListingPage, PageRequest};
use crate::core::source::Source;

/// The bucket of a Source, opened once and shared by all who list it.
#[derive(Debug)]
pub struct LazyBucket {
    source: Arc<Source>,
    attempts: u32,
    opened: OnceCell<S3Bucket>,
}

impl LazyBucket {
    /// The bucket of the Source; each request is sent up to `attempts` times. None is sent here.
    pub fn new(source: Arc<Source>, attempts: u32) -> Self {
        Self {
            source,
            attempts,
            opened: OnceCell::new(),
        }
    }

    /// The bucket, opened; one that could not be is tried again at the next call.
    pub async fn get(&self) -> Result<&S3Bucket, BucketError> {
        let open = || S3Bucket::open(&self.source, self.attempts);
        self.opened.get_or_try_init(open).await
    }

    /// How many LIST requests have been sent, failed attempts included.
    pub fn lists_sent(&self) -> u64 {
        self.opened.get().map_or(0, S3Bucket::lists_sent)
    }
}

impl Lister for LazyBucket {
    async fn list(&self, request: &PageRequest) -> Result<ListingPage, BucketError> {
        self.get().await?.list(request).await
    }
}
