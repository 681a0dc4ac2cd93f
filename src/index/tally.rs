//! The numbers of one Source that the writer counts for display: its assets, and the drift of its last scan.
//!
//! No decision depends on these numbers, and they are not durable.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::core::replication::timestamp::Timestamp;

/// The numbers of one Source. The writer and the status board share them.
#[derive(Debug, Default)]
pub struct Tally {
    assets: AtomicU64,
    former_assets: AtomicU64,
    drift: Mutex<Option<Drift>>,
}

/// The differences that a completed scan repaired although events should have reported them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The index is complete as of this time.
    pub as_of: Option<Timestamp>,
    /// Number of assets that were missing in the index.
    pub missing: u64,
    /// Number of assets that had another size or ETag in the index.
    pub stale: u64,
    /// Number of assets in the index that were no longer in the bucket.
    pub left_over: u64,
}

impl Drift {
    /// Number of all differences. Zero if events work.
    pub fn total(&self) -> u64 {
        self.missing + self.stale + self.left_over
    }
}

impl Tally {
    /// Number of assets that searches can find.
    pub fn assets(&self) -> u64 {
        self.assets.load(Ordering::Relaxed)
    }

    /// Number of assets of a former bucket or prefix that searches find, because no scan of the current one has
    /// found an asset yet. 0 if the index is from the current one.
    pub fn former_assets(&self) -> u64 {
        self.former_assets.load(Ordering::Relaxed)
    }

    /// The drift of the last completed scan that measured drift.
    pub fn drift(&self) -> Option<Drift> {
        *self
            .drift
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn set_assets(&self, assets: u64) {
        self.assets.store(assets, Ordering::Relaxed);
    }

    pub(crate) fn set_former_assets(&self, assets: u64) {
        self.former_assets.store(assets, Ordering::Relaxed);
    }

    /// Counts a change of one key: whether it was an asset before, and whether it is one now.
    pub(super) fn count(&self, was_live: bool, is_live: bool) {
        match (was_live, is_live) {
            (false, true) => {
                self.assets.fetch_add(1, Ordering::Relaxed);
            }
            (true, false) => {
                // Stop at zero, in case the number was never set.
                let decrement = |assets: u64| Some(assets.saturating_sub(1));
                let _ = self
                    .assets
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, decrement);
            }
            _ => {}
        }
    }

    pub(crate) fn set_drift(&self, drift: Drift) {
        *self
            .drift
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(drift);
    }
}
