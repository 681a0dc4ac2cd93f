//! Metrics of the index and of the disk that it lies on.

use super::super::metric::{Metric, Read};
use super::{metric, some};
use crate::observe::status::IndexHealth;

pub(super) const METRICS: [Metric; 11] = [
    metric(
        "asset_indexer_index_up",
        "Whether the index is open",
        Read::Process(|of| some(of.board.index() == IndexHealth::Open)),
    ),
    metric(
        "asset_indexer_index_bytes",
        "What the files of the index take on the disk",
        Read::Process(|of| of.disk.index_bytes.and_then(some)),
    ),
    metric(
        "asset_indexer_index_segments",
        "Parts of the index that each search looks through",
        Read::Process(|of| of.index.and_then(|index| some(index.segments))),
    ),
    metric(
        "asset_indexer_index_documents",
        "Records in the index, also those that only remember a removal",
        Read::Process(|of| of.index.and_then(|index| some(index.records))),
    ),
    metric(
        "asset_indexer_index_deleted_documents",
        "Records that are out of date and take room until a merge",
        Read::Process(|of| of.index.and_then(|index| some(index.deleted))),
    ),
    metric(
        "asset_indexer_disk_available_bytes",
        "What may still be written to the file system of the data directory",
        Read::Process(|of| of.disk.available_bytes.and_then(some)),
    ),
    metric(
        "asset_indexer_disk_size_bytes",
        "The size of the file system of the data directory",
        Read::Process(|of| of.disk.size_bytes.and_then(some)),
    ),
    metric(
        "asset_indexer_quarantine_messages",
        "Messages that could not be handled and are kept for a person to look at",
        Read::Process(|of| of.disk.quarantined.and_then(some)),
    ),
    metric(
        "asset_indexer_commit_seconds",
        "How long a commit of the index took, of those that succeeded",
        Read::Histogram(|of| &of.board.commits.took),
    ),
    metric(
        "asset_indexer_commit_documents_total",
        "Records that commits wrote or removed",
        Read::Process(|of| some(of.board.commits.records.get())),
    ),
    metric(
        "asset_indexer_commit_failures_total",
        "How often the index failed, at a commit or when it was opened",
        Read::Process(|of| some(of.board.commit_failures.get())),
    ),
];
