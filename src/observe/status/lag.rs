//! Event lag: the time from an event until it is searchable.
//!
//! It is measured from `eventTime` (S3's clock) to the commit (our clock), so it is wrong by the difference
//! between the clocks. A negative lag counts as zero.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::lock;
use crate::index::histogram::Histogram;

/// Number of recent events that the quantiles cover.
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

/// Quantiles of the lags of recent events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagSummary {
    /// The median.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// The maximum.
    pub max: Duration,
}

impl EventLag {
    /// Records the lag of one event.
    pub fn record(&self, lag: Duration) {
        let millis = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        self.all.record(Duration::from_millis(millis));
        let mut newest = lock(&self.newest);
        if newest.len() == WINDOW {
            newest.pop_front();
        }
        newest.push_back(millis);
    }

    /// Quantiles of the last 1,024 events. `None` before the first event.
    pub fn summary(&self) -> Option<LagSummary> {
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
    fn summary_covers_recent_events_and_buckets_all() {
        let lag = EventLag::default();
        assert_eq!(lag.summary(), None);
        let millis = Duration::from_millis;
        lag.record(millis(100_000_000));
        for number in 1..=WINDOW as u64 {
            lag.record(millis(number));
        }
        let summary = lag.summary().unwrap();
        assert_eq!((summary.p50, summary.max), (millis(512), millis(1_024)));
        assert_eq!(summary.p99, millis(1_013));
        let counts: Vec<u64> = lag.all().buckets().iter().map(|it| it.1).collect();
        assert_eq!(counts[..4], [100, 150, 250, 500]);
        assert_eq!((counts[4], counts[12]), (24, 1));
        assert_eq!(lag.all().sum(), millis(100_000_000 + 1_024 * 1_025 / 2));
    }
}
