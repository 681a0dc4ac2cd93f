//! A histogram of durations that can be read while it is written.
//!
//! It is only for metrics. No decision depends on it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Maximum number of bounds of a histogram.
pub(crate) const MAX_BOUNDS: usize = 12;

/// Counts durations in buckets.
#[derive(Debug)]
pub struct Histogram {
    /// The upper bounds of the buckets in milliseconds, ascending. One more bucket counts longer durations.
    bounds: &'static [u64],
    sum_micros: AtomicU64,
    counts: [AtomicU64; MAX_BOUNDS + 1],
}

impl Histogram {
    /// Creates an empty histogram. `bounds` are the inclusive upper bounds in milliseconds: ascending, at most
    /// [`MAX_BOUNDS`].
    pub const fn new(bounds: &'static [u64]) -> Self {
        assert!(bounds.len() <= MAX_BOUNDS, "too many bounds");
        Self {
            bounds,
            sum_micros: AtomicU64::new(0),
            counts: [const { AtomicU64::new(0) }; MAX_BOUNDS + 1],
        }
    }

    /// Counts a duration.
    pub fn record(&self, took: Duration) {
        let is_below = |bound: &u64| Duration::from_millis(*bound) < took;
        let bucket = self.bounds.partition_point(is_below);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The sum of all durations.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros.load(Ordering::Relaxed))
    }

    /// Returns for each bucket its upper bound in seconds and its count. The last bound is infinite. The counts are
    /// not cumulative.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = self.bounds.iter().map(|millis| *millis as f64 / 1000.0);
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        bounds.chain([f64::INFINITY]).zip(counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_a_duration_in_the_first_bucket_that_holds_it() {
        static BOUNDS: [u64; 3] = [1, 10, 1_000];
        let histogram = Histogram::new(&BOUNDS);
        for micros in [0, 1_000, 1_001, 10_000, 2_000_000] {
            histogram.record(Duration::from_micros(micros));
        }
        let buckets = histogram.buckets();
        assert_eq!(
            buckets,
            [(0.001, 2), (0.01, 2), (1.0, 0), (f64::INFINITY, 1)]
        );
        assert_eq!(histogram.sum(), Duration::from_micros(2_012_001));
    }
}
