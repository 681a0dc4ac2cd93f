//! The door over a data directory that is written and rebuilt meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::object::{Object, StorageClass};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::{SourceId, SourceIdentity};
use crate::core::replication::timestamp::Timestamp;
use crate::index::current::open_or_create_current;
use crate::index::directory::WriterLock;
use crate::index::tantivy::{MIN_WRITER_MEMORY, TantivyEngine};
use crate::index::{Change, Changes, Engine};

/// Far longer than a test takes.
const NEVER: Duration = Duration::from_secs(3600);

/// What the daemon does to a data directory.
struct Writer {
    folder: tempfile::TempDir,
    data_dir: DataDir,
    lock: WriterLock,
    engine: Option<TantivyEngine>,
}

impl Writer {
    /// An empty data directory.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path(), SCHEMA_VERSION);
        Self {
            lock: data_dir.lock().unwrap(),
            engine: None,
            folder,
            data_dir,
        }
    }

    /// With an index of one commit.
    fn with_assets(keys: &[&str]) -> Self {
        let mut writer = Self::new();
        writer.commit(keys);
        writer
    }

    /// Commits assets of these keys to the live index, making one where there is none.
    fn commit(&mut self, keys: &[&str]) {
        let engine = self.engine.get_or_insert_with(|| {
            open_or_create_current(&self.data_dir, &self.lock, MIN_WRITER_MEMORY).unwrap()
        });
        engine.commit(&added(keys), &checkpoint()).unwrap();
    }

    /// Puts an index with these keys in the place of the live one.
    fn rebuild(&mut self, keys: &[&str]) {
        let generation = self.data_dir.next_generation().unwrap();
        let mut engine = TantivyEngine::open_or_create(&generation, MIN_WRITER_MEMORY).unwrap();
        engine.commit(&added(keys), &checkpoint()).unwrap();
        self.data_dir.publish(&generation).unwrap();
        self.engine = Some(engine);
        self.data_dir.remove_old(&self.lock).unwrap();
    }

    fn index(&self, every: Duration) -> SearchIndex {
        SearchIndex::open(self.folder.path())
            .unwrap()
            .max_age(every)
    }
}

fn added(keys: &[&str]) -> Changes {
    let change = |key: &&str| {
        let record = Record {
            content: RecordContent::Live {
                object: Object {
                    size: 1,
                    etag: None,
                    last_modified: Timestamp::from_millis(1),
                    storage_class: StorageClass::Standard,
                },
                first_seen: Timestamp::from_millis(1),
            },
            event_time: None,
            sequencer: None,
            listed_at: Some(Timestamp::from_millis(1)),
        };
        let change = Change {
            record: Some(record),
            replaces: false,
        };
        ((SourceId(0), (*key).to_owned()), change)
    };
    keys.iter().map(change).collect()
}

fn checkpoint() -> Checkpoint {
    let mut checkpoint = Checkpoint::default();
    let identity = SourceIdentity {
        name: "photos",
        subdomain: "acme",
        origin: "https://s3.example.com/assets",
        prefix: "photos/",
        scope: "",
    };
    let (id, _) = checkpoint.register(&identity).unwrap();
    checkpoint.state_mut(id).unwrap().begin_scan(Vec::new());
    checkpoint
}

fn count(snapshot: &Snapshot) -> u64 {
    snapshot.current.engine.assets(SourceId(0)).unwrap()
}

#[test]
fn an_index_that_is_not_there_yet_is_waited_for() {
    let mut writer = Writer::new();
    let index = writer.index(Duration::ZERO);
    let elsewhere = SearchIndex::open(writer.folder.path().join("not there")).unwrap();
    for index in [&index, &elsewhere] {
        let Err(SearchError::NoIndex { .. }) = index.snapshot() else {
            panic!("there is no index");
        };
    }
    writer.commit(&["a"]);
    assert_eq!(count(&index.snapshot().unwrap()), 1);
}

#[test]
fn a_commit_and_a_rebuild_are_followed_and_what_is_held_stays() {
    let mut writer = Writer::with_assets(&["a"]);
    let index = writer.index(Duration::ZERO);
    let first = index.snapshot().unwrap();
    writer.commit(&["b"]);
    let second = index.snapshot().unwrap();
    writer.rebuild(&["x", "y", "z"]);
    let third = index.snapshot().unwrap();
    writer.commit(&["zz"]);
    let fourth = index.snapshot().unwrap();
    drop(writer);
    let counts = [&first, &second, &third, &fourth].map(|snapshot| count(snapshot));
    assert_eq!(counts, [1, 2, 3, 4]);
}

#[test]
fn what_is_half_built_is_not_seen() {
    let writer = Writer::with_assets(&["a"]);
    let index = writer.index(Duration::ZERO);
    let before = index.snapshot().unwrap();
    let generation = writer.data_dir.next_generation().unwrap();
    let mut half = TantivyEngine::open_or_create(&generation, MIN_WRITER_MEMORY).unwrap();
    half.commit(&added(&["x", "y"]), &checkpoint()).unwrap();
    assert!(Arc::ptr_eq(&index.snapshot().unwrap(), &before));
    assert_eq!(count(&writer.index(NEVER).snapshot().unwrap()), 1);
}

