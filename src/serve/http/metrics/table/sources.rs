//! Metrics of each Source: its state, its scans, its events.

use super::super::metric::{Labelled, Metric, Read};
use super::{metric, some};
use crate::observe::status::SourceStatus;
use crate::observe::status::report::DeploymentState;

pub(super) const METRICS: [Metric; 18] = [
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
        Read::SourceHistogram(|source| source.lag.all()),
    ),
    metric(
        "asset_indexer_event_lag_recent_seconds",
        "From an event to its being searchable, of the newest 1024 events: half, 99 in 100, all took no longer",
        Read::SourceBy("quantile", recent_lag),
    ),
];

fn states(source: &SourceStatus) -> Vec<Labelled> {
    let now = DeploymentState::of(source.phase(), !source.conditions().is_empty());
    let mark = |state: DeploymentState| (state.as_str(), (state == now).into());
    DeploymentState::ALL.map(mark).into()
}

fn drift(source: &SourceStatus) -> Vec<Labelled> {
    let Some(drift) = source.tally.drift() else {
        return Vec::new();
    };
    vec![
        ("missing", drift.missing.into()),
        ("stale", drift.stale.into()),
        ("left_over", drift.left_over.into()),
    ]
}

fn recent_lag(source: &SourceStatus) -> Vec<Labelled> {
    let Some(figures) = source.lag.figures() else {
        return Vec::new();
    };
    vec![
        ("0.5", figures.p50.into()),
        ("0.99", figures.p99.into()),
        ("1", figures.max.into()),
    ]
}
