//! The scan of one Source: ranges are listed side by side, and every page goes to the index.
//!
//! A scan that did not list every range to its end is never declared complete. What a page means
//! for the index is decided by the index; how a page is fetched, and tried again, by the bucket.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::aws::bucket::{BucketError, Lister};
use crate::core::counters::ScanProgress;
use crate::core::replication::interval::KeyRange;
use crate::core::replication::listing::{
    ListingError, ListingPage, PageCoverage, PageRequest, RangeWalk,
};
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::source_state::{QueueId, SourceId};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;
use crate::index::IndexError;
use crate::index::ledger::{MeasureDrift, PageReport, ScanPlan, ScanRequest};
use crate::index::writer::IndexHandle;

/// One scan to be done.
pub(crate) struct ScanJob<L> {
    /// The Source to scan.
    pub source: Arc<Source>,
    /// How its bucket is listed.
    pub lister: Arc<L>,
    /// Where the pages go.
    pub index: IndexHandle,
    /// Where it is counted.
    pub progress: Arc<ScanProgress>,
    /// Ranges that are listed at the same time, at least 1.
    pub ranges_in_flight: usize,
    /// Which ranges to list, and whether to resume an unfinished scan.
    pub mode: ScanMode,
    /// How long after the scan an event of something that it finds may come, if events should tell
    /// of everything; what does not come is drift.
    pub drift_grace: Option<Duration>,
    /// The queue from which events are received already, if they are.
    pub queue: Option<QueueId>,
}

/// Why a scan is not complete. What it reported until then stays in the index.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    /// A page could not be had.
    #[error("failed to {0}")]
    Bucket(#[from] BucketError),
    /// A page must not be believed.
    #[error("failed to list bucket {bucket:?} under the prefix {prefix:?}: {fault}")]
    Listing {
        /// The bucket.
        bucket: String,
        /// The prefix of the range.
        prefix: String,
        /// What is wrong with the page.
        fault: ListingError,
    },
    /// The index refused.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The user or the service manager asked to stop.
    #[error("interrupted; the next reindex goes on from the last commit")]
    Interrupted,
    /// The daemon scanned, and could not.
    #[error("{0}")]
    ByDaemon(String),
    /// A task died.
    #[error("a task that listed a range died; see the log for its panic")]
    TaskDied,
}

/// What a scan that was listed to its end did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScanOutcome {
    /// Whether an unfinished scan was resumed.
    pub resumed: bool,
    /// The index holds what the bucket held then, and what pages showed since; `None` where the
    /// rules left nothing to list.
    pub as_of: Option<Timestamp>,
}

/// Scans a Source to the end.
///
/// On an error, and when `stop` is cancelled, the listing of all ranges ends at once.
pub(crate) async fn scan<L: Lister>(
    scan: ScanJob<L>,
    stop: &CancellationToken,
) -> Result<ScanOutcome, ScanError> {
    let scan = Arc::new(scan);
    tokio::select! {
        () = stop.cancelled() => Err(ScanError::Interrupted),
        result = run(scan) => result,
    }
}

async fn run<L: Lister>(scan: Arc<ScanJob<L>>) -> Result<ScanOutcome, ScanError> {
    let request = ScanRequest {
        source: Arc::clone(&scan.source),
        ranges_in_flight: scan.ranges_in_flight,
        mode: scan.mode,
        drift: scan.drift_grace.map(|grace| MeasureDrift { grace }),
        queue: scan.queue.clone(),
        progress: Arc::clone(&scan.progress),
    };
    let plan = scan.index.begin_scan(request).await?;
    let (source, resumed) = (plan.source, plan.resumed);
    list_ranges(&scan, plan).await?;
    let as_of = scan.index.complete_scan(source).await?;
    Ok(ScanOutcome { resumed, as_of })
}

