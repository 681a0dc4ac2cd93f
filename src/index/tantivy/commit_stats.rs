//! Statistics of one commit: its segments, their sizes, and the version of the program that wrote it.
//!
//! [`CommitStats`] reads only `meta.json` and the sizes of files. It works for any schema version, and for an
//! index whose segments are damaged. [`count_records_in`] opens the index and counts its records.

use std::collections::BTreeMap;
use std::path::Path;

use tantivy::index::SegmentMeta;
use tantivy::{Index, IndexMeta};

use super::audit::run_on_thread;
use super::payload::Payload;
use super::read_only::{CommitFolder, open_newest};
use super::{TantivyEngine, columns::read_error, failure, identity};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::SourceId;
use crate::index::IndexError;

/// Statistics of one commit of an index.
#[derive(Clone, Debug)]
pub struct CommitStats {
    /// The version of the program that wrote the commit. `None` if an old version wrote it.
    pub program: Option<String>,
    /// The checkpoint of the commit.
    pub checkpoint: Checkpoint,
    /// The segments, the largest first.
    pub segments: Vec<SegmentStats>,
}

/// Statistics of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentStats {
    /// The id of the segment. The names of its files begin with it.
    pub name: String,
    /// Number of documents that are not deleted.
    pub documents: u32,
    /// Number of deleted documents. They take up space until the segment is merged.
    pub deleted: u32,
    /// Size of its files in bytes.
    pub bytes: u64,
}

/// Number of records of one Source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Live records.
    pub assets: u64,
    /// Tombstones.
    pub tombstones: u64,
}

impl CommitStats {
    /// Reads the statistics of the newest commit of the index in the folder.
    pub fn of(path: &Path) -> Result<Self, IndexError> {
        open_newest(CommitFolder::newest(path)?, |commit| {
            let index = Index::open(commit).map_err(failure::failed_to("open the index"))?;
            let metas = index
                .load_metas()
                .map_err(failure::failed_to("read the index"))?;
            let Payload {
                checkpoint,
                program,
                ..
            } = Payload::read(metas.payload.as_deref())?;
            let stats = |segment| SegmentStats::of(path, &metas, segment);
            let mut segments: Vec<_> = metas.segments.iter().map(stats).collect();
            segments.sort_by_key(|segment| std::cmp::Reverse(segment.bytes));
            Ok(Self {
                program,
                checkpoint,
                segments,
            })
        })
    }
}

impl SegmentStats {
    fn of(path: &Path, metas: &IndexMeta, segment: &SegmentMeta) -> Self {
        let name = segment.id().uuid_string();
        let files = metas.list_segment_files();
        let files = files
            .iter()
            .filter(|file| file.to_string_lossy().starts_with(&name));
        // A missing file counts as empty: a merge may just have removed it.
        let size = |file| std::fs::metadata(path.join(file)).map_or(0, |metadata| metadata.len());
        Self {
            documents: segment.num_docs(),
            deleted: segment.num_deleted_docs(),
            bytes: files.map(size).sum(),
            name,
        }
    }
}

/// Counts the records of each Source of the checkpoint in the newest commit of the index in the folder.
///
/// The index may have any schema version. If reading a damaged index panics, the panic becomes an error.
pub fn count_records_in(
    path: &Path,
    checkpoint: &Checkpoint,
) -> Result<BTreeMap<SourceId, RecordCounts>, String> {
    run_on_thread("the index", || {
        let engine = TantivyEngine::open_any_schema(path)?;
        let ids = checkpoint.sources.iter().map(|state| state.id);
        ids.map(|id| Ok((id, engine.count_records(id)?))).collect()
    })
}

impl TantivyEngine {
    /// Counts the records of the Source.
    pub fn count_records(&self, source: SourceId) -> Result<RecordCounts, IndexError> {
        let bounds = identity::ukey_bounds(source, &KeyInterval::everything());
        let mut records = RecordCounts::default();
        for columns in &self.snapshot().segments {
            let docs = columns.docs(&bounds).map_err(read_error())?;
            for doc in docs.filter(|doc| columns.is_alive(*doc)) {
                if columns.is_tombstone(doc) {
                    records.tombstones += 1
                } else {
                    records.assets += 1
                }
            }
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::record::{Record, RecordContent};
    use crate::core::replication::timestamp::Timestamp;
    use crate::index::tantivy::MIN_WRITER_MEMORY;
    use crate::index::{Change, Changes, Engine};

    fn change(replaces: bool) -> Change {
        let record = Record {
            content: RecordContent::Removed { scan: 0 },
            event_time: Some(Timestamp::from_millis(1)),
            sequencer: None,
            listed_at: None,
        };
        Change {
            record: Some(record),
            replaces,
        }
    }

    #[test]
    fn counts_live_and_deleted_documents_of_segments() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let mut engine = TantivyEngine::open_or_create(path, MIN_WRITER_MEMORY).unwrap();
        let id = |key: &str| (SourceId(0), key.to_owned());
        let keys = (0..50).map(|number| (id(&number.to_string()), change(false)));
        let first: Changes = keys.collect();
        let checkpoint = Checkpoint::default();
        engine.commit(&first, &checkpoint).unwrap();
        let second = Changes::from([(id("7"), change(true))]);
        engine.commit(&second, &checkpoint).unwrap();

        let stats = CommitStats::of(path).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(stats.program.as_deref(), Some(version));
        let counts = stats.segments.iter().map(|it| (it.documents, it.deleted));
        assert_eq!(counts.collect::<Vec<_>>(), [(49, 1), (1, 0)]);
        assert!(stats.segments.iter().all(|segment| segment.bytes > 500));
        let records = engine.count_records(SourceId(0)).unwrap();
        assert_eq!((records.assets, records.tombstones), (0, 50));
    }
}
