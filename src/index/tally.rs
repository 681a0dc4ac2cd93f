//! What the writer counts of one Source for people to read: assets, and the drift of its last scan.
//!
//! Nothing is decided by these figures, and none of them is durable.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::core::replication::timestamp::Timestamp;

/// The figures of one Source, shared between the writer and whoever shows them.
#[derive(Debug, Default)]
pub struct Tally {
    assets: AtomicU64,
    drift: Mutex<Option<Drift>>,
}

/// What a completed scan had to mend although events should have told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// As of when the scan is complete.
    pub as_of: Option<Timestamp>,
    /// Assets that the index did not have.
    pub missing: u64,
    /// Assets of which the index had another size or ETag.
    pub stale: u64,
    /// Assets in the index that were not in the bucket any more.
    pub left_over: u64,
}

impl Drift {
    /// All of it; zero is what is expected.
    pub fn total(&self) -> u64 {
        self.missing + self.stale + self.left_over
    }
}

impl Tally {
    /// How many assets search can find.
    pub fn assets(&self) -> u64 {
        self.assets.load(Ordering::Relaxed)
    }

    /// The drift of the newest scan that measured one.
    pub fn drift(&self) -> Option<Drift> {
        *self
            .drift
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
    }

    pub(crate) fn set_assets(&self, assets: u64) {
        self.assets.store(assets, Ordering::Relaxed);
    }

    /// Counts one key by whether search finds it before and after.
    pub(super) fn count(&self, was_live: bool, is_live: bool) {
        match (was_live, is_live) {
            (false, true) => {
                self.assets.fetch_add(1, Ordering::Relaxed);
            }
            (true, false) => {
                // Not below zero, where it was never set.
                let less = |assets: u64| Some(assets.saturating_sub(1));
                let _ = self
                    .assets
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            }
            _ => {}
        }
    }

    pub(crate) fn set_drift(&self, drift: Drift) {
        *self
            .drift
            .lock()
            .unwrap_or_else(|broken| broken.into_inner()) = Some(drift);
    }
}
