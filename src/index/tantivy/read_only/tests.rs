//! Reads an index next to its writer, and checks that readers leave the folder unchanged.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use super::*;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::source_state::SourceIdentity;
use crate::index::tantivy::TantivyEngine;
use crate::index::tantivy::small_index::{SmallIndex, changes, records_of};
use crate::index::{Changes, Engine};

/// Commits a record with the key, and a checkpoint with one Source whose name is the key.
fn commit(index: &mut SmallIndex, key: &str) {
    let mut checkpoint = Checkpoint::default();
    let identity = SourceIdentity {
        name: key,
        subdomain: key,
        origin: "",
        prefix: "",
        scope: "",
    };
    checkpoint.register(&identity).unwrap();
    let changes = changes(&[(key, Some(1), false)]);
    index.engine.commit(&changes, &checkpoint).unwrap();
}

fn open(index: &SmallIndex) -> TantivyEngine {
    TantivyEngine::open_read_only(index.path()).unwrap()
}

/// Returns the number of documents that the engine sees, and the name of the Source in its checkpoint.
fn contents(engine: &TantivyEngine) -> (u64, String) {
    let checkpoint = engine.checkpoint().unwrap();
    let documents = engine.snapshot().searcher.num_docs();
    (documents, checkpoint.sources[0].name.clone())
}

/// Returns the files of a folder and their modification times.
fn files(folder: &Path) -> BTreeMap<String, SystemTime> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let file = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, entry.metadata().unwrap().modified().unwrap())
    };
    entries.map(file).collect()
}

#[test]
fn reading_does_not_change_the_folder() {
    let mut index = SmallIndex::empty();
    commit(&mut index, "a");
    let copy = tempfile::tempdir().unwrap();
    for name in files(index.path()).into_keys() {
        // Copy everything except locks, like a backup.
        if !name.ends_with(".lock") {
            fs::copy(index.path().join(&name), copy.path().join(&name)).unwrap();
        }
    }
    let mode = |mode| fs::set_permissions(copy.path(), fs::Permissions::from_mode(mode));
    mode(0o555).unwrap();
    let before = files(copy.path());
    let engine = TantivyEngine::open_read_only(copy.path()).unwrap();
    assert_eq!(contents(&engine), (1, "a".to_owned()));
    assert!(engine.newer().unwrap().is_none());
    drop(engine);
    assert_eq!(files(copy.path()), before);
    mode(0o755).unwrap();
}

#[test]
fn opening_takes_no_lock() {
    let mut index = SmallIndex::empty();
    commit(&mut index, "a");
    // Tantivy's own readers hold this lock while they open an index, and writers while they remove files.
    let lock = fs::File::create(index.path().join(".tantivy-meta.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(contents(&open(&index)), (1, "a".to_owned()));
}

#[test]
fn stays_at_its_commit_and_finds_newer_ones() {
    let mut index = SmallIndex::empty();
    commit(&mut index, "a");
    let first = open(&index);
    assert!(first.newer().unwrap().is_none());
    commit(&mut index, "b");
    let second = first.newer().unwrap().unwrap();
    assert_eq!(contents(&first), (1, "a".to_owned()));
    assert_eq!(contents(&second), (2, "b".to_owned()));
    assert!(second.newer().unwrap().is_none());
}

#[test]
fn open_index_survives_removal_of_its_files() {
    let mut index = SmallIndex::empty();
    commit(&mut index, "a");
    let engine = open(&index);
    drop(index);
    assert_eq!(records_of(&engine), [("a".to_owned(), 1)]);
    assert!(engine.newer().is_err());
}

#[test]
fn opens_the_newest_commit_if_files_are_missing() {
    let mut index = SmallIndex::empty();
    commit(&mut index, "a");
    let path = index.path().to_owned();
    let old = CommitFolder::newest(&path).unwrap();
    let old_files = files(&path);
    commit(&mut index, "b");
    let is_of_segment = |name: &&String| !name.starts_with('.') && *name != META;
    for name in old_files.keys().filter(is_of_segment) {
        fs::rename(path.join(name), path.join(format!("{name}.gone"))).unwrap();
    }
    // The newest commit has the same segment, so it is damaged too.
    let opened = open_newest(old.clone(), TantivyEngine::open_commit);
    assert!(matches!(opened, Err(IndexError::Damaged { .. })));
    for name in old_files.keys().filter(is_of_segment) {
        fs::rename(path.join(format!("{name}.gone")), path.join(name)).unwrap();
    }
    let fails_on_old = |commit: CommitFolder| {
        if commit.meta == old.meta {
            Err(IndexError::WriterGone)
        } else {
            TantivyEngine::open_commit(commit)
        }
    };
    let opened = open_newest(old.clone(), fails_on_old).unwrap();
    assert_eq!(contents(&opened), (2, "b".to_owned()));
}

#[test]
fn refuses_all_writes() {
    let mut index = SmallIndex::empty();
    commit(&mut index, "a");
    let mut engine = open(&index);
    let result = engine.commit(&Changes::new(), &Checkpoint::default());
    assert!(result.unwrap_err().to_string().contains("reading only"));
    let folder = CommitFolder::newest(index.path()).unwrap();
    let path = Path::new("x");
    assert!(folder.open_write(path).is_err() && folder.delete(path).is_err());
    assert!(folder.atomic_write(path, b"x").is_err() && folder.sync_directory().is_err());
    assert!(!index.path().join("x").exists());
}
