//! The board of the HTTP side: how many requests there were of each kind, and how long they took.
//!
//! A kind of request stands for many paths, so that nothing that a client writes becomes a label.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::lock;
use crate::core::counters::Counter;
use crate::index::histogram::Histogram;

/// The upper bounds of the times that requests take, in milliseconds.
const REQUEST_MILLIS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000];

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteGroup {
    /// A search of `/v1`.
    Search,
    /// A suggestion of `/v1`.
    Suggest,
    /// Anything else of `/v1`.
    Other,
    /// In the shapes of imgix, `/api/v1`.
    Imgix,
    /// A file of the page.
    Page,
    /// The status.
    Status,
    /// Whether the process lives, or is ready.
    Health,
    /// The metrics.
    Metrics,
    /// A path at which there is nothing.
    Unknown,
}

/// The HTTP side.
#[derive(Debug, Default)]
pub struct HttpMetrics {
    routes: [RouteMetrics; RouteGroup::ALL.len()],
    /// Searches that were refused because as many were running as may.
    pub busy: Counter,
    /// Searches that were given up because they took too long.
    pub too_slow: Counter,
    /// Connections that were cut off because others came.
    pub cut_off: Arc<Counter>,
}

/// Requests of one kind.
#[derive(Debug)]
pub struct RouteMetrics {
    /// How long they took, from the whole header to the whole answer being made.
    pub took: Histogram,
    statuses: Mutex<BTreeMap<u16, u64>>,
}

/// The statuses that are watched, and so are counted before they first come.
const FAILURES: [u16; 2] = [500, 503];

impl Default for RouteMetrics {
    fn default() -> Self {
        Self {
            took: Histogram::new(&REQUEST_MILLIS),
            // An increase can be seen only of what was 0 before.
            statuses: Mutex::new(BTreeMap::from(FAILURES.map(|status| (status, 0)))),
        }
    }
}

impl RouteGroup {
    /// All of them.
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

    /// The kind of that path.
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

    /// In one word.
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
    /// Counts a request that was answered.
    pub fn count(&self, route: RouteGroup, status: u16, took: Duration) {
        let board = self.of(route);
        board.took.record(took);
        *lock(&board.statuses).entry(status).or_default() += 1;
    }

    /// Requests of that kind.
    pub fn of(&self, route: RouteGroup) -> &RouteMetrics {
        &self.routes[route as usize]
    }
}

impl RouteMetrics {
    /// How many were answered with each status.
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        lock(&self.statuses).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_is_of_one_kind() {
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
        for (place, route) in RouteGroup::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, place);
        }
    }

    #[test]
    fn requests_are_counted_under_their_kind_and_status() {
        let board = HttpMetrics::default();
        for status in [200, 200, 503] {
            board.count(RouteGroup::Search, status, Duration::from_millis(3));
        }
        let search = board.of(RouteGroup::Search);
        assert_eq!(
            search.statuses(),
            BTreeMap::from([(200, 2), (500, 0), (503, 1)])
        );
        assert_eq!(search.took.sum(), Duration::from_millis(9));
        let none = BTreeMap::from([(500, 0), (503, 0)]);
        assert_eq!(board.of(RouteGroup::Page).statuses(), none);
    }
}
