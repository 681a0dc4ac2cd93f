//! What one metric is: a name, a meaning, and how its numbers are read from the board.

use std::time::Duration;

use prometheus_client::metrics::MetricType;

use super::Scrape;
use crate::core::replication::timestamp::Timestamp;
use crate::index::histogram::Histogram;
use crate::observe::status::{QueueStatus, ScanInProgress, SourceStatus};

/// One metric.
pub(super) struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it tells, in one line.
    pub help: &'static str,
    /// Where the numbers come from.
    pub read: Read,
}

/// A value of a second label, and the number under it.
pub(super) type Labelled = (&'static str, Number);

/// Where the numbers come from, and by which labels they are told apart.
#[derive(Clone, Copy)]
pub(super) enum Read {
    /// One for the process.
    Process(fn(&Scrape) -> Option<Number>),
    /// Some for the process, by this label.
    ProcessBy(&'static str, fn(&Scrape) -> Vec<Labelled>),
    /// One for each Source, by the label `source`.
    Source(fn(&SourceStatus) -> Option<Number>),
    /// Some for each Source, by `source` and this label.
    SourceBy(&'static str, fn(&SourceStatus) -> Vec<Labelled>),
    /// One for each scan that is under way, by `source`.
    Scan(fn(&ScanInProgress) -> Number),
    /// A histogram of each Source, by `source`.
    SourceHistogram(fn(&SourceStatus) -> &Histogram),
    /// A histogram of the process.
    Histogram(fn(&Scrape) -> &Histogram),
    /// The histogram of requests, by `route`.
    RouteHistogram,
    /// Requests, by `route` and `status`.
    Requests,
    /// One for each queue, by the label `queue`: its address.
    Queue(fn(&QueueStatus) -> Option<Number>),
}

/// A value.
#[derive(Clone, Copy)]
pub(super) enum Number {
    /// Without a fraction.
    Whole(u64),
    /// With one.
    Real(f64),
}

impl Metric {
    /// Its type.
    pub(super) fn kind(&self) -> MetricType {
        match self.read {
            Read::SourceHistogram(_) | Read::Histogram(_) | Read::RouteHistogram => {
                MetricType::Histogram
            }
            _ if self.name.ends_with("_total") => MetricType::Counter,
            _ => MetricType::Gauge,
        }
    }
}

impl Read {
    /// By which labels the numbers are told apart.
    #[cfg(test)]
    pub(super) fn labels(&self) -> Vec<&'static str> {
        match *self {
            Self::Process(_) | Self::Histogram(_) => vec![],
            Self::ProcessBy(label, _) => vec![label],
            Self::Source(_) | Self::Scan(_) | Self::SourceHistogram(_) => vec!["source"],
            Self::SourceBy(label, _) => vec!["source", label],
            Self::RouteHistogram => vec!["route"],
            Self::Requests => vec!["route", "status"],
            Self::Queue(_) => vec!["queue"],
        }
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<bool> for Number {
    fn from(holds: bool) -> Self {
        Self::Whole(u64::from(holds))
    }
}

impl From<Duration> for Number {
    fn from(duration: Duration) -> Self {
        Self::Real(duration.as_secs_f64())
    }
}

impl From<Timestamp> for Number {
    fn from(stamp: Timestamp) -> Self {
        Self::Real(stamp.as_millis() as f64 / 1000.0)
    }
}
