//! A queue in memory that behaves as SQS does, on a clock that only the test moves.
//!
//! No call waits for real time. A `receive` that finds nothing waits until a message is sent or becomes
//! visible, until the test moves the clock beyond the end of its wait, or until a failure is planned:
//! a consumer's loop stands still until the test does something, and [`FakeQueue::until_polled`] says
//! when it does. Two clones are the same queue.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use asset_indexer::queue::{
    Attributes, MAX_BATCH, MAX_VISIBILITY, MAX_WAIT, Message, Operation, Queue, QueueError,
    QueueErrorKind, ReceiptHandle, Redrive, Refused,
};
use asset_indexer::sync::stamp::Stamp;
use fastrand::Rng;
use tokio::sync::Notify;

/// What its clock shows when it is made.
pub const START: Stamp = Stamp::from_millis(1_800_000_000_000);

/// One in so many deliveries and acknowledgements goes wrong in a disorderly queue.
const DISORDER_ONE_IN: usize = 6;

/// What a fake queue is like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seed of what goes wrong; `None`: messages come once, in order, and stale receipts are refused.
    pub disorder: Option<u64>,
    pub retention: Duration,
    /// How many messages can be in flight before nothing more is given.
    pub max_in_flight: usize,
    /// How often a message is received before it becomes a dead letter.
    pub max_receive_count: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            disorder: None,
            retention: Duration::from_secs(4 * 24 * 60 * 60),
            max_in_flight: 120_000,
            max_receive_count: None,
        }
    }
}

/// A queue in memory.
#[derive(Clone)]
pub struct FakeQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Something may be received now that could not be before.
    changed: Notify,
    /// Another receiver waits.
    polled: Notify,
}

struct State {
    settings: Settings,
    chance: Option<Rng>,
    /// Since [`START`].
    now: Duration,
    /// Goes up with everything that wakes receivers.
    version: u64,
    /// How many receivers wait that have seen the current version.
    waiting: usize,
    next: u64,
    /// In the order in which they were sent.
    messages: Vec<Held>,
    acknowledged: Vec<String>,
    dead_letters: Vec<String>,
    failures: VecDeque<(Operation, QueueErrorKind)>,
    refusals: usize,
}

struct Held {
    id: String,
    body: String,
    sent: Duration,
    received: Duration,
    visible_at: Duration,
    receive_count: u32,
    /// The latest; empty before the first.
    receipt: String,
    /// It was acknowledged, and comes once more all the same.
    is_ghost: bool,
}

impl FakeQueue {
    /// An orderly queue.
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    /// A queue that delivers in any order, now and then twice (in one answer, or before the visibility
    /// has run out) or once more after it was acknowledged, and that accepts some stale receipts
    /// without effect. The same seed and the same calls give the same history.
    pub fn disorderly(seed: u64) -> Self {
        Self::with(Settings {
            disorder: Some(seed),
            ..Settings::default()
        })
    }

    pub fn with(settings: Settings) -> Self {
        let state = State {
            chance: settings.disorder.map(Rng::with_seed),
            settings,
            now: Duration::ZERO,
            version: 0,
            waiting: 0,
            next: 0,
            messages: Vec::new(),
            acknowledged: Vec::new(),
            dead_letters: Vec::new(),
            failures: VecDeque::new(),
            refusals: 0,
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            changed: Notify::new(),
            polled: Notify::new(),
        }))
    }

    /// Puts a message into the queue; gives its id.
    pub fn send_now(&self, body: impl Into<String>) -> String {
        self.change(|state| {
            let (now, id) = (state.now, format!("message-{}", state.number()));
            state.messages.push(Held {
                id: id.clone(),
                body: body.into(),
                sent: now,
                received: now,
                visible_at: now,
                receive_count: 0,
                receipt: String::new(),
                is_ghost: false,
            });
            id
        })
    }

    /// Moves the clock: visibilities, retention and the waits of receivers run out.
    pub fn advance(&self, by: Duration) {
        self.change(|state| {
            state.now += by;
            state.drop_old();
        });
    }

    /// The next call of that kind fails as a whole, also one that waits already; planned failures add up.
    pub fn fail_next(&self, operation: Operation, kind: QueueErrorKind) {
        self.change(|state| state.failures.push_back((operation, kind)));
    }

    /// The next `count` receipts to acknowledge or extend are refused, through no fault of the sender.
    pub fn refuse_next(&self, count: usize) {
        self.state().refusals += count;
    }

    /// The bodies of the messages that it still holds, in the order in which they were sent.
    pub fn left(&self) -> Vec<String> {
        let state = self.state();
        state
            .messages
            .iter()
            .map(|held| held.body.clone())
            .collect()
    }

    /// The bodies of the messages that were acknowledged, in that order; a message that came once more
    /// is there twice.
    pub fn acknowledged(&self) -> Vec<String> {
        self.state().acknowledged.clone()
    }

    /// The bodies of the messages that were received too often, in the order in which that was noticed.
    pub fn dead_letters(&self) -> Vec<String> {
        self.state().dead_letters.clone()
    }

    /// Waits until that many receivers have found nothing and wait for the test.
    pub async fn until_polled(&self, receivers: usize) {
        loop {
            let polled = self.0.polled.notified();
            tokio::pin!(polled);
            polled.as_mut().enable();
            if self.state().waiting >= receivers {
                return;
            }
            polled.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no test panics with the lock")
    }

    fn state_now(&self) -> Duration {
        self.state().now
    }

    /// Changes the queue and wakes all receivers.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let changed = change(&mut state);
        state.version += 1;
        state.waiting = 0;
        self.0.changed.notify_waiters();
        changed
    }

    fn fail(&self, state: &mut State, operation: Operation) -> Result<(), QueueError> {
        let planned = |(planned, _): &(Operation, _)| *planned == operation;
        let Some(place) = state.failures.iter().position(planned) else {
            return Ok(());
        };
        let (_, kind) = state.failures.remove(place).expect("it was found there");
        let (url, detail) = ("http://fake.invalid/1/queue", "planned by a test");
        Err(QueueError::new(operation, url, kind, detail))
    }
}

