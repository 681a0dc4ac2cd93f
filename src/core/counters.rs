//! Counters that one task increments while others read them, and their values at one moment.
//!
//! They are for people to read. No decision depends on them.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// A number that only goes up, shared between threads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The current value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn raise_to(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

/// Counters of the scan of one Source. [`ScanCounts`] describes each of them.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of ScanCounts have the docs")]
pub struct ScanProgress {
    pub listed: Counter,
    pub admitted: Counter,
    pub added: Counter,
    pub changed: Counter,
    pub removed: Counter,
    pub expected: Counter,
}

/// The values of a [`ScanProgress`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanCounts {
    /// Keys on the pages listed so far.
    pub listed: u64,
    /// Listed keys that the Source's rules admit.
    pub admitted: u64,
    /// Assets that are new in the index.
    pub added: u64,
    /// Assets whose record was replaced.
    pub changed: u64,
    /// Assets that left the index.
    pub removed: u64,
    /// Estimated number of records in the ranges to scan, taken when the scan began. 0 if the index
    /// was empty.
    pub expected: u64,
}

impl ScanProgress {
    /// Counts a write to one key, given whether search finds the key before and after it.
    pub fn count(&self, was_live: bool, is_live: bool) {
        match (was_live, is_live) {
            (false, true) => self.added.add(1),
            (true, true) => self.changed.add(1),
            (true, false) => self.removed.add(1),
            (false, false) => {}
        }
    }

    /// The current values.
    pub fn counts(&self) -> ScanCounts {
        ScanCounts {
            listed: self.listed.get(),
            admitted: self.admitted.get(),
            added: self.added.get(),
            changed: self.changed.get(),
            removed: self.removed.get(),
            expected: self.expected.get(),
        }
    }

    /// Raises each counter to its value in `counts`, to show the progress of a scan in another
    /// process. A counter that is already higher stays.
    pub fn raise_to(&self, counts: &ScanCounts) {
        self.listed.raise_to(counts.listed);
        self.admitted.raise_to(counts.admitted);
        self.added.raise_to(counts.added);
        self.changed.raise_to(counts.changed);
        self.removed.raise_to(counts.removed);
        self.expected.raise_to(counts.expected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_raised_to_counts_but_never_lowered() {
        let progress = ScanProgress::default();
        progress.listed.add(7);
        let counts = ScanCounts {
            listed: 5,
            admitted: 3,
            ..ScanCounts::default()
        };
        progress.raise_to(&counts);
        let raised = ScanCounts {
            listed: 7,
            ..counts
        };
        assert_eq!(progress.counts(), raised);
    }
}
