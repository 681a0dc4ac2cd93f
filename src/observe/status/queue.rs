//! The status of one queue: whether receiving works, and what it delivered.

use std::collections::BTreeMap;
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

/// A problem of a queue that answers. Each kind is shown at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueueProblem {
    /// Another consumer receives from it, so events are missing here.
    Shared,
    /// It delivers events of buckets that no Source has.
    OtherBuckets,
    /// It delivers records of CloudTrail instead of events of S3.
    CloudTrail,
    /// It delivers events of keys that are not UTF-8.
    UnusableKeys,
}

impl QueueProblem {
    /// All problems.
    pub const ALL: [Self; 4] = [
        Self::Shared,
        Self::OtherBuckets,
        Self::CloudTrail,
        Self::UnusableKeys,
    ];

    /// The name in JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::OtherBuckets => "other_buckets",
            Self::CloudTrail => "cloudtrail",
            Self::UnusableKeys => "unusable_keys",
        }
    }
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
    problems: Mutex<BTreeMap<QueueProblem, String>>,
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
    /// Deliveries that were unreadable, failed or came too early, and were the last before the queue moves the
    /// message to its dead-letter queue.
    pub dead_lettered: Counter,
    /// Receipts that the queue refused.
    pub refused_receipts: Counter,
    /// Messages released to see who receives them next.
    pub released: Counter,
    /// Messages that went to another consumer, as far as that was noticed.
    pub elsewhere: Counter,
    /// Events of buckets that no Source has. They are also counted as `unrouted`.
    pub other_buckets: Counter,
    /// Records of CloudTrail.
    pub cloudtrail: Counter,
    /// Events of keys that cannot be indexed, because they are not UTF-8.
    pub unusable_keys: Counter,
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
            problems: Mutex::default(),
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
        // It takes a while to find out whether the queue is still shared. The configuration may have fixed the others.
        lock(&self.problems).retain(|problem, _| *problem == QueueProblem::Shared);
    }

    /// The last known attributes of the queue.
    pub fn attributes(&self) -> Option<QueueAttributes> {
        lock(&self.attributes).clone()
    }

    /// Sets the attributes of the queue.
    pub fn set_attributes(&self, attributes: QueueAttributes) {
        *lock(&self.attributes) = Some(attributes);
    }

    /// The texts of all current problems.
    pub fn problems(&self) -> BTreeMap<QueueProblem, String> {
        lock(&self.problems).clone()
    }

    /// Whether it has this problem.
    pub fn has_problem(&self, problem: QueueProblem) -> bool {
        lock(&self.problems).contains_key(&problem)
    }

    /// Adds or replaces a problem. Returns whether it is new, which has to be logged.
    pub fn raise(&self, problem: QueueProblem, text: impl Into<String>) -> bool {
        lock(&self.problems).insert(problem, text.into()).is_none()
    }

    /// Removes a problem. Returns whether there was one.
    pub fn clear(&self, problem: QueueProblem) -> bool {
        lock(&self.problems).remove(&problem).is_some()
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
