//! Checks the index on disk while a daemon writes it: counts the commits, and compares records with events.
//!
//! It opens the index like any reader and does not rely on what the daemon reports.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use asset_indexer::core::replication::interval::KeyInterval;
use asset_indexer::core::replication::record::Record;
use asset_indexer::core::replication::source_state::SourceId;
use asset_indexer::index::current::open_current;
use asset_indexer::index::directory::DataDir;
use asset_indexer::index::tantivy::TantivyEngine;
use asset_indexer::index::tantivy::schema::SCHEMA_VERSION;
use asset_indexer::index::{Engine, RecordFilter};
use serde_json::Value;

use crate::workload::{Event, Sender, Workload};

/// The only Source.
const SOURCE: SourceId = SourceId(0);

/// Time between two checks for a new commit.
const POLL: Duration = Duration::from_millis(5);

/// One of this many requests to delete is checked.
const CHECK_ONE_IN: u64 = 10;

/// Checks that the effects of events are committed before their messages are deleted.
pub struct CommitChecker {
    data_dir: DataDir,
    workload: Workload,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The index at a recent commit.
    opened: Option<TantivyEngine>,
    requests: u64,
    checked: u64,
    early: u64,
}

impl CommitChecker {
    pub fn new(data_dir: &Path, workload: Workload) -> Self {
        Self {
            data_dir: DataDir::new(data_dir, SCHEMA_VERSION),
            workload,
            state: Mutex::default(),
        }
    }

    /// Checks that the effects of these events are committed. To save time, it checks only some of the calls.
    pub fn check(&self, numbers: &[u64]) {
        let mut state = self.state.lock().expect("no thread panics with the lock");
        state.requests += 1;
        if state.requests % CHECK_ONE_IN != 1 {
            return;
        }
        state.checked += numbers.len() as u64;
        let mut missing = self.missing(state.opened.as_ref(), numbers);
        // The opened commit may be older than the commit with these effects.
        if !missing.is_empty() {
            state.opened = Some(self.open());
            missing = self.missing(state.opened.as_ref(), &missing);
        }
        state.early += missing.len() as u64;
    }

    /// Number of checked messages, and number of those that were acknowledged before their effect was
    /// committed.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state.lock().expect("no thread panics with the lock");
        (state.checked, state.early)
    }

    /// The numbers of the events whose effect is not in the index.
    fn missing(&self, opened: Option<&TantivyEngine>, numbers: &[u64]) -> Vec<u64> {
        let Some(opened) = opened else {
            return numbers.to_vec();
        };
        let events: Vec<Event> = numbers.iter().map(|n| self.workload.event(*n)).collect();
        let keys: Vec<&str> = events.iter().map(|event| event.key.as_str()).collect();
        let records = opened.get(SOURCE, &keys).expect("the index can be read");
        let pairs = numbers.iter().zip(events.iter().zip(&records));
        let contains_effect = match self.workload.sender {
            Sender::S3 => contains_event,
            Sender::MinIo { .. } => shows_object,
        };
        let missing = pairs.filter(|(_, (event, record))| !contains_effect(record.as_ref(), event));
        missing.map(|(number, _)| *number).collect()
    }

    fn open(&self) -> TantivyEngine {
        let opened = open_current(&self.data_dir).expect("the index can be opened");
        opened.expect("the daemon has created the index")
    }

    /// Compares the whole index with the result of all events, and returns the first differences.
    pub fn differences(&self) -> Vec<String> {
        /// Maximum number of differences.
        const MAX: usize = 10;
        let everything = KeyInterval::everything();
        let records = self
            .open()
            .read(SOURCE, &everything, RecordFilter::All, usize::MAX)
            .expect("the index can be read");
        let mut expected = self.workload.result();
        let mut differences = Vec::new();
        for (key, record) in records {
            let found = content(&record);
            let expected_content = found.as_ref().and_then(|_| expected.remove(&key));
            if found != expected_content {
                differences.push(format!(
                    "{key:?} is {found:?}, expected {expected_content:?}"
                ));
            }
        }
        differences.extend(expected.keys().map(|key| format!("{key:?} is missing")));
        differences.truncate(MAX);
        differences
    }
}

/// Whether a record shows the object after an event.
fn shows_object(record: Option<&Record>, event: &Event) -> bool {
    record.and_then(content) == event.object
}

/// Whether a record is from an event. Each event has its own key.
fn contains_event(record: Option<&Record>, event: &Event) -> bool {
    record.is_some_and(|record| {
        let sequencer = record.sequencer.as_ref();
        let is_same =
            sequencer.is_some_and(|found| found.digits().eq_ignore_ascii_case(&event.sequencer));
        is_same && content(record) == event.object
    })
}

/// Size and ETag of the asset; `None` for a tombstone.
fn content(record: &Record) -> Option<(u64, String)> {
    let object = record.object()?;
    let etag = object
        .etag
        .as_ref()
        .expect("listings and events have ETags");
    Some((object.size, etag.to_text()))
}

/// Counts commits in a thread.
pub struct CommitCounter {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl CommitCounter {
    pub fn start(data_dir: &Path) -> Self {
        let current = DataDir::new(data_dir, SCHEMA_VERSION).current();
        let generation = current
            .expect("the data directory can be read")
            .expect("the daemon has created the index");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        Self {
            stop,
            thread: thread::spawn(move || count(generation.join("meta.json"), &stopped)),
        }
    }

    /// Stops counting and returns the number of commits.
    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the thread does not panic")
    }
}

/// Counts the changes of the commit number in the file. A merge writes the file too, but keeps the number.
fn count(meta: PathBuf, stop: &AtomicBool) -> u64 {
    let mut changed: Option<SystemTime> = None;
    let mut newest = None;
    let mut commits = 0;
    while !stop.load(Ordering::Relaxed) {
        let now = std::fs::metadata(&meta).and_then(|meta| meta.modified());
        let now = now.expect("the file always exists: a rename replaces it");
        if changed.replace(now) != Some(now) {
            let text = std::fs::read(&meta).expect("the file always exists: a rename replaces it");
            let meta: Value = serde_json::from_slice(&text).expect("the file is JSON");
            let commit = meta["opstamp"].as_u64().expect("opstamp is a number");
            commits += u64::from(newest.is_some_and(|newest| newest != commit));
            newest = Some(commit);
        }
        thread::park_timeout(POLL);
    }
    commits
}
