//! Which metrics there are: name, meaning, and where on the board the number stands.
//!
//! Names are as they are asked for, with the base unit at the end, and `_total` where the number only
//! rises, which it does until the process ends.

use super::metric::{Labelled, Metric, Number, Read};
use crate::status::report::State;
use crate::status::{Health, IndexHealth, SourceBoard};

fn some(number: impl Into<Number>) -> Option<Number> {
    Some(number.into())
}

const fn metric(name: &'static str, help: &'static str, read: Read) -> Metric {
    Metric { name, help, read }
}

/// All metrics, in the order in which they are written.
pub const METRICS: [Metric; 41] = [
    // The process.
    metric(
        "asset_indexer_build_info",
        "Always 1; the version of the program",
        Read::ProcessBy("version", |_| {
            vec![(env!("CARGO_PKG_VERSION"), true.into())]
        }),
    ),
    metric(
        "process_start_time_seconds",
        "When the process began, since 1970",
        Read::Process(|of| some(of.board.started)),
    ),
    metric(
        "asset_indexer_ready",
        "Whether the index is open and every queue has answered or failed",
        Read::Process(|of| some(of.board.is_ready())),
    ),
    metric(
        "asset_indexer_index_up",
        "Whether the index is open",
        Read::Process(|of| some(of.board.index() == IndexHealth::Open)),
    ),
    metric(
        "asset_indexer_index_bytes",
        "What the files of the index take on the disk",
        Read::Process(|of| of.index_bytes.and_then(some)),
    ),
    metric(
        "asset_indexer_commit_failures_total",
        "Commits of the index that failed",
        Read::Process(|of| some(of.board.commit_failures.get())),
    ),
    metric(
        "asset_indexer_config_reloads_total",
        "Configurations that were read after the first, by whether they were taken over",
        Read::ProcessBy("result", |of| {
            vec![
                ("success", of.board.reloads.get().into()),
                ("failure", of.board.refused_reloads.get().into()),
            ]
        }),
    ),
    // Sources.
    metric(
        "asset_indexer_source_state",
        "1 for the state that the Source is in, 0 for the others",
        Read::SourceBy("state", states),
    ),
    metric(
        "asset_indexer_assets",
        "Assets that search can find",
        Read::Source(|source| some(source.tally.assets())),
    ),
    metric(
        "asset_indexer_drift_assets",
        "Assets that the newest scan had to mend although events should have told; 0 is expected",
        Read::SourceBy("kind", drift),
    ),
    metric(
        "asset_indexer_last_complete_scan_timestamp_seconds",
        "As of when the newest complete scan shows the bucket, since 1970",
        Read::Source(|source| source.complete_as_of().and_then(some)),
    ),
    metric(
        "asset_indexer_scans_total",
        "Scans that ended, by whether they completed",
        Read::SourceBy("result", |source| {
            vec![
                ("success", source.scans.get().into()),
                ("failure", source.failed_scans.get().into()),
            ]
        }),
    ),
    // The scan that is under way; nothing where none is, but for the first.
    metric(
        "asset_indexer_scan_running",
        "Whether a scan is under way",
        Read::Source(|source| some(source.scan().is_some())),
    ),
    metric(
        "asset_indexer_scan_start_time_seconds",
        "When the running scan began, since 1970",
        Read::Scan(|scan| scan.since.into()),
    ),
    metric(
        "asset_indexer_scan_keys_listed",
        "Keys that the running scan has listed",
        Read::Scan(|scan| scan.progress.listed.get().into()),
    ),
    metric(
        "asset_indexer_scan_keys_admitted",
        "Keys that the running scan has listed and the rules admit",
        Read::Scan(|scan| scan.progress.admitted.get().into()),
    ),
    metric(
        "asset_indexer_scan_assets_added",
        "Assets that the running scan found to be new",
        Read::Scan(|scan| scan.progress.added.get().into()),
    ),
    metric(
        "asset_indexer_scan_assets_changed",
        "Assets whose record the running scan wrote anew",
        Read::Scan(|scan| scan.progress.changed.get().into()),
    ),
    metric(
        "asset_indexer_scan_assets_removed",
        "Assets that the running scan removed from the index",
        Read::Scan(|scan| scan.progress.removed.get().into()),
    ),
    metric(
        "asset_indexer_scan_keys_expected",
        "An estimate of how many keys the running scan is to list, made when it began",
        Read::Scan(|scan| scan.progress.expected.get().into()),
    ),
    // Events of a Source.
    metric(
        "asset_indexer_events_written_total",
        "Events whose effect was written to the index",
        Read::Source(|source| some(source.written.get())),
    ),
    metric(
        "asset_indexer_events_stale_total",
        "Events of which the index knew as much or more",
        Read::Source(|source| some(source.stale.get())),
    ),
    metric(
        "asset_indexer_look_ups_total",
        "Keys that were listed alone, because an event did not tell enough",
        Read::Source(|source| some(source.look_ups.get())),
    ),
    metric(
        "asset_indexer_event_lag_seconds",
        "From an event to its being searchable, of all events",
        Read::Lags,
    ),
    metric(
        "asset_indexer_event_lag_recent_seconds",
        "From an event to its being searchable, of the newest 1024 events: half, 99 in 100, all took no longer",
        Read::SourceBy("quantile", recent_lag),
    ),
    // Queues.
    metric(
        "asset_indexer_queue_up",
        "Whether the queue is received from",
        Read::Queue(|queue| some(queue.health() == Health::Receiving)),
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

fn states(source: &SourceBoard) -> Vec<Labelled> {
    let now = State::of(source.phase(), !source.troubles().is_empty());
    let mark = |state: State| (state.as_str(), (state == now).into());
    State::ALL.map(mark).into()
}

fn drift(source: &SourceBoard) -> Vec<Labelled> {
    let Some(drift) = source.tally.drift() else {
        return Vec::new();
    };
    vec![
        ("missing", drift.missing.into()),
        ("stale", drift.stale.into()),
        ("left_over", drift.left_over.into()),
    ]
}

fn recent_lag(source: &SourceBoard) -> Vec<Labelled> {
    let Some(figures) = source.lag.figures() else {
        return Vec::new();
    };
    vec![
        ("0.5", figures.p50.into()),
        ("0.99", figures.p99.into()),
        ("1", figures.max.into()),
    ]
}
