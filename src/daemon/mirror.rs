//! One Source beside its events: when it is scanned, and whether its events count as followed.
//!
//! It receives nothing; whether its queue answers it reads off the queue's board.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::consumer::Permits;
use crate::consumer::routes::Follower;
use crate::index::IndexError;
use crate::index::progress::Progress;
use crate::index::writer::IndexHandle;
use crate::queue::{Queue, SqsQueue};
use crate::scanner::{Completed, Scan, ScanError, scan};
use crate::status::{Health, Phase, QueueBoard, ScanView, Trouble, now};
use crate::sync::schedule::{Due, QueueFacts, Reason, due_scan, until_due};
use crate::sync::source_state::SourceState;

/// How long a queue keeps messages if it cannot be asked: what AWS makes it where nobody has set it.
const DEFAULT_RETENTION: Duration = Duration::from_secs(4 * 24 * 3600);

/// The wait after a scan that failed; it doubles with each up to the longest.
const FIRST_BACK_OFF: Duration = Duration::from_secs(5);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(15 * 60);

/// The longest wait between two looks at the schedule: clocks are set and machines sleep.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Asks for a scan of one Source now.
#[derive(Debug)]
pub struct Ask {
    /// Whether to begin anew even where one is unfinished.
    pub fresh: bool,
    /// Where to count.
    pub progress: Arc<Progress>,
    /// Told when the scan has ended.
    pub reply: oneshot::Sender<Ended>,
}

/// How a scan that was asked for ended.
#[derive(Debug)]
pub struct Ended {
    /// What it did, or why it is not complete.
    pub result: Result<Completed, String>,
    /// How long it took.
    pub took: Duration,
    /// LIST requests that were sent.
    pub requests: u64,
}

/// The queue of a Source.
#[derive(Clone)]
pub struct Events {
    /// The queue.
    pub queue: Arc<SqsQueue>,
    /// Whether it answers.
    pub board: Arc<QueueBoard>,
    /// How many may ask at the same time.
    pub permits: Permits,
}

/// One Source that is kept right.
pub struct Mirror {
    /// The Source.
    pub follower: Arc<Follower>,
    /// Its queue, if it has one.
    pub events: Option<Events>,
    /// The index.
    pub index: IndexHandle,
    /// The configuration.
    pub config: Arc<Config>,
    /// How many Sources are scanned at the same time.
    pub permits: Arc<Semaphore>,
    /// Who asks for scans.
    pub asks: mpsc::Receiver<Ask>,
}

/// What the loop waits for.
enum Next {
    Look,
    Asked(Ask),
    Stop,
}

