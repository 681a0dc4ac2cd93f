//! A search index over a data directory that is written and rebuilt at the same time.

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

mod names;
mod relevance;

/// A time that is longer than any test.
const NEVER: Duration = Duration::from_secs(3600);

/// Writes to a data directory like the daemon.
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

    /// A data directory with an index of one commit.
    fn with_assets(keys: &[&str]) -> Self {
        let mut writer = Self::new();
        writer.commit(keys);
        writer
    }

    /// Commits assets with these keys to the current generation. Creates it if there is none.
    fn commit(&mut self, keys: &[&str]) {
        let engine = self.engine.get_or_insert_with(|| {
            open_or_create_current(&self.data_dir, &self.lock, MIN_WRITER_MEMORY).unwrap()
        });
        engine.commit(&added(keys), &checkpoint()).unwrap();
    }

    /// Replaces the current generation with a new one that has these keys.
    fn rebuild(&mut self, keys: &[&str]) {
        let generation = self.data_dir.next_generation().unwrap();
        let mut engine = TantivyEngine::open_or_create(&generation, MIN_WRITER_MEMORY).unwrap();
        engine.commit(&added(keys), &checkpoint()).unwrap();
        self.data_dir.publish(&generation).unwrap();
        self.engine = Some(engine);
        self.data_dir.remove_old(&self.lock).unwrap();
    }

    fn index(&self, max_age: Duration) -> SearchIndex {
        SearchIndex::open(self.folder.path())
            .unwrap()
            .max_age(max_age)
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
fn opens_before_the_index_exists() {
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
fn follows_commits_and_rebuilds_while_snapshots_stay() {
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
fn ignores_unpublished_generation() {
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
fn reuses_snapshot_without_new_commit() {
    let writer = Writer::with_assets(&["a"]);
    let index = writer.index(Duration::ZERO);
    assert!(Arc::ptr_eq(
        &index.snapshot().unwrap(),
        &index.snapshot().unwrap()
    ));
}

#[test]
fn reads_disk_only_after_max_age() {
    let mut writer = Writer::new();
    let index = writer.index(NEVER);
    assert!(index.snapshot().is_err());
    writer.commit(&["a"]);
    assert!(
        index.snapshot().is_err(),
        "the error stays until the next refresh"
    );
    let index = index.max_age(Duration::ZERO);
    assert_eq!(count(&index.snapshot().unwrap()), 1);
    let index = index.max_age(NEVER);
    writer.commit(&["b"]);
    assert_eq!(count(&index.snapshot().unwrap()), 1);
}

#[test]
fn waiting_caller_gets_the_result_of_the_refresh() {
    let mut writer = Writer::with_assets(&["a"]);
    let index = writer.index(NEVER);
    let refreshing = index.refreshing.lock().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| count(&index.snapshot().unwrap()));
        // There is no previous snapshot, so the caller waits.
        assert!(index.last.read().unwrap().is_none() && !waiting.is_finished());
        let found = index.open_newest();
        let began = Instant::now();
        *index.last.write().unwrap() = Some(Refresh { began, found });
        writer.commit(&["b"]);
        drop(refreshing);
        assert_eq!(waiting.join().unwrap(), 1);
    });
}

#[test]
fn young_snapshot_is_returned_during_a_refresh() {
    let writer = Writer::with_assets(&["a"]);
    let index = writer.index(NEVER);
    let snapshot = index.snapshot().unwrap();
    let an_age = NEVER * 2 / 3;
    index.last.write().unwrap().as_mut().unwrap().began -= an_age;
    let refreshing = index.refreshing.lock().unwrap();
    assert!(Arc::ptr_eq(&index.snapshot().unwrap(), &snapshot));
    drop(refreshing);
    index.snapshot().unwrap();
    let last = index.last.read().unwrap();
    let began = last.as_ref().unwrap().began;
    assert!(began.elapsed() < an_age, "a refresh was due");
}

#[test]
fn snapshots_are_whole_commits_while_the_index_changes() {
    let mut writer = Writer::with_assets(&["0", "1"]);
    let index = writer.index(Duration::ZERO);
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut snapshots = 0;
                    while !ended.load(Ordering::Relaxed) {
                        let snapshot = index.snapshot().unwrap();
                        // Each commit and each rebuild leaves an even number.
                        assert_eq!(count(&snapshot) % 2, 0);
                        snapshots += 1;
                    }
                    snapshots
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
fn unreadable_index_is_an_error_with_advice() {
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
        let error = current(text);
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(SearchIndex::open(file.path()).is_err());
}

#[test]
fn lists_sources_without_a_configuration() {
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
    // A Source without records stays in the checkpoint only to reserve its subdomain.
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
fn index_and_snapshot_are_send_and_sync() {
    fn shared<T: Send + Sync>() {}
    shared::<SearchIndex>();
    shared::<Snapshot>();
}

/// The names of the hits on all pages of a search with two hits a page, and the step of each page.
fn pages(
    index: &SearchIndex,
    text: &str,
    words: PlainWords,
    between_pages: impl FnOnce(),
) -> (Vec<String>, Vec<Option<Step>>) {
    let query = Query::parse(text, now()).unwrap();
    let mut request = Request::new(query).words(words).limit(2);
    let (mut names, mut steps) = (Vec::new(), Vec::new());
    let mut between_pages = Some(between_pages);
    loop {
        let snapshot = index.snapshot().unwrap();
        let page = snapshot
            .search(snapshot.sources(), &request, &Deadline::never())
            .unwrap();
        names.extend(page.hits.iter().map(|hit| hit.path.clone()));
        steps.push(page.interpretation.map(|it| it.step));
        let Some(next) = page.next else {
            return (names, steps);
        };
        request.after = Some(next);
        if let Some(between_pages) = between_pages.take() {
            between_pages();
        }
    }
}

#[test]
fn search_takes_the_first_step_that_finds_enough() {
    let keys = [
        "photos/sunset.jpg",
        "photos/sunrise.jpg",
        "photos/sun.jpg",
        "photos/beach-1.jpg",
        "photos/beach-2.jpg",
        "photos/beach-3.jpg",
        "photos/beach-4.jpg",
        "photos/beach-5.jpg",
        "photos/beaches.jpg",
    ];
    let writer = Writer::with_assets(&keys);
    let index = writer.index(Duration::ZERO);
    let find = |text, words| pages(&index, text, words, || ());
    let names = |names: &[&str]| names.iter().map(|name| format!("/{name}.jpg")).collect();
    let beaches = names(&["beach-1", "beach-2", "beach-3", "beach-4", "beach-5"]);
    let suns = names(&["sun", "sunrise", "sunset"]);
    // Five whole words are enough, but one is not.
    assert_eq!(
        find("beach", PlainWords::Forgiving),
        (beaches, vec![None; 3])
    );
    let beginnings = Some(Step::Beginnings);
    assert_eq!(
        find("sun", PlainWords::Forgiving),
        (suns.clone(), vec![beginnings; 2])
    );
    assert_eq!(find("sun", PlainWords::Typing), (suns, vec![None; 2]));
    assert_eq!(
        find("sun", PlainWords::Exact),
        (names(&["sun"]), vec![None])
    );
    let typos = Some(Step::Typos);
    assert_eq!(
        find("sunst", PlainWords::Forgiving),
        (names(&["sunset"]), vec![typos])
    );
    assert_eq!(
        find("\"sunst\"", PlainWords::Forgiving),
        (vec![], vec![None])
    );
    assert_eq!(find("xyzzy", PlainWords::Forgiving), (vec![], vec![None]));
    let missing = Some(Step::MissingWords);
    let (found, steps) = find("xyzzy sunset", PlainWords::Forgiving);
    assert_eq!((found, steps), (names(&["sunset"]), vec![missing]));
}

#[test]
fn all_pages_of_a_search_take_the_step_of_the_first_one() {
    let keys = [
        "photos/beech-1.jpg",
        "photos/beech-2.jpg",
        "photos/beech-3.jpg",
    ];
    let mut writer = Writer::with_assets(&keys);
    let index = writer.index(Duration::ZERO);
    let exact = "photos/beach-9.jpg";
    let add_exact = || writer.commit(&[exact]);
    let (found, steps) = pages(&index, "beach", PlainWords::Forgiving, add_exact);
    assert_eq!(found, ["/beech-1.jpg", "/beech-2.jpg", "/beech-3.jpg"]);
    assert_eq!(steps, [Some(Step::Typos); 2]);
}

/// A rare word counts more than a common one, which must not change from page to page.
#[test]
fn word_that_becomes_common_moves_no_hit_to_another_page() {
    let key = |word: &str, number: usize| format!("photos/{word}-{number}.jpg");
    let keys: Vec<String> = (0..4)
        .flat_map(|number| [key("zebra", number), key("beach", number)])
        .chain((4..40).map(|number| key("beach", number)))
        .collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut writer = Writer::with_assets(&keys);
    let index = writer.index(Duration::ZERO);
    let more: Vec<String> = (100..1_000).map(|number| key("zebra", number)).collect();
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let add_more = || writer.commit(&more);
    let (found, steps) = pages(&index, "zebra beach xyzzy", PlainWords::Forgiving, add_more);
    assert_eq!(steps[0], Some(Step::MissingWords));
    for key in keys {
        let path = key.strip_prefix("photos").unwrap();
        let times = found.iter().filter(|it| *it == path).count();
        assert_eq!(times, 1, "{path}");
    }
}
