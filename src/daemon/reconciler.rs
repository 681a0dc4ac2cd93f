//! The reconciler of one Source: decides when to scan it, and whether its events count as followed.
//!
//! It receives no messages. Whether the queue answers is read from the queue's state.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::bucket_probe::BucketProbe;
use super::commands::{ScanCommand, ScanReport};
use super::context::FailedScans;
use super::scan_backoff::ScanBackoff;
use super::source_queue::SourceQueue;
use crate::concurrency::{ConcurrencyLimit, Permit};
use crate::config::Config;
use crate::core::counters::ScanProgress;
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::schedule::{
    DueScan, QueueInfo, ScanReason, due_scan, jittered, time_until_due,
};
use crate::core::replication::source_state::SourceState;
use crate::index::IndexError;
use crate::index::writer::IndexHandle;
use crate::ingest::consumer::Reception;
use crate::ingest::consumer::routes::ActiveSource;
use crate::ingest::scanner::{MeasuredScan, ScanError, ScanJob, scan_measured};
use crate::observe::status::{
    QueueHealth, ScanInProgress, SourceCondition, SourcePhase, UnusableKeys, now,
};

/// How long after the start of a session to start a scan that must find what lost events reported. The
/// timestamps of its pages lie a second or two in the past, and must be later than the events that arrived.
const SETTLE_TIME: Duration = Duration::from_secs(3);

/// The shortest wait between two checks of the schedule.
const MIN_WAIT: Duration = Duration::from_millis(100);

/// The longest wait between two checks of the schedule, because clocks are adjusted and machines sleep.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Keeps one Source up to date.
pub(super) struct Reconciler {
    active: Arc<ActiveSource>,
    /// The queue, if the Source has one that could be opened.
    queue: Option<SourceQueue>,
    index: IndexHandle,
    config: Arc<Config>,
    /// Limits how many Sources are scanned at the same time.
    concurrent_scans: ConcurrencyLimit,
    commands: mpsc::Receiver<ScanCommand>,
    /// The longest time between two scans.
    every: Duration,
    backoff: ScanBackoff,
    probe: BucketProbe,
    failed_scans: Arc<FailedScans>,
    started_at: tokio::time::Instant,
    /// The part of [`QueueState::missing`](crate::ingest::consumer::QueueState::missing) that was handled.
    handled_missing: u64,
}

/// Why the loop continues.
enum Wakeup {
    CheckSchedule,
    Command(ScanCommand),
    Stop,
}

/// The result of one check of the schedule.
enum Reconciled {
    /// A scan completed.
    Scanned,
    /// A scan failed.
    Failed,
    /// No scan is due.
    NotDue(Box<SourceState>),
    /// The session stops.
    Stopped,
}

impl Reconciler {
    /// A reconciler that has not started.
    pub(super) fn new(
        active: Arc<ActiveSource>,
        queue: Option<SourceQueue>,
        index: IndexHandle,
        config: Arc<Config>,
        concurrent_scans: ConcurrencyLimit,
        failed_scans: Arc<FailedScans>,
        commands: mpsc::Receiver<ScanCommand>,
    ) -> Self {
        Self {
            // Random, so that Sources that were first scanned together are not always scanned together.
            every: jittered(config.scan.interval_of(&active.source), fastrand::f64()),
            backoff: ScanBackoff::new(failed_scans.contains(&active.source.name)),
            probe: BucketProbe::default(),
            started_at: tokio::time::Instant::now(),
            handled_missing: 0,
            active,
            queue,
            index,
            config,
            concurrent_scans,
            failed_scans,
            commands,
        }
    }

