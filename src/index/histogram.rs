//! How long something took, counted in buckets that others read while it goes on.
//!
//! It is for people: nothing is decided by it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The most bounds that a histogram may have.
pub(crate) const MAX_BOUNDS: usize = 12;

/// Durations in buckets.
#[derive(Debug)]
pub struct Histogram {
    /// The upper bounds in milliseconds, ascending; what is above all of them is counted as well.
    bounds: &'static [u64],
    sum_micros: AtomicU64,
    counts: [AtomicU64; MAX_BOUNDS + 1],
}

impl Histogram {
    /// With these upper bounds in milliseconds, ascending, [`MAX_BOUNDS`] of them at the most.
    pub const fn new(bounds: &'static [u64]) -> Self {
        assert!(bounds.len() <= MAX_BOUNDS, "that many buckets are not read");
        Self {
            bounds,
            sum_micros: AtomicU64::new(0),
            counts: [const { AtomicU64::new(0) }; MAX_BOUNDS + 1],
        }
    }

    /// Counts one.
    pub fn record(&self, took: Duration) {
        let is_below = |bound: &u64| Duration::from_millis(*bound) < took;
        let bucket = self.bounds.partition_point(is_below);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros.load(Ordering::Relaxed))
    }

    /// The upper bound of each bucket in seconds, the last one infinite, and how many are in it, none
    /// counted twice.
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
    fn a_duration_is_in_the_first_bucket_whose_bound_is_not_below_it() {
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
