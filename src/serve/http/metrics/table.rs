//! All metrics: name, help text, and how to read the values.
//!
//! Names end with the base unit, and counters with `_total`. Counters start at 0 with the process.
//! `deploy/metrics.md` says what to do about each metric.

use super::metric::{Metric, MetricValue, Reader};

mod http;
mod index;
mod process;
mod queues;
mod sources;

/// All metrics, in output order.
pub(super) fn metrics() -> impl Iterator<Item = &'static Metric> {
    let groups: [&[Metric]; 5] = [
        &process::METRICS,
        &index::METRICS,
        &http::METRICS,
        &sources::METRICS,
        &queues::METRICS,
    ];
    groups.into_iter().flatten()
}

fn some(number: impl Into<MetricValue>) -> Option<MetricValue> {
    Some(number.into())
}

const fn metric(name: &'static str, help: &'static str, read: Reader) -> Metric {
    Metric { name, help, read }
}
