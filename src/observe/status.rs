//! The status board: what the daemon is doing. Running tasks write it. The API, metrics and commands read
//! it.
//!
//! It is for display only. It outlives a reload and a reopened index, so counters only rise.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::core::counters::Counter;
use crate::core::replication::timestamp::Timestamp;

mod disk;
pub mod http;
pub mod lag;
mod process;
mod queue;
pub mod report;
#[cfg(test)]
pub mod sample;
mod size;
mod source;

pub use disk::DiskUsage;
pub use http::{HttpMetrics, RouteGroup};
pub use lag::{EventLag, LagSummary};
pub use process::ProcessUsage;
pub use queue::{QueueCounters, QueueHealth, QueueProblem, QueueStatus};
pub use report::StatusReport;
pub use size::index_bytes;
pub use source::{
    ScanInProgress, SourceCondition, SourcePhase, SourceSettings, SourceStatus, UnusableKeys,
};

pub use crate::index::commit_counters::CommitCounters;
pub use crate::index::large_removals::LargeRemovals;
pub(crate) use crate::index::merge_health::MergeHealth;

/// The status of the daemon.
#[derive(Debug)]
pub struct StatusBoard {
    /// When the process started, by our clock.
    pub started: Timestamp,
    /// The folder of the index.
    pub data_dir: PathBuf,
    /// Whether the process only reads the index.
    pub is_read_only: bool,
    index: Mutex<IndexHealth>,
    /// `None` in a process that does not write the index.
    merges: Mutex<Option<Arc<MergeHealth>>>,
    sources: Mutex<BTreeMap<String, Arc<SourceStatus>>>,
    queues: Mutex<BTreeMap<String, Arc<QueueStatus>>>,
    /// Successful commits.
    pub commits: Arc<CommitCounters>,
    /// The last large removal of each Source.
    pub large_removals: Arc<LargeRemovals>,
    /// Failures to commit or to open the index.
    pub commit_failures: Counter,
    /// Successful reloads of the configuration.
    pub reloads: Counter,
    /// Failed reloads of the configuration.
    pub refused_reloads: Counter,
    /// Requests over HTTP.
    pub http: HttpMetrics,
}

/// Whether the index can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexHealth {
    /// It is being opened.
    Opening,
    /// It is open.
    Open,
    /// It failed for this reason, and will be opened again.
    Failed(String),
}

/// An error, and when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// When it happened, by our clock.
    pub at: Timestamp,
    /// The message.
    pub text: String,
}

impl LastError {
    /// An error that happened just now.
    pub fn now(text: impl Into<String>) -> Self {
        Self {
            at: now(),
            text: text.into(),
        }
    }
}

/// The current time by our clock. Only for display and for measuring how long something took.
pub fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

/// Locks the mutex even if it is poisoned. Every holder writes a single value, so a panic cannot leave it
/// half-written.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StatusBoard {
    /// An empty board.
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            started: now(),
            data_dir,
            is_read_only: false,
            index: Mutex::new(IndexHealth::Opening),
            merges: Mutex::default(),
            sources: Mutex::default(),
            queues: Mutex::default(),
            commits: Arc::default(),
            large_removals: Arc::default(),
            commit_failures: Counter::default(),
            reloads: Counter::default(),
            refused_reloads: Counter::default(),
            http: HttpMetrics::default(),
        }
    }

    /// The board of a process that only reads the index.
    pub fn read_only(data_dir: PathBuf) -> Self {
        Self {
            is_read_only: true,
            ..Self::new(data_dir)
        }
    }

    /// Whether the index can be written.
    pub fn index(&self) -> IndexHealth {
        lock(&self.index).clone()
    }

    /// Sets whether the index can be written.
    pub fn set_index(&self, health: IndexHealth) {
        *lock(&self.index) = health;
    }

    /// Shows the merges of an index that was just opened. Its known problems stay known if it was only opened
    /// again.
    pub(crate) fn set_merges(&self, merges: Arc<MergeHealth>) {
        let mut current = lock(&self.merges);
        if let Some(earlier) = &*current {
            merges.continue_from(earlier);
        }
        *current = Some(merges);
    }

    /// The problem of the index although it is open, and its remedy. Looks for files.
    pub fn index_problem(&self) -> Option<String> {
        let merges = lock(&self.merges).clone();
        merges.and_then(|merges| merges.problem())
    }

    /// The number of merges that failed since the process started.
    pub fn merge_failures(&self) -> u64 {
        let merges = lock(&self.merges);
        merges.as_ref().map_or(0, |merges| merges.failures.get())
    }

    /// The status of a Source. Created if it does not exist yet.
    pub fn source(&self, name: &str) -> Arc<SourceStatus> {
        let mut sources = lock(&self.sources);
        let entry = sources.entry(name.to_owned());
        Arc::clone(entry.or_insert_with(|| Arc::new(SourceStatus::new(name))))
    }

    /// The status of a queue. Created if it does not exist yet.
    pub fn queue(&self, url: &str) -> Arc<QueueStatus> {
        let mut queues = lock(&self.queues);
        let entry = queues.entry(url.to_owned());
        Arc::clone(entry.or_insert_with(|| Arc::new(QueueStatus::new(url))))
    }

    /// Removes all other Sources and queues.
    pub fn retain(&self, names: &[&str], urls: &[&str]) {
        lock(&self.sources).retain(|name, _| names.contains(&name.as_str()));
        lock(&self.queues).retain(|url, _| urls.contains(&url.as_str()));
    }

    /// All Sources, ordered by name.
    pub fn sources(&self) -> Vec<Arc<SourceStatus>> {
        lock(&self.sources).values().cloned().collect()
    }

    /// All queues, ordered by URL.
    pub fn queues(&self) -> Vec<Arc<QueueStatus>> {
        lock(&self.queues).values().cloned().collect()
    }

    /// Whether the index is open, and every queue has answered or failed at least once.
    pub fn is_ready(&self) -> bool {
        report::waiting_for(self).is_empty()
    }
}
