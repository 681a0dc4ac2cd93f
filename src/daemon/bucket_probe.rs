//! The probe of a bucket: the first requests of a session to it, if no scan is due.
//!
//! A secret that was changed before a restart or a reload is thus noticed at once, and not by the next scan. The
//! queue needs no probe, because the daemon always receives from it.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::bucket::{LazyBucket, Lister};
use crate::core::replication::listing::RangeWalk;
use crate::core::source::Source;
use crate::ingest::consumer::routes::ActiveSource;
use crate::observe::status::SourceCondition;

/// Maximum number of attempts for a request. The caller probes again later.
const ATTEMPTS: u32 = 2;

/// Maximum time for a probe. Requested scans wait for it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The probe of one Source.
#[derive(Debug, Default)]
pub(super) struct BucketProbe {
    is_done: bool,
}

impl BucketProbe {
    /// A scan has sent requests to the bucket, so no probe is needed.
    pub(super) fn skip(&mut self) {
        self.is_done = true;
    }

    /// Sends the requests, unless they have succeeded before. A failure is shown and logged.
    pub(super) async fn run(&mut self, active: &ActiveSource) {
        if self.is_done {
            return;
        }
        let (source, board) = (&active.source, &active.board);
        let probed = tokio::time::timeout(TIMEOUT, probe(source)).await;
        let result = probed.unwrap_or_else(|_| {
            let seconds = TIMEOUT.as_secs();
            Err(format!(
                "bucket {:?} did not answer within {seconds} seconds",
                source.bucket
            ))
        });
        match result {
            Ok(()) => {
                self.is_done = true;
                board.clear(SourceCondition::Bucket);
            }
            Err(error) => {
                if board.raise(SourceCondition::Bucket, &*error) {
                    tracing::warn!(source = source.name, %error, "bucket cannot be read; retrying");
                }
            }
        }
    }
}

/// Sends HeadBucket. If the bucket refuses that, lists the first page of the Source: the credentials may only be
/// allowed to list its prefix, and an error of a listing names the reason.
async fn probe(source: &Arc<Source>) -> Result<(), String> {
    let Some(range) = source.listed_ranges().into_iter().next() else {
        return Ok(());
    };
    let text = |error: crate::aws::bucket::BucketError| error.to_string();
    let bucket = LazyBucket::new(Arc::clone(source), ATTEMPTS);
    let response = bucket.get().await.map_err(text)?.probe().await;
    if response.is_ok_and(|response| (200..300).contains(&response.status)) {
        return Ok(());
    }
    let request = RangeWalk::new(range).first_request();
    bucket.list(&request).await.map(drop).map_err(text)
}
