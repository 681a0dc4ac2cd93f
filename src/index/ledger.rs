//! The ledger: applies pages, events and configuration changes to the engine, and commits.
//!
//! One thread owns it, and it waits only for the engine. It does not list, receive or acknowledge anything.
//! The rules in [`crate::core::replication::order`] decide what a page or an event changes.
//!
//! | file | what it does |
//! |---|---|
//! | `ledger.rs` | holds the state, reads records including pending changes, commits |
//! | `ledger/attach.rs` | adds a Source, adopts new rules, records up to when events were followed |
//! | `ledger/begin.rs` | begins or resumes a scan and plans its ranges |
//! | `ledger/page.rs` | joins a page with the records of its interval, completes a scan |
//! | `ledger/events.rs` | applies events and look-ups |
//! | `ledger/heal.rs` | forgets times in the future that a wrong clock left |
//! | `ledger/removals.rs` | announces removals in the log and for the metrics |
//! | `ledger/stale_records.rs` | removes the records that a configuration change made stale |
//! | `ledger/relocation.rs` | moves a Source to another bucket or prefix |
//! | `ledger/unconfigured.rs` | removes the records of Sources that are no longer configured |
//! | `ledger/drift.rs` | counts what a scan repaired although events should have reported it |
//! | `ledger/copied_records.rs` | takes over a Source from another index, for a Source that no scan fills |
//! | `ledger/previous_index.rs` | takes data from the previous index during a rebuild |
//! | `ledger/tests.rs` | tests with the real engine in memory |
//! | `ledger/simulation.rs` | test: bucket, queue, scans and crashes in memory, with random histories |

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::commit_counters::CommitCounters;
use super::large_removals::LargeRemovals;
use super::pending::Pending;
use super::tally::Tally;
use super::{Compaction, Engine, IndexError, KeyedRecord, RecordFilter};
#[cfg(feature = "program")]
use crate::config::IndexConfig;
use crate::core::counters::ScanProgress;
use crate::core::replication::checkpoint::{Checkpoint, StaleRecords};
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::{SourceId, SourceIdentity, SourceState};
use crate::core::source::Source;

mod attach;
mod begin;
mod copied_records;
mod drift;
mod events;
mod heal;
mod page;
mod previous_index;
mod relocation;
mod removals;
mod stale_records;
mod unconfigured;

pub use attach::{AttachRequest, Attachment};
pub use begin::{MeasureDrift, ScanPlan, ScanRequest};
pub use copied_records::CopiedRecords;
use drift::DriftCandidates;
pub use events::{EventOutcome, EventReport, KeyEvent, LookUpReport};
pub use page::PageReport;
use previous_index::PreviousIndex;
use relocation::Relocation;
use stale_records::is_stale_record;
pub use unconfigured::UnconfiguredSource;

/// Maximum number of records to read from the engine at once. A page lists at most 1,000 keys.
const READ_CHUNK: usize = 4_000;

/// When pending changes are committed.
#[derive(Clone, Copy, Debug)]
pub struct CommitPolicy {
    /// Number of changed keys that causes a commit. It limits the memory for pending changes. Checked after
    /// every event and page, and after every 4,000 records that a page or a removal of stale records goes
    /// through.
    pub max_changes: usize,
    /// Maximum time between commits, if there is something to commit.
    pub interval: Duration,
    /// Maximum time that an applied event waits for its commit.
    pub event_interval: Duration,
    /// Whether closing waits for merges that are running, which can take minutes. Otherwise they are
    /// abandoned, and a later writer merges the same segments.
    pub finishes_merges: bool,
}

impl CommitPolicy {
    /// The policy from the configuration.
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

/// The running scan of a Source.
struct Scan {
    source: Arc<Source>,
    progress: Arc<ScanProgress>,
    /// Stale records that a dry run ignores, because it must not remove them.
    hidden: StaleRecords,
    /// Set if the Source has moved to another bucket or prefix, until the scan shows an asset there.
    relocation: Option<Relocation>,
    /// The number of assets when its pages began to arrive, without stale ones.
    assets_before: u64,
    /// The number of assets that it had removed by then, because they were stale.
    removed_before: u64,
    /// Whether its pages have removed more than half of the assets.
    is_large_removal: bool,
}

impl Scan {
    /// A scan that hides no records and does not move the Source.
    fn new(source: Arc<Source>, progress: Arc<ScanProgress>) -> Self {
        Self {
            source,
            progress,
            hidden: StaleRecords::None,
            relocation: None,
            assets_before: 0,
            removed_before: 0,
            is_large_removal: false,
        }
    }