    /// Runs until `stop` is cancelled or the index fails.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), IndexError> {
        let mut reception = self.queue.as_ref().map(|queue| queue.state.watch());
        let mut command = None;
        loop {
            let answered = stop.run_until_cancelled(self.queue_has_answered());
            if answered.await.is_none() {
                return Ok(());
            }
            let wait = match self.reconcile(command.take(), &stop).await? {
                // After a failure, the backoff decides when to retry.
                Reconciled::Scanned | Reconciled::Failed => {
                    self.probe.skip();
                    Duration::ZERO
                }
                Reconciled::NotDue(state) => {
                    let probed = self.probe.run(&self.active);
                    if stop.run_until_cancelled(probed).await.is_none() {
                        return Ok(());
                    }
                    time_until_due(&state, self.every, now().as_millis())
                }
                Reconciled::Stopped => return Ok(()),
            };
            // A scan can be due and still delayed. Do not check for it in a busy loop.
            let wait = wait.max(self.backoff.remaining(Instant::now()));
            let wait = wait.clamp(MIN_WAIT, MAX_WAIT);
            match self.wait(wait, &mut reception, &stop).await {
                Wakeup::Stop => return Ok(()),
                Wakeup::CheckSchedule => {}
                Wakeup::Command(received) => command = Some(received),
            }
        }
    }

    async fn wait(
        &mut self,
        wait: Duration,
        reception: &mut Option<watch::Receiver<Reception>>,
        stop: &CancellationToken,
    ) -> Wakeup {
        tokio::select! {
            () = stop.cancelled() => Wakeup::Stop,
            Some(command) = self.commands.recv() => Wakeup::Command(command),
            () = tokio::time::sleep(wait) => Wakeup::CheckSchedule,
            () = changed(reception) => Wakeup::CheckSchedule,
        }
    }

    /// Waits until the queue has answered or failed: receiving starts before scans.
    async fn queue_has_answered(&self) {
        if let Some(queue) = &self.queue {
            let mut reception = queue.state.watch();
            // It cannot fail: `self` keeps the sender.
            let _ = reception
                .wait_for(|reception| reception.health != QueueHealth::Starting)
                .await;
        }
    }

    /// Scans if a scan is due or requested. Otherwise lets events count as followed if they are.
    async fn reconcile(
        &mut self,
        command: Option<ScanCommand>,
        stop: &CancellationToken,
    ) -> Result<Reconciled, IndexError> {
        let id = self.active.id;
        let queue = self.receiving_queue().await?;
        let state = self.index.state(id).await?;
        let due = due_scan(&state, queue.as_ref(), self.every, now().as_millis());
        let due = match &command {
            Some(command) => Some(requested_scan(command, due)),
            None => self.backoff.admit(due, self.every, Instant::now()),
        };
        let Some(due) = due else {
            self.follow(&state, queue).await?;
            return Ok(Reconciled::NotDue(Box::new(state)));
        };
        if must_settle(due, &state) {
            let settled = tokio::time::sleep_until(self.started_at + SETTLE_TIME);
            if stop.run_until_cancelled(settled).await.is_none() {
                return Ok(Reconciled::Stopped);
            }
        }
        let concurrent_scans = self.concurrent_scans.clone();
        let permit = stop.run_until_cancelled(concurrent_scans.acquire());
        let Some(permit) = permit.await else {
            return Ok(Reconciled::Stopped);
        };
        self.scan(due, command, &state, queue, permit, stop).await
    }

    /// Lets events count as followed from now on if none from before can be missing: no scan is due, and the
    /// queue was drained.
    async fn follow(
        &self,
        state: &SourceState,
        queue: Option<QueueInfo>,
    ) -> Result<(), IndexError> {
        let is_drained = |queue: &SourceQueue| queue.state.reception().is_drained;
        match (queue, &state.followed) {
            (Some(queue), Some(_)) if self.queue.as_ref().is_some_and(is_drained) => {
                self.index.follow(self.active.id, queue.id).await
            }
            _ => Ok(()),
        }
    }

    /// The queue, if receiving works. Otherwise events no longer count as followed.
    async fn receiving_queue(&mut self) -> Result<Option<QueueInfo>, IndexError> {
        let (id, board) = (self.active.id, &self.active.board);
        let Some(queue) = &self.queue else {
            return Ok(None);
        };
        let missing = queue.state.missing();
        if missing > self.handled_missing {
            // The messages of a deleted queue are lost.
            self.handled_missing = missing;
            self.index.mark_events_lost(id).await?;
        }
        match queue.state.reception().health {
            QueueHealth::Receiving => {
                board.clear(SourceCondition::Queue);
                return Ok(Some(queue.info().await));
            }
            QueueHealth::Failing(reason) => {
                board.raise(SourceCondition::Queue, reason);
            }
            QueueHealth::Starting => {}
        }
        self.index.unfollow(vec![id]).await?;
        Ok(None)
    }

    async fn scan(
        &mut self,
        due: DueScan,
        command: Option<ScanCommand>,
        state: &SourceState,
        queue: Option<QueueInfo>,
        permit: Permit,
        stop: &CancellationToken,
    ) -> Result<Reconciled, IndexError> {
        let (source, board) = (&self.active.source, &self.active.board);
        let progress = command
            .as_ref()
            .map(|command| Arc::clone(&command.progress));
        let progress = progress.unwrap_or_default();
        board.set_scan(Some(ScanInProgress {
            reason: due.reason,
            since: now(),
            progress: Arc::clone(&progress),
        }));
        if !self.backoff.has_failed() {
            // The failure is from the previous session, and its cause may be fixed.
            board.clear(SourceCondition::Scan);
            self.failed_scans.remove(&source.name);
        }
        // Retries are not logged until one succeeds.
        if !board.has_condition(SourceCondition::Scan) {
            tracing::info!(source = source.name, reason = %due.reason, "scan started");
        }
        let measures_drift = queue.is_some() && should_find_nothing(due, state);
        let job = ScanJob {
            source: Arc::clone(source),
            lister: Arc::clone(&self.active.bucket),
            index: self.index.clone(),
            progress: Arc::clone(&progress),
            ranges_in_flight: self.config.scan.ranges_in_flight,
            mode: due.mode,
            drift_grace: measures_drift.then_some(self.config.events.expected_within),
            queue: queue.map(|queue| queue.id),
            allow_empty: command.as_ref().is_some_and(|command| command.allow_empty),
        };
        let reason = tracing::field::display(due.reason);
        let scan = scan_measured(job, permit, reason, stop).await;
        board.set_scan(None);
        let reconciled = self.on_scan_ended(&scan, &progress);
        match reconciled {
            Reconciled::Scanned => self.backoff.on_completed(Instant::now()),
            Reconciled::Failed => self.backoff.on_failed(Instant::now(), fastrand::f64()),
            Reconciled::NotDue(_) | Reconciled::Stopped => {}
        }
        if let Some(command) = command {
            // The receiver may be gone.
            let _ = command.reply.send(ScanReport::of(&scan));
        }
        match scan.result {
            Err(ScanError::Index(error)) if !error.is_about_one_source() => Err(error),
            _ => Ok(reconciled),
        }
    }

    /// Why a scan failed, and what searches find if the Source has moved.
    fn failure_text(&self, error: &ScanError) -> String {
        match self.active.board.tally.former_assets() {
            0 => error.to_string(),
            // The error says it already.
            _ if matches!(
                error,
                ScanError::Index(IndexError::NothingAtNewLocation { .. })
            ) =>
            {
                error.to_string()
            }
            assets => format!(
                "{error}. Until a scan succeeds, searches find the {assets} assets of the former bucket and prefix"
            ),
        }
    }

    /// Shows and logs how a scan ended.
    fn on_scan_ended(&self, scan: &MeasuredScan, progress: &ScanProgress) -> Reconciled {
        let board = &self.active.board;
        let source = &self.active.source.name;
        match &scan.result {
            Ok(completed) => {
                self.failed_scans.remove(source);
                board.scans.add(1);
                board.clear(SourceCondition::Scan);
                board.clear(SourceCondition::Bucket);
                // The scan has listed the keys that could not be looked up.
                board.clear(SourceCondition::LookUp);
                board.set_complete_as_of(completed.as_of);
                if completed.as_of.is_some() || self.active.source.listed_ranges().is_empty() {
                    board.set_phase(SourcePhase::Deployed);
                }
                let count = progress.unusable.get();
                let unusable = (count > 0).then(|| UnusableKeys {
                    count,
                    examples: progress.unusable_examples(),
                });
                // A resumed scan has listed only the rest.
                let is_known = count > 0 || !completed.resumed;
                if is_known && board.set_unusable_keys(unusable) {
                    tracing::warn!(
                        source,
                        count,
                        "keys cannot be indexed, because they are not UTF-8 or the store encodes them wrongly; \
                         `asset-indexer status` names some of them"
                    );
                }
                tracing::info!(
                    source,
                    listed = progress.listed.get(),
                    admitted = progress.admitted.get(),
                    added = progress.added.get(),
                    changed = progress.changed.get(),
                    removed = progress.removed.get(),
                    seconds = scan.took.as_secs_f64(),
                    "scan completed"
                );
                Reconciled::Scanned
            }
            Err(ScanError::Interrupted) => Reconciled::Stopped,
            Err(error) => {
                self.failed_scans.add(source);
                board.failed_scans.add(1);
                if board.raise(SourceCondition::Scan, self.failure_text(error)) {
                    tracing::warn!(source, %error, "scan failed; retrying");
                }
                Reconciled::Failed
            }
        }
    }
}