#[test]
fn nothing_is_opened_where_nothing_changed() {
    let writer = Writer::with_assets(&["a"]);
    let index = writer.index(Duration::ZERO);
    assert!(Arc::ptr_eq(
        &index.snapshot().unwrap(),
        &index.snapshot().unwrap()
    ));
}

#[test]
fn the_disk_is_not_looked_at_before_it_is_time() {
    let mut writer = Writer::new();
    let index = writer.index(NEVER);
    assert!(index.snapshot().is_err());
    writer.commit(&["a"]);
    assert!(
        index.snapshot().is_err(),
        "an error lasts until the next look"
    );
    let index = index.max_age(Duration::ZERO);
    assert_eq!(count(&index.snapshot().unwrap()), 1);
    let index = index.max_age(NEVER);
    writer.commit(&["b"]);
    assert_eq!(count(&index.snapshot().unwrap()), 1);
}

#[test]
fn whoever_waits_for_a_look_has_what_it_found() {
    let mut writer = Writer::with_assets(&["a"]);
    let index = writer.index(NEVER);
    let looking = index.refreshing.lock().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| count(&index.snapshot().unwrap()));
        // It has nothing at hand, so it waits.
        assert!(index.last.read().unwrap().is_none() && !waiting.is_finished());
        let found = index.open_newest();
        let began = Instant::now();
        *index.last.write().unwrap() = Some(Refresh { began, found });
        writer.commit(&["b"]);
        drop(looking);
        assert_eq!(waiting.join().unwrap(), 1);
    });
}

#[test]
fn a_view_that_is_young_enough_is_at_hand_while_somebody_looks() {
    let writer = Writer::with_assets(&["a"]);
    let index = writer.index(NEVER);
    let snapshot = index.snapshot().unwrap();
    let an_age = NEVER * 2 / 3;
    index.last.write().unwrap().as_mut().unwrap().began -= an_age;
    let looking = index.refreshing.lock().unwrap();
    assert!(Arc::ptr_eq(&index.snapshot().unwrap(), &snapshot));
    drop(looking);
    index.snapshot().unwrap();
    let last = index.last.read().unwrap();
    let began = last.as_ref().unwrap().began;
    assert!(began.elapsed() < an_age, "it is time to look");
}

#[test]
fn every_view_is_one_commit_whole_while_the_index_changes() {
    let mut writer = Writer::with_assets(&["0", "1"]);
    let index = writer.index(Duration::ZERO);
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut looks = 0;
                    while !ended.load(Ordering::Relaxed) {
                        let snapshot = index.snapshot().unwrap();
                        // Each commit and each rebuild leaves an even number.
                        assert_eq!(count(&snapshot) % 2, 0);
                        looks += 1;
                    }
                    looks
                })
            })
            .collect();
        for round in 0..20 {
            let keys = [0, 1].map(|n| format!("{round:02}-{n}"));
            let keys = keys.each_ref().map(String::as_str);
            match round % 5 {
                4 => writer.rebuild(&keys),
                _ => writer.commit(&keys),
            }
        }
        ended.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
}

#[test]
fn what_cannot_be_read_is_told_with_the_way_forward() {
    let current = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("CURRENT"), text).unwrap();
        let index = SearchIndex::open(folder.path()).unwrap();
        index.snapshot().map(|_| ()).unwrap_err().to_string()
    };
    for (text, words) in [
        ("assets-v0-000001", ["version 0", "reindex --rebuild"]),
        ("assets-v9999-000001", ["version 9999", "newer release"]),
        ("../../etc", ["damaged", "reindex --rebuild"]),
    ] {
        let told = current(text);
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(SearchIndex::open(file.path()).is_err());
}

#[test]
fn sources_are_told_without_a_configuration() {
    let mut writer = Writer::with_assets(&["photos/a b.jpg"]);
    let snapshot = writer.index(NEVER).snapshot().unwrap();
    let sources = snapshot.sources();
    let [source] = sources else {
        panic!("one: {sources:?}");
    };
    assert_eq!(source.origin, "https://s3.example.com/assets");
    assert_eq!((&*source.name, &*source.prefix), ("photos", "photos/"));
    let url = source.asset_url("photos/a b.jpg");
    assert_eq!(url, "https://acme.imgix.net/a%20b.jpg");
    // One whose records are gone is known for its subdomain alone.
    let (mut forgotten, key) = (checkpoint(), (SourceId(0), "photos/a b.jpg".to_owned()));
    forgotten.sources[0].forget();
    let gone = Change {
        record: None,
        replaces: true,
    };
    let engine = writer.engine.as_mut().unwrap();
    engine
        .commit(&Changes::from([(key, gone)]), &forgotten)
        .unwrap();
    assert!(writer.index(NEVER).snapshot().unwrap().sources().is_empty());
}

#[test]
fn an_index_and_a_view_can_be_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<SearchIndex>();
    shared::<Snapshot>();
}
