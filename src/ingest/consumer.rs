//! The loop of one queue: receive, hand to the index, acknowledge what is committed.
//!
//! What a message means is decided in [`handler`]; here is only who waits for whom. A message is
//! acknowledged after the commit that holds its effects and with its latest receipt handle; until then
//! its visibility is extended, and after anything that goes wrong it is left to come again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, Span};

use crate::aws::queue::{
    MAX_BATCH, Message, Queue, QueueError, QueueErrorKind, ReceiptHandle, Refused,
};
use crate::config::EventsConfig;
use crate::core::replication::backoff::{exponential, with_jitter};
use crate::index::IndexError;
use crate::observe::quarantine::{Keeping, Quarantine, Suspect};
use crate::observe::status::{Health, QueueBoard};

mod event_log;
pub mod handler;
pub mod in_flight;
mod look_up;
mod permits;
pub mod routes;

use handler::{FAILS_EVERY_TIME, Handler, MessageOutcome};
use in_flight::{InFlight, name_of};
pub use permits::{MAX_REQUESTS_IN_FLIGHT, Permits};

/// How often visibility is looked after, and refused acknowledgements are tried again.
const TICK: Duration = Duration::from_secs(1);

/// How often the queue is asked for its counts.
const ATTRIBUTES_EVERY: Duration = Duration::from_secs(15);

/// DeleteMessageBatch and ChangeMessageVisibilityBatch requests of one queue at the same time.
const MAX_REQUESTS: usize = 8;

/// How often a message is acknowledged before it is left to come again.
const MAX_ACKNOWLEDGEMENTS: u32 = 5;

/// The wait after the first error of the queue; it doubles with each up to the longest.
const FIRST_BACK_OFF: Duration = Duration::from_millis(500);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// For how long a message is left alone that could not be handled; it doubles with each delivery up to
/// the longest.
const FIRST_REST: Duration = Duration::from_secs(10);
const LONGEST_REST: Duration = Duration::from_secs(15 * 60);

/// The loop of one queue.
pub struct Consumer<Q> {
    queue: Arc<Q>,
    handler: Arc<Handler>,
    quarantine: Arc<Quarantine>,
    board: Arc<QueueBoard>,
    limits: EventsConfig,
    permits: Permits,
    in_flight: InFlight,
    /// Requests that are under way or wait for their turn.
    receives: JoinSet<Received>,
    /// How many of them there should be.
    wanted_receives: usize,
    /// Before that no receive is begun.
    back_off_until: Option<tokio::time::Instant>,
    errors_in_a_row: u32,
    handled: JoinSet<Handled>,
    done: Vec<Done>,
    requests: JoinSet<()>,
    acknowledging: JoinSet<Acknowledged>,
    asked_attributes: Option<Instant>,
    full_told: Arc<AtomicBool>,
    acknowledging_fails: bool,
}

/// What came of a receive; the permits are of the messages, one each.
struct Received {
    result: Result<Vec<Message>, QueueError>,
    permits: Option<OwnedSemaphorePermit>,
}

struct Handled {
    message: Message,
    outcome: Result<MessageOutcome, IndexError>,
    room: Option<OwnedSemaphorePermit>,
}

/// A message to be acknowledged.
struct Done {
    receipt: ReceiptHandle,
    /// How often that was tried.
    tries: u32,
    /// Until it is acknowledged it takes the room of another.
    _room: Option<OwnedSemaphorePermit>,
}

struct Acknowledged {
    batch: Vec<Done>,
    result: Result<Vec<Refused>, QueueError>,
}

impl<Q: Queue> Consumer<Q> {
    /// A loop that has not begun.
    pub fn new(
        queue: Arc<Q>,
        handler: Arc<Handler>,
        quarantine: Arc<Quarantine>,
        limits: EventsConfig,
        permits: Permits,
    ) -> Self {
        Self {
            queue,
            board: Arc::clone(&handler.board),
            handler,
            quarantine,
            limits,
            permits,
            in_flight: InFlight::default(),
            receives: JoinSet::new(),
            wanted_receives: 1,
            back_off_until: None,
            errors_in_a_row: 0,
            handled: JoinSet::new(),
            done: Vec::new(),
            requests: JoinSet::new(),
            acknowledging: JoinSet::new(),
            asked_attributes: None,
            full_told: Arc::default(),
            acknowledging_fails: false,
        }
    }

