//! An index of computed assets in a data directory, made once, and changed while it is searched.

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
use asset_indexer::index::directory::DataDir;
use asset_indexer::index::current::open_or_create_current;
use asset_indexer::index::tantivy::TantivyEngine;
use asset_indexer::index::tantivy::schema::SCHEMA_VERSION;
use asset_indexer::index::{Change, Changes, Engine};

use super::assets::{key, object};

pub const SOURCES: u64 = 8;

/// When all of it was listed.
const LISTED: Timestamp = Timestamp::from_millis(1_780_000_000_000);

/// Assets of a commit while the index is made, and changes of one afterwards.
const PER_COMMIT: u64 = 500_000;
const PER_CHANGE: u64 = 2_000;

/// Commits afterwards: overwritten, removed with a tombstone, and new assets in each.
const CHANGES: u64 = 12;

/// What the writer of the index may take while it is made, bytes.
const MEMORY: usize = 200_000_000;

/// The same for changes, as the daemon has it by default.
const MEMORY_FOR_EVENTS: usize = 64_000_000;

/// How often changes are committed, as the daemon does by default while events wait.
const COMMIT_EVERY: Duration = Duration::from_millis(500);

/// A thread that changes assets, if any are to be changed.
pub struct Changing(Option<(Sender<()>, JoinHandle<Done>)>);

/// The commits of the thread, and how long they took altogether.
struct Done {
    commits: u64,
    took: Duration,
}

impl Changing {
    /// Changes so many assets of the index each second, here and there.
    pub fn begin(data_dir: &Path, assets: u64, a_second: u64) -> Self {
        if a_second == 0 {
            return Self(None);
        }
        let a_commit = (a_second * COMMIT_EVERY.as_millis() as u64 / 1_000).max(1);
        let (stop, stopped) = mpsc::channel();
        let data_dir = DataDir::new(data_dir, SCHEMA_VERSION);
        let thread = thread::spawn(move || {
            let lock = data_dir.lock().expect("nobody else writes");
            let engine = open_or_create_current(&data_dir, &lock, MEMORY_FOR_EVENTS);
            let mut engine = engine.expect("it was made");
            let checkpoint = engine.checkpoint().expect("it was made");
            let (mut commits, mut took) = (0, Duration::ZERO);
            loop {
                let began = Instant::now();
                let changes = some_changes(assets, commits, a_commit);
                engine.commit(&changes, &checkpoint).expect("there is room");
                commits += 1;
                took += began.elapsed();
                let rest = COMMIT_EVERY.saturating_sub(began.elapsed());
                if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                    return Done { commits, took };
                }
            }
        });
        Self(Some((stop, thread)))
    }

    /// Ends it, and says what it did.
    pub fn end(self) {
        let Some((stop, thread)) = self.0 else {
            return;
        };
        drop(stop);
        let Done { commits, took } = thread.join().expect("it was able to commit");
        let mean = took.as_secs_f64() * 1e3 / commits as f64;
        println!("{commits} commits meanwhile, {mean:.0} ms each");
    }
}

/// Changes of the round of that number: overwritten, and each third removed or put again.
fn some_changes(assets: u64, round: u64, count: u64) -> Changes {
    // Steps by a prime go everywhere.
    const STEP: u64 = 7_919;
    let numbers = (0..count).map(|nth| (round * count + nth) * STEP % assets);
    let changed = |number: u64| {
        let kept = !(number + round).is_multiple_of(3);
        let object = kept.then(|| object(number + assets + round));
        (place(assets, number), change(object, true))
    };
    numbers.map(changed).collect()
}

fn source(number: u64) -> Source {
    let name = format!("source-{number}");
    Source::new(&name, "bucket", &name)
}

/// Makes an index of so many assets in a data directory, and changes some of them.
pub fn build(data_dir: &Path, assets: u64) {
    let data_dir = DataDir::new(data_dir, SCHEMA_VERSION);
    let lock = data_dir.lock().expect("the folder is ours");
    let engine = open_or_create_current(&data_dir, &lock, MEMORY);
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
        let (id, _) = checkpoint.register(&identity).expect("each is another");
        let state = checkpoint.state_mut(id).expect("it was registered");
        state.begin_scan(Vec::new());
        state.note_page(LISTED);
    }
    let commit = |engine: &mut TantivyEngine, changes: &Changes| {
        engine
            .commit(changes, &checkpoint)
            .expect("room on the disk");
    };
    for begin in (0..assets).step_by(PER_COMMIT as usize) {
        let numbers = begin..assets.min(begin + PER_COMMIT);
        let put = |number| (place(assets, number), change(Some(object(number)), false));
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
            (place(assets, number), change(object, true))
        };
        commit(&mut engine, &numbers.map(changed).collect());
    }
    engine.close().expect("merges end");
}

/// Each Source has a stretch of the assets.
fn place(assets: u64, number: u64) -> (SourceId, String) {
    let per_source = assets.div_ceil(SOURCES);
    let source = number / per_source;
    let id = SourceId(u16::try_from(source).expect("there are few"));
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
