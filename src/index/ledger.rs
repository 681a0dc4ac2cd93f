//! Applies what scans and events report to an engine: pages, events, leftovers of old rules,
//! completion.
//!
//! It is the sequential heart of the index: one thread owns it, and it waits for nothing but the
//! engine. What an observation means is decided in [`crate::core::replication::order`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::pending::Pending;
use super::progress::Commits;
use super::tally::Tally;
use super::{Compaction, Engine, IndexError, KeyedRecord, RecordFilter};
#[cfg(feature = "program")]
use crate::config::IndexConfig;
use crate::core::counters::ScanProgress;
use crate::core::replication::checkpoint::{Checkpoint, StaleRecords};
use crate::core::replication::interval::{KeyInterval, KeyRange};
use crate::core::replication::source_state::{QueueId, SourceId, SourceIdentity, SourceState};
use crate::core::source::Source;

mod attach;
mod begin;
mod drift;
mod events;
mod page;
mod previous_index;
mod stale_records;

pub use attach::{AttachRequest, Attachment};
pub use begin::{MeasureDrift, ScanPlan, ScanRequest};
use drift::DriftCandidates;
pub use events::{EventOutcome, EventReport, KeyEvent, LookUpReport};
pub use page::PageReport;
use previous_index::PreviousIndex;
use stale_records::is_stale_record;

/// The most records that are read from the engine at once: more than a page lists.
const READ_CHUNK: usize = 4_000;

/// When the changes since the last commit are committed.
#[derive(Clone, Copy, Debug)]
pub struct CommitPolicy {
    /// With that many changed keys, looked at after every page and every 4,000 records of a large
    /// one; it bounds the memory of what is pending.
    pub max_changes: usize,
    /// At the latest after that time, if there is anything to commit.
    pub interval: Duration,
    /// At the latest after that time, if an event waits for the commit.
    pub event_interval: Duration,
    /// Whether merges that are under way are waited for at the end, which can take minutes; otherwise
    /// they are given up, and come about again later.
    pub finishes_merges: bool,
}

impl CommitPolicy {
    /// The policy that the configuration sets.
    #[cfg(feature = "program")]
    pub fn of(config: &IndexConfig, finishes_merges: bool) -> Self {
        Self {
            max_changes: config.commit_documents,
            interval: config.commit_interval,
            event_interval: config.event_commit_interval,
            finishes_merges,
        }
    }
}

/// A Source while it is scanned.
struct Scan {
    source: Arc<Source>,
    progress: Arc<ScanProgress>,
    /// Records that a dry run treats as gone, because it may not remove them.
    hidden: StaleRecords,
    /// The ranges of a scan of another bucket or folder than the records are of. It begins, and
    /// the records go, when its first page shows that there is such a bucket.
    move_to: Option<Vec<KeyRange>>,
    /// The queue that is received from when the move begins.
    queue: Option<QueueId>,
}

impl Scan {
    /// A scan that hides and moves nothing.
    fn idle(source: Arc<Source>, progress: Arc<ScanProgress>) -> Self {
        Self {
            source,
            progress,
            hidden: StaleRecords::None,
            move_to: None,
            queue: None,
        }
    }

    /// Calls `with` with what the Source says of itself.
    fn identify<T>(&self, with: impl FnOnce(&SourceIdentity<'_>) -> T) -> T {
        let (origin, scope) = (self.source.origin(), self.source.admission_fingerprint());
        with(&SourceIdentity {
            name: &self.source.name,
            subdomain: &self.source.subdomain,
            origin: &origin,
            prefix: &self.source.prefix,
            scope: &scope,
        })
    }
}

/// The state between the engine and those who report.
pub struct Ledger<E> {
    engine: E,
    checkpoint: Checkpoint,
    pending: Pending,
    /// Whether the checkpoint changed since the last commit.
    checkpoint_changed: bool,
    last_commit: Instant,
    policy: CommitPolicy,
    dry_run: bool,
    scans: HashMap<SourceId, Scan>,
    /// Those Sources that are followed, also where their queue cannot be reached at the moment.
    tallies: HashMap<SourceId, Arc<Tally>>,
    /// Those of them whose queue is being received from.
    following: HashSet<SourceId>,
    /// Those of them whose records are of another bucket or folder until their scan begins.
    moving: HashSet<SourceId>,
    drift_candidates: DriftCandidates,
    heartbeat: Arc<AtomicU64>,
    commits: Arc<Commits>,
    /// The index that this one is to take the place of, if any.
    previous: Option<PreviousIndex<E>>,
}

/// Where a change of a record is counted.
struct ChangeCounters {
    progress: Option<Arc<ScanProgress>>,
    tally: Option<Arc<Tally>>,
}

impl ChangeCounters {
    /// Counts one key by whether search finds it before and after.
    fn count(&self, was_live: bool, is_live: bool) {
        if let Some(progress) = &self.progress {
            progress.count(was_live, is_live);
        }
        if let Some(tally) = &self.tally {
            tally.count(was_live, is_live);
        }
    }
}

impl<E: Engine> Ledger<E> {
    /// A ledger over the engine; a dry run decides everything and commits nothing.
    pub fn new(engine: E, policy: CommitPolicy, dry_run: bool) -> Result<Self, IndexError> {
        Ok(Self {
            checkpoint: engine.checkpoint()?,
            engine,
            pending: Pending::default(),
            checkpoint_changed: false,
            last_commit: Instant::now(),
            policy,
            dry_run,
            scans: HashMap::new(),
            tallies: HashMap::new(),
            following: HashSet::new(),
            moving: HashSet::new(),
            drift_candidates: DriftCandidates::default(),
            heartbeat: Arc::default(),
            commits: Arc::default(),
            previous: None,
        })
    }

