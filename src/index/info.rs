//! What a data directory holds, told without changing anything and without waiting for its writer.
//!
//! How it is shown is the caller's affair. Whether it is sound is an audit's to say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::IndexError;
use super::current::read_current;
use super::directory::DataDir;
use super::disk::Room;
use super::tantivy::commit_stats::{CommitStats, RecordCounts, count_records_in};
use crate::core::query::hit::rfc3339;
use crate::core::replication::source_state::{RunningScan, SourceId, SourceState};

/// A data directory and its live index. Times are RFC 3339 in UTC, by S3's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct IndexInfo {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The name of the live generation.
    pub generation: String,
    /// The schema version of the live index.
    pub schema_version: u32,
    /// Whether this program can read it; otherwise only a rebuild goes on from it.
    pub is_readable: bool,
    /// The version of the program that wrote it last, where that is known.
    pub program: Option<String>,
    /// Its Sources, in the order of their first appearance.
    pub sources: Vec<SourceInfo>,
    /// Its segments, the largest first.
    pub segments: Vec<SegmentInfo>,
    /// Bytes of its segments.
    pub bytes: u64,
    /// Bytes that may still be written to its disk.
    pub free_bytes: u64,
    /// Who holds the writer's lock.
    pub writer: Option<String>,
    /// The names of generations that are not live.
    pub other_generations: Vec<String>,
    /// Why the records could not be counted, where they could not.
    pub problem: Option<String>,
}

/// One Source of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SourceInfo {
    /// Its name.
    pub name: String,
    /// Its number in the index.
    pub id: u16,
    /// The bucket and store that its records are of.
    pub origin: String,
    /// What all its keys begin with.
    pub prefix: String,
    /// Its subdomains, the present one last.
    pub subdomains: Vec<String>,
    /// How many assets it has, where they could be counted.
    pub assets: Option<u64>,
    /// How many tombstones it has, where they could be counted.
    pub tombstones: Option<u64>,
    /// The number of the last scan that has begun.
    pub last_scan: u64,
    /// As of when a scan has shown everything.
    pub complete_as_of: Option<String>,
    /// The scan that is under way, or was when whoever scanned ended.
    pub running: Option<ScanInfo>,
    /// The queue that has been seen to get the bucket's events.
    pub wired_queue: Option<String>,
}

/// A scan that is not complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ScanInfo {
    /// When it began, once its first page was in.
    pub started: Option<String>,
    /// Into how many ranges of keys it is cut.
    pub ranges: usize,
    /// How many of them are done.
    pub ranges_done: usize,
    /// Whether only what new rules admit is listed.
    pub partial: bool,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SegmentInfo {
    /// What its files' names begin with.
    pub name: String,
    /// Documents that are not deleted.
    pub documents: u32,
    /// Documents that are deleted.
    pub deleted: u32,
    /// Bytes.
    pub bytes: u64,
}

impl IndexInfo {
    /// Looks at a data directory.
    pub(crate) fn of(data_dir: &DataDir) -> Result<Self, IndexError> {
        let read = |live: &Path| {
            let facts = CommitStats::of(live)?;
            let counted = count_records_in(live, &facts.checkpoint);
            Ok((name_of(live), facts, counted))
        };
        let (generation, facts, counted) = read_current(data_dir, read)?;
        let records = counted.as_ref().ok();
        let sources = facts.checkpoint.sources.iter();
        let segments = facts.segments.into_iter().map(|segment| SegmentInfo {
            name: segment.name,
            documents: segment.documents,
            deleted: segment.deleted,
            bytes: segment.bytes,
        });
        let segments: Vec<_> = segments.collect();
        Ok(Self {
            data_dir: data_dir.path().to_owned(),
            schema_version: data_dir.current_schema_version()?.unwrap_or_default(),
            is_readable: data_dir.current().is_ok(),
            program: facts.program,
            sources: sources
                .map(|state| SourceInfo::of(state, records))
                .collect(),
            bytes: segments.iter().map(|segment| segment.bytes).sum(),
            segments,
            free_bytes: Room::of(data_dir.path())?.free_bytes,
            writer: data_dir.lock_holder()?,
            other_generations: data_dir.other_generations()?,
            problem: counted.err(),
            generation,
        })
    }

    /// The sum of the records that could be counted.
    pub(crate) fn records(&self) -> RecordCounts {
        let sum =
            |count: fn(&SourceInfo) -> Option<u64>| self.sources.iter().filter_map(count).sum();
        RecordCounts {
            assets: sum(|source| source.assets),
            tombstones: sum(|source| source.tombstones),
        }
    }

    /// How many deleted documents take room.
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
