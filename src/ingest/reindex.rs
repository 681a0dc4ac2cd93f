//! The one-shot full reindex: every chosen Source is scanned, and the index closed in good order.
//!
//! It decides which index is written (the live one, a new one beside it, or none) and lets no
//! Source's failure stop another's. What it shows while it runs is the caller's affair.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::aws::bucket::S3Bucket;
use crate::config::{Config, UnknownSource};
use crate::core::counters::ScanProgress;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::scan_mode::ScanMode;
use crate::core::source::Source;
use crate::index::IndexError;
use crate::index::directory::{DataDir, WriterLock};
use crate::index::ledger::{CommitPolicy, Ledger};
use crate::index::live::{find_live, open_live, open_or_create_live, open_predecessor};
use crate::index::tantivy::TantivyEngine;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::index::writer::{self, IndexHandle};
use crate::ingest::scanner::{ScanError, ScanJob, ScanOutcome, scan};

mod by_daemon;

/// What is written, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReindexMode {
    /// The live index is reconciled in place; searches go on meanwhile.
    InPlace,
    /// A new index is built beside the live one and takes its place when all Sources are complete.
    Rebuild,
    /// Nothing: it is only counted what would be.
    DryRun,
}

/// A reindex to be done.
pub(crate) struct Reindex {
    config: Config,
    mode: ReindexMode,
    scan_mode: ScanMode,
    /// Whether all configured Sources are scanned.
    whole: bool,
    jobs: Vec<Arc<ReindexJob>>,
}

/// The scan of one Source, as others may watch it.
pub(crate) struct ReindexJob {
    /// The Source.
    pub source: Arc<Source>,
    /// What it has done so far.
    pub progress: Arc<ScanProgress>,
    requests: AtomicU64,
}

/// How the scan of one Source ended.
pub(crate) struct ReindexOutcome {
    /// Its job.
    pub job: Arc<ReindexJob>,
    /// What the scan did, or why it is not complete.
    pub result: Result<ScanOutcome, ScanError>,
    /// How long it took.
    pub took: Duration,
}

impl ReindexJob {
    /// LIST requests that were sent, those that failed included; 0 until the scan has ended.
    pub(crate) fn list_requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Reindex {
    /// A reindex of all Sources of the configuration, or of those named.
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
                requests: AtomicU64::new(0),
            })
        };
        // One that is disabled is scanned where it is named.
        let is_wanted = |source: &&Arc<Source>| source.enabled || !names.is_empty();
        let chosen = config.choose(names)?.into_iter().filter(is_wanted);
        let jobs: Vec<_> = chosen.map(job).collect();
        let mut enabled = config.sources.iter().filter(|source| source.enabled);
        let is_chosen = |source: &Arc<Source>| {
            let mut jobs = jobs.iter();
            jobs.any(|job: &Arc<ReindexJob>| job.source.name == source.name)
        };
        Ok(Self {
            whole: enabled.all(is_chosen),
            jobs,
            config,
            mode,
            scan_mode,
        })
    }

    /// Whether anything is written, so that the daemon must do it where there is one.
    pub(crate) fn writes_live_index(&self) -> bool {
        self.mode != ReindexMode::DryRun
    }

    /// The scans, to watch them.
    pub(crate) fn jobs(&self) -> &[Arc<ReindexJob>] {
        &self.jobs
    }

    /// Does it. The outcomes come in the order of the configuration.
    ///
    /// An error is one of the index and concerns all Sources; what was committed stays.
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
        if let Some(predecessor) = target.predecessor {
            ledger.succeed(predecessor)?;
            for source in self.config.sources.iter().filter(|source| !source.enabled) {
                ledger.keep_records(&source.name)?;
            }
        }
        let (index, thread) = writer::start(ledger)?;
        let outcomes = self.scan_all(&index, stop).await;
        let complete = outcomes.iter().all(|outcome| outcome.result.is_ok());
        if self.whole && !stop.is_cancelled() {
            let names = self.config.sources.iter().map(|source| source.name.clone());
            index.forget_others(names.collect()).await?;
        }
        drop(index);
        thread.join().await?;
        if let Some(generation) = target.generation
            && complete
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
                let _permit = permit.expect("nobody closes the semaphore");
                let began = Instant::now();
                let result = scan_one(&job, index, &limits, mode, &stop).await;
                let took = began.elapsed();
                (place, ReindexOutcome { job, result, took })
            });
        }
        let mut outcomes: Vec<Option<ReindexOutcome>> = self.jobs.iter().map(|_| None).collect();
        while let Some(ended) = tasks.join_next().await {
            if let Ok((place, outcome)) = ended {
                outcomes[place] = Some(outcome);
            }
        }
        let died = |(outcome, job): (Option<ReindexOutcome>, &Arc<ReindexJob>)| {
            outcome.unwrap_or_else(|| ReindexOutcome {
                job: Arc::clone(job),
                result: Err(ScanError::TaskDied),
                took: Duration::ZERO,
            })
        };
        outcomes.into_iter().zip(&self.jobs).map(died).collect()
    }
}