    /// Counts commits there from now on.
    pub fn count_commits(&mut self, commits: Arc<Commits>) {
        self.commits = commits;
    }

    /// Takes over names, numbers and subdomains of another index, if this one is new.
    pub fn inherit(&mut self, bindings: Checkpoint) {
        if self.checkpoint == Checkpoint::default() {
            self.checkpoint = bindings;
            self.checkpoint_changed = true;
        }
    }

    /// The next such records of the interval, and the last key read where there may be more.
    fn read(
        &self,
        id: SourceId,
        interval: &KeyInterval,
        filter: RecordFilter,
    ) -> Result<(Vec<KeyedRecord>, Option<String>), IndexError> {
        self.heartbeat.fetch_add(1, Ordering::Relaxed);
        let stored = self.engine.read(id, interval, filter, READ_CHUNK)?;
        let is_full = stored.len() >= READ_CHUNK;
        let last = stored
            .last()
            .filter(|_| is_full)
            .map(|(key, _)| key.clone());
        let seen = match &last {
            Some(last) => interval.up_to(last),
            None => interval.clone(),
        };
        let mut laid = self.pending.overlay(id, &seen, stored);
        if let Some(scan) = self.scans.get(&id) {
            laid.retain(|(key, record)| !is_stale_record(&scan.source, scan.hidden, key, record));
        }
        Ok((laid, last))
    }

    fn state(&mut self, id: SourceId) -> Result<&mut SourceState, IndexError> {
        self.checkpoint
            .state_mut(id)
            .ok_or_else(|| IndexError::Damaged {
                what: format!("its checkpoint has no Source number {}", id.0),
            })
    }

    /// Where changes of a Source's records are counted.
    fn counted(&self, id: SourceId, progress: Option<&Arc<ScanProgress>>) -> ChangeCounters {
        ChangeCounters {
            progress: progress.cloned(),
            tally: self.tallies.get(&id).cloned(),
        }
    }

    /// Whether everything that was applied is committed.
    pub fn is_clean(&self) -> bool {
        self.pending.is_empty() && !self.checkpoint_changed
    }

    /// When the changes are committed.
    pub fn policy(&self) -> CommitPolicy {
        self.policy
    }

    fn commit_if_full(&mut self) -> Result<(), IndexError> {
        if self.pending.len() >= self.policy.max_changes {
            self.commit()?;
        }
        Ok(())
    }

    /// Commits if there is something to commit and either bound of the policy is reached.
    pub fn commit_if_due(&mut self) -> Result<(), IndexError> {
        if self.last_commit.elapsed() >= self.policy.interval {
            self.commit()?;
        }
        self.commit_if_full()
    }

    /// Commits what is pending, if anything is.
    pub fn commit(&mut self) -> Result<(), IndexError> {
        if self.is_clean() {
            return Ok(());
        }
        self.heartbeat.fetch_add(1, Ordering::Relaxed);
        if !self.dry_run {
            self.advance_followed();
            let (began, documents) = (Instant::now(), self.pending.len());
            let _span = tracing::debug_span!("commit", documents = documents as i64).entered();
            self.engine
                .commit(self.pending.changes(), &self.checkpoint)?;
            self.commits.took.record(began.elapsed());
            self.commits.records.add(documents as u64);
            tracing::debug!(documents, "committed");
        }
        self.pending.clear();
        self.checkpoint_changed = false;
        self.last_commit = Instant::now();
        Ok(())
    }

    /// Begins to put together all that is committed; see [`Engine::compact`].
    pub fn compact(&mut self) -> Result<Compaction, IndexError> {
        self.commit()?;
        self.engine.compact()
    }

    /// Commits though nothing may have changed: the engine then reads what a compaction has made, and lets
    /// go of the files of before.
    pub fn renew(&mut self) -> Result<(), IndexError> {
        self.checkpoint_changed = true;
        self.commit()
    }

    /// Commits and ends the engine's background work.
    pub fn close(mut self) -> Result<(), IndexError> {
        self.commit()?;
        if self.policy.finishes_merges {
            self.engine.close()
        } else {
            Ok(())
        }
    }

    /// A number that grows with everything that is read or committed, and whoever works on may raise.
    pub fn heartbeat(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.heartbeat)
    }
}

#[cfg(test)]
mod simulation;

#[cfg(test)]
mod tests;