impl Mirror {
    /// Runs until it is stopped, or the index fails.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), IndexError> {
        // So that Sources that began together do not go on together.
        let share = fastrand::f64();
        let mut health = self.events.as_ref().map(|events| events.board.watch());
        let mut failures = 0;
        let mut asked = None;
        loop {
            if stop
                .run_until_cancelled(self.queue_has_answered())
                .await
                .is_none()
            {
                return Ok(());
            }
            let wait = match self.keep_right(asked.take(), failures, &stop).await? {
                Kept::Scanned => {
                    failures = 0;
                    Duration::ZERO
                }
                Kept::Failed => {
                    failures += 1;
                    back_off(failures)
                }
                Kept::Right(state) => {
                    let every = self.config.scan.reconcile_every;
                    until_due(&state, every, now().as_millis(), share)
                }
                Kept::Stopped => return Ok(()),
            };
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
        health: &mut Option<watch::Receiver<Health>>,
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
            let _ = health.wait_for(|health| *health != Health::Starting).await;
        }
    }

    /// Scans if that is due or asked for, and sees to it that events count as followed only while
    /// they are.
    async fn keep_right(
        &mut self,
        asked: Option<Ask>,
        failures: u32,
        stop: &CancellationToken,
    ) -> Result<Kept, IndexError> {
        let id = self.follower.id;
        let queue = self.receiving_from().await;
        if self.events.is_some() && queue.is_none() {
            self.index.unfollow(vec![id]).await?;
        }
        let state = self.index.state(id).await?;
        let every = self.config.scan.reconcile_every;
        let due = due_scan(&state, queue.as_ref(), every, now().as_millis());
        let due = match (&asked, due) {
            (Some(ask), due) => Some(as_asked(ask, due)),
            (None, due) => due.or((failures > 0).then_some(RETRY)),
        };
        let Some(due) = due else {
            if let (Some(queue), Some(_)) = (queue, &state.followed) {
                self.index.follow(vec![id], queue.url).await?;
            }
            return Ok(Kept::Right(Box::new(state)));
        };
        let permit = stop.run_until_cancelled(self.permits.clone().acquire_owned());
        let Some(permit) = permit.await else {
            return Ok(Kept::Stopped);
        };
        let _permit = permit.expect("nobody closes the semaphore");
        self.scan(due, asked, &state, queue, stop).await
    }

    /// The queue, if it is received from; notes on the Source's board if it is not.
    async fn receiving_from(&self) -> Option<QueueFacts> {
        let events = self.events.as_ref()?;
        let board = &self.follower.board;
        match events.board.health() {
            Health::Receiving => {
                board.recover(Trouble::Queue);
                Some(QueueFacts {
                    url: events.board.url.clone(),
                    retention: events.retention().await,
                })
            }
            Health::Failing(why) => {
                board.suffer(Trouble::Queue, why);
                None
            }
            Health::Starting => None,
        }
    }

    async fn scan(
        &self,
        due: Due,
        asked: Option<Ask>,
        state: &SourceState,
        queue: Option<QueueFacts>,
        stop: &CancellationToken,
    ) -> Result<Kept, IndexError> {
        let (source, board) = (&self.follower.source, &self.follower.board);
        let progress = asked.as_ref().map(|ask| Arc::clone(&ask.progress));
        let progress = progress.unwrap_or_default();
        board.set_scan(Some(ScanView {
            reason: due.reason,
            since: now(),
            progress: Arc::clone(&progress),
        }));
        // Of those that are only tried again it is told when one succeeds.
        if !board.suffers(Trouble::Scan) {
            tracing::info!(source = source.name, reason = %due.reason, "scan begins");
        }
        let (began, lists_before) = (Instant::now(), self.follower.bucket.lists_sent());
        let measures_drift = queue.is_some() && tells_drift(due, state);
        let work = Scan {
            source: Arc::clone(source),
            lister: Arc::clone(&self.follower.bucket),
            index: self.index.clone(),
            progress: Arc::clone(&progress),
            ranges_in_flight: self.config.scan.ranges_in_flight,
            fresh: due.fresh,
            partial: due.partial,
            drift_grace: measures_drift.then_some(self.config.events.expected_within),
            queue_url: queue.map(|queue| queue.url),
        };
        let result = scan(work, stop).await;
        board.set_scan(None);
        let took = began.elapsed();
        let kept = self.note(&result, &progress, took);
        if let Some(ask) = asked {
            let ended = Ended {
                result: result
                    .as_ref()
                    .map(|done| *done)
                    .map_err(ToString::to_string),
                took,
                requests: self.follower.bucket.lists_sent() - lists_before,
            };
            // Whoever asked may be gone.
            let _ = ask.reply.send(ended);
        }
        match result {
            Err(ScanError::Index(error)) if !error.concerns_one_source() => Err(error),
            _ => Ok(kept),
        }
    }

    /// Notes how a scan ended.
    fn note(
        &self,
        result: &Result<Completed, ScanError>,
        progress: &Progress,
        took: Duration,
    ) -> Kept {
        let board = &self.follower.board;
        let source = &self.follower.source.name;
        match result {
            Ok(completed) => {
                board.scans.add(1);
                board.recover(Trouble::Scan);
                board.set_complete_as_of(completed.as_of);
                if completed.as_of.is_some() || self.follower.source.listed_ranges().is_empty() {
                    board.set_phase(Phase::Deployed);
                }
                tracing::info!(
                    source,
                    listed = progress.listed.get(),
                    admitted = progress.admitted.get(),
                    added = progress.added.get(),
                    changed = progress.changed.get(),
                    removed = progress.removed.get(),
                    seconds = took.as_secs_f64(),
                    "scan complete"
                );
                Kept::Scanned
            }
            Err(ScanError::Interrupted) => Kept::Stopped,
            Err(error) => {
                board.failed_scans.add(1);
                if board.suffer(Trouble::Scan, error.to_string()) {
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

/// A scan that failed, if nothing else makes one due.
const RETRY: Due = Due {
    reason: Reason::Unfinished,
    fresh: false,
    partial: false,
};

/// The scan that is asked for: it mends besides what made another due.
fn as_asked(ask: &Ask, due: Option<Due>) -> Due {
    let lost_events = due.is_some_and(|due| due.fresh);
    Due {
        reason: Reason::Asked,
        fresh: ask.fresh || lost_events,
        partial: false,
    }
}

/// Whether events should have told of everything that the scan finds.
fn tells_drift(due: Due, state: &SourceState) -> bool {
    let is_routine = matches!(due.reason, Reason::TooOld | Reason::Asked);
    is_routine && state.followed.is_some() && state.complete_as_of.is_some()
}

impl Events {
    /// How long the queue keeps messages.
    async fn retention(&self) -> Duration {
        let known = self.board.attributes();
        let attributes = match known {
            Some(attributes) => Some(attributes),
            None => {
                let _permit = self.permits.request().await;
                self.queue.attributes().await.ok()
            }
        };
        let Some(attributes) = attributes else {
            return DEFAULT_RETENTION;
        };
        let retention = attributes.retention;
        self.board.set_attributes(attributes);
        retention
    }
}

fn back_off(failures: u32) -> Duration {
    let doubled = FIRST_BACK_OFF * 2u32.saturating_pow(failures.saturating_sub(1).min(16));
    doubled
        .min(LONGEST_BACK_OFF)
        .mul_f64(0.5 + fastrand::f64() / 2.0)
}

async fn changed(health: &mut Option<watch::Receiver<Health>>) {
    if let Some(health) = health
        && health.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
