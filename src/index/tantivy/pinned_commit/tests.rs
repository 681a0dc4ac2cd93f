//! Pinned commits next to merges and damaged files.

use std::fs;

use super::*;
use crate::core::replication::checkpoint::Checkpoint;
use crate::index::tantivy::TantivyEngine;
use crate::index::tantivy::small_index::{SmallIndex, records_of};
use crate::index::{Changes, Engine};

/// An index with three segments of 1, 2 and 3 documents.
fn three_segments() -> SmallIndex {
    SmallIndex::with_segments(&[&["a"], &["b", "c"], &["d", "e", "f"]])
}

/// The segments, the smallest first.
fn segments(index: &SmallIndex) -> Vec<SegmentId> {
    let mut segments = PinnedCommit::newest(index.path()).unwrap().metas.segments;
    segments.sort_unstable_by_key(SegmentMeta::num_docs);
    segments.iter().map(SegmentMeta::id).collect()
}

/// Merges segments, and removes the files that only the commits before the merge need.
fn merge(index: &mut SmallIndex, segments: &[SegmentId]) {
    let engine = &mut index.engine;
    let writer = engine.writer.as_mut().unwrap();
    writer.merge(segments).wait().unwrap();
    let nothing = engine.commit(&Changes::new(), &Checkpoint::default());
    nothing.unwrap();
    let writer = engine.writer.as_ref().unwrap();
    writer.garbage_collect_files().wait().unwrap();
}

fn has_every_file(commit: &PinnedCommit) -> bool {
    commit.files.iter().all(|file| file.open.is_ok())
}

#[test]
fn pins_a_newer_commit_if_a_merge_has_removed_only_some_files() {
    let mut index = three_segments();
    let old = CommitFolder::newest(index.path()).unwrap();
    let smallest = segments(&index);
    merge(&mut index, &smallest[..2]);
    let of_old = PinnedCommit::pin(old.clone()).unwrap();
    let is_there = |file: &PinnedFile| file.open.is_ok();
    assert!(!has_every_file(&of_old) && of_old.files.iter().any(is_there));
    let pinned = PinnedCommit::pin_or_newer(old).unwrap();
    assert_eq!(pinned.metas.segments.len(), 2);
    assert!(has_every_file(&pinned) && pinned.damages(|_| {}).unwrap().is_empty());
}

/// Replaces a file with one that has another first bit. Writing into the file itself could end the process with SIGBUS,
/// because the open index maps it into memory.
fn damage(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    bytes[0] ^= 1;
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
}

#[test]
fn reads_the_columns_of_segments_whose_other_files_are_damaged() {
    let index = three_segments();
    let segments = segments(&index);
    for (segment, endings) in segments
        .iter()
        .zip([&["term", "idx", "pos", "fieldnorm", "store"][..], &["fast"]])
    {
        for ending in endings {
            let name = format!("{}.{ending}", segment.uuid_string());
            damage(&index.path().join(name));
        }
    }
    let commit = PinnedCommit::newest(index.path()).unwrap();
    assert_eq!(commit.damages(|_| {}).unwrap().len(), 6);
    let (engine, lost) = TantivyEngine::open_readable_records(index.path()).unwrap();
    let keys: Vec<String> = records_of(&engine)
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!((keys.join(" ").as_str(), lost), ("a d e f", 2));
    assert_eq!(engine.checkpoint().unwrap(), Checkpoint::default());
}

#[test]
fn segment_with_damaged_deletes_is_lost() {
    let mut index = three_segments();
    index.commit(&[("d", Some(2), true)]);
    let lost = || {
        let opened = TantivyEngine::open_readable_records(index.path());
        let (engine, lost) = opened.unwrap();
        (records_of(&engine).len(), lost)
    };
    assert_eq!(lost(), (6, 0));
    for file in index.files("del") {
        damage(&file);
    }
    assert_eq!(lost(), (4, 2), "the replaced record would come back");
}