    /// Runs until it is stopped and everything in hand is committed and acknowledged, or the index
    /// fails. What is in hand when this future is dropped comes again.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), IndexError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stopping = false;
        loop {
            if stopping && self.is_idle() {
                return Ok(());
            }
            if !stopping {
                self.begin_receives();
            }
            self.begin_acknowledgements();
            let backoff = self.back_off_until;
            tokio::select! {
                Some(received) = self.receives.join_next() => {
                    // Those that a stop has aborted bring nothing.
                    if let Ok(received) = received {
                        self.on_received(received);
                    }
                }
                Some(Ok(handled)) = self.handled.join_next() => {
                    self.on_handled(handled)?;
                    // A commit settles many at once, which are acknowledged together.
                    while let Some(Ok(handled)) = self.handled.try_join_next() {
                        self.on_handled(handled)?;
                    }
                }
                Some(Ok(acknowledged)) = self.acknowledging.join_next() => {
                    self.on_acknowledged(acknowledged);
                }
                Some(_) = self.requests.join_next() => {}
                _ = tick.tick() => self.on_tick(),
                () = until(backoff) => self.back_off_until = None,
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.receives.abort_all();
                }
            }
        }
    }

    /// Whether nothing is left that a stop waits for. The other requests are only a favour.
    fn is_idle(&self) -> bool {
        self.handled.is_empty() && self.done.is_empty() && self.acknowledging.is_empty()
    }

    /// Begins as many receives as are wanted.
    fn begin_receives(&mut self) {
        while self.back_off_until.is_none() && self.receives.len() < self.wanted_receives {
            // The first answer comes at once, so that it is known soon whether the queue answers.
            let wait = match self.board.health() {
                Health::Receiving => self.permits.wait,
                _ => Duration::ZERO,
            };
            let (queue, permits) = (Arc::clone(&self.queue), self.permits.clone());
            let visibility = self.limits.visibility_timeout;
            let is_extra = !self.receives.is_empty();
            self.receives.spawn(async move {
                // Back-pressure: no message is received for which there is no room.
                let room = Arc::clone(&permits.messages);
                let room = room.acquire_many_owned(MAX_BATCH as u32).await;
                let mut room = room.expect("nobody closes the semaphore");
                let turn = permits.receives.acquire().await;
                let turn = turn.expect("nobody closes the semaphore");
                let wait = if is_extra { Duration::ZERO } else { wait };
                let result = queue.receive(MAX_BATCH as u8, wait, visibility).await;
                drop(turn);
                let count = result.as_ref().map_or(0, Vec::len);
                Received {
                    permits: room.split(count),
                    result,
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
        if self.board.set_health(Health::Receiving) {
            tracing::info!(queue = self.board.url, "receiving");
        }
        if messages.is_empty() {
            self.board.set_drained();
        }
        self.wanted_receives = match messages.len() {
            MAX_BATCH => (self.wanted_receives * 2).min(self.limits.receives_per_queue),
            0 => 1,
            _ => self.wanted_receives,
        };
        let counters = &self.board.counters;
        counters.received.add(messages.len() as u64);
        let now = Instant::now();
        let mut permits = received.permits;
        let batch = match messages.len() {
            0 => Span::none(),
            messages => {
                let messages = messages as i64;
                tracing::debug_span!("batch", queue = self.board.url, messages)
            }
        };
        for message in messages {
            if message.receive_count > 1 {
                counters.redelivered.add(1);
            }
            let room = permits.as_mut().and_then(|permits| permits.split(1));
            if !self
                .in_flight
                .take(&message, self.limits.visibility_timeout, now)
            {
                continue;
            }
            let handler = Arc::clone(&self.handler);
            let batch = batch.clone();
            self.handled.spawn(async move {
                let copy = message.clone();
                let handling = async move { handler.handle(&copy).await };
                // In a task of its own, so that a message that makes it panic harms no other.
                let handling = tokio::spawn(handling.instrument(batch));
                let handling = AbortOnDropHandle::new(handling);
                let panicked = |_| {
                    let reason = "handling it panicked; see the log".to_owned();
                    Ok(MessageOutcome::Failed(reason))
                };
                Handled {
                    message,
                    outcome: handling.await.unwrap_or_else(panicked),
                    room,
                }
            });
        }
    }

    fn on_error(&mut self, error: &QueueError) {
        let wait = exponential(FIRST_BACK_OFF, LONGEST_BACK_OFF, self.errors_in_a_row);
        let wait = with_jitter(wait, fastrand::f64());
        self.errors_in_a_row += 1;
        self.wanted_receives = 1;
        self.back_off_until = Some(tokio::time::Instant::now() + wait);
        if error.kind == QueueErrorKind::Missing {
            self.board.counters.missing.add(1);
        }
        if self.board.set_health(Health::Failing(error.to_string())) {
            tracing::warn!(queue = self.board.url, %error, "cannot receive; it is tried again");
        }
    }

    fn on_handled(&mut self, handled: Handled) -> Result<(), IndexError> {
        let Handled {
            message,
            outcome,
            room,
        } = handled;
        let outcome = outcome?;
        let Some(receipt) = self.in_flight.release(&name_of(&message)) else {
            return Ok(());
        };
        match outcome {
            MessageOutcome::Done => self.done.push(Done {
                receipt,
                tries: 0,
                _room: room,
            }),
            MessageOutcome::NotYet => self.let_rest(receipt, FIRST_REST),
            MessageOutcome::Unreadable(reason) => {
                self.board.counters.unreadable.add(1);
                self.note_if_last(&message);
                self.let_rest(receipt, rest_after(message.receive_count));
                self.keep(message, reason);
            }
            MessageOutcome::Failed(reason) => {
                self.board.counters.failed.add(1);
                self.note_if_last(&message);
                self.let_rest(receipt, rest_after(message.receive_count));
                if message.receive_count >= FAILS_EVERY_TIME {
                    self.keep(message, reason);
                }
            }
        }
        Ok(())
    }

    /// Counts a message that could not be handled and is not delivered again, as far as the queue has said.
    fn note_if_last(&self, message: &Message) {
        let attributes = self.board.attributes();
        let redrive = attributes.and_then(|attributes| attributes.redrive);
        if redrive.is_some_and(|redrive| message.receive_count >= redrive.max_receive_count) {
            self.board.counters.dead_lettered.add(1);
        }
    }

    /// Keeps a message for inspection; it stays in the queue, which moves it to its dead-letter queue.
    fn keep(&mut self, message: Message, reason: String) {
        let (quarantine, full_told) = (Arc::clone(&self.quarantine), Arc::clone(&self.full_told));
        let queue_url = self.board.url.clone();
        // It waits for the disk.
        self.requests.spawn_blocking(move || {
            let suspect = Suspect {
                queue_url: &queue_url,
                message_id: &message.id,
                body: &message.body,
                reason: &reason,
                sent: message.sent,
                receive_count: message.receive_count,
            };
            let queue = &queue_url;
            // It quotes the message, and with that perhaps a key.
            tracing::debug!(queue, message_id = message.id, reason, "not handled");
            match quarantine.keep(&suspect) {
                Ok(Keeping::New) => tracing::warn!(
                    queue,
                    message_id = message.id,
                    "a message cannot be handled and is kept in quarantine, which says why; it is not \
                     acknowledged"
                ),
                Ok(Keeping::Known) => {}
                Ok(Keeping::Full) if full_told.swap(true, Ordering::Relaxed) => {}
                Ok(Keeping::Full) => {
                    tracing::warn!(queue, "the quarantine is full; more is not kept");
                }
                Err(error) => tracing::warn!(queue, %error, "a message could not be kept"),
            }
        });
    }

    /// Keeps a message from everyone for a while.
    fn let_rest(&mut self, receipt: ReceiptHandle, rest: Duration) {
        // If this is not said, or fails, the message comes again when its visibility runs out.
        if self.requests.len() < MAX_REQUESTS {
            self.extend(vec![receipt], rest);
        }
    }

    /// Keeps messages from everyone for so long from now on. Where that fails, they come again earlier.
    fn extend(&mut self, receipts: Vec<ReceiptHandle>, visibility: Duration) {
        let (queue, permits) = (Arc::clone(&self.queue), self.permits.clone());
        self.requests.spawn(async move {
            let _permit = permits.request().await;
            drop(queue.extend(&receipts, visibility).await);
        });
    }

    fn begin_acknowledgements(&mut self) {
        while !self.done.is_empty() && self.acknowledging.len() < MAX_REQUESTS {
            let rest = self.done.len().saturating_sub(MAX_BATCH);
            let batch = self.done.split_off(rest);
            let (queue, permits) = (Arc::clone(&self.queue), self.permits.clone());
            self.acknowledging.spawn(async move {
                let _permit = permits.request().await;
                let receipts: Vec<_> = batch.iter().map(|done| done.receipt.clone()).collect();
                let result = queue.acknowledge(&receipts).await;
                Acknowledged { batch, result }
            });
        }
    }

    fn on_acknowledged(&mut self, acknowledged: Acknowledged) {
        let Acknowledged { batch, result } = acknowledged;
        let sent = batch.len();
        let counters = &self.board.counters;
        let failed: HashMap<usize, bool> = match result {
            Ok(refused) => refused
                .into_iter()
                .map(|refused| (refused.place, refused.is_senders_fault))
                .collect(),
            // Which of them are deleted is not known; to delete one again does no harm.
            Err(error) => {
                if !std::mem::replace(&mut self.acknowledging_fails, true) {
                    tracing::warn!(queue = self.board.url, %error, "cannot acknowledge messages");
                }
                (0..sent).map(|place| (place, false)).collect()
            }
        };
        if failed.is_empty() && std::mem::take(&mut self.acknowledging_fails) {
            tracing::info!(queue = self.board.url, "messages are acknowledged again");
        }
        counters.acknowledged.add((sent - failed.len()) as u64);
        for (place, mut done) in batch.into_iter().enumerate() {
            done.tries += 1;
            match failed.get(&place) {
                None => {}
                Some(false) if done.tries < MAX_ACKNOWLEDGEMENTS => self.done.push(done),
                // It comes again; its effect is in the index.
                Some(_) => counters.refused_receipts.add(1),
            }
        }
    }

    fn on_tick(&mut self) {
        let due = self
            .in_flight
            .due(self.limits.visibility_timeout, Instant::now());
        for part in due.chunks(due.len().div_ceil(MAX_REQUESTS).max(MAX_BATCH)) {
            self.extend(part.to_vec(), self.limits.visibility_timeout);
        }
        let is_due = |asked: Instant| asked.elapsed() >= ATTRIBUTES_EVERY;
        if self.asked_attributes.is_none_or(is_due) {
            self.asked_attributes = Some(Instant::now());
            let (queue, board) = (Arc::clone(&self.queue), Arc::clone(&self.board));
            let permits = self.permits.clone();
            self.requests.spawn(async move {
                let _permit = permits.request().await;
                // Without the right to ask, the counts are only not shown.
                if let Ok(attributes) = queue.attributes().await {
                    board.set_attributes(attributes);
                }
            });
        }
    }
}

/// For how long a message is left alone after that many deliveries.
fn rest_after(receive_count: u32) -> Duration {
    exponential(FIRST_REST, LONGEST_REST, receive_count.saturating_sub(1))
}

/// Waits until then; for ever where there is no time.
async fn until(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
