//! The one-shot reindex: scan every selected Source, then close the index cleanly.
//!
//! It decides which index to write: the current one, a new one next to it, or none. A failure of one
//! Source does not stop the others. The caller shows the progress.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::aws::bucket::LazyBucket;
use crate::concurrency::{ConcurrencyLimit, Permit};
use crate::config::{Config, ScanConfig, UnknownSource};
use crate::core::counters::ScanProgress;
use crate::core::replication::scan_mode::ScanMode;
use crate::core::source::Source;
use crate::index::IndexError;
use crate::index::current::{LostRecords, choose_current, open_current, open_or_create_current};
use crate::index::directory::{DataDir, WriterLock};
use crate::index::ledger::{CommitPolicy, Ledger, UnconfiguredSource};
use crate::index::new_generation::{
    IfUnusable, PrepareOptions, PreparedGeneration, prepare_new_generation,
};
use crate::index::tantivy::TantivyEngine;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::index::writer::{self, IndexHandle, IndexThread};
use crate::ingest::scanner::{MeasuredScan, ScanError, ScanJob, scan_measured};
use crate::serve::control::ControlError;

mod by_daemon;

/// Which index a reindex writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReindexMode {
    /// Updates the current index. Searches continue meanwhile.
    InPlace,
    /// Builds a new index next to the current one. It replaces the current one if the scans of all
    /// Sources complete.
    Rebuild,
    /// Writes nothing and only counts what a reindex would change.
    DryRun,
}

/// A reindex to run.
pub(crate) struct Reindex {
    config: Config,
    mode: ReindexMode,
    scan_mode: ScanMode,
    /// Whether a Source that has moved may lose its former assets to an empty bucket or prefix.
    allow_empty: bool,
    /// Whether every enabled Source is scanned.
    scans_all: bool,
    jobs: Vec<Arc<ReindexJob>>,
}

/// The scan of one Source, for others to watch.
pub(crate) struct ReindexJob {
    pub source: Arc<Source>,
    pub progress: Arc<ScanProgress>,
    /// Whether all scans have ended, and the index finishes its merges.
    pub is_merging: AtomicBool,
}

/// How the scan of one Source ended.
pub(crate) struct ReindexOutcome {
    pub job: Arc<ReindexJob>,
    pub scan: MeasuredScan,
}

/// How a reindex ended.
pub(crate) struct ReindexReport {
    /// How the scans ended, in the order of the configuration.
    pub outcomes: Vec<ReindexOutcome>,
    /// The Sources that are no longer configured and therefore lose their assets.
    pub unconfigured: Vec<UnconfiguredSource>,
    /// The records that a rebuild could not carry over.
    pub lost: LostRecords,
    /// Why the daemon did not finish a rebuild after it had reported how scans ended.
    pub refusal: Option<ControlError>,
}

impl ReindexOutcome {
    fn failed(job: &Arc<ReindexJob>, error: ScanError) -> Self {
        Self {
            job: Arc::clone(job),
            scan: MeasuredScan::failed(error),
        }
    }
}

impl Reindex {
    /// A reindex of the named Sources, or of all enabled ones if `names` is empty.
    ///
    /// A disabled Source is scanned only if it is named.
    pub(crate) fn new(
        config: Config,
        names: &[String],
        mode: ReindexMode,
        scan_mode: ScanMode,
        allow_empty: bool,
    ) -> Result<Self, UnknownSource> {
        let job = |source: &Arc<Source>| {
            Arc::new(ReindexJob {
                source: Arc::clone(source),
                progress: Arc::default(),
                is_merging: AtomicBool::new(false),
            })
        };
        let is_selected = |source: &&Arc<Source>| source.enabled || !names.is_empty();
        let selected = config.choose(names)?.into_iter().filter(is_selected);
        let jobs: Vec<_> = selected.map(job).collect();
        let mut enabled = config.sources.iter().filter(|source| source.enabled);
        let has_job = |source: &Arc<Source>| {
            let mut jobs = jobs.iter();
            jobs.any(|job: &Arc<ReindexJob>| job.source.name == source.name)
        };
        Ok(Self {
            scans_all: enabled.all(has_job),
            jobs,
            config,
            mode,
            scan_mode,
            allow_empty,
        })
    }

