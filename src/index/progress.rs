//! Counters of the index's commits that others read while they run.
//!
//! They are for people: nothing is decided by them.

use super::histogram::Histogram;
use crate::core::counters::Counter;

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
