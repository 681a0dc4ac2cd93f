//! A queue in memory that behaves like SQS. Only the test moves its clock.
//!
//! No call waits for real time. A `receive` without messages waits until a message is sent or becomes
//! visible, until the test moves the clock past the end of its wait, or until a failure is planned. So the
//! loop of a consumer stops until the test does something, and [`FakeQueue::until_polled`] returns when it
//! has stopped. Clones share the same queue.

mod store;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use asset_indexer::aws::queue::{
    MAX_BATCH, MAX_VISIBILITY, MAX_WAIT, Message, Queue, QueueAttributes, QueueError,
    QueueErrorKind, QueueOperation, ReceiptHandle, RefusedReceipt,
};
use tokio::sync::Notify;

use store::MessageStore;
pub use store::{START, Settings};

/// A queue in memory.
#[derive(Clone)]
pub struct FakeQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Signals a change after which a receive may return.
    changed: Notify,
    /// Signals that another receive waits.
    polled: Notify,
}

struct State {
    store: MessageStore,
    /// Increases with every change that wakes the waiting receives.
    version: u64,
    /// Number of waiting receives that have seen the current version.
    waiting: usize,
    failures: VecDeque<(QueueOperation, QueueErrorKind)>,
    refusals: usize,
}

impl FakeQueue {
    /// A queue that delivers in order and only once.
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    /// A queue that delivers in random order, sometimes twice (in one response or before the visibility
    /// timeout ends), sometimes again after the acknowledgement, and that accepts some stale receipts without
    /// effect. The same seed and calls give the same history.
    pub fn disorderly(seed: u64) -> Self {
        Self::with(Settings {
            disorder: Some(seed),
            ..Settings::default()
        })
    }

    pub fn with(settings: Settings) -> Self {
        let state = State {
            store: MessageStore::new(settings),
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

    /// Sends a message and returns its id.
    pub fn send_now(&self, body: impl Into<String>) -> String {
        self.change(|state| state.store.add(body.into()))
    }

    /// Moves the clock forward. Visibility timeouts, retention and the waits of receives depend on it.
    pub fn advance(&self, by: Duration) {
        self.change(|state| state.store.advance(by));
    }

    /// Makes the next call of an operation fail, also a receive that is already waiting. Planned failures add
    /// up.
    pub fn fail_next(&self, operation: QueueOperation, kind: QueueErrorKind) {
        self.change(|state| state.failures.push_back((operation, kind)));
    }

    /// Makes the queue refuse the next `count` receipts to acknowledge or extend, as an error of the server.
    pub fn refuse_next(&self, count: usize) {
        self.state().refusals += count;
    }

    /// The bodies of the remaining messages, in the order in which they were sent.
    pub fn remaining(&self) -> Vec<String> {
        self.state().store.remaining()
    }

    /// The bodies of the acknowledged messages, in the order of the acknowledgements. A message that was
    /// delivered again after its acknowledgement can appear twice.
    pub fn acknowledged(&self) -> Vec<String> {
        self.state().store.acknowledged.clone()
    }

    /// The bodies of the messages that were received too often, in the order in which they were moved.
    pub fn dead_letters(&self) -> Vec<String> {
        self.state().store.dead_letters.clone()
    }

    /// Waits until this number of receives wait for messages.
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

    /// Changes the queue and wakes all waiting receives.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state);
        state.version += 1;
        state.waiting = 0;
        self.0.changed.notify_waiters();
        result
    }

    /// Returns an error if a failure of the operation is planned.
    fn fail(&self, state: &mut State, operation: QueueOperation) -> Result<(), QueueError> {
        let planned = |(planned, _): &(QueueOperation, _)| *planned == operation;
        let Some(index) = state.failures.iter().position(planned) else {
            return Ok(());
        };
        let (_, kind) = state
            .failures
            .remove(index)
            .expect("the index was just found");
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
        let deadline = self.state().store.now + whole_seconds(wait).min(MAX_WAIT);
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let _waiting = {
                let mut state = self.state();
                self.fail(&mut state, QueueOperation::Receive)?;
                let messages = state.store.receive(max, visibility);
                if !messages.is_empty() || state.store.now >= deadline {
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
        self.each(
            receipts,
            QueueOperation::Acknowledge,
            MessageStore::acknowledge,
        )
    }

    async fn extend(
        &self,
        receipts: &[ReceiptHandle],
        visibility: Duration,
    ) -> Result<Vec<RefusedReceipt>, QueueError> {
        let visibility = whole_seconds(visibility).min(MAX_VISIBILITY);
        self.each(receipts, QueueOperation::Extend, |store, receipt| {
            store.extend(receipt, visibility)
        })
    }

    async fn attributes(&self) -> Result<QueueAttributes, QueueError> {
        let mut state = self.state();
        self.fail(&mut state, QueueOperation::Attributes)?;
        Ok(state.store.attributes())
    }
}

/// Counts a waiting receive until it is dropped, which also happens if the future of the receive is dropped.
struct Waiting<'a>(&'a FakeQueue, u64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        // A new version starts again at zero.
        if state.version == self.1 {
            state.waiting -= 1;
        }
    }
}

impl FakeQueue {
    /// Applies an operation to each receipt. If a failure of the operation is planned, does nothing.
    fn each(
        &self,
        receipts: &[ReceiptHandle],
        operation: QueueOperation,
        mut apply: impl FnMut(&mut MessageStore, &str) -> Result<(), &'static str>,
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
                    None => apply(&mut state.store, &receipt.0),
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

/// Rounds up to whole seconds.
fn whole_seconds(duration: Duration) -> Duration {
    let fraction = u64::from(duration.subsec_nanos() > 0);
    Duration::from_secs(duration.as_secs().saturating_add(fraction))
}
