//! Commits that fail or overlap with merges, and keys with equal hashes.

use std::collections::HashSet;
use std::fs;

use super::*;
use crate::index::Engine;
use crate::index::tantivy::small_index::{SOURCE, SmallIndex, changes, tombstone};
use crate::index::tantivy::{MIN_WRITER_MEMORY, identity, keys_query};

/// Merges the segments in this order: by their number of documents, the smallest first.
fn merge_smallest_first(index: &mut SmallIndex) -> tantivy::Result<()> {
    let writer = index.engine.writer.as_mut().unwrap();
    let metas = writer.index().searchable_segment_metas()?;
    let mut metas: Vec<_> = metas
        .iter()
        .map(|meta| (meta.max_doc(), meta.id()))
        .collect();
    metas.sort_unstable();
    let ids: Vec<_> = metas.into_iter().map(|(_, id)| id).collect();
    writer.merge(&ids).wait().map(|_| ())
}

#[test]
fn merge_before_the_first_commit_of_a_writer_keeps_no_replaced_record() {
    let mut index = SmallIndex::empty();
    index.commit(&[
        ("k", Some(1), false),
        ("l", Some(1), false),
        ("m", Some(1), false),
    ]);
    index.commit(&[("x", Some(1), false)]);
    // The segment of k gets a file of deletes with the opstamp of this commit.
    index.commit(&[("l", None, true)]);
    let mut index = index.reopen();
    let replace = changes(&[("k", Some(2), true)]);
    index
        .engine
        .add_changes(&replace, &Checkpoint::default())
        .unwrap();
    merge_smallest_first(&mut index).unwrap();
    index.engine.publish(&Checkpoint::default(), 3).unwrap();
    let index = index.reopen();
    let expected = [("k", 2), ("m", 1), ("x", 1)];
    assert_eq!(
        index.records(),
        expected.map(|(key, scan)| (key.to_owned(), scan))
    );
}

#[test]
fn merge_after_a_failed_commit_publishes_nothing_of_it() {
    let mut index = SmallIndex::empty();
    index.commit(&[("k", Some(1), false), ("l", Some(1), false)]);
    index.commit(&[("x", Some(1), false)]);
    let meta = index.folder.path().join("meta.json");
    let saved = fs::read(&meta).unwrap();
    fs::remove_file(&meta).unwrap();
    // A folder in its place: the rename fails, also for root.
    fs::create_dir_all(meta.join("full")).unwrap();
    let replace = changes(&[("k", Some(2), true)]);
    let failed = index.engine.commit(&replace, &Checkpoint::default());
    assert!(failed.is_err());
    fs::remove_dir_all(&meta).unwrap();
    fs::write(&meta, &saved).unwrap();
    assert!(merge_smallest_first(&mut index).is_err());
    assert_eq!(fs::read(&meta).unwrap(), saved);
    let index = index.reopen();
    let expected = [("k", 1), ("l", 1), ("x", 1)];
    assert_eq!(
        index.records(),
        expected.map(|(key, scan)| (key.to_owned(), scan))
    );
}

#[test]
fn merge_after_a_commit_with_a_failed_sync_publishes_nothing_of_it() {
    let mut index = SmallIndex::with_segments(&[&["k"], &["l"]]);
    let folder = index.path().to_owned();
    let meta = folder.join("meta.json");
    let saved = fs::read(&meta).unwrap();
    let add = changes(&[("m", Some(1), false)]);
    let nothing = Checkpoint::default();
    index.engine.add_changes(&add, &nothing).unwrap();
    let prepared = index.engine.writer.as_mut().unwrap().prepare_commit();
    let prepared = prepared.unwrap();
    // Without its folder, the commit fails at the sync, before it writes meta.json.
    let elsewhere = folder.with_extension("elsewhere");
    fs::rename(&folder, &elsewhere).unwrap();
    let failed = prepared.commit();
    fs::rename(&elsewhere, &folder).unwrap();
    assert!(failed.is_err());
    assert!(merge_smallest_first(&mut index).is_err());
    assert_eq!(fs::read(&meta).unwrap(), saved);
    let index = index.reopen();
    let expected = [("k", 1), ("l", 1)];
    assert_eq!(
        index.records(),
        expected.map(|(key, scan)| (key.to_owned(), scan))
    );
}

/// An index with one key in two segments, although its payload counts as many records as it has documents.
fn with_doubled_key() -> SmallIndex {
    let mut index = SmallIndex::with_segments(&[&["k", "l"]]);
    index.commit(&[("k", Some(2), false), ("m", Some(2), false)]);
    index
}

fn assert_refused_when_opened(index: SmallIndex) {
    let SmallIndex { folder, engine } = index;
    drop(engine);
    let opened = TantivyEngine::open(folder.path(), MIN_WRITER_MEMORY);
    let error = opened.err().unwrap();
    assert!(
        error.is_damage() && error.to_string().contains("in it twice: 1 "),
        "{error}"
    );
}

#[test]
fn index_with_a_doubled_key_is_not_opened_for_writing() {
    assert_refused_when_opened(with_doubled_key());
}

#[test]
fn index_with_a_doubled_key_and_a_missing_one_is_not_opened_for_writing() {
    let mut index = with_doubled_key();
    index.commit(&[("l", None, true)]);
    assert_refused_when_opened(index);
}

