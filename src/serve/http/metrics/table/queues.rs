//! Metrics of each queue: whether it answers, and what came from it.

use super::super::metric::{Metric, Read};
use super::{metric, some};
use crate::observe::status::QueueHealth;

pub(super) const METRICS: [Metric; 17] = [
    metric(
        "asset_indexer_queue_up",
        "Whether the queue is received from",
        Read::Queue(|queue| some(queue.health() == QueueHealth::Receiving)),
    ),
    metric(
        "asset_indexer_queue_wired",
        "Whether anything has shown that S3 sends events to the queue",
        Read::Queue(|queue| some(queue.is_wired())),
    ),
    metric(
        "asset_indexer_queue_messages_visible",
        "About how many messages can be received now",
        Read::Queue(|queue| queue.attributes().and_then(|of| some(of.visible))),
    ),
    metric(
        "asset_indexer_queue_messages_in_flight",
        "About how many messages are received and not acknowledged",
        Read::Queue(|queue| queue.attributes().and_then(|of| some(of.in_flight))),
    ),
    metric(
        "asset_indexer_queue_messages_delayed",
        "About how many messages cannot be received yet",
        Read::Queue(|queue| queue.attributes().and_then(|of| some(of.delayed))),
    ),
    metric(
        "asset_indexer_queue_retention_seconds",
        "How long the queue keeps a message",
        Read::Queue(|queue| queue.attributes().and_then(|of| some(of.retention))),
    ),
    // What came from a queue.
    metric(
        "asset_indexer_messages_received_total",
        "Messages received, each delivery counted",
        Read::Queue(|queue| some(queue.counters.received.get())),
    ),
    metric(
        "asset_indexer_messages_redelivered_total",
        "Messages received that had been received before",
        Read::Queue(|queue| some(queue.counters.redelivered.get())),
    ),
    metric(
        "asset_indexer_messages_acknowledged_total",
        "Messages acknowledged",
        Read::Queue(|queue| some(queue.counters.acknowledged.get())),
    ),
    metric(
        "asset_indexer_messages_unreadable_total",
        "Deliveries of messages that cannot be read",
        Read::Queue(|queue| some(queue.counters.unreadable.get())),
    ),
    metric(
        "asset_indexer_messages_failed_total",
        "Deliveries whose handling failed",
        Read::Queue(|queue| some(queue.counters.failed.get())),
    ),
    metric(
        "asset_indexer_messages_dead_lettered_total",
        "Deliveries that could not be handled and were the last before the dead-letter queue",
        Read::Queue(|queue| some(queue.counters.dead_lettered.get())),
    ),
    metric(
        "asset_indexer_receipts_refused_total",
        "Acknowledgements and extensions that the queue refused",
        Read::Queue(|queue| some(queue.counters.refused_receipts.get())),
    ),
    metric(
        "asset_indexer_events_unrouted_total",
        "Events of a bucket or folder that no Source has",
        Read::Queue(|queue| some(queue.counters.unrouted.get())),
    ),
    metric(
        "asset_indexer_events_not_admitted_total",
        "Events that no rule admits",
        Read::Queue(|queue| some(queue.counters.not_admitted.get())),
    ),
    metric(
        "asset_indexer_events_irrelevant_total",
        "Events that change nothing that a listing shows",
        Read::Queue(|queue| some(queue.counters.irrelevant.get())),
    ),
    metric(
        "asset_indexer_events_unknown_total",
        "Events of a name that this program does not know",
        Read::Queue(|queue| some(queue.counters.unknown.get())),
    ),
];
