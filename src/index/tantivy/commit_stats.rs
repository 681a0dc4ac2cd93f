//! What one commit is made of: its segments with their sizes, and who wrote it.
//!
//! Only `meta.json` and the sizes of files are looked at, so it can be told of an index of any schema
//! version, and of one whose segments are damaged. What is in them is the engine's to count.

use std::collections::BTreeMap;
use std::path::Path;

use tantivy::index::SegmentMeta;
use tantivy::{Index, IndexMeta};

use super::audit::run_on_thread;
use super::read_only::{CommitFolder, open_newest};
use super::{TantivyEngine, columns::read_error, failure, identity, payload};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::SourceId;
use crate::index::IndexError;

/// One commit of an index.
#[derive(Clone, Debug)]
pub struct CommitStats {
    /// The version of the program that wrote it, where that is known.
    pub program: Option<String>,
    /// Its checkpoint.
    pub checkpoint: Checkpoint,
    /// Its segments, the largest first.
    pub segments: Vec<SegmentStats>,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentStats {
    /// What its files' names begin with.
    pub name: String,
    /// Documents that are not deleted.
    pub documents: u32,
    /// Documents that are deleted, and take room until their segment is merged.
    pub deleted: u32,
    /// Bytes of its files.
    pub bytes: u64,
}

/// The records of one Source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Live ones.
    pub assets: u64,
    /// Tombstones.
    pub tombstones: u64,
}

impl CommitStats {
    /// The newest commit of the index in the folder.
    pub fn of(path: &Path) -> Result<Self, IndexError> {
        open_newest(CommitFolder::newest(path)?, |commit| {
            let index = Index::open(commit).map_err(failure::failed_to("open the index"))?;
            let metas = index.load_metas().map_err(failure::failed_to("read the index"))?;
            let (checkpoint, program) = payload::read(metas.payload.as_deref())?;
            let facts = |segment| SegmentStats::of(path, &metas, segment);
            let mut segments: Vec<_> = metas.segments.iter().map(facts).collect();
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
        // One that is not there, as a merge may just have removed it, takes no room.
        let size = |file| std::fs::metadata(path.join(file)).map_or(0, |found| found.len());
        Self {
            documents: segment.num_docs(),
            deleted: segment.num_deleted_docs(),
            bytes: files.map(size).sum(),
            name,
        }
    }
}

/// How many records each Source of the checkpoint has in the newest commit of the index in the folder.
///
/// It can be of any schema version. An error is also that it is so damaged that reading it panics.
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
    /// How many records the Source has.
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
    fn segments_are_told_with_what_is_deleted_in_them_and_what_they_take() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let mut engine = TantivyEngine::open_or_create(path, MIN_WRITER_MEMORY).unwrap();
        let place = |key: &str| (SourceId(0), key.to_owned());
        let keys = (0..50).map(|number| (place(&number.to_string()), change(false)));
        let first: Changes = keys.collect();
        let checkpoint = Checkpoint::default();
        engine.commit(&first, &checkpoint).unwrap();
        let second = Changes::from([(place("7"), change(true))]);
        engine.commit(&second, &checkpoint).unwrap();

        let facts = CommitStats::of(path).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(facts.program.as_deref(), Some(version));
        let counts = facts.segments.iter().map(|it| (it.documents, it.deleted));
        assert_eq!(counts.collect::<Vec<_>>(), [(49, 1), (1, 0)]);
        assert!(facts.segments.iter().all(|segment| segment.bytes > 500));
        let records = engine.count_records(SourceId(0)).unwrap();
        assert_eq!((records.assets, records.tombstones), (0, 50));
    }
}
