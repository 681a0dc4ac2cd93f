//! One Source beside its events: when it is scanned, and whether its events count as followed.
//!
//! It receives nothing; whether its queue answers it reads off the queue's board.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::events::Events;
use super::pace::Pace;
use crate::config::Config;
use crate::core::counters::ScanProgress;
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::schedule::{
    DueScan, QueueInfo, ScanReason, due_scan, jittered, time_until_due,
};
use crate::core::replication::source_state::SourceState;
use crate::index::IndexError;
use crate::index::writer::IndexHandle;
use crate::ingest::consumer::routes::ActiveSource;
use crate::ingest::scanner::{MeasuredScan, ScanError, ScanJob, ScanOutcome, scan_measured};
use crate::observe::status::{QueueHealth, ScanInProgress, SourceCondition, SourcePhase, now};

/// How long after a session's beginning a scan begins that must find what lost events would have told: the
/// stamps of its pages are a second or two behind, and must be later than the events that did come.
const SETTLE: Duration = Duration::from_secs(3);

/// The shortest wait between two looks at the schedule.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait between two looks at the schedule: clocks are set and machines sleep.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Asks for a scan of one Source now.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Whether to resume an unfinished scan.
    pub mode: ScanMode,
    /// Where to count.
    pub progress: Arc<ScanProgress>,
    /// Told when the scan has ended.
    pub reply: oneshot::Sender<Ended>,
}

/// How a scan that was asked for ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What it did, or why it is not complete.
    pub result: Result<ScanOutcome, String>,
    /// How long it took.
    pub took: Duration,
    /// LIST requests that were sent.
    pub requests: u64,
}

/// One Source that is kept right.
pub(crate) struct Mirror {
    /// The Source.
    follower: Arc<ActiveSource>,
    /// Its queue, if it has one.
    events: Option<Events>,
    /// The index.
    index: IndexHandle,
    /// The configuration.
    config: Arc<Config>,
    /// How many Sources are scanned at the same time.
    permits: Arc<Semaphore>,
    /// Who asks for scans.
    asks: mpsc::Receiver<Ask>,
    /// The longest time between two scans.
    every: Duration,
    pace: Pace,
    began: tokio::time::Instant,
    /// How often its queue was missing, as far as that is taken in.
    seen_missing: u64,
}

/// What the loop waits for.
enum Next {
    Look,
    Asked(Ask),
    Stop,
}

impl Mirror {
    /// A mirror that has not begun.
    pub(crate) fn new(
        follower: Arc<ActiveSource>,
        events: Option<Events>,
        index: IndexHandle,
        config: Arc<Config>,
        permits: Arc<Semaphore>,
        asks: mpsc::Receiver<Ask>,
    ) -> Self {
        let missing = events
            .as_ref()
            .map(|events| events.board.counters.missing.get());
        Self {
            // So that Sources that began together do not go on together.
            every: jittered(config.scan.reconcile_every, fastrand::f64()),
            pace: Pace::owing(follower.board.has_condition(SourceCondition::Scan)),
            began: tokio::time::Instant::now(),
            seen_missing: missing.unwrap_or_default(),
            follower,
            events,
            index,
            config,
            permits,
            asks,
        }
    }

