//! The tasks of one Source in a session: its reconciler, and the messages that are handled for it.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::commands::ScanCommand;
use super::credential_files::CredentialFiles;
use super::deployment::RunningSource;
use super::reconciler::Reconciler;
use crate::index::IndexError;
use crate::ingest::consumer::routes::ActiveSource;

/// A Source that runs.
pub(super) struct SourceTasks {
    pub active: Arc<ActiveSource>,
    /// The files with its credentials, as they were before it began.
    pub credentials: CredentialFiles,
    /// Requests scans.
    pub commands: mpsc::Sender<ScanCommand>,
    stop: CancellationToken,
}

impl SourceTasks {
    /// Starts the reconciler as a task that ends with the session or with [`SourceTasks::stop`].
    pub(super) fn start(
        active: Arc<ActiveSource>,
        credentials: CredentialFiles,
        commands: mpsc::Sender<ScanCommand>,
        reconciler: Reconciler,
        tasks: &mut JoinSet<Result<(), IndexError>>,
        session_stop: &CancellationToken,
    ) -> Self {
        let stop = session_stop.child_token();
        tasks.spawn(active.track(reconciler.run(stop.clone())));
        Self {
            active,
            credentials,
            commands,
            stop,
        }
    }

    /// Lets the tasks end, without waiting for them.
    pub(super) fn stop(&self) {
        self.stop.cancel();
        self.active.refuse_work();
    }

    /// What a new configuration is compared with. If `retries` is set, it begins again if it has any problem.
    pub(super) fn running(&self, retries: bool) -> RunningSource {
        RunningSource {
            source: Arc::clone(&self.active.source),
            credentials: self.credentials.clone(),
            begins_again: retries && !self.active.board.conditions().is_empty(),
        }
    }
}
