//! The requests that other tasks send to the daemon: scan a Source, rebuild the index, start another session.
//!
//! This module only defines the messages. The reconciler, the rebuild and the daemon's loop handle them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::config::Config;
use crate::core::counters::ScanProgress;
use crate::core::replication::scan_mode::ScanMode;
use crate::index::current::LostRecords;
use crate::ingest::scanner::{MeasuredScan, ScanOutcome};

/// A request to scan one Source now.
#[derive(Debug)]
pub(crate) struct ScanCommand {
    /// Whether to resume an unfinished scan.
    pub mode: ScanMode,
    /// Whether a Source that has moved may lose its former assets to an empty bucket or prefix.
    pub allow_empty: bool,
    /// Counts what the scan does.
    pub progress: Arc<ScanProgress>,
    /// Gets the report when the scan has ended.
    pub reply: oneshot::Sender<ScanReport>,
}

/// How a requested scan ended.
#[derive(Debug)]
pub(crate) struct ScanReport {
    /// The outcome, or why the scan is not complete.
    pub result: Result<ScanOutcome, String>,
    pub took: Duration,
    /// LIST requests sent, including failed attempts.
    pub list_requests: u64,
}

impl ScanReport {
    pub(super) fn of(scan: &MeasuredScan) -> Self {
        Self {
            result: match &scan.result {
                Ok(outcome) => Ok(*outcome),
                Err(error) => Err(error.to_string()),
            },
            took: scan.took,
            list_requests: scan.list_requests,
        }
    }
}

/// A request to rebuild the index.
#[derive(Clone)]
pub(crate) struct RebuildRequest {
    /// Whether a Source that has moved may lose its former assets to an empty bucket or prefix.
    pub allow_empty: bool,
    /// Gets the progress. It is closed when the rebuild has ended.
    pub progress: mpsc::UnboundedSender<RebuildProgress>,
}

impl RebuildRequest {
    pub(super) fn report(&self, progress: RebuildProgress) {
        // The receiver may be gone. The rebuild continues.
        let _ = self.progress.send(progress);
    }
}

/// The progress of a rebuild: what is lost, up to two messages for each Source, and one at the end.
pub(crate) enum RebuildProgress {
    /// The scan of this Source has started. It counts here what it does.
    ScanStarted(String, Arc<ScanProgress>),
    /// The scan of this Source has ended.
    ScanEnded(String, ScanReport),
    /// These records of the current index cannot be carried over.
    Lost(LostRecords),
    /// The new generation is current.
    Published,
    /// The rebuild failed, for this reason. The current generation stays.
    Failed(String),
}

/// A request to change what runs.
pub(crate) enum SessionChange {
    /// Use another configuration.
    Reload(Reload),
    /// End the running session, and start one with a rebuild.
    Rebuild(RebuildRequest),
}

/// A configuration to use.
pub(crate) struct Reload {
    pub config: Arc<Config>,
    /// Whether Sources with a problem begin again although they are unchanged: the cause may be fixed.
    pub retries: bool,
    pub reply: ReloadReply,
}

/// Gets the result once the configuration is in use. The error says why it is not in use yet. It is dropped if the
/// daemon ends.
pub(crate) type ReloadReply = oneshot::Sender<Result<(), String>>;
