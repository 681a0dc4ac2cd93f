//! Builds an index of computed assets in a data directory, and changes it during searches.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use asset_indexer::core::replication::checkpoint::Checkpoint;
use asset_indexer::core::replication::object::Object;
use asset_indexer::core::replication::record::{Record, RecordContent};
use asset_indexer::core::replication::source_state::{SourceId, SourceIdentity};
use asset_indexer::core::replication::timestamp::Timestamp;
use asset_indexer::core::source::Source;
use asset_indexer::index::current::open_or_create_current;
use asset_indexer::index::directory::DataDir;
use asset_indexer::index::tantivy::TantivyEngine;
use asset_indexer::index::tantivy::schema::SCHEMA_VERSION;
use asset_indexer::index::{Change, Changes, Engine};

use super::assets::{key, object};

pub const SOURCES: u64 = 8;

/// The time of the listing of all assets.
const LISTED: Timestamp = Timestamp::from_millis(1_780_000_000_000);

/// Number of assets in a commit while the index is built.
const PER_COMMIT: u64 = 500_000;

/// Number of changes in a commit after the index is built.
const PER_CHANGE: u64 = 2_000;

/// Number of commits with changes after the index is built. Each overwrites assets and removes others.
const CHANGES: u64 = 12;

/// Memory of the index writer in bytes while the index is built.
const WRITER_MEMORY: usize = 200_000_000;

/// Memory of the index writer in bytes during changes: the default of the daemon.
const EVENT_WRITER_MEMORY: usize = 64_000_000;

/// Time between commits of changes: the default of the daemon while events wait.
const COMMIT_INTERVAL: Duration = Duration::from_millis(500);

/// A thread that changes assets; `None` if the benchmark changes nothing.
pub struct BackgroundChanges(Option<(Sender<()>, JoinHandle<Commits>)>);

/// The number of commits of the thread and their total time.
struct Commits {
    commits: u64,
    took: Duration,
}

impl BackgroundChanges {
    /// Starts to change this number of assets a second, spread over the index.
    pub fn start(data_dir: &Path, assets: u64, changes_a_second: u64) -> Self {
        if changes_a_second == 0 {
            return Self(None);
        }
        let changes_a_commit =
            (changes_a_second * COMMIT_INTERVAL.as_millis() as u64 / 1_000).max(1);
        let (stop, stopped) = mpsc::channel();
        let data_dir = DataDir::new(data_dir, SCHEMA_VERSION);
        let thread = thread::spawn(move || {
            let lock = data_dir.lock().expect("no other process writes");
            let engine = open_or_create_current(&data_dir, &lock, EVENT_WRITER_MEMORY);
            let mut engine = engine.expect("the index exists");
            let checkpoint = engine.checkpoint().expect("the index exists");
            let (mut commits, mut took) = (0, Duration::ZERO);
            loop {
                let started = Instant::now();
                let changes = some_changes(assets, commits, changes_a_commit);
                engine
                    .commit(&changes, &checkpoint)
                    .expect("the disk has free space");
                commits += 1;
                took += started.elapsed();
                let rest = COMMIT_INTERVAL.saturating_sub(started.elapsed());
                if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                    return Commits { commits, took };
                }
            }
        });
        Self(Some((stop, thread)))
    }

    /// Stops the thread and prints the number and mean time of its commits.
    pub fn stop(self) {
        let Some((stop, thread)) = self.0 else {
            return;
        };
        drop(stop);
        let Commits { commits, took } = thread.join().expect("the thread does not panic");
        let mean = took.as_secs_f64() * 1e3 / commits as f64;
        println!("{commits} commits during the searches, {mean:.0} ms each");
    }
}

/// The changes of a round: a third of the assets is removed, the others are overwritten or put again.
fn some_changes(assets: u64, round: u64, count: u64) -> Changes {
    // Steps by a prime number reach all parts of the index.
    const STEP: u64 = 7_919;
    let numbers = (0..count).map(|nth| (round * count + nth) * STEP % assets);
    let changed = |number: u64| {
        let kept = !(number + round).is_multiple_of(3);
        let object = kept.then(|| object(number + assets + round));
        (source_and_key(assets, number), change(object, true))
    };
    numbers.map(changed).collect()
}

fn source(number: u64) -> Source {
    let name = format!("source-{number}");
    Source::new(&name, "bucket", &name)
}

/// Builds an index of this number of assets in a data directory, and then changes some of them.
pub fn build(data_dir: &Path, assets: u64) {
    let data_dir = DataDir::new(data_dir, SCHEMA_VERSION);
    let lock = data_dir.lock().expect("the folder is ours");
    let engine = open_or_create_current(&data_dir, &lock, WRITER_MEMORY);
    let mut engine = engine.expect("the folder is ours");
    let mut checkpoint = Checkpoint::default();
    for number in 0..SOURCES {
        let source = source(number);
        let identity = SourceIdentity {
            name: &source.name,
            subdomain: &source.subdomain,
            origin: &source.origin(),
            prefix: &source.prefix,
            scope: "",
        };
        let (id, _) = checkpoint
            .register(&identity)
            .expect("all names are different");
        let state = checkpoint.state_mut(id).expect("the Source is registered");
        state.begin_scan(Vec::new());
        state.note_page(LISTED);
    }
    let commit = |engine: &mut TantivyEngine, changes: &Changes| {
        engine
            .commit(changes, &checkpoint)
            .expect("the disk has free space");
    };
    for begin in (0..assets).step_by(PER_COMMIT as usize) {
        let numbers = begin..assets.min(begin + PER_COMMIT);
        let put = |number| {
            (
                source_and_key(assets, number),
                change(Some(object(number)), false),
            )
        };
        commit(&mut engine, &numbers.map(put).collect());
    }
    for round in 0..CHANGES {
        let spread = assets / (PER_CHANGE * CHANGES);
        let number = |nth: u64| (nth * CHANGES + round) * spread.max(1);
        let numbers = (0..PER_CHANGE)
            .map(number)
            .filter(|number| *number < assets);
        let changed = |number: u64| {
            let kept = !number.is_multiple_of(3);
            let object = kept.then(|| object(number + assets));
            (source_and_key(assets, number), change(object, true))
        };
        commit(&mut engine, &numbers.map(changed).collect());
    }
    engine.close().expect("the merges succeed");
}

/// The Source and the key of an asset. Each Source has a range of consecutive numbers.
fn source_and_key(assets: u64, number: u64) -> (SourceId, String) {
    let per_source = assets.div_ceil(SOURCES);
    let source = number / per_source;
    let id = SourceId(u16::try_from(source).expect("there are few Sources"));
    (id, key(source, number % per_source, per_source))
}

fn change(object: Option<Object>, replaces: bool) -> Change {
    let content = match object {
        Some(object) => RecordContent::Live {
            first_seen: object.last_modified,
            object,
        },
        None => RecordContent::Removed { scan: 1 },
    };
    let record = Record {
        content,
        event_time: None,
        sequencer: None,
        listed_at: Some(LISTED),
    };
    Change {
        record: Some(record),
        replaces,
    }
}
