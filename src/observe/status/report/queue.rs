//! One queue in the status report.

use serde::{Deserialize, Serialize};

use crate::aws::queue::QueueAttributes;
use crate::observe::status::{QueueHealth, QueueProblem, QueueStatus};

/// The status of one queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueReport {
    /// The URL of the queue.
    pub url: String,
    /// Whether receiving works.
    pub state: ReceiveState,
    /// Why receiving fails.
    pub reason: Option<String>,
    /// The current problems of a queue that answers, for people.
    pub problems: Vec<QueueProblemReport>,
    /// Whether there is evidence that S3 sends events to the queue.
    pub wired: bool,
    /// The attributes of the queue. `null` until they are known.
    pub attributes: Option<AttributesReport>,
    /// Counts of deliveries since the process started.
    pub counts: QueueCounts,
}

/// A problem of a queue that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueProblemReport {
    /// The kind: `shared`, `other_buckets`, `cloudtrail` or `unusable_keys`.
    pub kind: String,
    /// The problem and its remedy, for people.
    pub text: String,
}

/// Whether receiving from a queue works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiveState {
    /// The queue has neither answered nor failed yet.
    Starting,
    /// The queue answers.
    Receiving,
    /// Receiving fails.
    Failing,
}

/// The attributes of a queue. Message counts are estimates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributesReport {
    /// Messages that can be received now.
    pub visible: u64,
    /// Messages that are received and not yet acknowledged.
    pub in_flight: u64,
    /// Messages that cannot be received yet.
    pub delayed: u64,
    /// Time that the queue keeps a message.
    pub retention_seconds: u64,
    /// The queue for messages that are received too often. `null` if there is none.
    pub dead_letter: Option<DeadLetterReport>,
}

/// The dead-letter queue of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterReport {
    /// The ARN of the dead-letter queue.
    pub arn: String,
    /// Number of receives after which a message is moved.
    pub max_receive_count: u32,
}

/// Counts of what a queue has delivered, see [`crate::observe::status::QueueCounters`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueCounts {
    /// Deliveries of messages.
    pub received: u64,
    /// Deliveries of messages that were received before.
    pub redelivered: u64,
    /// Messages acknowledged.
    pub acknowledged: u64,
    /// Deliveries of messages that cannot be decoded.
    pub unreadable: u64,
    /// Deliveries whose handling failed.
    pub failed: u64,
    /// Receipts that the queue refused.
    pub refused_receipts: u64,
    /// Messages released to see who receives them next.
    pub released: u64,
    /// Messages that went to another consumer, as far as that was noticed.
    pub elsewhere: u64,
    /// Events of buckets that no Source has. They are also counted as `unrouted`.
    pub other_buckets: u64,
    /// Records of CloudTrail.
    pub cloudtrail: u64,
    /// Events of keys that cannot be indexed, because they are not UTF-8.
    pub unusable_keys: u64,
    /// Events of buckets or prefixes that no Source covers.
    pub unrouted: u64,
    /// Events of keys that the rules do not admit.
    pub not_admitted: u64,
    /// Events of types that do not change a listing.
    pub irrelevant: u64,
    /// Events of unknown types.
    pub unknown: u64,
}

impl QueueReport {
    pub(super) fn of(queue: &QueueStatus) -> Self {
        let (state, reason) = match queue.health() {
            QueueHealth::Starting => (ReceiveState::Starting, None),
            QueueHealth::Receiving => (ReceiveState::Receiving, None),
            QueueHealth::Failing(reason) => (ReceiveState::Failing, Some(reason)),
        };
        let counters = &queue.counters;
        Self {
            url: queue.url.clone(),
            state,
            reason,
            problems: queue.problems().into_iter().map(problem).collect(),
            wired: queue.is_wired(),
            attributes: queue.attributes().map(AttributesReport::of),
            counts: QueueCounts {
                received: counters.received.get(),
                redelivered: counters.redelivered.get(),
                acknowledged: counters.acknowledged.get(),
                unreadable: counters.unreadable.get(),
                failed: counters.failed.get(),
                refused_receipts: counters.refused_receipts.get(),
                released: counters.released.get(),
                elsewhere: counters.elsewhere.get(),
                other_buckets: counters.other_buckets.get(),
                cloudtrail: counters.cloudtrail.get(),
                unusable_keys: counters.unusable_keys.get(),
                unrouted: counters.unrouted.get(),
                not_admitted: counters.not_admitted.get(),
                irrelevant: counters.irrelevant.get(),
                unknown: counters.unknown.get(),
            },
        }
    }
}

fn problem((kind, text): (QueueProblem, String)) -> QueueProblemReport {
    let kind = kind.as_str().to_owned();
    QueueProblemReport { kind, text }
}

impl AttributesReport {
    fn of(attributes: QueueAttributes) -> Self {
        Self {
            visible: attributes.visible,
            in_flight: attributes.in_flight,
            delayed: attributes.delayed,
            retention_seconds: attributes.retention.as_secs(),
            dead_letter: attributes.redrive.map(|redrive| DeadLetterReport {
                arn: redrive.dead_letter_arn,
                max_receive_count: redrive.max_receive_count,
            }),
        }
    }
}
