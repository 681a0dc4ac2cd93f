//! The status of one queue: whether receiving works, and what it delivered.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lock;
use crate::aws::queue::QueueAttributes;
use crate::core::counters::Counter;

/// Whether receiving from a queue works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueHealth {
    /// The queue has neither answered nor failed yet.
    Starting,
    /// The queue answers.
    Receiving,
    /// Receiving fails, for this reason.
    Failing(String),
}

/// The status of one queue.
#[derive(Debug)]
pub struct QueueStatus {
    /// The URL of the queue.
    pub url: String,
    health: Mutex<QueueHealth>,
    attributes: Mutex<Option<QueueAttributes>>,
    /// Whether S3's test event, or an event of a Source, has arrived.
    wired: AtomicBool,
    /// Counts of deliveries.
    pub counters: QueueCounters,
}

/// Counts what a queue has delivered.
#[derive(Debug, Default)]
pub struct QueueCounters {
    /// Deliveries of messages.
    pub received: Counter,
    /// Deliveries of messages that were received before.
    pub redelivered: Counter,
    /// Messages acknowledged.
    pub acknowledged: Counter,
    /// Deliveries of messages that cannot be decoded.
    pub unreadable: Counter,
    /// Deliveries whose handling failed.
    pub failed: Counter,
    /// Deliveries that were unreadable or failed, and were the last before the queue moves the message to its
    /// dead-letter queue.
    pub dead_lettered: Counter,
    /// Receipts that the queue refused.
    pub refused_receipts: Counter,
    /// Events of buckets or prefixes that no Source covers.
    pub unrouted: Counter,
    /// Events of keys that the rules do not admit.
    pub not_admitted: Counter,
    /// Events of types that do not change a listing.
    pub irrelevant: Counter,
    /// Events of unknown types.
    pub unknown: Counter,
}

impl QueueStatus {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            health: Mutex::new(QueueHealth::Starting),
            attributes: Mutex::default(),
            wired: AtomicBool::new(false),
            counters: QueueCounters::default(),
        }
    }

    /// Whether receiving works.
    pub fn health(&self) -> QueueHealth {
        lock(&self.health).clone()
    }

    /// Sets whether receiving works.
    pub fn set_health(&self, health: QueueHealth) {
        *lock(&self.health) = health;
    }

    /// Resets the queue to one that has not answered yet.
    pub fn restart(&self) {
        self.set_health(QueueHealth::Starting);
        *lock(&self.attributes) = None;
    }

    /// The last known attributes of the queue.
    pub fn attributes(&self) -> Option<QueueAttributes> {
        lock(&self.attributes).clone()
    }

    /// Sets the attributes of the queue.
    pub fn set_attributes(&self, attributes: QueueAttributes) {
        *lock(&self.attributes) = Some(attributes);
    }

    /// Whether there is evidence that S3 sends events to the queue.
    pub fn is_wired(&self) -> bool {
        self.wired.load(Ordering::Relaxed)
    }

    /// Records that S3 sends events to the queue.
    pub fn set_wired(&self) {
        self.wired.store(true, Ordering::Relaxed);
    }
}