    /// Whether the reindex writes to the data directory. Then a running daemon has to do it.
    pub(crate) fn writes_index(&self) -> bool {
        self.mode != ReindexMode::DryRun
    }

    /// The scans, for the caller to watch.
    pub(crate) fn jobs(&self) -> &[Arc<ReindexJob>] {
        &self.jobs
    }

    /// Runs the reindex.
    ///
    /// # Errors
    ///
    /// Only if the index fails, which concerns all Sources. What was committed before stays.
    pub(crate) async fn run(self, stop: &CancellationToken) -> Result<ReindexReport, IndexError> {
        let target = Target::open(&self.config, self.mode, self.scan_mode)?;
        let (index, thread) = writer::start(target.ledger)?;
        let outcomes = self.scan_all(&index, stop).await;
        let is_complete = outcomes.iter().all(|outcome| outcome.scan.result.is_ok());
        let mut unconfigured = Vec::new();
        if self.scans_all && !stop.is_cancelled() && (is_complete || target.generation.is_none()) {
            unconfigured = self.remove_unconfigured(&index).await?;
        }
        drop(index);
        self.finish_merges(thread).await?;
        if let Some(generation) = target.generation
            && is_complete
        {
            target.data_dir.publish(&generation)?;
        }
        if let Some(lock) = &target.lock {
            target.data_dir.remove_old(lock)?;
        }
        Ok(ReindexReport {
            outcomes,
            unconfigured,
            lost: target.lost,
            refusal: None,
        })
    }

    /// Removes the records of the Sources that are no longer configured.
    ///
    /// If a subdomain is refused, an index that is updated in place keeps all records. A rebuild fails,
    /// because the new index lacks the records of the subdomain's owner.
    async fn remove_unconfigured(
        &self,
        index: &IndexHandle,
    ) -> Result<Vec<UnconfiguredSource>, IndexError> {
        let sources = self.config.sources.clone();
        match index.remove_unconfigured(sources).await {
            Err(error) if error.is_about_one_source() && self.mode != ReindexMode::Rebuild => {
                // The owner of the subdomain was probably renamed.
                tracing::warn!(%error, "keeping the assets of Sources that are no longer configured");
                Ok(Vec::new())
            }
            result => result,
        }
    }

    /// Waits until the index has merged its segments. After the first scan of a large bucket, that takes as long
    /// as a part of the scan.
    async fn finish_merges(&self, thread: IndexThread) -> Result<(), IndexError> {
        if !self.writes_index() {
            return thread.join().await;
        }
        for job in &self.jobs {
            job.is_merging.store(true, Ordering::Relaxed);
        }
        tracing::info!("scans ended; waiting until the index has merged its segments");
        let began = Instant::now();
        thread.join().await?;
        tracing::info!(
            seconds = began.elapsed().as_secs_f64(),
            "the index has merged its segments"
        );
        Ok(())
    }

    async fn scan_all(&self, index: &IndexHandle, stop: &CancellationToken) -> Vec<ReindexOutcome> {
        let concurrent_scans = ConcurrencyLimit::new(self.config.scan.sources_in_flight);
        let mut tasks = JoinSet::new();
        for (position, job) in self.jobs.iter().enumerate() {
            let (job, index, stop) = (Arc::clone(job), index.clone(), stop.clone());
            let (concurrent_scans, limits) = (concurrent_scans.clone(), self.config.scan);
            let (mode, allow_empty) = (self.scan_mode, self.allow_empty);
            tasks.spawn(async move {
                let permit = concurrent_scans.acquire().await;
                let began = Instant::now();
                let scan = scan_one(&job, index, permit, &limits, (mode, allow_empty), &stop).await;
                let took = began.elapsed();
                let scan = MeasuredScan { took, ..scan };
                (position, ReindexOutcome { job, scan })
            });
        }
        let mut outcomes: Vec<Option<ReindexOutcome>> = self.jobs.iter().map(|_| None).collect();
        while let Some(ended) = tasks.join_next().await {
            if let Ok((position, outcome)) = ended {
                outcomes[position] = Some(outcome);
            }
        }
        let or_died = |(outcome, job): (Option<ReindexOutcome>, &Arc<ReindexJob>)| {
            outcome.unwrap_or_else(|| ReindexOutcome::failed(job, ScanError::TaskDied))
        };
        outcomes.into_iter().zip(&self.jobs).map(or_died).collect()
    }
}

