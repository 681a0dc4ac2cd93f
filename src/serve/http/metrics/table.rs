//! Which metrics there are: name, meaning, and where the number stands.
//!
//! Names are as they are asked for, with the base unit at the end, and `_total` where the number only
//! rises, which it does until the process ends. `deploy/metrics.md` says of each what to do about it.

use super::metric::{Metric, Number, Read};

mod http;
mod index;
mod process;
mod queues;
mod sources;

/// All metrics, in the order in which they are written.
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

fn some(number: impl Into<Number>) -> Option<Number> {
    Some(number.into())
}

const fn metric(name: &'static str, help: &'static str, read: Read) -> Metric {
    Metric { name, help, read }
}
