//! Defines a metric: its name, its help text, and how its values are read.

use std::time::Duration;

use prometheus_client::metrics::MetricType;

use super::Scrape;
use crate::core::replication::timestamp::Timestamp;
use crate::index::histogram::Histogram;
use crate::observe::status::{QueueStatus, ScanInProgress, SourceStatus};

pub(super) struct Metric {
    pub name: &'static str,
    /// The help text, in one line.
    pub help: &'static str,
    pub read: Reader,
}

/// A label value and the metric value for it.
pub(super) type LabeledValue = (&'static str, MetricValue);

/// How the values are read, and their labels.
#[derive(Clone, Copy)]
pub(super) enum Reader {
    /// The value 1, with these labels and their values.
    Info(&'static [(&'static str, &'static str)]),
    /// One value for the process.
    Process(fn(&Scrape) -> Option<MetricValue>),
    /// One value per value of this label.
    ProcessBy(&'static str, fn(&Scrape) -> Vec<LabeledValue>),
    /// The time of the last large removal of each Source that had one, even if it is no longer configured. Label:
    /// `source`.
    LargeRemovals,
    /// One value per Source. Label: `source`.
    Source(fn(&SourceStatus) -> Option<MetricValue>),
    /// One value per Source and value of this label.
    SourceBy(&'static str, fn(&SourceStatus) -> Vec<LabeledValue>),
    /// One value per running scan. Label: `source`.
    Scan(fn(&ScanInProgress) -> MetricValue),
    /// One histogram per Source. Label: `source`.
    SourceHistogram(fn(&SourceStatus) -> &Histogram),
    /// One histogram for the process.
    Histogram(fn(&Scrape) -> &Histogram),
    /// The durations of HTTP requests. Label: `route`.
    RouteHistogram,
    /// The number of HTTP requests. Labels: `route` and `status`.
    Requests,
    /// One value per queue. Label: `queue`, its URL.
    Queue(fn(&QueueStatus) -> Option<MetricValue>),
}

/// The value of a series.
#[derive(Clone, Copy)]
pub(super) enum MetricValue {
    /// An integer.
    Whole(u64),
    /// A number with a fraction.
    Fraction(f64),
}

impl Metric {
    pub(super) fn kind(&self) -> MetricType {
        match self.read {
            Reader::SourceHistogram(_) | Reader::Histogram(_) | Reader::RouteHistogram => {
                MetricType::Histogram
            }
            _ if self.name.ends_with("_total") => MetricType::Counter,
            _ => MetricType::Gauge,
        }
    }
}

impl Reader {
    /// The label names.
    #[cfg(test)]
    pub(super) fn labels(&self) -> Vec<&'static str> {
        match *self {
            Self::Info(labels) => labels.iter().map(|(label, _)| *label).collect(),
            Self::Process(_) | Self::Histogram(_) => vec![],
            Self::ProcessBy(label, _) => vec![label],
            Self::Source(_) | Self::Scan(_) | Self::SourceHistogram(_) | Self::LargeRemovals => {
                vec!["source"]
            }
            Self::SourceBy(label, _) => vec!["source", label],
            Self::RouteHistogram => vec!["route"],
            Self::Requests => vec!["route", "status"],
            Self::Queue(_) => vec!["queue"],
        }
    }
}

impl From<u64> for MetricValue {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<bool> for MetricValue {
    fn from(holds: bool) -> Self {
        Self::Whole(u64::from(holds))
    }
}

impl From<Duration> for MetricValue {
    fn from(duration: Duration) -> Self {
        Self::Fraction(duration.as_secs_f64())
    }
}

impl From<Timestamp> for MetricValue {
    fn from(timestamp: Timestamp) -> Self {
        Self::Fraction(timestamp.as_millis() as f64 / 1000.0)
    }
}
