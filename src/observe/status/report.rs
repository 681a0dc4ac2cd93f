//! The report: the board at one moment, in the form in which it leaves the process.
//!
//! What is written is read back by the same types. It holds no secret, because the board holds none.

use serde::{Deserialize, Serialize};

use super::{IndexHealth, QueueHealth, StatusBoard, now};
use crate::core::query::hit::rfc3339;
use crate::core::replication::timestamp::Timestamp;

mod queue;
mod source;

pub use queue::{AttributesReport, DeadLetterReport, QueueCounts, QueueReport, ReceiveState};
pub use source::{
    DeploymentState, DriftReport, ErrorReport, LagReport, ScanReport, SourceCounts, SourceReport,
};

/// What the daemon is doing.
///
/// Times are RFC 3339 text in UTC, durations seconds, sizes bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The version of the program.
    pub version: String,
    /// When the process began.
    pub started: String,
    /// How long ago that was.
    pub uptime_seconds: f64,
    /// Whether the index is open and every queue has answered or failed.
    pub ready: bool,
    /// What is missing for that, in words.
    pub waiting_for: Vec<String>,
    /// The index.
    pub index: IndexReport,
    /// Configurations that were taken over after the first.
    pub reloads: u64,
    /// Configurations that were refused.
    pub refused_reloads: u64,
    /// The Sources, by name.
    pub sources: Vec<SourceReport>,
    /// The queues, by address.
    pub queues: Vec<QueueReport>,
}

/// The index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexReport {
    /// Whether it can be written.
    pub state: IndexState,
    /// Why not, where it failed.
    pub reason: Option<String>,
    /// Where it lies.
    pub data_dir: String,
    /// What its files take; `null` where that is not known.
    pub bytes: Option<u64>,
    /// Commits that failed.
    pub commit_failures: u64,
}

/// Whether the index can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexState {
    /// It is being opened.
    Opening,
    /// It is open.
    Open,
    /// It failed, and is to be opened anew.
    Failed,
}

impl StatusReport {
    /// The board now; `index_bytes` is what [`super::index_bytes`] found.
    pub fn of(board: &StatusBoard, index_bytes: Option<u64>) -> Self {
        Self::at(board, index_bytes, now())
    }

    /// The board, with what has lasted until now lasting until `now`.
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
            index: IndexReport::of(board, index_bytes),
            reloads: board.reloads.get(),
            refused_reloads: board.refused_reloads.get(),
            sources: sources.iter().map(|of| SourceReport::at(of, now)).collect(),
            queues: queues.iter().map(|queue| QueueReport::of(queue)).collect(),
        }
    }

    /// The queue of that address.
    pub fn queue(&self, url: &str) -> Option<&QueueReport> {
        self.queues.iter().find(|queue| queue.url == url)
    }
}

impl IndexReport {
    fn of(board: &StatusBoard, bytes: Option<u64>) -> Self {
        let (state, reason) = match board.index() {
            IndexHealth::Opening => (IndexState::Opening, None),
            IndexHealth::Open => (IndexState::Open, None),
            IndexHealth::Failed(reason) => (IndexState::Failed, Some(reason)),
        };
        Self {
            state,
            reason,
            data_dir: board.data_dir.display().to_string(),
            bytes,
            commit_failures: board.commit_failures.get(),
        }
    }
}

/// What the daemon waits for before it is ready, in words; nothing exactly where
/// [`StatusBoard::is_ready`] says that it is.
pub fn waiting_for(board: &StatusBoard) -> Vec<String> {
    let index = match board.index() {
        IndexHealth::Opening => Some("the index is being opened".to_owned()),
        IndexHealth::Open => None,
        IndexHealth::Failed(reason) => Some(format!("the index failed: {reason}")),
    };
    let queues = board.queues();
    let silent = queues
        .iter()
        .filter(|queue| queue.health() == QueueHealth::Starting);
    let silent = silent.map(|queue| format!("the queue {} has not answered yet", queue.url));
    index.into_iter().chain(silent).collect()
}

/// From `then` to `now`; zero where the clock was put back meanwhile.
fn seconds_between(then: Timestamp, now: Timestamp) -> f64 {
    now.as_millis().saturating_sub(then.as_millis()).max(0) as f64 / 1000.0
}

#[cfg(test)]
mod tests;
