//! The scan of one Source: list its key ranges in parallel and report every page to the index.
//!
//! The plan (`core/replication/range_plan`) decides which ranges to list, and splits one if a task has no work. A scan is
//! complete only if every range was listed to its end. The index decides what a page
//! changes. The bucket decides how to fetch a page and how often to retry.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::aws::bucket::{BucketError, LazyBucket, Lister};
use crate::concurrency::Permit;
use crate::core::counters::ScanProgress;
use crate::core::replication::listing::{
    CoveragePart, ListingError, ListingPage, MAX_EMPTY_PAGES, PageCoverage, PageRequest, RangeWalk,
};
use crate::core::replication::range_plan::{RangeId, RangePlan};
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::source_state::{QueueId, SourceId};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;
use crate::index::IndexError;
use crate::index::ledger::{MeasureDrift, PageReport, ScanPlan, ScanRequest};
use crate::index::writer::{CommitTiming, IndexHandle};

/// Maximum number of tasks of a scan that hold a page while they request the next one. The others hold one page each, so
/// memory is bounded if the index takes pages more slowly than the store sends them.
const MAX_PAGES_AHEAD: usize = 64;

/// A scan to run.
pub(crate) struct ScanJob<L> {
    pub source: Arc<Source>,
    /// Lists the Source's bucket.
    pub lister: Arc<L>,
    /// Receives the pages.
    pub index: IndexHandle,
    /// Counts what the scan does.
    pub progress: Arc<ScanProgress>,
    /// Maximum number of ranges to list at the same time. It is less while the store answers only fewer requests.
    pub ranges_in_flight: usize,
    /// Which ranges to list, and whether to resume an unfinished scan.
    pub mode: ScanMode,
    /// If set, count what the scan repairs as drift, unless an event reports it within this time
    /// after the scan.
    pub drift_grace: Option<Duration>,
    /// The queue that already delivers the Source's events, if any.
    pub queue: Option<QueueId>,
    /// Whether a Source that has moved to another bucket or prefix loses its former assets even if the
    /// new location has none.
    pub allow_empty: bool,
}

/// Why a scan is not complete. The pages that it reported before stay in the index.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    /// A page could not be fetched.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// A page contradicts its request or the order of keys.
    #[error("failed to list bucket {bucket:?} under the prefix {prefix:?}: {error}")]
    Listing {
        /// The bucket.
        bucket: String,
        /// The prefix of the range.
        prefix: String,
        /// The contradiction in the page.
        error: ListingError,
    },
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The user or the service manager stopped the scan.
    #[error("interrupted; the next reindex resumes from the last commit")]
    Interrupted,
    /// The daemon ran the scan, and it failed there.
    #[error("{0}")]
    ByDaemon(String),
    /// A task panicked.
    #[error("a task of the scan panicked; see the log for the panic message")]
    TaskDied,
}

/// How a scan ended that listed every range to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScanOutcome {
    /// Whether it resumed an unfinished scan.
    pub resumed: bool,
    /// The index is complete as of this time: it reflects the bucket at this time, and whatever
    /// later pages showed. `None` if the rules left nothing to list.
    pub as_of: Option<Timestamp>,
}

/// A scan that has ended, with what it cost.
#[derive(Debug)]
pub(crate) struct MeasuredScan {
    pub result: Result<ScanOutcome, ScanError>,
    pub took: Duration,
    /// LIST requests sent, including failed attempts.
    pub list_requests: u64,
}

impl MeasuredScan {
    /// A scan that failed before it began.
    pub(crate) fn failed(error: ScanError) -> Self {
        Self {
            result: Err(error),
            took: Duration::ZERO,
            list_requests: 0,
        }
    }
}

/// Runs a scan in a span of its own and measures it. `permit` is the right to list a Source.
pub(crate) async fn scan_measured(
    job: ScanJob<LazyBucket>,
    permit: Permit,
    reason: impl tracing::Value,
    stop: &CancellationToken,
) -> MeasuredScan {
    let bucket = Arc::clone(&job.lister);
    let (began, lists_before) = (Instant::now(), bucket.lists_sent());
    let span = tracing::info_span!("scan", source = job.source.name, reason);
    let result = scan(job, permit, stop).instrument(span).await;
    MeasuredScan {
        result,
        took: began.elapsed(),
        list_requests: bucket.lists_sent() - lists_before,
    }
}

/// Scans a Source to the end.
///
/// If `stop` is cancelled or an error occurs, the listing of all ranges ends immediately. When this returns, no
/// task of the scan runs any more, so the index gets no further page of it.
async fn scan<L: Lister>(
    job: ScanJob<L>,
    permit: Permit,
    stop: &CancellationToken,
) -> Result<ScanOutcome, ScanError> {
    let mut tasks = JoinSet::new();
    let result = tokio::select! {
        () = stop.cancelled() => Err(ScanError::Interrupted),
        result = run(Arc::new(job), permit, &mut tasks) => result,
    };
    // Each of their pages was either reported or never seen.
    tasks.shutdown().await;
    result
}

