//! The consumer of one queue: receives messages, hands them to the index, and acknowledges committed ones.
//!
//! [`handler`] decides what a message means. A message is acknowledged after the commit that contains its
//! effects, with its latest receipt handle. Until then its visibility is extended. If anything goes wrong,
//! the message is not acknowledged, and the queue redelivers it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, Span};

use crate::aws::queue::{MAX_BATCH, Message, Queue, QueueError, ReceiptHandle, RefusedReceipt};
use crate::concurrency::Permit;
use crate::config::EventsConfig;
use crate::core::replication::backoff::{exponential, with_jitter};
use crate::index::IndexError;
use crate::observe::outage::Outage;
use crate::observe::quarantine::{FailedMessage, KeepOutcome, Quarantine};
use crate::observe::status::QueueProblem;

mod event_log;
pub mod handler;
pub mod in_flight;
mod look_up;
mod misdirected;
mod permits;
mod queue_state;
mod releases;
pub mod routes;
mod sharing;

use handler::{FAILS_EVERY_TIME, Handler, MessageOutcome};
use in_flight::{InFlight, name_of};
pub use permits::{MAX_REQUESTS_IN_FLIGHT, Permits};
pub use queue_state::{QueueState, Reception};
use releases::Released;
use sharing::{ReceiveFacts, SharingDetector};

/// How often to extend visibility and to retry refused acknowledgements.
const TICK: Duration = Duration::from_secs(1);

/// How often to request the queue's message counts.
const ATTRIBUTES_INTERVAL: Duration = Duration::from_secs(15);

/// Maximum number of DeleteMessageBatch requests of one queue at the same time, and of
/// ChangeMessageVisibilityBatch requests.
const MAX_REQUESTS: usize = 8;

/// Maximum number of attempts to acknowledge a message. Then it is left to be redelivered.
const MAX_ACKNOWLEDGEMENTS: u32 = 5;

/// The wait after the first error of the queue, and the longest. It doubles with each error in a row.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// How long to hide a message that could not be handled, and the longest. It doubles with each delivery.
const FIRST_REDELIVERY_DELAY: Duration = Duration::from_secs(10);
const LONGEST_REDELIVERY_DELAY: Duration = Duration::from_secs(15 * 60);

/// Consumes one queue.
pub struct Consumer<Q> {
    queue: Arc<Q>,
    handler: Arc<Handler>,
    quarantine: Arc<Quarantine>,
    state: Arc<QueueState>,
    limits: EventsConfig,
    permits: Permits,
    in_flight: InFlight,
    /// Receives that run or wait for a permit.
    receives: JoinSet<Received>,
    /// How many of them there should be: 1 when idle, up to `receives_per_queue` under load.
    target_receives: usize,
    /// No receive starts before this time.
    backoff_until: Option<tokio::time::Instant>,
    errors_in_a_row: u32,
    handled: JoinSet<Handled>,
    to_acknowledge: Vec<PendingAcknowledgement>,
    /// Requests whose result no decision depends on.
    requests: JoinSet<()>,
    acknowledging: JoinSet<Acknowledged>,
    /// Requests that make a message visible again.
    releasing: JoinSet<Released>,
    sharing: SharingDetector,
    is_stopping: bool,
    attributes_requested_at: Option<Instant>,
    reported_full_quarantine: Arc<AtomicBool>,
    outages: Outages,
}

/// Decide what is logged. The status board shows the result of the last receive.
struct Outages {
    receiving: Outage,
    acknowledging: Outage,
    quarantining: Arc<Outage>,
}

/// The result of a receive, with one permit for each message.
struct Received {
    result: Result<Vec<Message>, QueueError>,
    /// When the request was sent.
    sent: Instant,
    /// How long the receive waited for the first message, at most.
    wait: Duration,
    permits: Option<Permit>,
}

struct Handled {
    message: Message,
    outcome: Result<MessageOutcome, IndexError>,
    permit: Option<Permit>,
}

/// A message to acknowledge.
struct PendingAcknowledgement {
    receipt: ReceiptHandle,
    attempts: u32,
    /// The message counts as in flight until it is acknowledged.
    _permit: Option<Permit>,
}

struct Acknowledged {
    batch: Vec<PendingAcknowledgement>,
    result: Result<Vec<RefusedReceipt>, QueueError>,
}

