//! Notifies systemd that the service is ready, what it is doing, and that it is alive.
//!
//! If no service manager started the process, nothing is sent.

use std::time::Duration;

use sd_notify::NotifyState;

use super::context::DaemonContext;
use crate::observe::status::{IndexHealth, QueueHealth, StatusBoard};

/// How often to check for changes.
const INTERVAL: Duration = Duration::from_millis(250);

/// Notifies systemd until it is dropped.
///
/// It resets the watchdog only if the writer thread of the index makes progress, or if no session runs: then
/// one is starting, or the index failed and will be opened again.
pub(crate) async fn notify(ctx: &DaemonContext) {
    run(&ctx.board, Notifier::default(), || ctx.session.heartbeat()).await;
}

/// Notifies systemd for a process that only serves searches, until it is dropped. The process is ready at
/// once, even if there is no index yet.
pub(crate) async fn notify_read_only(board: &StatusBoard) {
    send(&[NotifyState::Ready]);
    let notifier = Notifier {
        is_ready: true,
        ..Notifier::default()
    };
    run(board, notifier, || None).await;
}

async fn run(board: &StatusBoard, mut notifier: Notifier, heartbeat: impl Fn() -> Option<u64>) {
    // Twice per timeout.
    let reset_every = sd_notify::watchdog_enabled().map(|timeout| timeout / 2);
    let mut tick = tokio::time::interval(INTERVAL);
    loop {
        tick.tick().await;
        notifier.send_changes(board);
        if let Some(reset_every) = reset_every {
            notifier.reset_watchdog(heartbeat(), reset_every);
        }
    }
}

/// The state that was sent last.
#[derive(Default)]
struct Notifier {
    is_ready: bool,
    status: String,
    watchdog_reset_at: Option<tokio::time::Instant>,
    /// The heartbeat of the writer thread at the last reset of the watchdog.
    heartbeat: Option<u64>,
}

impl Notifier {
    fn send_changes(&mut self, board: &StatusBoard) {
        if !self.is_ready && board.is_ready() {
            self.is_ready = true;
            tracing::info!("ready");
            send(&[NotifyState::Ready]);
        }
        let status = status_line(board);
        if status != self.status {
            send(&[NotifyState::Status(&status)]);
            self.status = status;
        }
    }

    fn reset_watchdog(&mut self, heartbeat: Option<u64>, every: Duration) {
        if self
            .watchdog_reset_at
            .is_some_and(|at| at.elapsed() < every)
        {
            return;
        }
        let makes_progress = heartbeat.is_none() || heartbeat != self.heartbeat;
        if makes_progress {
            self.heartbeat = heartbeat;
            self.watchdog_reset_at = Some(tokio::time::Instant::now());
            send(&[NotifyState::Watchdog]);
        }
    }
}

/// Describes in one line what the daemon is doing.
fn status_line(board: &StatusBoard) -> String {
    if let IndexHealth::Failed(reason) = board.index() {
        return format!("index failed: {reason}");
    }
    let (sources, queues) = (board.sources(), board.queues());
    let assets: u64 = sources.iter().map(|source| source.tally.assets()).sum();
    let scans = sources.iter().filter(|source| source.scan().is_some());
    let degraded = sources
        .iter()
        .filter(|source| !source.conditions().is_empty());
    let receiving = queues
        .iter()
        .filter(|queue| queue.health() == QueueHealth::Receiving);
    format!(
        "{assets} assets of {} Sources; receiving from {} of {} queues; {} scans running; {} Sources \
         degraded",
        sources.len(),
        receiving.count(),
        queues.len(),
        scans.count(),
        degraded.count(),
    )
}

/// Notifies systemd that the configuration is being read again.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(_) => send(&[NotifyState::Reloading]),
    }
}

/// Notifies systemd that the configuration has been read.
pub(crate) fn reloaded() {
    send(&[NotifyState::Ready]);
}

/// Notifies systemd that the service is about to end.
pub(crate) fn stopping() {
    send(&[NotifyState::Stopping]);
}

fn send(state: &[NotifyState<'_>]) {
    // There is nothing to do if systemd cannot be reached.
    let _ = sd_notify::notify(state);
}