impl Queue for FakeQueue {
    async fn receive(
        &self,
        max: u8,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        let max = usize::from(max).clamp(1, MAX_BATCH);
        let visibility = whole_seconds(visibility).min(MAX_VISIBILITY);
        let deadline = self.state_now() + whole_seconds(wait).min(MAX_WAIT);
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let _waiting = {
                let mut state = self.state();
                self.fail(&mut state, Operation::Receive)?;
                let messages = state.hand_out(max, visibility);
                if !messages.is_empty() || state.now >= deadline {
                    return Ok(messages);
                }
                state.waiting += 1;
                self.0.polled.notify_waiters();
                Waiting(self, state.version)
            };
            changed.await;
        }
    }

    async fn acknowledge(&self, receipts: &[ReceiptHandle]) -> Result<Vec<Refused>, QueueError> {
        self.each(receipts, Operation::Acknowledge, State::acknowledge)
    }

    async fn extend(
        &self,
        receipts: &[ReceiptHandle],
        visibility: Duration,
    ) -> Result<Vec<Refused>, QueueError> {
        let visibility = whole_seconds(visibility).min(MAX_VISIBILITY);
        self.each(receipts, Operation::Extend, |state, receipt| {
            state.extend(receipt, visibility)
        })
    }

    async fn attributes(&self) -> Result<Attributes, QueueError> {
        let mut state = self.state();
        self.fail(&mut state, Operation::Attributes)?;
        let in_flight = state.in_flight();
        let redrive = state.settings.max_receive_count.map(|count| Redrive {
            dead_letter_arn: "arn:aws:sqs:us-east-1:000000000000:dead-letters".to_owned(),
            max_receive_count: count,
        });
        Ok(Attributes {
            visible: (state.messages.len() - in_flight) as u64,
            in_flight: in_flight as u64,
            delayed: 0,
            retention: state.settings.retention,
            visibility: Duration::from_secs(30),
            max_message_bytes: 1 << 20,
            redrive,
            arn: "arn:aws:sqs:us-east-1:000000000000:queue".to_owned(),
        })
    }
}

/// A receiver that waits; it does no more when this is dropped, also because its future was.
struct Waiting<'a>(&'a FakeQueue, u64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        // Another version has counted from zero.
        if state.version == self.1 {
            state.waiting -= 1;
        }
    }
}

impl FakeQueue {
    /// Does something with each receipt; the first call that is planned to fail does nothing.
    fn each(
        &self,
        receipts: &[ReceiptHandle],
        operation: Operation,
        mut act: impl FnMut(&mut State, &str) -> Result<(), &'static str>,
    ) -> Result<Vec<Refused>, QueueError> {
        if receipts.is_empty() {
            return Ok(Vec::new());
        }
        self.change(|state| {
            self.fail(state, operation)?;
            let mut refused = Vec::new();
            for (place, receipt) in receipts.iter().enumerate() {
                let code = match state.refusals.checked_sub(1) {
                    Some(left) => {
                        state.refusals = left;
                        Err("InternalError")
                    }
                    None => act(state, &receipt.0),
                };
                if let Err(code) = code {
                    refused.push(Refused {
                        place,
                        code: code.to_owned(),
                        is_senders_fault: code != "InternalError",
                    });
                }
            }
            Ok(refused)
        })
    }
}

