//! Large removals: a Source loses more than half of its assets at once.
//!
//! "At once" means by one scan, one change of its rules, its bucket or its prefix, or because it is no longer
//! configured. That is often a mistake, so it is logged and shown. No decision depends on it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::core::replication::timestamp::Timestamp;

/// The time of the last large removal of each Source since the process started. The writer and the metrics share
/// it. An index never has more than 65,536 Sources, and few of them have a large removal.
#[derive(Debug, Default)]
pub struct LargeRemovals(Mutex<BTreeMap<String, Timestamp>>);

/// Whether this number of removed assets is a large removal from a Source that had `assets`.
pub(crate) fn is_large_removal(removed: u64, assets: u64) -> bool {
    removed > assets / 2
}

impl LargeRemovals {
    /// Notes a large removal at this time, by our clock.
    pub(crate) fn note(&self, source: &str, at: Timestamp) {
        self.lock().insert(source.to_owned(), at);
    }

    /// The time of the last large removal of each Source, by its name.
    pub fn all(&self) -> Vec<(String, Timestamp)> {
        let noted = self.lock();
        noted.iter().map(|(name, at)| (name.clone(), *at)).collect()
    }

    /// Every holder writes a single value, so a panic cannot leave it half-written.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_is_large() {
        for (removed, assets, is_large) in [
            (0, 0, false),
            (0, 1, false),
            (1, 1, true),
            (1, 2, false),
            (2, 3, true),
            (2, 4, false),
            (3, 4, true),
        ] {
            assert_eq!(
                is_large_removal(removed, assets),
                is_large,
                "{removed} of {assets}"
            );
        }
    }
}
