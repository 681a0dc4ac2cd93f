//! The S3 side: who lists buckets, and what can go wrong with them.
//!
//! It says what a page holds, not what follows from it: that is `sync`. Which pages to ask for, and
//! how many at a time, is `scanner`.

mod clients;
mod date;
mod document;
mod endpoint;
mod error;
mod lazy;
pub mod notifications;
pub mod page;
pub mod preview;
mod probe;
mod region;
mod response_capture;
mod retry;
mod s3;
mod text;
mod xml;

pub use document::ErrorDocument;
pub use error::{AttemptError, BucketError, BucketErrorKind};
pub use lazy::LazyBucket;
pub use probe::{ClockReadings, ProbeResponse};
pub use s3::S3Bucket;
pub use xml::XmlError;

use crate::core::replication::listing::{ListingPage, PageRequest};

/// One bucket that can be listed.
pub trait Lister: Send + Sync + 'static {
    /// Asks for one page, and gives it whole or not at all.
    ///
    /// - The entries are those of the answer in its order, keys decoded and otherwise as they were
    ///   put; nothing is sorted, filtered or checked against the request.
    /// - The page's stamp is never later than the snapshot of the bucket that the page shows.
    /// - Failures that may pass are tried again inside, within a bound, with growing waits: an error
    ///   is final, and the caller does not try again at once.
    /// - Any number of calls may be under way at a time. Dropping the future gives the request up;
    ///   nothing is changed by it, there or here.
    fn list(
        &self,
        request: &PageRequest,
    ) -> impl Future<Output = Result<ListingPage, BucketError>> + Send;
}
