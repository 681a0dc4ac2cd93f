//! The board: what the daemon is doing, written by those who do it and read by those who show it.
//!
//! It is for display only. It outlives a reload and a reopened index, so that counters only rise.

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
pub use queue::{QueueCounters, QueueHealth, QueueStatus};
pub use report::StatusReport;
pub use size::index_bytes;
pub use source::{ScanInProgress, SourceCondition, SourcePhase, SourceSettings, SourceStatus};

pub use crate::index::progress::Commits;

/// What the daemon is doing.
#[derive(Debug)]
pub struct StatusBoard {
    /// When the process began, by our clock.
    pub started: Timestamp,
    /// Where the index lies.
    pub data_dir: PathBuf,
    index: Mutex<IndexHealth>,
    sources: Mutex<BTreeMap<String, Arc<SourceStatus>>>,
    queues: Mutex<BTreeMap<String, Arc<QueueStatus>>>,
    /// Commits that succeeded.
    pub commits: Arc<Commits>,
    /// Commits that failed.
    pub commit_failures: Counter,
    /// Configurations that were taken over after the first.
    pub reloads: Counter,
    /// Configurations that were refused.
    pub refused_reloads: Counter,
    /// What is answered over HTTP.
    pub http: HttpMetrics,
}

/// Whether the index can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexHealth {
    /// It is being opened.
    Opening,
    /// It is open.
    Open,
    /// It failed, and is to be opened anew.
    Failed(String),
}

/// Something that went wrong last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// When, by our clock.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

impl LastError {
    /// It happened just now.
    pub fn now(text: impl Into<String>) -> Self {
        Self {
            at: now(),
            text: text.into(),
        }
    }
}

/// The present by our clock: for people, and for how long something lasted.
pub fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

/// Locks what no panic can leave half-written: each holder puts in one value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StatusBoard {
    /// A board on which nothing stands yet.
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            started: now(),
            data_dir,
            index: Mutex::new(IndexHealth::Opening),
            sources: Mutex::default(),
            queues: Mutex::default(),
            commits: Arc::default(),
            commit_failures: Counter::default(),
            reloads: Counter::default(),
            refused_reloads: Counter::default(),
            http: HttpMetrics::default(),
        }
    }

    /// Whether the index can be written.
    pub fn index(&self) -> IndexHealth {
        lock(&self.index).clone()
    }

    /// Notes whether the index can be written.
    pub fn set_index(&self, health: IndexHealth) {
        *lock(&self.index) = health;
    }

    /// The place of a Source, made where there is none.
    pub fn source(&self, name: &str) -> Arc<SourceStatus> {
        let mut sources = lock(&self.sources);
        let place = sources.entry(name.to_owned());
        Arc::clone(place.or_insert_with(|| Arc::new(SourceStatus::new(name))))
    }

    /// The place of a queue, made where there is none.
    pub fn queue(&self, url: &str) -> Arc<QueueStatus> {
        let mut queues = lock(&self.queues);
        let place = queues.entry(url.to_owned());
        Arc::clone(place.or_insert_with(|| Arc::new(QueueStatus::new(url))))
    }

    /// Removes what is not among these names and addresses.
    pub fn retain(&self, names: &[&str], urls: &[&str]) {
        lock(&self.sources).retain(|name, _| names.contains(&name.as_str()));
        lock(&self.queues).retain(|url, _| urls.contains(&url.as_str()));
    }

    /// All Sources, by name.
    pub fn sources(&self) -> Vec<Arc<SourceStatus>> {
        lock(&self.sources).values().cloned().collect()
    }

    /// All queues, by address.
    pub fn queues(&self) -> Vec<Arc<QueueStatus>> {
        lock(&self.queues).values().cloned().collect()
    }

    /// Whether the index is open, and every queue has answered or failed at least once.
    pub fn is_ready(&self) -> bool {
        report::waiting_for(self).is_empty()
    }
}
