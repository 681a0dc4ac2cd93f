//! A queue in memory that behaves as SQS does, on a clock that only the test moves.
//!
//! No call waits for real time. A `receive` that finds nothing waits until a message is sent or becomes
//! visible, until the test moves the clock beyond the end of its wait, or until a failure is planned:
//! a consumer's loop stands still until the test does something, and [`FakeQueue::until_polled`] says
//! when it does. Two clones are the same queue.

mod stock;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use asset_indexer::aws::queue::{
    MAX_BATCH, MAX_VISIBILITY, MAX_WAIT, Message, Queue, QueueAttributes, QueueError,
    QueueErrorKind, QueueOperation, ReceiptHandle, RefusedReceipt,
};
use tokio::sync::Notify;

use stock::Stock;
pub use stock::{START, Settings};

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
    stock: Stock,
    /// Goes up with everything that wakes receivers.
    version: u64,
    /// How many receivers wait that have seen the current version.
    waiting: usize,
    failures: VecDeque<(QueueOperation, QueueErrorKind)>,
    refusals: usize,
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
            stock: Stock::new(settings),
            version: 0,
            waiting: 0,
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
        self.change(|state| state.stock.add(body.into()))
    }

    /// Moves the clock: visibilities, retention and the waits of receivers run out.
    pub fn advance(&self, by: Duration) {
        self.change(|state| state.stock.advance(by));
    }

    /// The next call of that kind fails as a whole, also one that waits already; planned failures add up.
    pub fn fail_next(&self, operation: QueueOperation, kind: QueueErrorKind) {
        self.change(|state| state.failures.push_back((operation, kind)));
    }

    /// The next `count` receipts to acknowledge or extend are refused, through no fault of the sender.
    pub fn refuse_next(&self, count: usize) {
        self.state().refusals += count;
    }

    /// The bodies of the messages that it still holds, in the order in which they were sent.
    pub fn left(&self) -> Vec<String> {
        self.state().stock.left()
    }

    /// The bodies of the messages that were acknowledged, in that order; a message that came once more
    /// is there twice.
    pub fn acknowledged(&self) -> Vec<String> {
        self.state().stock.acknowledged.clone()
    }

    /// The bodies of the messages that were received too often, in the order in which that was noticed.
    pub fn dead_letters(&self) -> Vec<String> {
        self.state().stock.dead_letters.clone()
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

    /// Changes the queue and wakes all receivers.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let changed = change(&mut state);
        state.version += 1;
        state.waiting = 0;
        self.0.changed.notify_waiters();
        changed
    }

    fn fail(&self, state: &mut State, operation: QueueOperation) -> Result<(), QueueError> {
        let planned = |(planned, _): &(QueueOperation, _)| *planned == operation;
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
        let deadline = self.state().stock.now + whole_seconds(wait).min(MAX_WAIT);
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let _waiting = {
                let mut state = self.state();
                self.fail(&mut state, QueueOperation::Receive)?;
                let messages = state.stock.hand_out(max, visibility);
                if !messages.is_empty() || state.stock.now >= deadline {
                    return Ok(messages);
                }
                state.waiting += 1;
                self.0.polled.notify_waiters();
                Waiting(self, state.version)
            };
            changed.await;
        }
    }

    async fn acknowledge(
        &self,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<RefusedReceipt>, QueueError> {
        self.each(receipts, QueueOperation::Acknowledge, Stock::acknowledge)
    }

    async fn extend(
        &self,
        receipts: &[ReceiptHandle],
        visibility: Duration,
    ) -> Result<Vec<RefusedReceipt>, QueueError> {
        let visibility = whole_seconds(visibility).min(MAX_VISIBILITY);
        self.each(receipts, QueueOperation::Extend, |stock, receipt| {
            stock.extend(receipt, visibility)
        })
    }

    async fn attributes(&self) -> Result<QueueAttributes, QueueError> {
        let mut state = self.state();
        self.fail(&mut state, QueueOperation::Attributes)?;
        Ok(state.stock.attributes())
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
        operation: QueueOperation,
        mut act: impl FnMut(&mut Stock, &str) -> Result<(), &'static str>,
    ) -> Result<Vec<RefusedReceipt>, QueueError> {
        if receipts.is_empty() {
            return Ok(Vec::new());
        }
        self.change(|state| {
            self.fail(state, operation)?;
            let mut refused = Vec::new();
            for (index, receipt) in receipts.iter().enumerate() {
                let code = match state.refusals.checked_sub(1) {
                    Some(left) => {
                        state.refusals = left;
                        Err("InternalError")
                    }
                    None => act(&mut state.stock, &receipt.0),
                };
                if let Err(code) = code {
                    refused.push(RefusedReceipt {
                        index,
                        code: code.to_owned(),
                        is_sender_fault: code != "InternalError",
                    });
                }
            }
            Ok(refused)
        })
    }
}

/// A part of a second counts as a whole one.
fn whole_seconds(duration: Duration) -> Duration {
    let part = u64::from(duration.subsec_nanos() > 0);
    Duration::from_secs(duration.as_secs().saturating_add(part))
}
