//! The context of the daemon: the state that outlives a session, and access to the running session.
//!
//! It contains no logic of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::commands::{ScanCommand, SessionChange};
use crate::config::Config;
use crate::index::directory::{DataDir, WriterLock};
use crate::index::writer::IndexHandle;
use crate::ingest::consumer::handler::Handler;
use crate::observe::quarantine::Quarantine;
use crate::observe::status::StatusBoard;
use crate::observe::telemetry::LogFilter;

/// The state that outlives a session.
pub(crate) struct DaemonContext {
    pub board: Arc<StatusBoard>,
    pub quarantine: Arc<Quarantine>,
    pub data_dir: DataDir,
    /// Proves that only this process writes the data directory.
    pub lock: WriterLock,
    pub failed_scans: Arc<FailedScans>,
    /// The running session.
    pub session: SessionHandle,
    /// Requests another session.
    pub session_changes: mpsc::Sender<SessionChange>,
    pub log_filter: LogFilter,
}

/// The names of the Sources whose last scan failed. The next reload or session retries these scans immediately, because
/// the cause may be fixed.
#[derive(Default)]
pub(crate) struct FailedScans(Mutex<BTreeSet<String>>);

impl FailedScans {
    pub(super) fn contains(&self, source: &str) -> bool {
        self.lock().contains(source)
    }

    pub(super) fn add(&self, source: &str) {
        self.lock().insert(source.to_owned());
    }

    pub(super) fn remove(&self, source: &str) {
        self.lock().remove(source);
    }

    /// Removes all other Sources.
    pub(super) fn retain(&self, sources: &[&str]) {
        self.lock().retain(|name| sources.contains(&name.as_str()));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A panic cannot leave it half-written: each holder makes one change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives access to the running session. Empty if no session runs.
#[derive(Default)]
pub(crate) struct SessionHandle {
    parts: Mutex<SessionParts>,
}

/// The parts of a session that other tasks use.
#[derive(Default)]
pub(super) struct SessionParts {
    /// Requests scans, by the name of the Source.
    pub scan_commands: BTreeMap<String, mpsc::Sender<ScanCommand>>,
    /// The message handlers, by the address of their queue.
    pub handlers: HashMap<String, Arc<Handler>>,
    pub index: Option<IndexHandle>,
    pub config: Option<Arc<Config>>,
}

impl SessionHandle {
    /// The channel to request scans of that Source. `None` if it is not active.
    pub(crate) fn scan_commands(&self, source: &str) -> Option<mpsc::Sender<ScanCommand>> {
        self.lock().scan_commands.get(source).cloned()
    }

    /// The names of the Sources that can be scanned.
    pub(crate) fn source_names(&self) -> Vec<String> {
        self.lock().scan_commands.keys().cloned().collect()
    }

    /// The handler of the messages of that queue. `None` if the queue is not open.
    pub(crate) fn handler(&self, queue_url: &str) -> Option<Arc<Handler>> {
        self.lock().handlers.get(queue_url).cloned()
    }

    /// The index. The session cannot end while the caller keeps the handle.
    pub(crate) fn index(&self) -> Option<IndexHandle> {
        self.lock().index.clone()
    }

    /// The configuration of the session.
    pub(crate) fn config(&self) -> Option<Arc<Config>> {
        self.lock().config.clone()
    }

    /// A number that changes while the writer thread of the index works.
    pub(crate) fn heartbeat(&self) -> Option<u64> {
        self.lock().index.as_ref().map(IndexHandle::heartbeat)
    }

    pub(super) fn set(&self, parts: SessionParts) {
        *self.lock() = parts;
    }

    fn lock(&self) -> MutexGuard<'_, SessionParts> {
        // A panic cannot leave it half-written: `set` stores one value.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
