//! Counters of one Source's scan that others read while it runs.
//!
//! They are for people: nothing is decided by them.

use std::sync::atomic::{AtomicU64, Ordering};

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
