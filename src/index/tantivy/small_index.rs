//! A small index for tests. Its records are tombstones: for these tests they are as good as assets.

use std::fs;
use std::path::{Path, PathBuf};

use super::{MIN_WRITER_MEMORY, TantivyEngine};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::SourceId;
use crate::index::{Change, Changes, Engine, RecordFilter};

/// The Source of all records.
pub const SOURCE: SourceId = SourceId(0);

/// An index in a temporary folder, open for writing.
pub struct SmallIndex {
    pub folder: tempfile::TempDir,
    pub engine: TantivyEngine,
}

/// The change of one key: the scan number of the tombstone to write, if any, and whether the key has a record already.
pub type KeyChange<'a> = (&'a str, Option<u64>, bool);

/// A tombstone. Tests tell tombstones apart by their scan numbers.
pub fn tombstone(scan: u64) -> Record {
    Record {
        content: RecordContent::Removed { scan },
        event_time: None,
        sequencer: None,
        listed_at: None,
    }
}

/// The changes of several keys.
pub fn changes(of_keys: &[KeyChange<'_>]) -> Changes {
    let change = |(key, scan, replaces): &KeyChange<'_>| {
        let record = scan.map(tombstone);
        let replaces = *replaces;
        ((SOURCE, (*key).to_owned()), Change { record, replaces })
    };
    of_keys.iter().map(change).collect()
}

impl SmallIndex {
    /// An empty index.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = TantivyEngine::open_or_create(folder.path(), MIN_WRITER_MEMORY).unwrap();
        Self { folder, engine }
    }

    /// An index with a segment for each of these lists of keys.
    pub fn with_segments(of_segments: &[&[&str]]) -> Self {
        let mut index = Self::empty();
        for keys in of_segments {
            let added: Vec<_> = keys.iter().map(|key| (*key, Some(1), false)).collect();
            index.commit(&added);
        }
        index
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn commit(&mut self, of_keys: &[KeyChange<'_>]) {
        let checkpoint = Checkpoint::default();
        self.engine.commit(&changes(of_keys), &checkpoint).unwrap();
    }

    /// Closes the index and opens it again.
    pub fn reopen(self) -> Self {
        self.reopen_after(|| {})
    }

    /// Closes the index, does something, and opens it again.
    pub fn reopen_after(self, change: impl FnOnce()) -> Self {
        let Self { folder, engine } = self;
        drop(engine);
        change();
        let engine = TantivyEngine::open(folder.path(), MIN_WRITER_MEMORY).unwrap();
        Self { folder, engine }
    }

    /// The files with this ending, by name.
    pub fn files(&self, ending: &str) -> Vec<PathBuf> {
        let files = fs::read_dir(self.path()).unwrap();
        let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|it| it == ending));
        files.sort_unstable();
        files
    }

    /// The keys of all records, with the scan numbers of the tombstones.
    pub fn records(&self) -> Vec<(String, u64)> {
        records_of(&self.engine)
    }
}

/// The keys of all records of an engine, with the scan numbers of the tombstones.
pub fn records_of(engine: &TantivyEngine) -> Vec<(String, u64)> {
    let everything = KeyInterval::everything();
    let read = engine.read(SOURCE, &everything, RecordFilter::All, usize::MAX);
    let scan = |record: &Record| match record.content {
        RecordContent::Removed { scan } => scan,
        RecordContent::Live { .. } => panic!("not a tombstone: {record:?}"),
    };
    let read = read.unwrap().into_iter();
    read.map(|(key, record)| {
        let scan = scan(&record);
        (key, scan)
    })
    .collect()
}
