//! Pinned commits next to merges and damaged files.

use std::fs;

use super::*;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::SourceId;
use crate::index::tantivy::{MIN_WRITER_MEMORY, TantivyEngine};
use crate::index::{Change, Changes, Engine};

/// An index with three segments of 1, 2 and 3 documents.
struct TestIndex {
    folder: tempfile::TempDir,
    engine: TantivyEngine,
}

impl TestIndex {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = TantivyEngine::open_or_create(folder.path(), MIN_WRITER_MEMORY).unwrap();
        for keys in [&["a"][..], &["b", "c"], &["d", "e", "f"]] {
            let changes = keys
                .iter()
                .map(|key| ((SourceId(0), (*key).to_owned()), added()));
            let changes: Changes = changes.collect();
            engine.commit(&changes, &Checkpoint::default()).unwrap();
        }
        Self { folder, engine }
    }

    /// The segments, the smallest first.
    fn segments(&self) -> Vec<SegmentId> {
        let metas = PinnedCommit::newest(self.folder.path()).unwrap().metas;
        let mut segments = metas.segments;
        segments.sort_unstable_by_key(SegmentMeta::num_docs);
        segments.iter().map(SegmentMeta::id).collect()
    }

    /// Merges segments, and removes the files that only the commits before the merge need.
    fn merge(&mut self, segments: &[SegmentId]) {
        let writer = self.engine.writer.as_mut().unwrap();
        writer.merge(segments).wait().unwrap();
        self.engine
            .commit(&Changes::new(), &Checkpoint::default())
            .unwrap();
        let writer = self.engine.writer.as_ref().unwrap();
        writer.garbage_collect_files().wait().unwrap();
    }
}

/// A new tombstone. For these tests it is as good as an asset.
fn added() -> Change {
    let record = Record {
        content: RecordContent::Removed { scan: 1 },
        event_time: None,
        sequencer: None,
        listed_at: None,
    };
    Change {
        record: Some(record),
        replaces: false,
    }
}

fn has_every_file(commit: &PinnedCommit) -> bool {
    commit.files.iter().all(|file| file.open.is_ok())
}

#[test]
fn pins_a_newer_commit_if_a_merge_has_removed_only_some_files() {
    let mut index = TestIndex::new();
    let old = CommitFolder::newest(index.folder.path()).unwrap();
    index.merge(&index.segments()[..2]);
    let of_old = PinnedCommit::pin(old.clone()).unwrap();
    let is_there = |file: &PinnedFile| file.open.is_ok();
    assert!(!has_every_file(&of_old) && of_old.files.iter().any(is_there));
    let pinned = PinnedCommit::pin_or_newer(old).unwrap();
    assert_eq!(pinned.metas.segments.len(), 2);
    assert!(has_every_file(&pinned) && pinned.damages(|_| {}).unwrap().is_empty());
}

#[test]
fn every_segment_with_a_damaged_file_is_left_out() {
    let index = TestIndex::new();
    let segments = index.segments();
    for entry in fs::read_dir(index.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_of = |segment: &SegmentId| name.starts_with(&segment.uuid_string());
        if segments[..2].iter().any(is_of) && name.ends_with(".term") {
            fs::write(path, "damaged").unwrap();
        }
    }
    let commit = PinnedCommit::newest(index.folder.path()).unwrap();
    let damages = commit.damages(|_| {}).unwrap();
    let (whole, lost) = commit.without_damaged_segments(&damages).unwrap();
    assert_eq!((damages.len(), lost), (2, 3));
    let left = PinnedCommit::pin(whole).unwrap();
    assert_eq!(left.metas.segments.len(), 1);
    assert_eq!(left.metas.segments[0].id(), segments[2]);
}
