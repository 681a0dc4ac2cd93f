//! Counters of one Source's scan that others read while it runs.
//!
//! They are for people: nothing is decided by them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::Histogram;

/// What a scan has done so far.
#[derive(Debug, Default)]
pub struct Progress {
    /// Keys that pages have listed.
    pub listed: Counter,
    /// Those of them that the rules admit.
    pub admitted: Counter,
    /// Assets that are new in the index.
    pub added: Counter,
    /// Assets whose record was written anew.
    pub changed: Counter,
    /// Assets that left the index.
    pub removed: Counter,
    /// Records of the listed ranges when the scan began: an estimate of what is to come.
    pub expected: Counter,
}

/// The upper bounds of the times that commits take, in milliseconds.
const COMMIT_MILLIS: [u64; 10] = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 60_000];

/// The commits of the index.
#[derive(Debug)]
pub struct Commits {
    /// How long they took, those that succeeded.
    pub took: Histogram,
    /// Records that they wrote.
    pub records: Counter,
}

impl Default for Commits {
    fn default() -> Self {
        Self {
            took: Histogram::new(&COMMIT_MILLIS),
            records: Counter::default(),
        }
    }
}

/// A number that only goes up, shared between threads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Progress {
    /// Counts one key by whether search finds it before and after.
    pub fn count(&self, was_live: bool, is_live: bool) {
        match (was_live, is_live) {
            (false, true) => self.added.add(1),
            (true, true) => self.changed.add(1),
            (true, false) => self.removed.add(1),
            (false, false) => {}
        }
    }
}
