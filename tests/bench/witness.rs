//! Watches the index on disk while a daemon writes it: which commits there are, and what is in them.
//!
//! It opens the index as any reader does; what the daemon says of itself is not believed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use asset_indexer::core::replication::interval::KeyInterval;
use asset_indexer::core::replication::record::Record;
use asset_indexer::core::replication::source_state::SourceId;
use asset_indexer::index::directory::DataDir;
use asset_indexer::index::current::open_current;
use asset_indexer::index::tantivy::TantivyEngine;
use asset_indexer::index::tantivy::schema::SCHEMA_VERSION;
use asset_indexer::index::{Engine, RecordFilter};
use serde_json::Value;

use crate::workload::{Event, Workload};

/// The only Source.
const SOURCE: SourceId = SourceId(0);

/// How often is looked for a new commit.
const POLL: Duration = Duration::from_millis(5);

/// Which requests to delete are checked: one of so many.
const CHECKED: u64 = 10;

/// Who knows what is committed.
pub struct Witness {
    data_dir: DataDir,
    workload: Workload,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// An index that is no newer than the newest commit.
    opened: Option<TantivyEngine>,
    requests: u64,
    checked: u64,
    early: u64,
}

impl Witness {
    pub fn new(data_dir: &Path, workload: Workload) -> Self {
        Self {
            data_dir: DataDir::new(data_dir, SCHEMA_VERSION),
            workload,
            seen: Mutex::default(),
        }
    }

    /// Checks, for some of the calls, that the effects of all these events are committed now.
    pub fn check(&self, numbers: &[u64]) {
        let mut seen = self.seen.lock().expect("no thread panics with the lock");
        seen.requests += 1;
        if seen.requests % CHECKED != 1 {
            return;
        }
        seen.checked += numbers.len() as u64;
        let mut missing = self.missing(seen.opened.as_ref(), numbers);
        // It may only be that the commit is newer than what was opened.
        if !missing.is_empty() {
            seen.opened = Some(self.open());
            missing = self.missing(seen.opened.as_ref(), &missing);
        }
        seen.early += missing.len() as u64;
    }

    /// How many messages were checked when they were acknowledged, and how many of them too early.
    pub fn verdict(&self) -> (u64, u64) {
        let seen = self.seen.lock().expect("no thread panics with the lock");
        (seen.checked, seen.early)
    }

    /// Those events whose effect is not in the index.
    fn missing(&self, opened: Option<&TantivyEngine>, numbers: &[u64]) -> Vec<u64> {
        let Some(opened) = opened else {
            return numbers.to_vec();
        };
        let events: Vec<Event> = numbers.iter().map(|n| self.workload.event(*n)).collect();
        let keys: Vec<&str> = events.iter().map(|event| event.key.as_str()).collect();
        let records = opened.get(SOURCE, &keys).expect("the index can be read");
        let pairs = numbers.iter().zip(events.iter().zip(&records));
        let missing = pairs.filter(|(_, (event, record))| !shows(record.as_ref(), event));
        missing.map(|(number, _)| *number).collect()
    }

    fn open(&self) -> TantivyEngine {
        let opened = open_current(&self.data_dir).expect("the index can be opened");
        opened.expect("the daemon made it")
    }

    /// Compares the whole index with what the events say; gives the first few differences.
    pub fn differences(&self) -> Vec<String> {
        /// How many are shown.
        const SHOWN: usize = 10;
        let everything = KeyInterval::everything();
        let records = self
            .open()
            .read(SOURCE, &everything, RecordFilter::All, usize::MAX)
            .expect("the index can be read");
        let mut expected = self.workload.result();
        let mut differences = Vec::new();
        for (key, record) in records {
            let found = content(&record);
            let should = found.as_ref().and_then(|_| expected.remove(&key));
            if found != should {
                differences.push(format!("{key:?} is {found:?}, should be {should:?}"));
            }
        }
        differences.extend(expected.keys().map(|key| format!("{key:?} is not there")));
        differences.truncate(SHOWN);
        differences
    }
}

/// Whether a record holds the effect of an event; no other event is of its key.
fn shows(record: Option<&Record>, event: &Event) -> bool {
    record.is_some_and(|record| {
        let floor = record.sequencer.as_ref();
        let is_its = floor.is_some_and(|it| it.digits().eq_ignore_ascii_case(&event.sequencer));
        is_its && content(record) == event.object
    })
}

/// Size and ETag of what is there.
fn content(record: &Record) -> Option<(u64, String)> {
    let object = record.object()?;
    let etag = object.etag.as_ref().expect("listings and events have one");
    Some((object.size, etag.to_text()))
}

/// Counts commits from now on.
pub struct CommitCounter {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl CommitCounter {
    pub fn start(data_dir: &Path) -> Self {
        let live = DataDir::new(data_dir, SCHEMA_VERSION).current();
        let generation = live.expect("readable").expect("the daemon made it");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        Self {
            stop,
            thread: thread::spawn(move || count(generation.join("meta.json"), &stopped)),
        }
    }

    /// How many there were.
    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it does not panic")
    }
}

/// Counts how often the number of the newest commit changes; a merge writes the file too, and keeps
/// the number.
fn count(meta: PathBuf, stop: &AtomicBool) -> u64 {
    let mut changed: Option<SystemTime> = None;
    let mut newest = None;
    let mut commits = 0;
    while !stop.load(Ordering::Relaxed) {
        let now = std::fs::metadata(&meta).and_then(|meta| meta.modified());
        let now = now.expect("it is replaced by a rename");
        if changed.replace(now) != Some(now) {
            let text = std::fs::read(&meta).expect("it is replaced by a rename");
            let meta: Value = serde_json::from_slice(&text).expect("it is JSON");
            let commit = meta["opstamp"].as_u64().expect("it is a number");
            commits += u64::from(newest.is_some_and(|newest| newest != commit));
            newest = Some(commit);
        }
        thread::park_timeout(POLL);
    }
    commits
}