impl<Q: Queue> Consumer<Q> {
    /// A consumer that has not started yet.
    pub fn new(
        queue: Arc<Q>,
        handler: Arc<Handler>,
        quarantine: Arc<Quarantine>,
        limits: EventsConfig,
        permits: Permits,
    ) -> Self {
        let was_shared = handler.queue.board().has_problem(QueueProblem::Shared);
        Self {
            queue,
            state: Arc::clone(&handler.queue),
            handler,
            quarantine,
            limits,
            permits,
            in_flight: InFlight::default(),
            receives: JoinSet::new(),
            target_receives: 1,
            backoff_until: None,
            errors_in_a_row: 0,
            handled: JoinSet::new(),
            to_acknowledge: Vec::new(),
            requests: JoinSet::new(),
            acknowledging: JoinSet::new(),
            releasing: JoinSet::new(),
            sharing: SharingDetector::new(was_shared, Instant::now()),
            is_stopping: false,
            attributes_requested_at: None,
            reported_full_quarantine: Arc::default(),
            outages: Outages {
                receiving: Outage::untried(),
                acknowledging: Outage::default(),
                quarantining: Arc::default(),
            },
        }
    }

    /// Runs until `stop` is cancelled and all messages in flight are committed and acknowledged, or until
    /// the index fails. If this future is dropped, the queue redelivers the messages in flight.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), IndexError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if self.is_stopping && self.is_idle() {
                return Ok(());
            }
            if !self.is_stopping {
                self.start_receives();
            }
            self.start_acknowledgements();
            let backoff_until = self.backoff_until;
            tokio::select! {
                Some(received) = self.receives.join_next() => {
                    // A receive that `stop` has aborted has no result.
                    if let Ok(received) = received {
                        self.on_received(received);
                    }
                }
                Some(Ok(handled)) = self.handled.join_next() => {
                    self.on_handled(handled)?;
                    // One commit finishes many messages: collect them, to acknowledge them in batches.
                    while let Some(Ok(handled)) = self.handled.try_join_next() {
                        self.on_handled(handled)?;
                    }
                }
                Some(Ok(acknowledged)) = self.acknowledging.join_next() => {
                    self.on_acknowledged(acknowledged);
                }
                Some(Ok(released)) = self.releasing.join_next() => {
                    let Released { id, is_visible } = released;
                    self.sharing.on_released(&id, is_visible, Instant::now());
                }
                Some(_) = self.requests.join_next() => {}
                _ = tick.tick() => self.on_tick(),
                () = sleep_until(backoff_until) => self.backoff_until = None,
                () = stop.cancelled(), if !self.is_stopping => {
                    self.is_stopping = true;
                    self.receives.abort_all();
                }
            }
        }
    }

    /// Whether a stop has nothing left to wait for. It does not wait for `requests`.
    fn is_idle(&self) -> bool {
        self.handled.is_empty() && self.to_acknowledge.is_empty() && self.acknowledging.is_empty()
    }

    /// Starts receives until there are as many as the target.
    fn start_receives(&mut self) {
        while self.backoff_until.is_none() && self.receives.len() < self.target_receives {
            let wait = if self.receives.is_empty() {
                self.state.receive_wait(self.permits.wait())
            } else {
                Duration::ZERO
            };
            let (queue, permits) = (Arc::clone(&self.queue), self.permits.clone());
            let visibility = self.limits.visibility_timeout;
            self.receives.spawn(async move {
                // Back-pressure: reserve a permit for each message that the receive may return.
                let mut messages = permits.messages.acquire_many(MAX_BATCH as u32).await;
                let permit = permits.receives.acquire().await;
                let sent = Instant::now();
                let result = queue.receive(MAX_BATCH as u8, wait, visibility).await;
                drop(permit);
                let count = result.as_ref().map_or(0, Vec::len);
                Received {
                    permits: messages.split(count),
                    result,
                    sent,
                    wait,
                }
            });
        }
    }

    fn on_received(&mut self, received: Received) {
        let messages = match received.result {
            Ok(messages) => messages,
            Err(error) => return self.on_error(&error),
        };
        self.errors_in_a_row = 0;
        let board = self.state.board();
        self.state.on_received(messages.len(), received.wait);
        if self.outages.receiving.on_success(Instant::now()) {
            tracing::info!(queue = board.url, "receiving");
        }
        self.target_receives = match messages.len() {
            MAX_BATCH => (self.target_receives * 2).min(self.limits.receives_per_queue),
            0 => 1,
            _ => self.target_receives,
        };
        let counters = &board.counters;
        counters.received.add(messages.len() as u64);
        let now = Instant::now();
        let facts = ReceiveFacts {
            sent: received.sent,
            wait: received.wait,
            messages: messages.len(),
        };
        let mut permits = received.permits;
        let batch = match messages.len() {
            0 => Span::none(),
            messages => {
                let messages = messages as i64;
                tracing::debug_span!("batch", queue = board.url, messages)
            }
        };
        for message in messages {
            let permit = permits.as_mut().and_then(|permits| permits.split(1));
            if self.sharing.on_delivery(&message, now) {
                // Its effects are committed.
                self.to_acknowledge.push(PendingAcknowledgement {
                    receipt: message.receipt,
                    attempts: 0,
                    _permit: permit,
                });
                continue;
            }
            if message.receive_count > 1 {
                counters.redelivered.add(1);
            }
            if !self
                .in_flight
                .add(&message, self.limits.visibility_timeout, now)
            {
                continue;
            }
            let handler = Arc::clone(&self.handler);
            let batch = batch.clone();
            self.handled.spawn(async move {
                let copy = message.clone();
                let handling = async move { handler.handle(&copy).await };
                // In a task of its own, so that a panic fails only this message.
                let handling = tokio::spawn(handling.instrument(batch));
                let handling = AbortOnDropHandle::new(handling);
                let panicked = |_| {
                    let reason = "handling the message panicked; see the log".to_owned();
                    Ok(MessageOutcome::Failed(reason))
                };
                Handled {
                    message,
                    outcome: handling.await.unwrap_or_else(panicked),
                    permit,
                }
            });
        }
        let visible = self.state.attributes().map(|known| known.visible);
        self.sharing.on_receive(facts, visible, now);
        self.show_sharing();
    }

    fn on_error(&mut self, error: &QueueError) {
        let wait = exponential(FIRST_BACKOFF, LONGEST_BACKOFF, self.errors_in_a_row);
        let wait = with_jitter(wait, fastrand::f64());
        self.errors_in_a_row += 1;
        self.target_receives = 1;
        self.sharing.on_receive_failed(Instant::now());
        self.backoff_until = Some(tokio::time::Instant::now() + wait);
        self.state.on_receive_failed(error);
        if self.outages.receiving.on_failure(Instant::now()) {
            tracing::warn!(queue = self.state.board().url, %error, "receive failed; retrying");
        }
    }

    fn on_handled(&mut self, handled: Handled) -> Result<(), IndexError> {
        let Handled {
            message,
            outcome,
            permit,
        } = handled;
        let outcome = outcome?;
        let Some(receipt) = self.in_flight.remove(&name_of(&message)) else {
            return Ok(());
        };
        match outcome {
            MessageOutcome::Done if self.releases(&message) => self.release(message.id, receipt),
            MessageOutcome::Done => self.to_acknowledge.push(PendingAcknowledgement {
                receipt,
                attempts: 0,
                _permit: permit,
            }),
            MessageOutcome::NotYet if self.is_stopping => {
                self.delay_redelivery(receipt, FIRST_REDELIVERY_DELAY);
            }
            MessageOutcome::NotYet => {
                self.note_if_last(&message);
                self.delay_redelivery(receipt, redelivery_delay(message.receive_count));
            }
            MessageOutcome::Unreadable(reason) => {
                self.state.board().counters.unreadable.add(1);
                self.note_if_last(&message);
                self.delay_redelivery(receipt, redelivery_delay(message.receive_count));
                self.quarantine(message, reason);
            }
            MessageOutcome::Failed(reason) => {
                self.state.board().counters.failed.add(1);
                self.note_if_last(&message);
                self.delay_redelivery(receipt, redelivery_delay(message.receive_count));
                if message.receive_count >= FAILS_EVERY_TIME {
                    self.quarantine(message, reason);
                }
            }
        }
        Ok(())
    }

    /// Counts a message that could not be handled if this was its last delivery according to the queue's
    /// redrive policy.
    fn note_if_last(&self, message: &Message) {
        let attributes = self.state.attributes();
        let redrive = attributes.and_then(|attributes| attributes.redrive);
        if redrive.is_some_and(|redrive| message.receive_count >= redrive.max_receive_count) {
            self.state.board().counters.dead_lettered.add(1);
        }
    }

    /// Copies a message to the quarantine for inspection. The message itself stays in the queue, which
    /// moves it to its dead-letter queue.
    fn quarantine(&mut self, message: Message, reason: String) {
        let quarantine = Arc::clone(&self.quarantine);
        let reported_full = Arc::clone(&self.reported_full_quarantine);
        let outage = Arc::clone(&self.outages.quarantining);
        let queue_url = self.state.board().url.clone();
        // Blocking: it writes to the disk.
        self.requests.spawn_blocking(move || {
            let failed_message = FailedMessage {
                queue_url: &queue_url,
                message_id: &message.id,
                body: &message.body,
                reason: &reason,
                sent: message.sent,
                receive_count: message.receive_count,
            };
            let queue = &queue_url;
            // At debug, because the reason quotes the message and may contain a key.
            tracing::debug!(queue, message_id = message.id, reason, "message not handled");
            let kept = quarantine.keep(&failed_message);
            if kept.is_ok() && outage.on_success(Instant::now()) {
                tracing::info!(queue, "copying messages to the quarantine works again");
            }
            match kept {
                Ok(KeepOutcome::New) => tracing::warn!(
                    queue,
                    message_id = message.id,
                    "message quarantined; it is not acknowledged; `asset-indexer quarantine show` has the \
                     reason"
                ),
                Ok(KeepOutcome::AlreadyKept) => {}
                Ok(KeepOutcome::Full) if reported_full.swap(true, Ordering::Relaxed) => {}
                Ok(KeepOutcome::Full) => {
                    tracing::warn!(queue, "the quarantine is full; messages are not copied to it");
                }
                Err(error) if outage.on_failure(Instant::now()) => {
                    tracing::warn!(queue, %error, "failed to quarantine a message");
                }
                Err(_) => {}
            }
        });
    }

    /// Hides a message for that time.
    fn delay_redelivery(&mut self, receipt: ReceiptHandle, delay: Duration) {
        // If this request is skipped or fails, the message is redelivered when its visibility ends.
        if self.requests.len() < MAX_REQUESTS {
            self.extend(vec![receipt], delay);
        }
    }

    /// Hides messages for that time from now on. If the request fails, they are redelivered earlier.
    fn extend(&mut self, receipts: Vec<ReceiptHandle>, visibility: Duration) {
        let (queue, permits) = (Arc::clone(&self.queue), self.permits.clone());
        self.requests.spawn(async move {
            let _permit = permits.requests.acquire().await;
            drop(queue.extend(&receipts, visibility).await);
        });
    }

    fn start_acknowledgements(&mut self) {
        while !self.to_acknowledge.is_empty() && self.acknowledging.len() < MAX_REQUESTS {
            let rest = self.to_acknowledge.len().saturating_sub(MAX_BATCH);
            let batch = self.to_acknowledge.split_off(rest);
            let (queue, permits) = (Arc::clone(&self.queue), self.permits.clone());
            self.acknowledging.spawn(async move {
                let _permit = permits.requests.acquire().await;
                let receipts: Vec<_> = batch.iter().map(|ack| ack.receipt.clone()).collect();
                let result = queue.acknowledge(&receipts).await;
                Acknowledged { batch, result }
            });
        }
    }

    fn on_acknowledged(&mut self, acknowledged: Acknowledged) {
        let Acknowledged { batch, result } = acknowledged;
        let sent = batch.len();
        let counters = &self.state.board().counters;
        let failed: HashMap<usize, bool> = match result {
            Ok(refused) => refused
                .into_iter()
                .map(|refused| (refused.index, refused.is_sender_fault))
                .collect(),
            // It is unknown which of them were deleted. Deleting a message twice does no harm.
            Err(error) => {
                if self.outages.acknowledging.on_failure(Instant::now()) {
                    tracing::warn!(queue = self.state.board().url, %error, "failed to acknowledge messages; retrying");
                }
                (0..sent).map(|index| (index, false)).collect()
            }
        };
        if failed.is_empty() && self.outages.acknowledging.on_success(Instant::now()) {
            tracing::info!(
                queue = self.state.board().url,
                "acknowledging messages succeeds again"
            );
        }
        counters.acknowledged.add((sent - failed.len()) as u64);
        for (index, mut ack) in batch.into_iter().enumerate() {
            ack.attempts += 1;
            match failed.get(&index) {
                None => {}
                Some(false) if ack.attempts < MAX_ACKNOWLEDGEMENTS => self.to_acknowledge.push(ack),
                // It is redelivered. Its effects are in the index already, so that changes nothing.
                Some(_) => counters.refused_receipts.add(1),
            }
        }
    }

    fn on_tick(&mut self) {
        let due = self
            .in_flight
            .due_for_extension(self.limits.visibility_timeout, Instant::now());
        for part in due.chunks(due.len().div_ceil(MAX_REQUESTS).max(MAX_BATCH)) {
            self.extend(part.to_vec(), self.limits.visibility_timeout);
        }
        let is_due = |requested_at: Instant| requested_at.elapsed() >= ATTRIBUTES_INTERVAL;
        if self.attributes_requested_at.is_none_or(is_due) {
            self.attributes_requested_at = Some(Instant::now());
            let (queue, state) = (Arc::clone(&self.queue), Arc::clone(&self.state));
            let permits = self.permits.clone();
            self.requests.spawn(async move {
                let _permit = permits.requests.acquire().await;
                // Without the permission to request them, the counts are unknown. That is no error.
                if let Ok(attributes) = queue.attributes().await {
                    state.set_attributes(attributes);
                }
            });
        }
    }
}

/// How long to hide a message that has been delivered that many times.
fn redelivery_delay(receive_count: u32) -> Duration {
    exponential(
        FIRST_REDELIVERY_DELAY,
        LONGEST_REDELIVERY_DELAY,
        receive_count.saturating_sub(1),
    )
}

/// Sleeps until `time`. Never returns if it is `None`.
async fn sleep_until(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
