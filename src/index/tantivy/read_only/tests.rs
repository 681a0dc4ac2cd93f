//! An index that is read beside its writer, in a folder that must stay as it is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use super::*;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::{SourceId, SourceIdentity};
use crate::core::replication::timestamp::Timestamp;
use crate::index::tantivy::{MIN_WRITER_MEMORY, TantivyEngine};
use crate::index::{Change, Changes, Engine};

/// An index of tombstones, which are documents as good as any.
struct Written {
    folder: tempfile::TempDir,
    engine: TantivyEngine,
}

impl Written {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = TantivyEngine::open_or_create(folder.path(), MIN_WRITER_MEMORY).unwrap();
        Self { folder, engine }
    }

    /// Commits a document under the key, and a checkpoint that names it.
    fn commit(&mut self, key: &str) {
        let record = Record {
            content: RecordContent::Removed { scan: 1 },
            event_time: None,
            sequencer: None,
            listed_at: Some(Timestamp::from_millis(1)),
        };
        let change = Change {
            record: Some(record),
            replaces: false,
        };
        let changes = Changes::from([((SourceId(0), key.to_owned()), change)]);
        let mut checkpoint = Checkpoint::default();
        let identity = SourceIdentity {
            name: key,
            subdomain: key,
            origin: "",
            prefix: "",
            scope: "",
        };
        checkpoint.register(&identity).unwrap();
        self.engine.commit(&changes, &checkpoint).unwrap();
    }

    fn open(&self) -> TantivyEngine {
        TantivyEngine::open_read_only(self.folder.path()).unwrap()
    }
}

/// How many documents the engine sees, and which commit's checkpoint.
fn seen(engine: &TantivyEngine) -> (u64, String) {
    let checkpoint = engine.checkpoint().unwrap();
    let documents = engine.snapshot().searcher.num_docs();
    (documents, checkpoint.sources[0].name.clone())
}

/// The files of a folder, with the times at which they were last written.
fn files(folder: &Path) -> BTreeMap<String, SystemTime> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let file = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, entry.metadata().unwrap().modified().unwrap())
    };
    entries.map(file).collect()
}

#[test]
fn reading_leaves_no_trace_in_the_folder() {
    let mut written = Written::new();
    written.commit("a");
    let copy = tempfile::tempdir().unwrap();
    for name in files(written.folder.path()).into_keys() {
        // A copy, as from a backup, has no locks.
        if !name.ends_with(".lock") {
            fs::copy(written.folder.path().join(&name), copy.path().join(&name)).unwrap();
        }
    }
    let mode = |mode| fs::set_permissions(copy.path(), fs::Permissions::from_mode(mode));
    mode(0o555).unwrap();
    let before = files(copy.path());
    let engine = TantivyEngine::open_read_only(copy.path()).unwrap();
    assert_eq!(seen(&engine), (1, "a".to_owned()));
    assert!(engine.newer().unwrap().is_none());
    drop(engine);
    assert_eq!(files(copy.path()), before);
    mode(0o755).unwrap();
}

#[test]
fn nobody_waits_for_a_reader() {
    let mut written = Written::new();
    written.commit("a");
    // What tantivy's own readers, and who removes files, hold meanwhile.
    let lock = fs::File::create(written.folder.path().join(".tantivy-meta.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(seen(&written.open()), (1, "a".to_owned()));
}

#[test]
fn an_engine_stays_at_its_commit_and_tells_of_a_newer_one() {
    let mut written = Written::new();
    written.commit("a");
    let first = written.open();
    assert!(first.newer().unwrap().is_none());
    written.commit("b");
    let second = first.newer().unwrap().unwrap();
    assert_eq!(seen(&first), (1, "a".to_owned()));
    assert_eq!(seen(&second), (2, "b".to_owned()));
    assert!(second.newer().unwrap().is_none());
}

#[test]
fn what_is_open_outlives_its_files() {
    let mut written = Written::new();
    written.commit("a");
    let engine = written.open();
    drop(written);
    let everything = crate::core::replication::interval::KeyInterval::everything();
    let filter = crate::index::RecordFilter::All;
    let read = engine.read(SourceId(0), &everything, filter, 10).unwrap();
    assert_eq!(read[0].0, "a");
    assert!(engine.newer().is_err());
}

#[test]
fn a_commit_whose_files_are_gone_gives_way_to_the_newest() {
    let mut written = Written::new();
    written.commit("a");
    let path = written.folder.path().to_owned();
    let old = CommitFolder::newest(&path).unwrap();
    let old_files = files(&path);
    written.commit("b");
    let is_of_segment = |name: &&String| !name.starts_with('.') && *name != META;
    for name in old_files.keys().filter(is_of_segment) {
        fs::rename(path.join(name), path.join(format!("{name}.gone"))).unwrap();
    }
    // The newest one holds the same segment, so here it is damaged as well, and that is all.
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
    assert_eq!(seen(&opened), (2, "b".to_owned()));
}

#[test]
fn nothing_can_be_written() {
    let mut written = Written::new();
    written.commit("a");
    let mut engine = written.open();
    let refused = engine.commit(&Changes::new(), &Checkpoint::default());
    assert!(refused.unwrap_err().to_string().contains("reading only"));
    let folder = CommitFolder::newest(written.folder.path()).unwrap();
    let path = Path::new("x");
    assert!(folder.open_write(path).is_err() && folder.delete(path).is_err());
    assert!(folder.atomic_write(path, b"x").is_err() && folder.sync_directory().is_err());
    assert!(!written.folder.path().join("x").exists());
}