    /// Calls `use_identity` with the identity of the Source.
    fn with_identity<T>(&self, use_identity: impl FnOnce(&SourceIdentity<'_>) -> T) -> T {
        let (origin, scope) = (self.source.origin(), self.source.admission_fingerprint());
        use_identity(&SourceIdentity {
            name: &self.source.name,
            subdomain: &self.source.subdomain,
            origin: &origin,
            prefix: &self.source.prefix,
            scope: &scope,
        })
    }
}

/// Applies pages, events and configuration changes to an engine.
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
    /// The scans that are complete since the last commit. At most one for each Source, as in `scans`.
    completed: HashMap<SourceId, Scan>,
    /// Counters of the attached Sources, including Sources whose queue cannot be reached at the moment.
    tallies: HashMap<SourceId, Arc<Tally>>,
    /// The attached Sources whose events are being received.
    following: HashSet<SourceId>,
    /// The attached Sources whose records are from another bucket or prefix until a scan shows an asset.
    moving: HashSet<SourceId>,
    drift_candidates: DriftCandidates,
    heartbeat: Arc<AtomicU64>,
    commits: Arc<CommitCounters>,
    large_removals: Arc<LargeRemovals>,
    /// Whether the current index announces the effects of a new configuration on this one, too.
    leaves_announcements: bool,
    /// During a rebuild: the index that this one will replace.
    previous: Option<PreviousIndex<E>>,
}

/// The counters that a change of a record updates.
struct ChangeCounters {
    progress: Option<Arc<ScanProgress>>,
    tally: Option<Arc<Tally>>,
}

impl ChangeCounters {
    /// Counts a write to one key, given whether search finds the key before and after it.
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
    /// A ledger over the engine. A dry run decides everything and commits nothing.
    pub fn new(engine: E, policy: CommitPolicy, dry_run: bool) -> Result<Self, IndexError> {
        let mut ledger = Self {
            checkpoint: engine.checkpoint()?,
            engine,
            pending: Pending::default(),
            checkpoint_changed: false,
            last_commit: Instant::now(),
            policy,
            dry_run,
            scans: HashMap::new(),
            completed: HashMap::new(),
            tallies: HashMap::new(),
            following: HashSet::new(),
            moving: HashSet::new(),
            drift_candidates: DriftCandidates::default(),
            heartbeat: Arc::default(),
            commits: Arc::default(),
            large_removals: Arc::default(),
            leaves_announcements: false,
            previous: None,
        };
        ledger.heal_states();
        Ok(ledger)
    }

    /// Sets the counters for commits.
    pub fn set_commit_counters(&mut self, commits: Arc<CommitCounters>) {
        self.commits = commits;
    }

    /// Sets where large removals are noted.
    pub fn set_large_removals(&mut self, large_removals: Arc<LargeRemovals>) {
        self.large_removals = large_removals;
    }

    /// Leaves it to the current index to announce what a new configuration removes: the index of a rebuild that runs
    /// next to it adopts the same configuration.
    pub(crate) fn leave_announcements(&mut self) {
        self.leaves_announcements = true;
    }

    /// Takes over the names, ids and subdomains of another index, if this index is new.
    pub fn inherit(&mut self, bindings: Checkpoint) {
        if self.checkpoint == Checkpoint::default() {
            self.checkpoint = bindings;
            self.checkpoint_changed = true;
            self.heal_states();
        }
    }

    /// Reads the first records of the interval that pass the filter, including pending changes. Also returns
    /// the last key that was read if there may be more records after it.
    ///
    /// Pending records of the interval are included whether they pass the filter or not.
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
        let mut records = self.pending.overlay(id, &seen, stored);
        if let Some(scan) = self.scans.get(&id) {
            records
                .retain(|(key, record)| !is_stale_record(&scan.source, scan.hidden, key, record));
        }
        Ok((records, last))
    }

    fn state(&mut self, id: SourceId) -> Result<&mut SourceState, IndexError> {
        self.checkpoint
            .state_mut(id)
            .ok_or_else(|| IndexError::Damaged {
                what: format!("its checkpoint has no Source with the id {}", id.0),
            })
    }

    /// The counters for changes of a Source's records.
    fn change_counters(
        &self,
        id: SourceId,
        progress: Option<&Arc<ScanProgress>>,
    ) -> ChangeCounters {
        ChangeCounters {
            progress: progress.cloned(),
            tally: self.tallies.get(&id).cloned(),
        }
    }

    /// Whether everything that was applied is committed.
    pub fn is_clean(&self) -> bool {
        self.pending.is_empty() && !self.checkpoint_changed
    }

    /// When pending changes are committed.
    pub fn policy(&self) -> CommitPolicy {
        self.policy
    }

    fn commit_if_full(&mut self) -> Result<(), IndexError> {
        if self.pending.len() >= self.policy.max_changes {
            self.commit()?;
        }
        Ok(())
    }

    /// Commits if there is something to commit and the policy requires it.
    pub fn commit_if_due(&mut self) -> Result<(), IndexError> {
        if self.last_commit.elapsed() >= self.policy.interval {
            self.commit()?;
        }
        self.commit_if_full()
    }

    /// Commits the pending changes and the checkpoint, if either has changed.
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
        for (id, scan) in std::mem::take(&mut self.completed) {
            self.announce_rebuilt(id, &scan)?;
        }
        Ok(())
    }

    /// Commits, and starts a background merge of all records. See [`Engine::compact`].
    pub fn compact(&mut self) -> Result<Compaction, IndexError> {
        self.commit()?;
        self.engine.compact()
    }

    /// Commits, even if nothing has changed. The engine then opens the merged files and releases the old
    /// ones.
    pub fn finish_compaction(&mut self) -> Result<(), IndexError> {
        self.checkpoint_changed = true;
        self.commit()
    }

    /// Commits. If the policy says so, also waits for the engine's background work.
    pub fn close(mut self) -> Result<(), IndexError> {
        self.commit()?;
        if self.policy.finishes_merges {
            self.engine.close()
        } else {
            Ok(())
        }
    }

    /// A number that grows with every read and commit. Callers may raise it too.
    pub fn heartbeat(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.heartbeat)
    }
}

#[cfg(test)]
mod simulation;

#[cfg(test)]
mod tests;
