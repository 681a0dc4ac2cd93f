//! The daemon: sessions one after the other, and what runs around them.
//!
//! A session ends because the process is to stop, a new configuration takes over, a rebuild begins or
//! ends, or the index failed. In the last case the index is opened anew after a while, which goes on from its
//! last commit, unless only a person can mend it. Signals, sd_notify and sockets are the caller's to
//! connect; here they are a token, a channel and the board.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::core::replication::backoff::exponential;
use crate::index::IndexError;
use crate::observe::status::IndexHealth;

pub(crate) mod control_server;
pub(crate) mod events;
pub(crate) mod index_monitor;
pub(crate) mod mirror;
pub(crate) mod pace;
mod queues;
pub(crate) mod rebuild;
pub(crate) mod session;
pub(crate) mod systemd;

use session::{Change, Order, SessionError, Surroundings};

/// The wait after the index failed; it doubles with each failure up to the longest.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// A session that lasted so long shows that the index works.
const SOUND_AFTER: Duration = Duration::from_secs(300);

/// From this failure in a row on the death of the thread that writes ends the process.
const MAX_DEATHS: u32 = 5;

/// Why the daemon ended by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonError {
    /// The index cannot be used, and opening it anew does not help.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A task died.
    #[error("a task died; see the log for its panic")]
    TaskDied,
    /// A stop took too long.
    #[error(
        "not everything could be finished within the grace period; what is not committed is not \
         acknowledged either, and comes again"
    )]
    Unfinished,
}

/// Runs sessions until `stop` is cancelled and the last one has ended, or nothing can be done any more.
///
/// `orders` is the other end of the surroundings' orders.
pub(crate) async fn run(
    config: Arc<Config>,
    around: &Surroundings,
    mut orders: mpsc::Receiver<Order>,
    stop: CancellationToken,
) -> Result<(), DaemonError> {
    let mut change = Change {
        config,
        former: None,
        rebuild: None,
    };
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let (ended, next) = run_one(&change, around, &mut orders, &stop).await?;
        if began.elapsed() >= SOUND_AFTER || ended.is_ok() {
            failures = 0;
        }
        if let Err(error) = &ended {
            failures += 1;
            note_failure(error, around, failures)?;
        }
        if stop.is_cancelled() {
            return Ok(());
        }
        change.rebuild = None;
        match next {
            Some(Order::Reload(config)) => {
                change.former = Some(std::mem::replace(&mut change.config, config));
            }
            Some(Order::Rebuild(rebuild)) => change.rebuild = Some(rebuild),
            None if ended.is_ok() => {}
            None => {
                let wait = tokio::time::sleep(exponential(
                    FIRST_BACK_OFF,
                    LONGEST_BACK_OFF,
                    failures.saturating_sub(1),
                ));
                if stop.run_until_cancelled(wait).await.is_none() {
                    return Ok(());
                }
            }
        }
    }
}

/// Runs a session until it ends, until another is ordered, or until it is stopped and the
/// grace period is over.
async fn run_one(
    change: &Change,
    around: &Surroundings,
    orders: &mut mpsc::Receiver<Order>,
    stop: &CancellationToken,
) -> Result<(Result<(), SessionError>, Option<Order>), DaemonError> {
    let session_stop = stop.child_token();
    let session = session::run(change, around, &session_stop);
    tokio::pin!(session);
    let next = tokio::select! {
        ended = &mut session => return Ok((ended, None)),
        () = stop.cancelled() => None,
        Some(order) = orders.recv() => Some(order),
    };
    session_stop.cancel();
    let grace = change.config.serve.grace_period;
    if next.is_some() {
        // Only one process can hold the index, so that the next session waits for this one to let go.
        tokio::select! {
            ended = &mut session => return Ok((ended, next)),
            () = stop.cancelled() => {}
        }
    }
    match tokio::time::timeout(grace, &mut session).await {
        Ok(ended) => Ok((ended, next)),
        Err(_) => Err(DaemonError::Unfinished),
    }
}

/// Tells of a failed index; an error where it is of no use to open it anew.
fn note_failure(
    error: &SessionError,
    around: &Surroundings,
    failures: u32,
) -> Result<(), DaemonError> {
    let SessionError::Index(error) = error else {
        return Err(DaemonError::TaskDied);
    };
    around.board.commit_failures.add(1);
    let was_open = around.board.index() == IndexHealth::Open;
    let has_died = matches!(error, IndexError::WriterGone) && failures >= MAX_DEATHS;
    if error.is_lasting() || has_died {
        return Err(error.clone().into());
    }
    if was_open || failures == 1 {
        tracing::error!(
            %error,
            "the index failed; nothing is acknowledged until it is open again, which is tried"
        );
    }
    around
        .board
        .set_index(IndexHealth::Failed(error.to_string()));
    Ok(())
}
