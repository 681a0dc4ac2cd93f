//! The status report: a snapshot of the status board as JSON.
//!
//! The same types write and read it. It contains no secret, because the board contains none.

use serde::{Deserialize, Serialize};

use super::{IndexHealth, QueueHealth, StatusBoard, now};
use crate::core::query::hit::rfc3339;
use crate::core::replication::timestamp::Timestamp;

mod queue;
mod source;

pub use queue::{
    AttributesReport, DeadLetterReport, QueueCounts, QueueProblemReport, QueueReport, ReceiveState,
};
pub use source::{
    DeploymentState, DriftReport, ErrorReport, LagReport, ScanReport, SourceCounts, SourceReport,
    UnusableKeysReport,
};

/// A snapshot of the status board.
///
/// Times are RFC 3339 text in UTC. Durations are in seconds, sizes in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The version of the program.
    pub version: String,
    /// When the process started.
    pub started: String,
    /// Time since the process started.
    pub uptime_seconds: f64,
    /// Whether the index is open and every queue has answered or failed.
    pub ready: bool,
    /// The reasons why the daemon is not ready yet, for people.
    pub waiting_for: Vec<String>,
    /// Whether the process only reads the index. It then knows nothing about scans, queues and events.
    #[serde(default)]
    pub read_only: bool,
    /// The index.
    pub index: IndexReport,
    /// Successful reloads of the configuration.
    pub reloads: u64,
    /// Failed reloads of the configuration.
    pub refused_reloads: u64,
    /// The Sources, ordered by name.
    pub sources: Vec<SourceReport>,
    /// The queues, ordered by URL.
    pub queues: Vec<QueueReport>,
}

/// The status of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexReport {
    /// Whether the index can be written.
    pub state: IndexState,
    /// Why the index failed, or is degraded.
    pub reason: Option<String>,
    /// The folder of the index.
    pub data_dir: String,
    /// The size of its files. `null` if unknown.
    pub bytes: Option<u64>,
    /// Failures to commit or to open the index.
    pub commit_failures: u64,
    /// Merges of segments that failed.
    pub merge_failures: u64,
}

/// Whether the index can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexState {
    /// It is being opened.
    Opening,
    /// It is open.
    Open,
    /// It is open, but merges of some segments fail, usually because files are damaged.
    Degraded,
    /// It failed, and will be opened again.
    Failed,
}

impl StatusReport {
    /// A snapshot of the board now. `index_bytes` is the result of [`super::index_bytes`].
    pub fn of(board: &StatusBoard, index_bytes: Option<u64>) -> Self {
        Self::at(board, index_bytes, now())
    }

    /// A snapshot of the board, with all durations up to `now`.
    pub fn at(board: &StatusBoard, index_bytes: Option<u64>, now: Timestamp) -> Self {
        let waiting_for = waiting_for(board);
        let sources = board.sources();
        let queues = board.queues();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: rfc3339(board.started),
            uptime_seconds: seconds_between(board.started, now),
            ready: waiting_for.is_empty(),
            waiting_for,
            read_only: board.is_read_only,
            index: IndexReport::of(board, index_bytes),
            reloads: board.reloads.get(),
            refused_reloads: board.refused_reloads.get(),
            sources: sources
                .iter()
                .map(|source| SourceReport::at(source, now))
                .collect(),
            queues: queues.iter().map(|queue| QueueReport::of(queue)).collect(),
        }
    }

    /// The queue with this URL.
    pub fn queue(&self, url: &str) -> Option<&QueueReport> {
        self.queues.iter().find(|queue| queue.url == url)
    }
}

impl IndexReport {
    fn of(board: &StatusBoard, bytes: Option<u64>) -> Self {
        let (state, reason) = match board.index() {
            IndexHealth::Opening => (IndexState::Opening, None),
            IndexHealth::Open => match board.index_problem() {
                None => (IndexState::Open, None),
                problem => (IndexState::Degraded, problem),
            },
            IndexHealth::Failed(reason) => (IndexState::Failed, Some(reason)),
        };
        Self {
            state,
            reason,
            data_dir: board.data_dir.display().to_string(),
            bytes,
            commit_failures: board.commit_failures.get(),
            merge_failures: board.merge_failures(),
        }
    }
}

/// The reasons why the daemon is not ready yet, for people. Empty if [`StatusBoard::is_ready`].
pub fn waiting_for(board: &StatusBoard) -> Vec<String> {
    let index = match board.index() {
        IndexHealth::Opening => Some("the index is being opened".to_owned()),
        IndexHealth::Open => None,
        IndexHealth::Failed(reason) => Some(format!("the index failed: {reason}")),
    };
    let queues = board.queues();
    let starting = queues
        .iter()
        .filter(|queue| queue.health() == QueueHealth::Starting);
    let starting = starting.map(|queue| format!("the queue {} has not answered yet", queue.url));
    index.into_iter().chain(starting).collect()
}

/// Seconds from `then` to `now`. Zero if the clock was set back meanwhile.
fn seconds_between(then: Timestamp, now: Timestamp) -> f64 {
    now.as_millis().saturating_sub(then.as_millis()).max(0) as f64 / 1000.0
}

#[cfg(test)]
mod tests;
