//! Metrics of each queue: its state, its depth, and the messages received.

use super::super::metric::{Metric, Reader};
use super::{metric, some};
use crate::observe::status::{QueueHealth, QueueProblem};

pub(super) const METRICS: [Metric; 23] = [
    metric(
        "asset_indexer_queue_up",
        "1 if messages are being received from the queue",
        Reader::Queue(|queue| some(queue.health() == QueueHealth::Receiving)),
    ),
    metric(
        "asset_indexer_queue_wired",
        "1 once there is evidence that S3 sends events to the queue",
        Reader::Queue(|queue| some(queue.is_wired())),
    ),
    metric(
        "asset_indexer_queue_messages_visible",
        "Approximate number of messages that can be received",
        Reader::Queue(|queue| queue.attributes().and_then(|it| some(it.visible))),
    ),
    metric(
        "asset_indexer_queue_messages_in_flight",
        "Approximate number of messages received but not acknowledged",
        Reader::Queue(|queue| queue.attributes().and_then(|it| some(it.in_flight))),
    ),
    metric(
        "asset_indexer_queue_messages_delayed",
        "Approximate number of messages that cannot be received yet",
        Reader::Queue(|queue| queue.attributes().and_then(|it| some(it.delayed))),
    ),
    metric(
        "asset_indexer_queue_retention_seconds",
        "How long the queue keeps a message",
        Reader::Queue(|queue| queue.attributes().and_then(|it| some(it.retention))),
    ),
    metric(
        "asset_indexer_queue_shared",
        "1 if another consumer receives messages of the queue",
        Reader::Queue(|queue| some(queue.has_problem(QueueProblem::Shared))),
    ),
    // Counters of messages and events.
    metric(
        "asset_indexer_messages_received_total",
        "Message deliveries received",
        Reader::Queue(|queue| some(queue.counters.received.get())),
    ),
    metric(
        "asset_indexer_messages_redelivered_total",
        "Deliveries of messages that were received before",
        Reader::Queue(|queue| some(queue.counters.redelivered.get())),
    ),
    metric(
        "asset_indexer_messages_acknowledged_total",
        "Messages acknowledged",
        Reader::Queue(|queue| some(queue.counters.acknowledged.get())),
    ),
    metric(
        "asset_indexer_messages_unreadable_total",
        "Deliveries of messages that could not be decoded",
        Reader::Queue(|queue| some(queue.counters.unreadable.get())),
    ),
    metric(
        "asset_indexer_messages_failed_total",
        "Deliveries whose handling failed",
        Reader::Queue(|queue| some(queue.counters.failed.get())),
    ),
    metric(
        "asset_indexer_messages_dead_lettered_total",
        "Deliveries that failed and were the last before the dead-letter queue",
        Reader::Queue(|queue| some(queue.counters.dead_lettered.get())),
    ),
    metric(
        "asset_indexer_receipts_refused_total",
        "Acknowledgements and visibility extensions that the queue refused",
        Reader::Queue(|queue| some(queue.counters.refused_receipts.get())),
    ),
    metric(
        "asset_indexer_messages_released_total",
        "Messages made visible again to see who receives them next",
        Reader::Queue(|queue| some(queue.counters.released.get())),
    ),
    metric(
        "asset_indexer_messages_elsewhere_total",
        "Messages that went to another consumer, as far as that was noticed",
        Reader::Queue(|queue| some(queue.counters.elsewhere.get())),
    ),
    metric(
        "asset_indexer_events_other_bucket_total",
        "Events of buckets that no Source has",
        Reader::Queue(|queue| some(queue.counters.other_buckets.get())),
    ),
    metric(
        "asset_indexer_events_cloudtrail_total",
        "Records of CloudTrail, which are ignored",
        Reader::Queue(|queue| some(queue.counters.cloudtrail.get())),
    ),
    metric(
        "asset_indexer_events_unusable_key_total",
        "Events of keys that cannot be indexed, because they are not UTF-8",
        Reader::Queue(|queue| some(queue.counters.unusable_keys.get())),
    ),
    metric(
        "asset_indexer_events_unrouted_total",
        "Events of buckets or prefixes that no Source covers",
        Reader::Queue(|queue| some(queue.counters.unrouted.get())),
    ),
    metric(
        "asset_indexer_events_not_admitted_total",
        "Events of keys that no rule admits",
        Reader::Queue(|queue| some(queue.counters.not_admitted.get())),
    ),
    metric(
        "asset_indexer_events_irrelevant_total",
        "Events of types that do not change a listing",
        Reader::Queue(|queue| some(queue.counters.irrelevant.get())),
    ),
    metric(
        "asset_indexer_events_unknown_total",
        "Events of unknown types",
        Reader::Queue(|queue| some(queue.counters.unknown.get())),
    ),
];