    /// Runs until it is stopped, or the index fails.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), IndexError> {
        let mut health = self.events.as_ref().map(|events| events.board.watch());
        let mut asked = None;
        loop {
            let answered = stop.run_until_cancelled(self.queue_has_answered());
            if answered.await.is_none() {
                return Ok(());
            }
            let wait = match self.keep_right(asked.take(), &stop).await? {
                Kept::Scanned => Duration::ZERO,
                Kept::Right(state) => time_until_due(&state, self.every, now().as_millis()),
                Kept::Failed => LONGEST_WAIT,
                Kept::Stopped => return Ok(()),
            };
            // What is due and not admitted yet is looked at now and then, not in a circle.
            let wait = wait.max(self.pace.wait(Instant::now())).max(SHORTEST_WAIT);
            match self.wait(wait.min(LONGEST_WAIT), &mut health, &stop).await {
                Next::Stop => return Ok(()),
                Next::Look => {}
                Next::Asked(ask) => asked = Some(ask),
            }
        }
    }

    async fn wait(
        &mut self,
        wait: Duration,
        health: &mut Option<watch::Receiver<QueueHealth>>,
        stop: &CancellationToken,
    ) -> Next {
        tokio::select! {
            () = stop.cancelled() => Next::Stop,
            Some(ask) = self.asks.recv() => Next::Asked(ask),
            () = tokio::time::sleep(wait) => Next::Look,
            () = changed(health) => Next::Look,
        }
    }

    /// Waits until it is known whether the queue answers: receiving begins before scans.
    async fn queue_has_answered(&self) {
        if let Some(events) = &self.events {
            let mut health = events.board.watch();
            // The board is held here, so that it cannot go.
            let _ = health
                .wait_for(|health| *health != QueueHealth::Starting)
                .await;
        }
    }

    /// Scans if that is due or asked for, and sees to it that events count as followed only while
    /// they are.
    async fn keep_right(
        &mut self,
        asked: Option<Ask>,
        stop: &CancellationToken,
    ) -> Result<Kept, IndexError> {
        let id = self.follower.id;
        let queue = self.receiving_from().await?;
        let state = self.index.state(id).await?;
        let due = due_scan(&state, queue.as_ref(), self.every, now().as_millis());
        let due = match &asked {
            Some(ask) => Some(as_asked(ask, due)),
            None => self.pace.admit(due, self.every, Instant::now()),
        };
        let Some(due) = due else {
            self.follow(&state, queue).await?;
            return Ok(Kept::Right(Box::new(state)));
        };
        if due.mode == ScanMode::Fresh && state.complete_as_of.is_some() {
            let settled = tokio::time::sleep_until(self.began + SETTLE);
            if stop.run_until_cancelled(settled).await.is_none() {
                return Ok(Kept::Stopped);
            }
        }
        let permit = stop.run_until_cancelled(self.permits.clone().acquire_owned());
        let Some(permit) = permit.await else {
            return Ok(Kept::Stopped);
        };
        let _permit = permit.expect("nobody closes the semaphore");
        self.scan(due, asked, &state, queue, stop).await
    }

    /// Lets events count as followed where none before this moment can be missing: no scan is due, and
    /// the queue has been empty.
    async fn follow(
        &self,
        state: &SourceState,
        queue: Option<QueueInfo>,
    ) -> Result<(), IndexError> {
        let is_drained = self
            .events
            .as_ref()
            .is_some_and(|events| events.board.is_drained());
        match (queue, &state.followed) {
            (Some(queue), Some(_)) if is_drained => {
                self.index.follow(self.follower.id, queue.id).await
            }
            _ => Ok(()),
        }
    }

    /// The queue, if it is received from; if it is not, events do not count as followed any more.
    async fn receiving_from(&mut self) -> Result<Option<QueueInfo>, IndexError> {
        let (id, board) = (self.follower.id, &self.follower.board);
        let Some(events) = &self.events else {
            return Ok(None);
        };
        let missing = events.board.counters.missing.get();
        if missing > self.seen_missing {
            // Whatever was in the queue that is gone is lost.
            self.seen_missing = missing;
            self.index.lose_track(id).await?;
        }
        match events.board.health() {
            QueueHealth::Receiving => {
                board.clear(SourceCondition::Queue);
                return Ok(Some(events.facts().await));
            }
            QueueHealth::Failing(why) => {
                board.raise(SourceCondition::Queue, why);
            }
            QueueHealth::Starting => {}
        }
        self.index.unfollow(vec![id]).await?;
        Ok(None)
    }

    async fn scan(
        &mut self,
        due: DueScan,
        asked: Option<Ask>,
        state: &SourceState,
        queue: Option<QueueInfo>,
        stop: &CancellationToken,
    ) -> Result<Kept, IndexError> {
        let (source, board) = (&self.follower.source, &self.follower.board);
        let progress = asked.as_ref().map(|ask| Arc::clone(&ask.progress));
        let progress = progress.unwrap_or_default();
        board.set_scan(Some(ScanInProgress {
            reason: due.reason,
            since: now(),
            progress: Arc::clone(&progress),
        }));
        if !self.pace.has_failed() {
            // What a scan of the session before suffered from may be mended.
            board.clear(SourceCondition::Scan);
        }
        // Of those that are only tried again it is told when one succeeds.
        if !board.has_condition(SourceCondition::Scan) {
            tracing::info!(source = source.name, reason = %due.reason, "scan begins");
        }
        let measures_drift = queue.is_some() && tells_drift(due, state);
        let job = ScanJob {
            source: Arc::clone(source),
            lister: Arc::clone(&self.follower.bucket),
            index: self.index.clone(),
            progress: Arc::clone(&progress),
            ranges_in_flight: self.config.scan.ranges_in_flight,
            mode: due.mode,
            drift_grace: measures_drift.then_some(self.config.events.expected_within),
            queue: queue.map(|queue| queue.id),
        };
        let reason = tracing::field::display(due.reason);
        let scan = scan_measured(job, reason, stop).await;
        board.set_scan(None);
        let kept = self.note(&scan, &progress);
        match kept {
            Kept::Scanned => self.pace.completed(Instant::now()),
            Kept::Failed => self.pace.failed(Instant::now(), fastrand::f64()),
            Kept::Right(_) | Kept::Stopped => {}
        }
        if let Some(ask) = asked {
            let ended = Ended {
                result: scan
                    .result
                    .as_ref()
                    .map(|done| *done)
                    .map_err(ToString::to_string),
                took: scan.took,
                requests: scan.list_requests,
            };
            // Whoever asked may be gone.
            let _ = ask.reply.send(ended);
        }
        match scan.result {
            Err(ScanError::Index(error)) if !error.concerns_one_source() => Err(error),
            _ => Ok(kept),
        }
    }

    /// Notes how a scan ended.
    fn note(&self, scan: &MeasuredScan, progress: &ScanProgress) -> Kept {
        let board = &self.follower.board;
        let source = &self.follower.source.name;
        match &scan.result {
            Ok(completed) => {
                board.scans.add(1);
                board.clear(SourceCondition::Scan);
                // What could not be looked up is listed.
                board.clear(SourceCondition::LookUp);
                board.set_complete_as_of(completed.as_of);
                if completed.as_of.is_some() || self.follower.source.listed_ranges().is_empty() {
                    board.set_phase(SourcePhase::Deployed);
                }
                tracing::info!(
                    source,
                    listed = progress.listed.get(),
                    admitted = progress.admitted.get(),
                    added = progress.added.get(),
                    changed = progress.changed.get(),
                    removed = progress.removed.get(),
                    seconds = scan.took.as_secs_f64(),
                    "scan complete"
                );
                Kept::Scanned
            }
            Err(ScanError::Interrupted) => Kept::Stopped,
            Err(error) => {
                board.failed_scans.add(1);
                if board.raise(SourceCondition::Scan, error.to_string()) {
                    tracing::warn!(source, %error, "scan failed; it is tried again");
                }
                Kept::Failed
            }
        }
    }
}

/// What became of a Source.
enum Kept {
    /// A scan is complete.
    Scanned,
    /// A scan failed.
    Failed,
    /// No scan is due.
    Right(Box<SourceState>),
    /// It is to stop.
    Stopped,
}

/// The scan that is asked for: it mends besides what made another due.
fn as_asked(ask: &Ask, due: Option<DueScan>) -> DueScan {
    let lost_events = due.is_some_and(|due| due.mode == ScanMode::Fresh);
    DueScan {
        reason: ScanReason::Requested,
        mode: if lost_events {
            ScanMode::Fresh
        } else {
            ask.mode
        },
    }
}

/// Whether events should have told of everything that the scan finds.
fn tells_drift(due: DueScan, state: &SourceState) -> bool {
    let is_routine = matches!(due.reason, ScanReason::TooOld | ScanReason::Requested);
    is_routine && state.followed.is_some() && state.complete_as_of.is_some()
}

async fn changed(health: &mut Option<watch::Receiver<QueueHealth>>) {
    if let Some(health) = health
        && health.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