/// Opens the bucket of a Source and scans it.
async fn scan_one(
    job: &ReindexJob,
    index: IndexHandle,
    limits: &crate::config::ScanConfig,
    mode: ScanMode,
    stop: &CancellationToken,
) -> Result<ScanOutcome, ScanError> {
    let opened = stop.run_until_cancelled(S3Bucket::open(&job.source, limits.attempts));
    let bucket = match opened.await {
        Some(opened) => Arc::new(opened?),
        None => return Err(ScanError::Interrupted),
    };
    let work = ScanJob {
        source: Arc::clone(&job.source),
        lister: Arc::clone(&bucket),
        index,
        progress: Arc::clone(&job.progress),
        ranges_in_flight: limits.ranges_in_flight,
        mode,
        drift_grace: None,
        queue: None,
    };
    let span = tracing::info_span!("scan", source = job.source.name, reason = "reindex");
    let result = scan(work, stop).instrument(span).await;
    job.requests.store(bucket.lists_sent(), Ordering::Relaxed);
    result
}

/// The index that is written.
struct Target {
    data_dir: DataDir,
    /// `None` in a dry run.
    lock: Option<WriterLock>,
    engine: TantivyEngine,
    /// What a new index takes over from the live one.
    bindings: Option<Checkpoint>,
    /// The live one, where a new one is to take its place.
    predecessor: Option<TantivyEngine>,
    /// What is to be published when all Sources are complete.
    generation: Option<PathBuf>,
}

impl Target {
    fn open(config: &Config, mode: ReindexMode, scan_mode: ScanMode) -> Result<Self, IndexError> {
        let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
        let memory = config.index.writer_memory_bytes;
        match mode {
            ReindexMode::DryRun => Self::for_dry_run(data_dir),
            ReindexMode::InPlace => Self::in_place(data_dir, memory),
            ReindexMode::Rebuild => Self::beside(data_dir, memory, scan_mode),
        }
    }

    fn for_dry_run(data_dir: DataDir) -> Result<Self, IndexError> {
        let engine = match open_live(&data_dir)? {
            Some(live) => live,
            None => TantivyEngine::in_memory()?,
        };
        Ok(Self {
            data_dir,
            lock: None,
            engine,
            bindings: None,
            predecessor: None,
            generation: None,
        })
    }

    fn in_place(data_dir: DataDir, memory: usize) -> Result<Self, IndexError> {
        let lock = data_dir.lock()?;
        let engine = open_or_create_live(&data_dir, &lock, memory)?;
        Ok(Self {
            data_dir,
            lock: Some(lock),
            engine,
            bindings: None,
            predecessor: None,
            generation: None,
        })
    }

    fn beside(data_dir: DataDir, memory: usize, scan_mode: ScanMode) -> Result<Self, IndexError> {
        let lock = data_dir.lock()?;
        if matches!(
            data_dir.current_of_any_schema(),
            Ok(None) | Err(IndexError::Damaged { .. })
        ) {
            find_live(&data_dir, &lock)?;
        }
        let next = data_dir.next()?;
        let live = checkpoint_of_live(&data_dir)?;
        let keep = scan_mode != ScanMode::Fresh && can_go_on(&next, &live);
        Ok(Self {
            engine: open_half_built(&next, memory, keep)?,
            predecessor: open_predecessor(&data_dir)?,
            data_dir,
            lock: Some(lock),
            bindings: Some(live.bindings_only()),
            generation: Some(next),
        })
    }
}

/// The checkpoint of the live index; an empty one where it is too damaged to tell.
fn checkpoint_of_live(data_dir: &DataDir) -> Result<Checkpoint, IndexError> {
    let read = |live: Option<PathBuf>| match live {
        Some(live) => TantivyEngine::checkpoint_in(&live),
        None => Ok(Checkpoint::default()),
    };
    match data_dir.current_of_any_schema().and_then(read) {
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, "rebuilding without knowing which subdomains were given before");
            Ok(Checkpoint::default())
        }
        other => other,
    }
}

/// Whether a rebuild that did not end can go on: it can be read, and the live index has bound no
/// subdomain and listed nothing since.
fn can_go_on(half_built: &Path, live: &Checkpoint) -> bool {
    let begun = TantivyEngine::checkpoint_in(half_built);
    begun.is_ok_and(|begun| begun.contains_bindings_of(live) && !begun.is_outdated_by(live))
}

/// The half-built index in the folder, or a new one in its place.
fn open_half_built(path: &Path, memory: usize, keep: bool) -> Result<TantivyEngine, IndexError> {
    if keep {
        match TantivyEngine::open_or_create(path, memory) {
            Err(error @ IndexError::Damaged { .. }) => {
                tracing::warn!(%error, "a rebuild that did not end is begun anew");
            }
            other => return other,
        }
    }
    if path.exists() {
        std::fs::remove_dir_all(path).map_err(IndexError::file("remove", path))?;
    }
    TantivyEngine::open_or_create(path, memory)
}