/// The tasks that list the ranges of a scan.
type RangeTasks = JoinSet<Result<(), ScanError>>;

async fn run<L: Lister>(
    job: Arc<ScanJob<L>>,
    permit: Permit,
    tasks: &mut RangeTasks,
) -> Result<ScanOutcome, ScanError> {
    let request = ScanRequest {
        source: Arc::clone(&job.source),
        ranges_in_flight: job.ranges_in_flight,
        mode: job.mode,
        drift: job.drift_grace.map(|grace| MeasureDrift { grace }),
        queue: job.queue.clone(),
        allow_empty: job.allow_empty,
        progress: Arc::clone(&job.progress),
    };
    let plan = job.index.begin_scan(request).await?;
    let (source, resumed) = (plan.source, plan.resumed);
    list_ranges(&job, plan, tasks).await?;
    // The next Source begins while this one waits for its commit. So many small Sources share each commit.
    let timing = if permit.release() {
        CommitTiming::Shared
    } else {
        CommitTiming::Immediate
    };
    let as_of = job.index.complete_scan(source, timing).await?;
    Ok(ScanOutcome { resumed, as_of })
}

async fn list_ranges<L: Lister>(
    job: &Arc<ScanJob<L>>,
    plan: ScanPlan,
    tasks: &mut RangeTasks,
) -> Result<(), ScanError> {
    let ranges = Arc::new(SharedPlan::new(RangePlan::new(plan.ranges)));
    let mut needs_start = plan.started.is_none();
    loop {
        let in_flight = job
            .lister
            .pages_in_flight()
            .min(job.ranges_in_flight)
            .max(1);
        while tasks.len() < in_flight
            && let Some((id, walk)) = ranges.next(in_flight)
        {
            let shared = Arc::clone(&ranges);
            let mut scan = RangeScan::new(job, plan.source, plan.scan, id, walk, shared);
            if needs_start {
                // The timestamp of the first page becomes the start of the scan. Report this page before
                // requesting any other.
                scan.handle_next().await?;
                needs_start = false;
            }
            tasks.spawn(scan.handle_all().in_current_span());
        }
        tokio::select! {
            ended = tasks.join_next() => match ended {
                // After an error, the caller ends the other tasks.
                Some(ended) => ended.map_err(|_| ScanError::TaskDied)??,
                // The plan gives a range to the first task as long as there is one.
                None => return Ok(()),
            },
            // A page has arrived, so the plan may know where to split a range.
            () = ranges.changed.notified() => {}
        }
    }
}

/// The plan of a scan, shared by the tasks that list its ranges.
struct SharedPlan {
    plan: Mutex<RangePlan>,
    /// Notified after each page.
    changed: Notify,
    /// Permits to request a page while the index has not taken the page before it.
    ahead: Semaphore,
}

impl SharedPlan {
    fn new(plan: RangePlan) -> Self {
        Self {
            plan: Mutex::new(plan),
            changed: Notify::new(),
            ahead: Semaphore::new(MAX_PAGES_AHEAD),
        }
    }

    /// See [`RangePlan::next`].
    fn next(&self, in_flight: usize) -> Option<(RangeId, RangeWalk)> {
        let mut plan = self.lock();
        let (id, range) = plan.next(in_flight)?;
        let walk = RangeWalk::new(range).with_first_keys(plan.first_keys(id));
        Some((id, walk))
    }

    /// Takes a page of a range. No other task can split the range meanwhile, so the page ends where the range does.
    fn accept(
        &self,
        id: RangeId,
        walk: &mut RangeWalk,
        page: ListingPage,
    ) -> Result<PageCoverage, ListingError> {
        let mut plan = self.lock();
        walk.end_at(plan.until(id));
        let coverage = walk.accept(page)?;
        let keys = coverage.entries.iter().map(|entry| entry.key.as_str());
        plan.on_page(id, keys, coverage.next.is_none());
        drop(plan);
        self.changed.notify_one();
        Ok(coverage)
    }

