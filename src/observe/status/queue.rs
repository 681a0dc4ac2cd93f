//! The board of one queue: whether it is received from, and what came.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::lock;
use crate::aws::queue::QueueAttributes;
use crate::core::counters::Counter;
use crate::core::replication::source_state::QueueId;

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
    health: watch::Sender<QueueHealth>,
    attributes: Mutex<Option<QueueAttributes>>,
    /// Whether there was a moment since receiving began at which nothing waited.
    drained: AtomicBool,
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
    /// How often receiving failed because there was no such queue; counted at each failure.
    pub missing: Counter,
    /// Deliveries of events whose handling failed every time, so that the queue may give them up.
    pub given_up: Counter,
}

impl QueueCounters {
    /// Grows whenever events of the queue may have been lost, which then a scan has to find.
    pub fn losses(&self) -> u64 {
        self.missing.get() + self.given_up.get()
    }
}

impl QueueStatus {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            health: watch::Sender::new(QueueHealth::Starting),
            attributes: Mutex::default(),
            drained: AtomicBool::new(false),
            wired: AtomicBool::new(false),
            counters: QueueCounters::default(),
        }
    }

    /// Whether the queue is received from.
    pub fn health(&self) -> QueueHealth {
        self.health.borrow().clone()
    }

    /// To be told when that changes.
    pub fn watch(&self) -> watch::Receiver<QueueHealth> {
        self.health.subscribe()
    }

    /// Notes whether the queue is received from; tells whether that is new.
    pub fn set_health(&self, health: QueueHealth) -> bool {
        self.health.send_if_modified(|known| {
            let is_new = std::mem::discriminant(known) != std::mem::discriminant(&health);
            *known = health;
            is_new
        })
    }

    /// Begins anew: it is not known any more whether the queue answers.
    pub fn restart(&self) {
        self.set_health(QueueHealth::Starting);
        self.drained.store(false, Ordering::Relaxed);
        *lock(&self.attributes) = None;
    }

    /// Whether there was a moment since receiving began at which nothing waited.
    pub fn is_drained(&self) -> bool {
        self.drained.load(Ordering::Relaxed)
    }

    /// Notes that nothing waits in the queue at this moment.
    pub fn set_drained(&self) {
        self.drained.store(true, Ordering::Relaxed);
    }

    /// What the queue last said of itself.
    pub fn attributes(&self) -> Option<QueueAttributes> {
        lock(&self.attributes).clone()
    }

    /// Which queue it is, as far as it has said.
    pub fn id(&self) -> QueueId {
        QueueId {
            url: self.url.clone(),
            created: self.attributes().and_then(|attributes| attributes.created),
        }
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
