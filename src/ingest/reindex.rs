//! The one-shot reindex: scan every selected Source, then close the index cleanly.
//!
//! It decides which index to write: the current one, a new one next to it, or none. A failure of one
//! Source does not stop the others. The caller shows the progress.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::aws::bucket::LazyBucket;
use crate::config::{Config, UnknownSource};
use crate::core::counters::ScanProgress;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::scan_mode::ScanMode;
use crate::core::source::Source;
use crate::index::IndexError;
use crate::index::current::{
    choose_current, open_current, open_or_create_current, open_previous_index,
};
use crate::index::directory::{DataDir, WriterLock};
use crate::index::ledger::{CommitPolicy, Ledger};
use crate::index::tantivy::TantivyEngine;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::index::writer::{self, IndexHandle};
use crate::ingest::scanner::{MeasuredScan, ScanError, ScanJob, scan_measured};

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
    /// Whether every enabled Source is scanned.
    scans_all: bool,
    jobs: Vec<Arc<ReindexJob>>,
}

/// The scan of one Source, for others to watch.
pub(crate) struct ReindexJob {
    pub source: Arc<Source>,
    pub progress: Arc<ScanProgress>,
}

/// How the scan of one Source ended.
pub(crate) struct ReindexOutcome {
    pub job: Arc<ReindexJob>,
    pub scan: MeasuredScan,
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
    ) -> Result<Self, UnknownSource> {
        let job = |source: &Arc<Source>| {
            Arc::new(ReindexJob {
                source: Arc::clone(source),
                progress: Arc::default(),
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

    /// Runs the reindex. The outcomes are in the order of the configuration.
    ///
    /// # Errors
    ///
    /// Only if the index fails, which concerns all Sources. What was committed before stays.
    pub(crate) async fn run(
        self,
        stop: &CancellationToken,
    ) -> Result<Vec<ReindexOutcome>, IndexError> {
        let target = Target::open(&self.config, self.mode, self.scan_mode)?;
        let policy = CommitPolicy::of(&self.config.index, true);
        let mut ledger = Ledger::new(target.engine, policy, self.mode == ReindexMode::DryRun)?;
        if let Some(bindings) = target.bindings {
            ledger.inherit(bindings);
        }
        if let Some(previous) = target.previous {
            ledger.set_previous_index(previous)?;
            for source in self.config.sources.iter().filter(|source| !source.enabled) {
                ledger.copy_records(&source.name)?;
            }
        }
        let (index, thread) = writer::start(ledger)?;
        let outcomes = self.scan_all(&index, stop).await;
        let is_complete = outcomes.iter().all(|outcome| outcome.scan.result.is_ok());
        if self.scans_all && !stop.is_cancelled() {
            let names = self.config.sources.iter().map(|source| source.name.clone());
            index.forget_others(names.collect()).await?;
        }
        drop(index);
        thread.join().await?;
        if let Some(generation) = target.generation
            && is_complete
        {
            target.data_dir.publish(&generation)?;
        }
        if let Some(lock) = &target.lock {
            target.data_dir.remove_old(lock)?;
        }
        Ok(outcomes)
    }

    async fn scan_all(&self, index: &IndexHandle, stop: &CancellationToken) -> Vec<ReindexOutcome> {
        let permits = Arc::new(Semaphore::new(self.config.scan.sources_in_flight));
        let mut tasks = JoinSet::new();
        for (place, job) in self.jobs.iter().enumerate() {
            let (job, index, stop) = (Arc::clone(job), index.clone(), stop.clone());
            let (permits, limits) = (Arc::clone(&permits), self.config.scan);
            let mode = self.scan_mode;
            tasks.spawn(async move {
                let permit = permits.acquire_owned().await;
                let _permit = permit.expect("the semaphore is never closed");
                let began = Instant::now();
                let scan = scan_one(&job, index, &limits, mode, &stop).await;
                let took = began.elapsed();
                let scan = MeasuredScan { took, ..scan };
                (place, ReindexOutcome { job, scan })
            });
        }
        let mut outcomes: Vec<Option<ReindexOutcome>> = self.jobs.iter().map(|_| None).collect();
        while let Some(ended) = tasks.join_next().await {
            if let Ok((place, outcome)) = ended {
                outcomes[place] = Some(outcome);
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
    limits: &crate::config::ScanConfig,
    mode: ScanMode,
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
    };
    scan_measured(scan, "reindex", stop).await
}

/// The index that a reindex writes.
struct Target {
    data_dir: DataDir,
    /// `None` for a dry run.
    lock: Option<WriterLock>,
    engine: TantivyEngine,
    /// For a rebuild: the names, numbers and subdomains that the new index takes over.
    bindings: Option<Checkpoint>,
    /// For a rebuild: the current index.
    previous: Option<TantivyEngine>,
    /// For a rebuild: the generation to make current if all scans complete.
    generation: Option<PathBuf>,
}

impl Target {
    fn open(config: &Config, mode: ReindexMode, scan_mode: ScanMode) -> Result<Self, IndexError> {
        let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
        let memory = config.index.writer_memory_bytes;
        match mode {
            ReindexMode::DryRun => Self::for_dry_run(data_dir),
            ReindexMode::InPlace => Self::in_place(data_dir, memory),
            ReindexMode::Rebuild => Self::next_to_current(data_dir, memory, scan_mode),
        }
    }

    fn for_dry_run(data_dir: DataDir) -> Result<Self, IndexError> {
        let engine = match open_current(&data_dir)? {
            Some(live) => live,
            None => TantivyEngine::in_memory()?,
        };
        Ok(Self {
            data_dir,
            lock: None,
            engine,
            bindings: None,
            previous: None,
            generation: None,
        })
    }

    fn in_place(data_dir: DataDir, memory: usize) -> Result<Self, IndexError> {
        let lock = data_dir.lock()?;
        let engine = open_or_create_current(&data_dir, &lock, memory)?;
        Ok(Self {
            data_dir,
            lock: Some(lock),
            engine,
            bindings: None,
            previous: None,
            generation: None,
        })
    }

    fn next_to_current(
        data_dir: DataDir,
        memory: usize,
        scan_mode: ScanMode,
    ) -> Result<Self, IndexError> {
        let lock = data_dir.lock()?;
        if matches!(
            data_dir.current_of_any_schema(),
            Ok(None) | Err(IndexError::Damaged { .. })
        ) {
            choose_current(&data_dir, &lock)?;
        }
        let next = data_dir.next_generation()?;
        let current = current_checkpoint(&data_dir)?;
        let resume = scan_mode != ScanMode::Fresh && can_resume(&next, &current);
        Ok(Self {
            engine: open_unfinished(&next, memory, resume)?,
            previous: open_previous_index(&data_dir)?,
            data_dir,
            lock: Some(lock),
            bindings: Some(current.bindings_only()),
            generation: Some(next),
        })
    }
}

/// The checkpoint of the current index. An empty one if there is no index or it is too damaged to read.
fn current_checkpoint(data_dir: &DataDir) -> Result<Checkpoint, IndexError> {
    let read = |live: Option<PathBuf>| match live {
        Some(live) => TantivyEngine::checkpoint_in(&live),
        None => Ok(Checkpoint::default()),
    };
    match data_dir.current_of_any_schema().and_then(read) {
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, "the current index is unreadable; rebuilding without its subdomain bindings");
            Ok(Checkpoint::default())
        }
        other => other,
    }
}

/// Whether an unfinished rebuild can be resumed: it is readable, and since it began the current index has
/// neither bound a subdomain nor taken in pages or events that the rebuild would miss.
fn can_resume(unfinished: &Path, current: &Checkpoint) -> bool {
    let unfinished = TantivyEngine::checkpoint_in(unfinished);
    unfinished.is_ok_and(|unfinished| {
        unfinished.contains_bindings_of(current) && !unfinished.is_outdated_by(current)
    })
}

/// Opens the unfinished rebuild in the folder if `resume` is set and it is not damaged. Otherwise removes
/// it and creates an empty index.
fn open_unfinished(path: &Path, memory: usize, resume: bool) -> Result<TantivyEngine, IndexError> {
    if resume {
        match TantivyEngine::open_or_create(path, memory) {
            Err(error @ IndexError::Damaged { .. }) => {
                tracing::warn!(%error, "the unfinished rebuild is damaged; starting again");
            }
            other => return other,
        }
    }
    if path.exists() {
        std::fs::remove_dir_all(path).map_err(IndexError::file("remove", path))?;
    }
    TantivyEngine::open_or_create(path, memory)
}