/// The scan to run for a command. If events may have been lost, it lists everything again, whatever the
/// command says.
fn requested_scan(command: &ScanCommand, due: Option<DueScan>) -> DueScan {
    let events_lost = due.is_some_and(|due| due.mode == ScanMode::Fresh);
    DueScan {
        reason: ScanReason::Requested,
        mode: if events_lost {
            ScanMode::Fresh
        } else {
            command.mode
        },
    }
}

/// Whether the scan must find what lost events reported. The first scan of a Source has no such events, but the first
/// scan after a move has: the previous session discarded events of the new location.
fn must_settle(due: DueScan, state: &SourceState) -> bool {
    due.mode == ScanMode::Fresh && state.last_scan > 0
}

/// Whether the scan should find no difference, because events have reported all changes.
fn should_find_nothing(due: DueScan, state: &SourceState) -> bool {
    let is_routine = matches!(due.reason, ScanReason::TooOld | ScanReason::Requested);
    is_routine && state.followed.is_some() && state.complete_as_of.is_some()
}

/// Waits for a change. Never returns if there is no queue.
async fn changed(reception: &mut Option<watch::Receiver<Reception>>) {
    if let Some(reception) = reception
        && reception.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::checkpoint::Checkpoint;
    use crate::core::replication::source_state::SourceIdentity;

    #[test]
    fn scan_after_a_move_waits_for_the_events_that_the_previous_session_discarded() {
        let mut checkpoint = Checkpoint::default();
        let identity = SourceIdentity {
            name: "a",
            subdomain: "a",
            origin: "o",
            prefix: "",
            scope: "s",
        };
        let (id, _) = checkpoint.register(&identity).unwrap();
        let state = checkpoint.state_mut(id).unwrap();
        let due = |mode| DueScan {
            reason: ScanReason::NeverComplete,
            mode,
        };
        assert!(!must_settle(due(ScanMode::Fresh), state));
        state.begin_scan(Vec::new());
        state.complete_scan().unwrap();
        // As `Ledger::state_of` returns it for a Source that has moved.
        state.forget();
        assert!(must_settle(due(ScanMode::Fresh), state));
        assert!(!must_settle(due(ScanMode::Resume), state));
    }
}