#[test]
fn index_with_a_doubled_key_and_no_count_is_not_opened_for_writing() {
    let index = with_doubled_key();
    let meta = index.path().join("meta.json");
    let text = fs::read_to_string(&meta).unwrap();
    let old = text.replace(r#"\"records\":4,"#, "");
    assert_ne!(old, text);
    fs::write(&meta, old).unwrap();
    assert_refused_when_opened(index);
}

#[test]
fn replaced_and_removed_keys_are_not_doubled() {
    let mut index = SmallIndex::with_segments(&[&["k", "l"], &["m"]]);
    index.commit(&[("k", Some(2), true), ("l", None, true)]);
    index.commit(&[("l", Some(3), false)]);
    assert_eq!(index.reopen().records().len(), 3);
}

#[test]
fn reports_a_key_that_was_committed_twice() {
    let mut index = SmallIndex::empty();
    index.commit(&[("k", Some(1), false)]);
    let doubled = changes(&[("k", Some(2), false)]);
    let mut engine = index.engine;
    // Two records are expected, so this commit itself reports nothing.
    engine.commit(&doubled, &Checkpoint::default()).unwrap();
    let replace = changes(&[("k", Some(3), true)]);
    let error = engine.commit(&replace, &Checkpoint::default()).unwrap_err();
    assert!(
        error.is_damage() && error.to_string().contains("1 documents"),
        "{error}"
    );
    drop(engine);
    let reopened = TantivyEngine::open(index.folder.path(), MIN_WRITER_MEMORY);
    assert!(reopened.err().unwrap().is_damage());
}

#[test]
fn opens_an_index_that_does_not_count_its_records() {
    let mut index = SmallIndex::empty();
    index.commit(&[("k", Some(1), false)]);
    let meta = index.folder.path().join("meta.json");
    let text = fs::read_to_string(&meta).unwrap();
    let old = text.replace(r#"\"records\":1,"#, "");
    assert_ne!(old, text);
    fs::write(&meta, old).unwrap();
    let mut index = index.reopen();
    assert_eq!(index.engine.records, None);
    index.commit(&[("k", Some(2), true), ("l", Some(1), false)]);
    assert_eq!(index.engine.records, Some(2));
}

#[test]
fn commit_syncs_its_folder_after_it_is_published() {
    let mut index = SmallIndex::empty();
    // This folder exists, but the kernel refuses to sync it.
    index.engine.path = Some("/proc".into());
    let add = changes(&[("k", Some(1), false)]);
    let error = index.engine.commit(&add, &Checkpoint::default());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("sync /proc"), "{error}");
    assert_eq!(index.reopen().records(), [("k".to_owned(), 1)]);
}

/// Returns keys of [`SOURCE`] that all have the same hash.
fn colliding_keys() -> Vec<String> {
    let letters = ('a'..='z').zip(('a'..='z').rev());
    let key = |(rising, falling)| {
        let k = |count| "k".repeat(count);
        let (first, second, third) = (k(185), k(248), k(140));
        format!("evil/{first}{rising}aa\u{4df3}g\u{1f}{second}{falling}aa\u{c1}:&L{third}.jpg")
    };
    letters.map(key).collect()
}

#[test]
fn keys_with_equal_hashes_are_kept_apart() {
    let keys = colliding_keys();
    let hash = |key: &String| {
        let hash = identity::hash(&identity::ukey(SOURCE, key));
        (hash.low, hash.high)
    };
    let hashes: HashSet<_> = keys.iter().map(hash).collect();
    assert_eq!((keys.len(), hashes.len()), (26, 1));

    let mut index = SmallIndex::empty();
    let add: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), Some(1), false))
        .collect();
    index.commit(&add[..20]);
    index.commit(&add[20..25]);
    index.commit(&[(&keys[3], Some(2), true), (&keys[7], None, true)]);
    let mut expected: Vec<_> = keys[..25].iter().map(|key| (key.clone(), 1)).collect();
    expected[3].1 = 2;
    expected.remove(7);
    assert_eq!(index.records(), expected);
    for (key, scan) in [
        (3, Some(2)),
        (7, None),
        (8, Some(1)),
        (24, Some(1)),
        (25, None),
    ] {
        let found = index.engine.get(SOURCE, &[&keys[key]]).unwrap();
        assert_eq!(found, [scan.map(tombstone)], "{key}");
    }
    let all: Vec<&str> = keys.iter().map(String::as_str).collect();
    let found = index.engine.get(SOURCE, &all).unwrap();
    assert_eq!(found.iter().flatten().count(), 24);
}

#[test]
fn both_halves_of_a_hash_are_compared() {
    let mut index = SmallIndex::empty();
    index.commit(&[("k", Some(1), false)]);
    let segment = index.engine.snapshot.searcher.segment_reader(0);
    let found = |key: HashedKey| {
        let mut docs = Vec::new();
        let each = |_, doc| docs.push(doc);
        keys_query::find(segment, index.engine.fields.kh, &[key], each).unwrap();
        docs
    };
    let key = HashedKey::new(SOURCE, "k");
    assert_eq!(found(key.clone()), [0]);
    for change in [
        |key: &mut HashedKey| key.hash.low ^= 1,
        |key: &mut HashedKey| key.hash.high ^= 1,
    ] {
        let mut other = key.clone();
        change(&mut other);
        assert_eq!(found(other), [0; 0]);
    }
}
