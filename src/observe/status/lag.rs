//! How long it takes from an event to its being searchable.
//!
//! It is measured from `eventTime`, by S3's clock, to the commit, by ours: clocks that disagree shift
//! it, and what would be negative counts as zero.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::lock;
use crate::index::histogram::Histogram;

/// How many of the newest events the quantiles are of.
const WINDOW: usize = 1_024;

/// The upper bounds of the buckets, in milliseconds.
const BUCKETS_MILLIS: [u64; 12] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000, 86_400_000,
];

/// The lags of one Source's events.
#[derive(Debug)]
pub struct EventLag {
    newest: Mutex<VecDeque<u64>>,
    all: Histogram,
}

impl Default for EventLag {
    fn default() -> Self {
        Self {
            newest: Mutex::default(),
            all: Histogram::new(&BUCKETS_MILLIS),
        }
    }
}

/// The lags of the newest events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagSummary {
    /// Half of them took no longer.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
    /// None took longer.
    pub max: Duration,
}

impl EventLag {
    /// Counts one event.
    pub fn record(&self, lag: Duration) {
        let millis = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        self.all.record(Duration::from_millis(millis));
        let mut newest = lock(&self.newest);
        if newest.len() == WINDOW {
            newest.pop_front();
        }
        newest.push_back(millis);
    }

    /// The figures of the newest 1,024 events; `None` before the first.
    pub fn figures(&self) -> Option<LagSummary> {
        let mut sorted: Vec<u64> = lock(&self.newest).iter().copied().collect();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let at = |percent: usize| Duration::from_millis(sorted[last * percent / 100]);
        Some(LagSummary {
            p50: at(50),
            p99: at(99),
            max: at(100),
        })
    }

    /// The lags of all events.
    pub fn all(&self) -> &Histogram {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_the_newest_and_buckets_of_all() {
        let lag = EventLag::default();
        assert_eq!(lag.figures(), None);
        let millis = Duration::from_millis;
        lag.record(millis(100_000_000));
        for number in 1..=WINDOW as u64 {
            lag.record(millis(number));
        }
        let figures = lag.figures().unwrap();
        assert_eq!((figures.p50, figures.max), (millis(512), millis(1_024)));
        assert_eq!(figures.p99, millis(1_013));
        let counts: Vec<u64> = lag.all().buckets().iter().map(|it| it.1).collect();
        assert_eq!(counts[..4], [100, 150, 250, 500]);
        assert_eq!((counts[4], counts[12]), (24, 1));
        assert_eq!(lag.all().sum(), millis(100_000_000 + 1_024 * 1_025 / 2));
    }
}
