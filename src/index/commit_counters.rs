//! Counters of the commits of the index. They can be read while commits run.
//!
//! They are only for metrics. No decision depends on them.

use super::histogram::Histogram;
use crate::core::counters::Counter;

/// Bucket bounds for the durations of commits, in milliseconds.
const COMMIT_MILLIS: [u64; 10] = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 60_000];

/// Counters of the commits of the index.
#[derive(Debug)]
pub struct CommitCounters {
    /// Durations of successful commits.
    pub took: Histogram,
    /// Number of records that the commits wrote or removed.
    pub records: Counter,
}

impl Default for CommitCounters {
    fn default() -> Self {
        Self {
            took: Histogram::new(&COMMIT_MILLIS),
            records: Counter::default(),
        }
    }
}
