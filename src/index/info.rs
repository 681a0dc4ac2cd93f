//! Describes a data directory: its current index, Sources, segments and writer.
//!
//! It changes nothing and does not wait for the writer. It does not look for damage: the audit does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::IndexError;
use super::current::read_current;
use super::directory::{DataDir, schema_version_of};
use super::disk::DiskSpace;
use super::tantivy::commit_stats::{CommitStats, RecordCounts, count_records_in};
use crate::core::query::hit::rfc3339;
use crate::core::replication::checkpoint::BindingError;
use crate::core::replication::source_state::{RunningScan, SourceId, SourceState};

/// A data directory and its current index. Times are RFC 3339 in UTC, by S3's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct IndexInfo {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The name of the current generation.
    pub generation: String,
    /// The schema version of the current index.
    pub schema_version: u32,
    /// Whether this program can search the index. If not, the index must be rebuilt.
    pub is_readable: bool,
    /// The version of the program that wrote the last commit. `None` if an old version wrote it.
    pub program: Option<String>,
    /// The Sources of the index, in the order in which they were added.
    pub sources: Vec<SourceInfo>,
    /// The segments of the index, the largest first.
    pub segments: Vec<SegmentInfo>,
    /// Size of the segments in bytes.
    pub bytes: u64,
    /// Free space of the disk in bytes.
    pub free_bytes: u64,
    /// The process that holds the writer's lock: `process` and its id. `None` if no process holds it.
    pub writer: Option<String>,
    /// The names of the other generations.
    pub other_generations: Vec<String>,
    /// The error, if the records could not be counted.
    pub problem: Option<String>,
}

/// One Source of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SourceInfo {
    /// The name of the Source.
    pub name: String,
    /// Its id in the index.
    pub id: u16,
    /// The store and bucket that its records come from.
    pub origin: String,
    /// The prefix of all its keys.
    pub prefix: String,
    /// Its subdomains, the current one last.
    pub subdomains: Vec<String>,
    /// Number of assets. `None` if they could not be counted.
    pub assets: Option<u64>,
    /// Number of tombstones. `None` if they could not be counted.
    pub tombstones: Option<u64>,
    /// The number of the last started scan.
    pub last_scan: u64,
    /// The start of the newest completed scan: everything that happened before is in the index. `None` if no
    /// scan has completed.
    pub complete_as_of: Option<String>,
    /// The unfinished scan: it is running, or it was interrupted.
    pub running: Option<ScanInfo>,
    /// The queue that is known to receive the bucket's events.
    pub wired_queue: Option<String>,
}

/// An unfinished scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ScanInfo {
    /// When it started. `None` until its first page was applied.
    pub started: Option<String>,
    /// Number of its key ranges.
    pub ranges: usize,
    /// Number of key ranges that are done.
    pub ranges_done: usize,
    /// Whether it lists only the keys that new rules admit in addition to the old ones.
    pub partial: bool,
}

/// One segment of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SegmentInfo {
    /// The id of the segment. The names of its files begin with it.
    pub name: String,
    /// Number of documents that are not deleted.
    pub documents: u32,
    /// Number of deleted documents.
    pub deleted: u32,
    /// Size in bytes.
    pub bytes: u64,
}

/// Whether the current index has, or once had, a Source. A damaged index counts as one that has.
pub(crate) fn knows_sources(data_dir: &DataDir) -> Result<bool, IndexError> {
    let read = |live: &Path| {
        let stats = CommitStats::of(live);
        Ok(stats.map_or(true, |stats| !stats.checkpoint.sources.is_empty()))
    };
    Ok(data_dir.has_index()? && read_current(data_dir, read)?)
}

/// Checks whether the current index has bound the subdomain to a Source with another name. If there is no index, or it
/// cannot be read, nothing is known to be bound. Adding the Source to the index checks it again.
pub(crate) fn check_binding(
    data_dir: &DataDir,
    name: &str,
    subdomain: &str,
) -> Result<(), BindingError> {
    match read_current(data_dir, CommitStats::of) {
        Ok(stats) => stats.checkpoint.check_binding(name, subdomain),
        Err(_) => Ok(()),
    }
}

impl IndexInfo {
    /// Reads the description of a data directory.
    pub(crate) fn of(data_dir: &DataDir) -> Result<Self, IndexError> {
        let read = |live: &Path| {
            let stats = CommitStats::of(live)?;
            let counted = count_records_in(live, &stats.checkpoint);
            Ok((name_of(live), stats, counted))
        };
        let (generation, stats, counted) = read_current(data_dir, read)?;
        let records = counted.as_ref().ok();
        let sources = stats.checkpoint.sources.iter();
        let segments = stats.segments.into_iter().map(|segment| SegmentInfo {
            name: segment.name,
            documents: segment.documents,
            deleted: segment.deleted,
            bytes: segment.bytes,
        });
        let segments: Vec<_> = segments.collect();
        // If the file CURRENT is lost, the folder cannot tell which generation was described here.
        let mut other_generations = data_dir.other_generations()?;
        other_generations.retain(|other| *other != generation);
        Ok(Self {
            data_dir: data_dir.path().to_owned(),
            schema_version: schema_version_of(&generation).unwrap_or_default(),
            is_readable: data_dir.current().is_ok(),
            program: stats.program,
            sources: sources
                .map(|state| SourceInfo::of(state, records))
                .collect(),
            bytes: segments.iter().map(|segment| segment.bytes).sum(),
            segments,
            free_bytes: DiskSpace::of(data_dir.path())?.free_bytes,
            writer: data_dir.lock_holder()?,
            other_generations,
            problem: counted.err(),
            generation,
        })
    }

    /// The sums of the records of all Sources. Sources that could not be counted are left out.
    pub(crate) fn records(&self) -> RecordCounts {
        let sum =
            |count: fn(&SourceInfo) -> Option<u64>| self.sources.iter().filter_map(count).sum();
        RecordCounts {
            assets: sum(|source| source.assets),
            tombstones: sum(|source| source.tombstones),
        }
    }

    /// Number of deleted documents that still take up space.
    pub(crate) fn deleted(&self) -> u64 {
        let deleted = self.segments.iter().map(|it| u64::from(it.deleted));
        deleted.sum()
    }
}

impl SourceInfo {
    fn of(state: &SourceState, records: Option<&BTreeMap<SourceId, RecordCounts>>) -> Self {
        let records = records.and_then(|records| records.get(&state.id));
        Self {
            name: state.name.clone(),
            id: state.id.0,
            origin: state.origin.clone(),
            prefix: state.prefix.clone(),
            subdomains: state.subdomains.clone(),
            assets: records.map(|records| records.assets),
            tombstones: records.map(|records| records.tombstones),
            last_scan: state.last_scan,
            complete_as_of: state.complete_as_of.map(rfc3339),
            running: state.running.as_ref().map(ScanInfo::of),
            wired_queue: state.wired_queue.clone(),
        }
    }
}

impl ScanInfo {
    fn of(scan: &RunningScan) -> Self {
        Self {
            started: scan.started.map(rfc3339),
            ranges: scan.ranges.len(),
            ranges_done: scan.ranges.iter().filter(|range| range.done).count(),
            partial: scan.partial,
        }
    }
}

fn name_of(generation: &Path) -> String {
    let name = generation.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