async fn list_ranges<L: Lister>(scan: &Arc<ScanJob<L>>, plan: ScanPlan) -> Result<(), ScanError> {
    let permits = Arc::new(Semaphore::new(scan.ranges_in_flight.max(1)));
    let mut tasks = JoinSet::new();
    let mut needs_start = plan.started.is_none();
    for (place, range) in plan.ranges {
        let mut listing = Listing::new(scan, plan.source, plan.scan, place, range);
        if needs_start {
            // The first page stamps the start, so no other may be asked for before it is in.
            listing.handle_next().await?;
            needs_start = false;
        }
        let permits = Arc::clone(&permits);
        let listed = async move {
            let permit = permits.acquire_owned().await;
            let _permit = permit.expect("nobody closes the semaphore");
            listing.handle_all().await
        };
        tasks.spawn(listed.in_current_span());
    }
    while let Some(ended) = tasks.join_next().await {
        // Dropping the others ends them; their pages are in the index or were never seen.
        ended.map_err(|_| ScanError::TaskDied)??;
    }
    Ok(())
}

/// Fetches a page of the range of that place. Keys are in no field of the span.
///
/// Numbers of spans are signed: others are text to a collector.
async fn fetch<L: Lister>(
    scan: &ScanJob<L>,
    range: usize,
    request: &PageRequest,
) -> Result<ListingPage, BucketError> {
    let span = tracing::debug_span!("page", range = range as i64, keys = tracing::field::Empty);
    let listing = async {
        let page = scan.lister.list(request).await?;
        tracing::Span::current().record("keys", page.entries.len() as i64);
        Ok(page)
    };
    listing.instrument(span).await
}

/// The listing of one range.
struct Listing<L> {
    scan: Arc<ScanJob<L>>,
    source: SourceId,
    number: u64,
    place: usize,
    prefix: String,
    walk: RangeWalk,
    next: Option<PageRequest>,
}

impl<L: Lister> Listing<L> {
    fn new(
        scan: &Arc<ScanJob<L>>,
        source: SourceId,
        number: u64,
        place: usize,
        range: KeyRange,
    ) -> Self {
        let prefix = range.prefix.clone();
        let walk = RangeWalk::new(range);
        Self {
            scan: Arc::clone(scan),
            source,
            number,
            place,
            prefix,
            next: Some(walk.request()),
            walk,
        }
    }

    /// Fetches and reports one page, if there is one left.
    async fn handle_next(&mut self) -> Result<(), ScanError> {
        if let Some(request) = self.next.take() {
            let page = fetch(&self.scan, self.place, &request).await?;
            let coverage = self.take(page)?;
            self.scan.index.report_page(self.report(coverage)).await?;
        }
        Ok(())
    }

    /// Fetches and reports all pages that are left; while one is handled the next is on its way.
    async fn handle_all(mut self) -> Result<(), ScanError> {
        let Some(request) = self.next.take() else {
            return Ok(());
        };
        let place = self.place;
        let mut page = fetch(&self.scan, place, &request).await?;
        loop {
            let coverage = self.take(page)?;
            let next = self.next.take();
            let scan = Arc::clone(&self.scan);
            let fetch = async {
                match &next {
                    Some(request) => Ok(Some(fetch(&scan, place, request).await?)),
                    None => Ok::<_, ScanError>(None),
                }
            };
            let report = async {
                let report = self.report(coverage);
                self.scan.index.report_page(report).await
            };
            // Not the first error of the two: a page that was seen is reported, whatever comes next.
            let (fetched, reported) = tokio::join!(fetch, report);
            reported?;
            match fetched? {
                Some(fetched) => page = fetched,
                None => return Ok(()),
            }
        }
    }

    /// Takes a page into the walk and notes what to ask for next.
    fn take(&mut self, page: ListingPage) -> Result<PageCoverage, ScanError> {
        let coverage = self.walk.take(page).map_err(|fault| {
            tracing::debug!(?fault, "a page is not believed");
            ScanError::Listing {
                bucket: self.scan.source.bucket.clone(),
                prefix: self.prefix.clone(),
                fault,
            }
        })?;
        self.next.clone_from(&coverage.next);
        Ok(coverage)
    }

    /// What the index is told of a page: the keys that the rules admit.
    fn report(&self, coverage: PageCoverage) -> PageReport {
        let PageCoverage {
            interval,
            mut entries,
            listed_at,
            next,
            resume_after,
        } = coverage;
        let progress = &self.scan.progress;
        progress.listed.add(entries.len() as u64);
        entries.retain(|entry| self.scan.source.admits(&entry.key, entry.object.size));
        progress.admitted.add(entries.len() as u64);
        PageReport {
            source: self.source,
            scan: self.number,
            range: self.place,
            interval,
            admitted: entries,
            listed_at,
            resume_after,
            done: next.is_none(),
        }
    }
}