    fn lock(&self) -> MutexGuard<'_, RangePlan> {
        // A task that panics ends the scan, so nobody uses a plan that it left half-changed.
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fetches one page of a range. The span has no field that contains a key.
///
/// The numbers are signed because trace collectors take unsigned ones for text.
async fn fetch<L: Lister>(
    job: &ScanJob<L>,
    RangeId(range): RangeId,
    request: &PageRequest,
) -> Result<ListingPage, BucketError> {
    let span = tracing::debug_span!("page", range = range as i64, keys = tracing::field::Empty);
    let listing = async {
        let page = job.lister.list(request).await?;
        tracing::Span::current().record("keys", page.entries.len() as i64);
        Ok(page)
    };
    listing.instrument(span).await
}

/// The scan of one range.
struct RangeScan<L> {
    job: Arc<ScanJob<L>>,
    source: SourceId,
    scan_number: u64,
    id: RangeId,
    prefix: String,
    ranges: Arc<SharedPlan>,
    walk: RangeWalk,
    /// The request for the next page. `None` if the range is done.
    next: Option<PageRequest>,
}

impl<L: Lister> RangeScan<L> {
    fn new(
        job: &Arc<ScanJob<L>>,
        source: SourceId,
        scan_number: u64,
        id: RangeId,
        walk: RangeWalk,
        ranges: Arc<SharedPlan>,
    ) -> Self {
        let prefix = walk.rest().prefix.clone();
        Self {
            job: Arc::clone(job),
            source,
            scan_number,
            id,
            prefix,
            ranges,
            next: Some(walk.first_request()),
            walk,
        }
    }

    /// Fetches and reports the next page, unless the range is done.
    async fn handle_next(&mut self) -> Result<(), ScanError> {
        if let Some(request) = self.next.take() {
            let page = fetch(&self.job, self.id, &request).await?;
            let coverage = self.accept(page)?;
            self.report(coverage).await?;
        }
        Ok(())
    }

    /// Fetches and reports all remaining pages. The next page is fetched while the index handles the
    /// current one.
    async fn handle_all(mut self) -> Result<(), ScanError> {
        let Some(request) = self.next.take() else {
            return Ok(());
        };
        let mut page = fetch(&self.job, self.id, &request).await?;
        loop {
            let coverage = self.accept(page)?;
            let next = self.next.take();
            let (job, id) = (Arc::clone(&self.job), self.id);
            let fetch = async {
                match &next {
                    Some(request) => Ok(Some(fetch(&job, id, request).await?)),
                    None => Ok::<_, ScanError>(None),
                }
            };
            let report = self.report(coverage);
            let fetched = match self.ranges.ahead.try_acquire() {
                // `join`, not `try_join`: the page is reported even if the next fetch fails.
                Ok(_permit) => {
                    let (fetched, reported) = tokio::join!(fetch, report);
                    reported?;
                    fetched
                }
                Err(_) => {
                    report.await?;
                    fetch.await
                }
            };
            match fetched? {
                Some(fetched) => page = fetched,
                None => return Ok(()),
            }
        }
    }

    /// Checks the page against the walk and notes which page to request next.
    fn accept(&mut self, page: ListingPage) -> Result<PageCoverage, ScanError> {
        let accepted = self.ranges.accept(self.id, &mut self.walk, page);
        let coverage = accepted.map_err(|error| {
            tracing::debug!(?error, "listing rejected");
            ScanError::Listing {
                bucket: self.job.source.bucket.clone(),
                prefix: self.prefix.clone(),
                error,
            }
        })?;
        if let Some(pages) = self.walk.empty_pages_to_report() {
            tracing::warn!(
                source = self.job.source.name,
                pages,
                max_pages = MAX_EMPTY_PAGES,
                "many pages without a key in a row; the scan fails if the store sends more than max_pages of them"
            );
        }
        self.next.clone_from(&coverage.next);
        Ok(coverage)
    }

    /// Reports a page to the index: only the keys that the rules admit. A page with gaps takes several reports.
    async fn report(&self, mut coverage: PageCoverage) -> Result<(), IndexError> {
        let progress = &self.job.progress;
        progress.listed.add(coverage.entries.len() as u64);
        self.note_unusable(&coverage.unusable);
        let parts = coverage.take_parts();
        let last = parts.len() - 1;
        for (number, part) in parts.into_iter().enumerate() {
            let CoveragePart {
                interval,
                mut entries,
            } = part;
            let mut listed = coverage.listed.clone();
            if number != last {
                // After an interruption, the gap and the rest are listed again.
                let end = entries.last().map(|entry| entry.key.clone());
                listed = listed.filter(|_| end.is_some());
                listed
                    .iter_mut()
                    .for_each(|listed| listed.until.clone_from(&end));
            }
            entries.retain(|entry| self.job.source.admits(&entry.key, entry.object.size));
            progress.admitted.add(entries.len() as u64);
            let report = PageReport {
                source: self.source,
                scan: self.scan_number,
                interval,
                admitted: entries,
                listed_at: coverage.listed_at,
                listed,
            };
            self.job.index.report_page(report).await?;
        }
        Ok(())
    }

    /// Counts the keys of a page that the index cannot have, and logs the first of them. Only the log at debug level
    /// names keys.
    fn note_unusable(&self, keys: &[String]) {
        let (source, progress) = (&self.job.source.name, &self.job.progress);
        for key in keys {
            tracing::debug!(
                source,
                key,
                "key skipped: it is not UTF-8, or its encoding is broken"
            );
        }
        progress.count_unusable(keys);
    }
}