impl State {
    fn stamp(&self, at: Duration) -> Stamp {
        let millis = i64::try_from(at.as_millis()).expect("no test takes that long");
        Stamp::from_millis(START.as_millis() + millis)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Whether something goes wrong this time.
    fn mishap(&mut self) -> bool {
        let chance = self.chance.as_mut();
        chance.is_some_and(|chance| chance.usize(..DISORDER_ONE_IN) == 0)
    }

    fn in_flight(&self) -> usize {
        let in_flight = |held: &&Held| held.visible_at > self.now;
        self.messages.iter().filter(in_flight).count()
    }

    fn drop_old(&mut self) {
        let (now, retention) = (self.now, self.settings.retention);
        self.messages.retain(|held| held.sent + retention > now);
    }

    /// Moves away what was received too often.
    fn bury(&mut self) {
        let Some(max) = self.settings.max_receive_count else {
            return;
        };
        let now = self.now;
        let is_dead = |held: &mut Held| held.visible_at <= now && held.receive_count >= max;
        let dead = self.messages.extract_if(.., is_dead);
        self.dead_letters.extend(dead.map(|held| held.body));
    }

    /// Receives what is visible, up to `max` deliveries.
    fn hand_out(&mut self, max: usize, visibility: Duration) -> Vec<Message> {
        self.bury();
        let now = self.now;
        let visible = |(_, held): &(usize, &Held)| held.visible_at <= now;
        let places = self.messages.iter().enumerate().filter(visible);
        let places = places.map(|(place, _)| place);
        let places: Vec<usize> = match &mut self.chance {
            None => places.take(max).collect(),
            Some(chance) => {
                let mut places: Vec<usize> = places.collect();
                chance.shuffle(&mut places);
                places
            }
        };
        let limit = self.settings.max_in_flight;
        // Counting costs, and tests with many messages receive often.
        let room = match self.messages.len() > limit {
            true => limit.saturating_sub(self.in_flight()),
            false => max,
        };
        let mut messages = Vec::new();
        for place in places.into_iter().take(max.min(room)) {
            messages.push(self.deliver(place, visibility));
            if self.mishap() && messages.len() < max {
                messages.push(self.deliver(place, visibility));
            } else if self.mishap() {
                self.messages[place].visible_at = now;
            }
            if messages.len() >= max {
                break;
            }
        }
        messages
    }

    fn deliver(&mut self, place: usize, visibility: Duration) -> Message {
        let receipt = format!("receipt-{}", self.number());
        let sent = self.stamp(self.messages[place].sent);
        let held = &mut self.messages[place];
        held.receipt.clone_from(&receipt);
        held.received = self.now;
        held.visible_at = self.now + visibility;
        held.receive_count += 1;
        Message {
            id: held.id.clone(),
            receipt: ReceiptHandle(receipt),
            body: held.body.clone(),
            sent: Some(sent),
            receive_count: held.receive_count,
        }
    }

    /// The place of the message that this is the latest receipt of.
    fn place_of(&self, receipt: &str) -> Option<usize> {
        self.messages
            .iter()
            .position(|held| held.receive_count > 0 && held.receipt == receipt)
    }

    /// What becomes of a receipt that is not the latest of any message.
    fn stale(&mut self) -> Result<(), &'static str> {
        match self.mishap() {
            true => Ok(()),
            false => Err("ReceiptHandleIsInvalid"),
        }
    }

    fn acknowledge(&mut self, receipt: &str) -> Result<(), &'static str> {
        let Some(place) = self.place_of(receipt) else {
            return self.stale();
        };
        self.acknowledged.push(self.messages[place].body.clone());
        let (now, comes_again) = (self.now, self.mishap());
        let held = &mut self.messages[place];
        if comes_again && !held.is_ghost {
            held.is_ghost = true;
            held.visible_at = now;
        } else {
            self.messages.remove(place);
        }
        Ok(())
    }

    fn extend(&mut self, receipt: &str, visibility: Duration) -> Result<(), &'static str> {
        let Some(place) = self.place_of(receipt) else {
            return self.stale();
        };
        let held = &mut self.messages[place];
        if held.visible_at <= self.now {
            return Err("MessageNotInflight");
        }
        let visible_at = self.now + visibility;
        if visible_at > held.received + MAX_VISIBILITY {
            return Err("InvalidParameterValue");
        }
        held.visible_at = visible_at;
        Ok(())
    }
}

/// A part of a second counts as a whole one.
fn whole_seconds(duration: Duration) -> Duration {
    let part = u64::from(duration.subsec_nanos() > 0);
    Duration::from_secs(duration.as_secs().saturating_add(part))
}