/// Opens the bucket of a Source, then scans it.
async fn scan_one(
    job: &ReindexJob,
    index: IndexHandle,
    permit: Permit,
    limits: &ScanConfig,
    (mode, allow_empty): (ScanMode, bool),
    stop: &CancellationToken,
) -> MeasuredScan {
    let bucket = LazyBucket::new(Arc::clone(&job.source), limits.attempts);
    match stop.run_until_cancelled(bucket.get()).await {
        Some(Ok(_)) => {}
        Some(Err(error)) => return MeasuredScan::failed(error.into()),
        None => return MeasuredScan::failed(ScanError::Interrupted),
    }
    let scan = ScanJob {
        source: Arc::clone(&job.source),
        lister: Arc::new(bucket),
        index,
        progress: Arc::clone(&job.progress),
        ranges_in_flight: limits.ranges_in_flight,
        mode,
        drift_grace: None,
        queue: None,
        allow_empty,
    };
    scan_measured(scan, permit, "reindex", stop).await
}

/// The index that a reindex writes.
struct Target {
    data_dir: DataDir,
    /// `None` for a dry run.
    lock: Option<WriterLock>,
    ledger: Ledger<TantivyEngine>,
    /// For a rebuild: the generation to make current if all scans complete.
    generation: Option<PathBuf>,
    /// For a rebuild: the records that it cannot carry over.
    lost: LostRecords,
}

impl Target {
    fn open(config: &Config, mode: ReindexMode, scan_mode: ScanMode) -> Result<Self, IndexError> {
        let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
        let policy = CommitPolicy::of(&config.index, true);
        let memory = config.index.writer_memory_bytes;
        match mode {
            ReindexMode::DryRun => Self::for_dry_run(data_dir, policy),
            ReindexMode::InPlace => Self::in_place(data_dir, policy, memory),
            ReindexMode::Rebuild => {
                let disabled = config.sources.iter().filter(|source| !source.enabled);
                let options = PrepareOptions {
                    memory,
                    policy,
                    resume: scan_mode != ScanMode::Fresh,
                    if_unusable: IfUnusable::UseReadableParts,
                    disabled: disabled.map(|source| source.name.clone()).collect(),
                };
                Self::next_to_current(data_dir, options)
            }
        }
    }

    fn for_dry_run(data_dir: DataDir, policy: CommitPolicy) -> Result<Self, IndexError> {
        let engine = match open_current(&data_dir)? {
            Some(current) => current,
            None => TantivyEngine::in_memory()?,
        };
        Ok(Self {
            data_dir,
            lock: None,
            ledger: Ledger::new(engine, policy, true)?,
            generation: None,
            lost: LostRecords::NONE,
        })
    }

    fn in_place(
        data_dir: DataDir,
        policy: CommitPolicy,
        memory: usize,
    ) -> Result<Self, IndexError> {
        let lock = data_dir.lock()?;
        let engine = open_or_create_current(&data_dir, &lock, memory)?;
        Ok(Self {
            data_dir,
            lock: Some(lock),
            ledger: Ledger::new(engine, policy, false)?,
            generation: None,
            lost: LostRecords::NONE,
        })
    }

    fn next_to_current(data_dir: DataDir, options: PrepareOptions) -> Result<Self, IndexError> {
        let lock = data_dir.lock()?;
        if matches!(
            data_dir.current_of_any_schema(),
            Ok(None) | Err(IndexError::Damaged { .. })
        ) {
            choose_current(&data_dir, &lock)?;
        }
        let PreparedGeneration { path, ledger, lost } = prepare_new_generation(&data_dir, options)?;
        Ok(Self {
            data_dir,
            lock: Some(lock),
            ledger,
            generation: Some(path),
            lost,
        })
    }
}
