//! The daemon: runs one session after another.
//!
//! A session uses new configurations. It ends if the process stops, `[index]` changes, a rebuild starts or ends, or the
//! index fails. After a failure, the daemon waits and opens the index again, which continues from its last commit,
//! unless opening it again cannot help. The caller connects signals, sd_notify and sockets. The daemon sees
//! them as a token, a channel and the status board.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::core::replication::backoff::exponential;
use crate::index::IndexError;
use crate::observe::status::IndexHealth;

mod bucket_probe;
pub(crate) mod commands;
pub(crate) mod context;
pub(crate) mod control_server;
mod credential_files;
mod current_file;
mod deployment;
pub(crate) mod file_state;
pub(crate) mod index_monitor;
mod queues;
mod rebuild;
mod reconciler;
pub(crate) mod reload;
mod rule_preview;
mod scan_backoff;
mod session;
pub(crate) mod source_changes;
pub(crate) mod source_drafts;
mod source_queue;
mod source_setup;
mod source_tasks;
pub(crate) mod systemd;

use commands::{RebuildProgress, SessionChange};
use context::DaemonContext;
use session::{SessionError, SessionSpec};

/// The wait after the index failed, and the longest. It doubles with each failure in a row.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// A session that lasted this long resets the count of failures.
const HEALTHY_AFTER: Duration = Duration::from_secs(300);

/// Maximum number of failures in a row before the death of the writer thread ends the process.
const MAX_WRITER_DEATHS: u32 = 5;

/// Why the daemon ended without a request to stop, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonError {
    /// The index failed, and opening it again does not help.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A task panicked.
    #[error("a task panicked; see the log for the panic message")]
    TaskDied,
    /// A stop took too long.
    #[error(
        "failed to finish the work in flight within the grace period; messages that are not committed are \
         not acknowledged, and are redelivered"
    )]
    Unfinished,
}

/// Runs sessions until `stop` is cancelled and the last session has ended, or until an error that another
/// session cannot fix.
///
/// `session_changes` is the receiver of [`DaemonContext::session_changes`].
pub(crate) async fn run(
    config: Arc<Config>,
    ctx: &DaemonContext,
    mut session_changes: mpsc::Receiver<SessionChange>,
    stop: CancellationToken,
) -> Result<(), DaemonError> {
    let mut spec = SessionSpec {
        config,
        previous: None,
        rebuild: None,
        reply: None,
    };
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let (change, ended) = run_one(&mut spec, ctx, &mut session_changes, &stop).await?;
        if began.elapsed() >= HEALTHY_AFTER || ended.is_ok() {
            failures = 0;
        }
        if let Err(error) = &ended {
            failures += 1;
            on_failure(error, ctx, failures)?;
        }
        if stop.is_cancelled() {
            return Ok(());
        }
        if let Err(error) = &ended {
            if let Some(rebuild) = spec.rebuild.take() {
                rebuild.report(RebuildProgress::Failed(error.to_string()));
            }
            spec.answer(Err(error.to_string()));
        }
        let change = match ended {
            Err(_) if change.is_none() => {
                let wait = exponential(FIRST_BACKOFF, LONGEST_BACKOFF, failures.saturating_sub(1));
                // A change may remove the cause, so it ends the wait.
                let change = tokio::time::timeout(wait, session_changes.recv());
                match stop.run_until_cancelled(change).await {
                    None => return Ok(()),
                    Some(change) => change.ok().flatten(),
                }
            }
            _ => change,
        };
        match change {
            Some(SessionChange::Reload(reload)) => spec.replace_config(reload),
            Some(SessionChange::Rebuild(rebuild)) => spec.rebuild = Some(rebuild),
            None => {}
        }
    }
}

/// Runs a session until it ends, and returns the change that needs another one, also after a failure. After a stop of
/// the process, the session must end within the grace period.
async fn run_one(
    spec: &mut SessionSpec,
    ctx: &DaemonContext,
    session_changes: &mut mpsc::Receiver<SessionChange>,
    stop: &CancellationToken,
) -> Result<(Option<SessionChange>, Result<(), SessionError>), DaemonError> {
    let grace = spec.config.serve.grace_period;
    let session = session::run(spec, ctx, session_changes, stop);
    tokio::pin!(session);
    // Without a stop, there is no time limit: the next session needs the index, and this one has it open.
    tokio::select! {
        ended = &mut session => return Ok(ended),
        () = stop.cancelled() => {}
    }
    let ended = tokio::time::timeout(grace, session).await;
    ended.map_err(|_| DaemonError::Unfinished)
}

/// Shows and logs that the index failed. Returns an error if opening it again cannot help.
fn on_failure(error: &SessionError, ctx: &DaemonContext, failures: u32) -> Result<(), DaemonError> {
    let SessionError::Index(error) = error else {
        return Err(DaemonError::TaskDied);
    };
    ctx.board.commit_failures.add(1);
    let was_open = ctx.board.index() == IndexHealth::Open;
    let keeps_dying = matches!(error, IndexError::WriterGone) && failures >= MAX_WRITER_DEATHS;
    if error.is_permanent() || keeps_dying {
        return Err(error.clone().into());
    }
    if was_open || failures == 1 {
        tracing::error!(
            %error,
            "the index failed; opening it again, no message is acknowledged until then"
        );
    }
    ctx.board.set_index(IndexHealth::Failed(error.to_string()));
    Ok(())
}
