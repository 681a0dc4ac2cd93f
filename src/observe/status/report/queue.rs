//! One queue, in the report.

use serde::{Deserialize, Serialize};

use crate::aws::queue::QueueAttributes;
use crate::observe::status::{QueueHealth, QueueStatus};

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueReport {
    /// Its address.
    pub url: String,
    /// Whether it is received from.
    pub state: ReceiveState,
    /// Why not, where it fails.
    pub reason: Option<String>,
    /// Whether anything has shown that S3 sends events to it.
    pub wired: bool,
    /// What it says of itself; `null` until it has.
    pub attributes: Option<AttributesReport>,
    /// What came, since the process began.
    pub counts: QueueCounts,
}

/// Whether a queue is received from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiveState {
    /// It has not answered yet, and has not failed either.
    Starting,
    /// It answers.
    Receiving,
    /// It does not.
    Failing,
}

/// What a queue says of itself; its counts are estimates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributesReport {
    /// Messages that can be received now.
    pub visible: u64,
    /// Messages that are received and not acknowledged.
    pub in_flight: u64,
    /// Messages that cannot be received yet.
    pub delayed: u64,
    /// How long the queue keeps a message.
    pub retention_seconds: u64,
    /// Where messages go that are received again and again; `null`: nowhere.
    pub dead_letter: Option<DeadLetterReport>,
}

/// Where messages go that are received again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterReport {
    /// The ARN of that queue.
    pub arn: String,
    /// How often a message is received before.
    pub max_receive_count: u32,
}

/// What came from one queue; see [`crate::observe::status::QueueCounters`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueCounts {
    /// Messages received, each delivery counted.
    pub received: u64,
    /// Those of them that had been received before.
    pub redelivered: u64,
    /// Messages acknowledged.
    pub acknowledged: u64,
    /// Deliveries of messages that cannot be read.
    pub unreadable: u64,
    /// Deliveries whose handling failed.
    pub failed: u64,
    /// Receipts that the queue refused.
    pub refused_receipts: u64,
    /// Events of a bucket or folder that no Source has.
    pub unrouted: u64,
    /// Events that no rule admits.
    pub not_admitted: u64,
    /// Events that change nothing that a listing shows.
    pub irrelevant: u64,
    /// Events of a name that this program does not know.
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
            wired: queue.is_wired(),
            attributes: queue.attributes().map(AttributesReport::of),
            counts: QueueCounts {
                received: counters.received.get(),
                redelivered: counters.redelivered.get(),
                acknowledged: counters.acknowledged.get(),
                unreadable: counters.unreadable.get(),
                failed: counters.failed.get(),
                refused_receipts: counters.refused_receipts.get(),
                unrouted: counters.unrouted.get(),
                not_admitted: counters.not_admitted.get(),
                irrelevant: counters.irrelevant.get(),
                unknown: counters.unknown.get(),
            },
        }
    }
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
