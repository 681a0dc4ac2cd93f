//! Counters that one task increments while others read them, and their values at one moment.
//!
//! They are for people to read. No decision depends on them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

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

    /// Raises it to `value` if it is lower.
    pub fn raise_to(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

/// Counters of the scan of one Source. [`ScanCounts`] describes each of them.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of ScanCounts have the docs")]
pub struct ScanProgress {
    pub listed: Counter,
    pub admitted: Counter,
    pub unusable: Counter,
    pub added: Counter,
    pub changed: Counter,
    pub removed: Counter,
    pub expected: Counter,
    pub assets_before: Counter,
    pub excluded: Counter,
    pub former: Counter,
    pub lost_at_once: Counter,
    /// Some of the unusable keys, for people.
    examples: Mutex<BTreeSet<String>>,
}

/// The values of a [`ScanProgress`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanCounts {
    /// Keys on the pages listed so far.
    pub listed: u64,
    /// Listed keys that the Source's rules admit.
    pub admitted: u64,
    /// Listed keys that cannot be in the index, because they are not UTF-8 or their encoding is broken.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unusable: u64,
    /// Assets that are new in the index.
    pub added: u64,
    /// Assets whose record was replaced, unless only its time was corrected.
    pub changed: u64,
    /// Assets that left the index.
    pub removed: u64,
    /// Estimated number of records in the ranges to scan, taken when the scan began. 0 if the index
    /// was empty.
    pub expected: u64,
    /// Assets in the index when the scan began.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub assets_before: u64,
    /// Removed assets that new rules exclude.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub excluded: u64,
    /// Removed assets of the former bucket or prefix.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub former: u64,
    /// Assets that the Source lost at once, if they were more than half of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost_at_once: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
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

    /// Counts keys that cannot be in the index, and keeps some of them.
    pub fn count_unusable(&self, keys: &[String]) {
        /// Maximum number of keys to keep.
        const MAX_EXAMPLES: usize = 5;
        self.unusable.add(keys.len() as u64);
        let mut examples = self.lock_examples();
        for key in keys {
            if examples.len() >= MAX_EXAMPLES {
                break;
            }
            examples.insert(key.clone());
        }
    }

    /// Some of the keys that cannot be in the index, for people.
    pub fn unusable_examples(&self) -> Vec<String> {
        self.lock_examples().iter().cloned().collect()
    }

    fn lock_examples(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A panic cannot leave the set half-written: `insert` is its only change.
        self.examples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current values.
    pub fn counts(&self) -> ScanCounts {
        ScanCounts {
            listed: self.listed.get(),
            admitted: self.admitted.get(),
            unusable: self.unusable.get(),
            added: self.added.get(),
            changed: self.changed.get(),
            removed: self.removed.get(),
            expected: self.expected.get(),
            assets_before: self.assets_before.get(),
            excluded: self.excluded.get(),
            former: self.former.get(),
            lost_at_once: self.lost_at_once.get(),
        }
    }

    /// Raises each counter to its value in `counts`, to show the progress of a scan in another
    /// process. A counter that is already higher stays.
    pub fn raise_to(&self, counts: &ScanCounts) {
        self.listed.raise_to(counts.listed);
        self.admitted.raise_to(counts.admitted);
        self.unusable.raise_to(counts.unusable);
        self.added.raise_to(counts.added);
        self.changed.raise_to(counts.changed);
        self.removed.raise_to(counts.removed);
        self.expected.raise_to(counts.expected);
        self.assets_before.raise_to(counts.assets_before);
        self.excluded.raise_to(counts.excluded);
        self.former.raise_to(counts.former);
        self.lost_at_once.raise_to(counts.lost_at_once);
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
