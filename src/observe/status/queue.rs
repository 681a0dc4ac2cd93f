//! The board of one queue: whether it is received from, and what came.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lock;
use crate::aws::queue::QueueAttributes;
use crate::core::counters::Counter;

/// Whether a queue is received from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueHealth {
    /// It has not answered yet, and has not failed either.
    Starting,
    /// It answers.
    Receiving,
    /// It does not, for this reason.
    Failing(String),
}

/// One queue.
#[derive(Debug)]
pub struct QueueStatus {
    /// Its address.
    pub url: String,
    health: Mutex<QueueHealth>,
    attributes: Mutex<Option<QueueAttributes>>,
    /// Whether S3's test event was seen, or an event that was for a Source: the queue is wired.
    wired: AtomicBool,
    /// What came.
    pub counters: QueueCounters,
}

/// What came from one queue.
#[derive(Debug, Default)]
pub struct QueueCounters {
    /// Messages received, each delivery counted.
    pub received: Counter,
    /// Those of them that had been received before.
    pub redelivered: Counter,
    /// Messages acknowledged.
    pub acknowledged: Counter,
    /// Deliveries of messages that cannot be read.
    pub unreadable: Counter,
    /// Deliveries whose handling failed.
    pub failed: Counter,
    /// Those deliveries of the two kinds that were the last: the queue moves the message to its dead-letter
    /// queue.
    pub dead_lettered: Counter,
    /// Receipts that the queue refused.
    pub refused_receipts: Counter,
    /// Events of a bucket or folder that no Source has.
    pub unrouted: Counter,
    /// Events that no rule admits.
    pub not_admitted: Counter,
    /// Events that change nothing that a listing shows.
    pub irrelevant: Counter,
    /// Events of a name that this program does not know.
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

    /// Whether the queue is received from.
    pub fn health(&self) -> QueueHealth {
        lock(&self.health).clone()
    }

    /// Shows whether the queue is received from.
    pub fn set_health(&self, health: QueueHealth) {
        *lock(&self.health) = health;
    }

    /// Shows the queue as one that has not answered yet.
    pub fn restart(&self) {
        self.set_health(QueueHealth::Starting);
        *lock(&self.attributes) = None;
    }

    /// What the queue last said of itself.
    pub fn attributes(&self) -> Option<QueueAttributes> {
        lock(&self.attributes).clone()
    }

    /// Notes what the queue says of itself.
    pub fn set_attributes(&self, attributes: QueueAttributes) {
        *lock(&self.attributes) = Some(attributes);
    }

    /// Whether anything has shown that S3 sends events to the queue.
    pub fn is_wired(&self) -> bool {
        self.wired.load(Ordering::Relaxed)
    }

    /// Notes that S3 sends events to the queue.
    pub fn set_wired(&self) {
        self.wired.store(true, Ordering::Relaxed);
    }
}
