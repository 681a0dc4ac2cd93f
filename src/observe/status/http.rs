//! Counts and times HTTP requests, grouped by route.
//!
//! A route group covers many paths, so text from clients never becomes a label.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::lock;
use crate::core::counters::Counter;
use crate::index::histogram::Histogram;

/// The upper bounds of the duration buckets, in milliseconds.
const REQUEST_MILLIS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000];

/// A group of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteGroup {
    /// `/v1/search`.
    Search,
    /// `/v1/suggest`.
    Suggest,
    /// Any other path below `/v1/`.
    Other,
    /// The imgix-compatible API, `/api/v1/`.
    Imgix,
    /// The search page and its files.
    Page,
    /// `/status`.
    Status,
    /// `/healthz` and `/readyz`.
    Health,
    /// `/metrics`.
    Metrics,
    /// A path that is not served.
    Unknown,
}

/// Metrics of all HTTP requests.
#[derive(Debug, Default)]
pub struct HttpMetrics {
    routes: [RouteMetrics; RouteGroup::ALL.len()],
    /// Searches that were refused because too many were running.
    pub busy: Counter,
    /// Searches that failed because they took too long.
    pub too_slow: Counter,
    /// Idle connections that were closed to make room for new ones.
    pub cut_off: Arc<Counter>,
}

/// Metrics of the requests of one route group.
#[derive(Debug)]
pub struct RouteMetrics {
    /// The time from the complete request head until the response is built.
    pub took: Histogram,
    statuses: Mutex<BTreeMap<u16, u64>>,
}

/// Statuses that alerts watch. They are reported as 0 before they first occur.
const FAILURES: [u16; 2] = [500, 503];

impl Default for RouteMetrics {
    fn default() -> Self {
        Self {
            took: Histogram::new(&REQUEST_MILLIS),
            // Prometheus sees the first increase only if the counter was 0 before.
            statuses: Mutex::new(BTreeMap::from(FAILURES.map(|status| (status, 0)))),
        }
    }
}

impl RouteGroup {
    /// All route groups.
    pub const ALL: [Self; 9] = [
        Self::Search,
        Self::Suggest,
        Self::Other,
        Self::Imgix,
        Self::Page,
        Self::Status,
        Self::Health,
        Self::Metrics,
        Self::Unknown,
    ];

    /// The group of a path.
    pub fn of(path: &str) -> Self {
        match path {
            "/v1/search" => Self::Search,
            "/v1/suggest" => Self::Suggest,
            "/" => Self::Page,
            "/status" => Self::Status,
            "/healthz" | "/readyz" => Self::Health,
            "/metrics" => Self::Metrics,
            _ if path.starts_with("/v1/") => Self::Other,
            _ if path.starts_with("/api/v1/") => Self::Imgix,
            _ if path.starts_with("/page/") => Self::Page,
            _ => Self::Unknown,
        }
    }

    /// The value of the label `route`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Suggest => "suggest",
            Self::Other => "other",
            Self::Imgix => "imgix",
            Self::Page => "page",
            Self::Status => "status",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Unknown => "unknown",
        }
    }
}

impl HttpMetrics {
    /// Counts a request that has a response.
    pub fn count(&self, route: RouteGroup, status: u16, took: Duration) {
        let metrics = self.of(route);
        metrics.took.record(took);
        *lock(&metrics.statuses).entry(status).or_default() += 1;
    }

    /// The metrics of a route group.
    pub fn of(&self, route: RouteGroup) -> &RouteMetrics {
        &self.routes[route as usize]
    }
}

impl RouteMetrics {
    /// The number of responses with each status.
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        lock(&self.statuses).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_paths() {
        for (path, word) in [
            ("/v1/search", "search"),
            ("/v1/suggest", "suggest"),
            ("/v1/sources/photos/folders", "other"),
            ("/api/v1/sources", "imgix"),
            ("/", "page"),
            ("/page/main.js", "page"),
            ("/status", "status"),
            ("/healthz", "health"),
            ("/readyz", "health"),
            ("/metrics", "metrics"),
            ("/v1", "unknown"),
            ("/wp-admin", "unknown"),
        ] {
            assert_eq!(RouteGroup::of(path).as_str(), word, "{path}");
        }
        for (index, route) in RouteGroup::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, index);
        }
    }

    #[test]
    fn counts_requests_by_route_and_status() {
        let metrics = HttpMetrics::default();
        for status in [200, 200, 503] {
            metrics.count(RouteGroup::Search, status, Duration::from_millis(3));
        }
        let search = metrics.of(RouteGroup::Search);
        assert_eq!(
            search.statuses(),
            BTreeMap::from([(200, 2), (500, 0), (503, 1)])
        );
        assert_eq!(search.took.sum(), Duration::from_millis(9));
        let none = BTreeMap::from([(500, 0), (503, 0)]);
        assert_eq!(metrics.of(RouteGroup::Page).statuses(), none);
    }
}
