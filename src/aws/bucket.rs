//! S3 buckets: the [`Lister`] trait, its implementations, and their errors.
//!
//! This module returns the contents of a page. It does not decide what they mean for the index
//! (`core::replication`), or which pages to request (`ingest::scanner`).

mod clients;
mod date;
mod document;
mod echo;
mod endpoint;
mod error;
mod lazy;
mod list_key;
mod list_limit;
pub mod notifications;
pub mod page;
pub mod preview;
mod probe;
mod region;
mod regional;
mod response_capture;
mod retry;
mod s3;
mod text;
mod xml;

pub use document::ErrorDocument;
pub use error::{AttemptError, BucketError, BucketErrorKind};
pub use lazy::LazyBucket;
pub(crate) use list_key::{ListKeyError, ListedKey, list_key};
pub use list_limit::MAX_LISTS_IN_FLIGHT;
pub use probe::{ClockReadings, ProbeResponse};
pub use s3::S3Bucket;
pub use xml::XmlError;

use crate::core::replication::listing::{ListingPage, PageRequest};

/// A bucket that can be listed.
pub trait Lister: Send + Sync + 'static {
    /// Requests one page, and returns all of it or an error.
    ///
    /// - The entries are those of the response, in its order, with decoded keys. They are not sorted,
    ///   filtered, or checked against the request.
    /// - `listed_at` is never later than the snapshot of the bucket that the page shows.
    /// - Retryable failures are retried a bounded number of times with growing waits. After an error, the
    ///   caller must not retry immediately.
    /// - Any number of calls may run at the same time. Dropping the future cancels the request, and
    ///   changes nothing.
    fn list(
        &self,
        request: &PageRequest,
    ) -> impl Future<Output = Result<ListingPage, BucketError>> + Send;

    /// The number of pages that the store answers at the same time without asking to slow down, as far as it is known.
    /// At least 1. More calls of [`Lister::list`] wait.
    fn pages_in_flight(&self) -> usize {
        MAX_LISTS_IN_FLIGHT
    }
}
