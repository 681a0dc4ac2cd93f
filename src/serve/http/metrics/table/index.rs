//! Metrics of the index and its disk.

use super::super::metric::{Metric, Reader};
use super::{metric, some};
use crate::observe::status::IndexHealth;

pub(super) const METRICS: [Metric; 13] = [
    metric(
        "asset_indexer_index_up",
        "1 if the index is open",
        Reader::Process(|scrape| some(scrape.board.index() == IndexHealth::Open)),
    ),
    metric(
        "asset_indexer_index_degraded",
        "1 if merges leave out segments, usually because files are damaged",
        Reader::Process(|scrape| some(scrape.board.index_problem().is_some())),
    ),
    metric(
        "asset_indexer_index_bytes",
        "Size of the index on disk",
        Reader::Process(|scrape| scrape.disk.index_bytes.and_then(some)),
    ),
    metric(
        "asset_indexer_index_segments",
        "Segments that each search reads",
        Reader::Process(|scrape| scrape.index.and_then(|index| some(index.segments))),
    ),
    metric(
        "asset_indexer_index_documents",
        "Records in the index, including tombstones of removed assets",
        Reader::Process(|scrape| scrape.index.and_then(|index| some(index.records))),
    ),
    metric(
        "asset_indexer_index_deleted_documents",
        "Outdated records that take up space until a merge",
        Reader::Process(|scrape| scrape.index.and_then(|index| some(index.deleted))),
    ),
    metric(
        "asset_indexer_disk_available_bytes",
        "Free space on the file system of the data directory",
        Reader::Process(|scrape| scrape.disk.available_bytes.and_then(some)),
    ),
    metric(
        "asset_indexer_disk_size_bytes",
        "Size of the file system of the data directory",
        Reader::Process(|scrape| scrape.disk.size_bytes.and_then(some)),
    ),
    metric(
        "asset_indexer_quarantine_messages",
        "Messages in quarantine: they could not be handled and are kept for inspection",
        Reader::Process(|scrape| scrape.disk.quarantined.and_then(some)),
    ),
    metric(
        "asset_indexer_commit_seconds",
        "Duration of successful index commits",
        Reader::Histogram(|scrape| &scrape.board.commits.took),
    ),
    metric(
        "asset_indexer_commit_documents_total",
        "Records written or removed by commits",
        Reader::Process(|scrape| some(scrape.board.commits.records.get())),
    ),
    metric(
        "asset_indexer_commit_failures_total",
        "Failures to commit or to open the index",
        Reader::Process(|scrape| some(scrape.board.commit_failures.get())),
    ),
    metric(
        "asset_indexer_merge_failures_total",
        "Merges of index segments that failed",
        Reader::Process(|scrape| some(scrape.board.merge_failures())),
    ),
];
