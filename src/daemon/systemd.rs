//! What systemd is told: that the service is ready, what it does, that it is alive.
//!
//! Where no service manager started the process, all of it is silent.

use std::time::Duration;

use sd_notify::NotifyState;

use super::session::Surroundings;
use crate::observe::status::{IndexHealth, QueueHealth, StatusBoard};

/// How often it is looked what there is to tell.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Tells systemd until it is dropped.
///
/// The watchdog is fed only while the thread that writes the index goes on doing its work, or while the
/// index is known to have failed and is to be opened again.
pub(crate) async fn tell(around: &Surroundings) {
    tell_of(&around.board, Told::default(), || around.doors.heartbeat()).await;
}

/// Tells systemd until it is dropped that a process is ready that only answers, whether there is an
/// index yet or not.
pub(crate) async fn tell_as_served(board: &StatusBoard) {
    send(&[NotifyState::Ready]);
    let told = Told {
        ready: true,
        ..Told::default()
    };
    tell_of(board, told, || None).await;
}

async fn tell_of(board: &StatusBoard, mut told: Told, heartbeat: impl Fn() -> Option<u64>) {
    // Twice in the time that systemd grants.
    let feed_every = sd_notify::watchdog_enabled().map(|timeout| timeout / 2);
    let mut tick = tokio::time::interval(LOOK_EVERY);
    loop {
        tick.tick().await;
        told.look(board);
        if let Some(feed_every) = feed_every {
            told.feed(heartbeat(), feed_every);
        }
    }
}

#[derive(Default)]
struct Told {
    ready: bool,
    status: String,
    fed: Option<tokio::time::Instant>,
    heartbeat: Option<u64>,
}

impl Told {
    fn look(&mut self, board: &StatusBoard) {
        if !self.ready && board.is_ready() {
            self.ready = true;
            tracing::info!("ready");
            send(&[NotifyState::Ready]);
        }
        let status = status_line(board);
        if status != self.status {
            send(&[NotifyState::Status(&status)]);
            self.status = status;
        }
    }

    fn feed(&mut self, heartbeat: Option<u64>, every: Duration) {
        if self.fed.is_some_and(|fed| fed.elapsed() < every) {
            return;
        }
        let is_working = heartbeat.is_none() || heartbeat != self.heartbeat;
        if is_working {
            self.heartbeat = heartbeat;
            self.fed = Some(tokio::time::Instant::now());
            send(&[NotifyState::Watchdog]);
        }
    }
}

/// What the daemon does, in one line.
fn status_line(board: &StatusBoard) -> String {
    if let IndexHealth::Failed(why) = board.index() {
        return format!("index failed: {why}");
    }
    let (sources, queues) = (board.sources(), board.queues());
    let assets: u64 = sources.iter().map(|source| source.tally.assets()).sum();
    let scans = sources.iter().filter(|source| source.scan().is_some());
    let troubled = sources.iter().filter(|it| !it.conditions().is_empty());
    let receiving = queues
        .iter()
        .filter(|queue| queue.health() == QueueHealth::Receiving);
    format!(
        "{assets} assets of {} Sources; {} of {} queues received from; {} scans running; {} Sources \
         degraded",
        sources.len(),
        receiving.count(),
        queues.len(),
        scans.count(),
        troubled.count(),
    )
}

/// Tells systemd that the configuration is being read anew.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(_) => send(&[NotifyState::Reloading]),
    }
}

/// Tells systemd that reading the configuration is over.
pub(crate) fn reloaded() {
    send(&[NotifyState::Ready]);
}

/// Tells systemd that the service is about to end.
pub(crate) fn stopping() {
    send(&[NotifyState::Stopping]);
}

fn send(state: &[NotifyState<'_>]) {
    // It is of no use to anybody to know that systemd could not be told.
    let _ = sd_notify::notify(state);
}
