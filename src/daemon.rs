//! The daemon: runs one session after another.
//!
//! A session ends if the process stops, a new configuration arrives, a rebuild starts or ends, or the index
//! fails. After a failure, the daemon waits and opens the index again, which continues from its last commit,
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

pub(crate) mod commands;
pub(crate) mod context;
pub(crate) mod control_server;
pub(crate) mod index_monitor;
mod queues;
mod rebuild;
mod reconciler;
mod scan_backoff;
mod session;
mod source_queue;
pub(crate) mod systemd;

use commands::SessionChange;
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
    };
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let (ended, change) = run_one(&spec, ctx, &mut session_changes, &stop).await?;
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
        spec.rebuild = None;
        match change {
            Some(SessionChange::Reload(config)) => {
                spec.previous = Some(std::mem::replace(&mut spec.config, config));
            }
            Some(SessionChange::Rebuild(rebuild)) => spec.rebuild = Some(rebuild),
            None if ended.is_ok() => {}
            None => {
                let wait = tokio::time::sleep(exponential(
                    FIRST_BACKOFF,
                    LONGEST_BACKOFF,
                    failures.saturating_sub(1),
                ));
                if stop.run_until_cancelled(wait).await.is_none() {
                    return Ok(());
                }
            }
        }
    }
}

/// Runs a session until it ends. A requested change stops it, and is returned. After a stop of the process,
/// the session must end within the grace period.
async fn run_one(
    spec: &SessionSpec,
    ctx: &DaemonContext,
    session_changes: &mut mpsc::Receiver<SessionChange>,
    stop: &CancellationToken,
) -> Result<(Result<(), SessionError>, Option<SessionChange>), DaemonError> {
    let session_stop = stop.child_token();
    let session = session::run(spec, ctx, &session_stop);
    tokio::pin!(session);
    let change = tokio::select! {
        ended = &mut session => return Ok((ended, None)),
        () = stop.cancelled() => None,
        Some(change) = session_changes.recv() => Some(change),
    };
    session_stop.cancel();
    let grace = spec.config.serve.grace_period;
    if change.is_some() {
        // Without a time limit: the next session needs the index, and this session still has it open.
        tokio::select! {
            ended = &mut session => return Ok((ended, change)),
            () = stop.cancelled() => {}
        }
    }
    match tokio::time::timeout(grace, &mut session).await {
        Ok(ended) => Ok((ended, change)),
        Err(_) => Err(DaemonError::Unfinished),
    }
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
