//! Metrics of each Source: its state, its scans, its events.

use super::super::metric::{LabeledValue, Metric, Reader};
use super::{metric, some};
use crate::observe::status::SourceStatus;
use crate::observe::status::report::DeploymentState;

pub(super) const METRICS: [Metric; 22] = [
    metric(
        "asset_indexer_source_state",
        "1 for the current state of the Source, 0 for the others",
        Reader::SourceBy("state", states),
    ),
    metric(
        "asset_indexer_assets",
        "Assets that searches can find",
        Reader::Source(|source| some(source.tally.assets())),
    ),
    metric(
        "asset_indexer_former_assets",
        "Assets of the former bucket or prefix, which searches find until the new one has an asset",
        Reader::Source(|source| some(source.tally.former_assets())),
    ),
    metric(
        "asset_indexer_large_removal_timestamp_seconds",
        "When the Source last lost more than half of its assets at once, since the process started",
        Reader::LargeRemovals,
    ),
    metric(
        "asset_indexer_drift_assets",
        "Assets the last scan had to repair although events should have reported them. Expected: 0",
        Reader::SourceBy("kind", drift),
    ),
    metric(
        "asset_indexer_last_complete_scan_timestamp_seconds",
        "Time as of which the last complete scan made the index match the bucket",
        Reader::Source(|source| source.complete_as_of().and_then(some)),
    ),
    metric(
        "asset_indexer_scan_interval_seconds",
        "Configured maximum time between two scans of the Source",
        Reader::Source(|source| source.settings().scan_interval.and_then(some)),
    ),
    metric(
        "asset_indexer_scans_total",
        "Finished scans, by result",
        Reader::SourceBy("result", |source| {
            vec![
                ("success", source.scans.get().into()),
                ("failure", source.failed_scans.get().into()),
            ]
        }),
    ),
    metric(
        "asset_indexer_unusable_keys",
        "Keys that the last complete scan skipped, because they are not UTF-8 or wrongly encoded",
        Reader::Source(|source| some(source.unusable_keys().map_or(0, |keys| keys.count))),
    ),
    // The running scan. Without one, only `scan_running` has a value.
    metric(
        "asset_indexer_scan_running",
        "1 if a scan is running",
        Reader::Source(|source| some(source.scan().is_some())),
    ),
    metric(
        "asset_indexer_scan_start_time_seconds",
        "Start time of the running scan",
        Reader::Scan(|scan| scan.since.into()),
    ),
    metric(
        "asset_indexer_scan_keys_listed",
        "Keys listed by the running scan",
        Reader::Scan(|scan| scan.progress.listed.get().into()),
    ),
    metric(
        "asset_indexer_scan_keys_admitted",
        "Keys listed by the running scan that the rules admit",
        Reader::Scan(|scan| scan.progress.admitted.get().into()),
    ),
    metric(
        "asset_indexer_scan_assets_added",
        "Assets added by the running scan",
        Reader::Scan(|scan| scan.progress.added.get().into()),
    ),
    metric(
        "asset_indexer_scan_assets_changed",
        "Assets updated by the running scan",
        Reader::Scan(|scan| scan.progress.changed.get().into()),
    ),
    metric(
        "asset_indexer_scan_assets_removed",
        "Assets removed by the running scan",
        Reader::Scan(|scan| scan.progress.removed.get().into()),
    ),
    metric(
        "asset_indexer_scan_keys_expected",
        "Estimated number of keys the running scan will list, made at its start",
        Reader::Scan(|scan| scan.progress.expected.get().into()),
    ),
    // Events of a Source.
    metric(
        "asset_indexer_events_written_total",
        "Events that were written to the index",
        Reader::Source(|source| some(source.written.get())),
    ),
    metric(
        "asset_indexer_events_stale_total",
        "Events that were not newer than the index",
        Reader::Source(|source| some(source.stale.get())),
    ),
    metric(
        "asset_indexer_look_ups_total",
        "Keys listed one by one because an event had too little information",
        Reader::Source(|source| some(source.look_ups.get())),
    ),
    metric(
        "asset_indexer_event_lag_seconds",
        "Time from an event until it is searchable",
        Reader::SourceHistogram(|source| source.lag.all()),
    ),
    metric(
        "asset_indexer_event_lag_recent_seconds",
        "Time from an event until it is searchable: quantiles of the last 1024 events",
        Reader::SourceBy("quantile", recent_lag),
    ),
];

fn states(source: &SourceStatus) -> Vec<LabeledValue> {
    let now = DeploymentState::of(source.phase(), !source.conditions().is_empty());
    let mark = |state: DeploymentState| (state.as_str(), (state == now).into());
    DeploymentState::ALL.map(mark).into()
}

fn drift(source: &SourceStatus) -> Vec<LabeledValue> {
    let Some(drift) = source.tally.drift() else {
        return Vec::new();
    };
    vec![
        ("missing", drift.missing.into()),
        ("stale", drift.stale.into()),
        ("left_over", drift.left_over.into()),
    ]
}

fn recent_lag(source: &SourceStatus) -> Vec<LabeledValue> {
    let Some(summary) = source.lag.summary() else {
        return Vec::new();
    };
    vec![
        ("0.5", summary.p50.into()),
        ("0.99", summary.p99.into()),
        ("1", summary.max.into()),
    ]
}
