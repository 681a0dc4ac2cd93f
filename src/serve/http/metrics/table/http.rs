//! Metrics of HTTP requests and connections.

use super::super::metric::{Metric, Reader};
use super::{metric, some};

pub(super) const METRICS: [Metric; 4] = [
    metric(
        "asset_indexer_http_requests_total",
        "HTTP requests answered, by route and status",
        Reader::Requests,
    ),
    metric(
        "asset_indexer_http_request_seconds",
        "Duration of HTTP requests, by route",
        Reader::RouteHistogram,
    ),
    metric(
        "asset_indexer_searches_refused_total",
        "Searches that failed, by reason: too many at a time (busy) or too slow (too_slow)",
        Reader::ProcessBy("reason", |scrape| {
            vec![
                ("busy", scrape.board.http.busy.get().into()),
                ("too_slow", scrape.board.http.too_slow.get().into()),
            ]
        }),
    ),
    metric(
        "asset_indexer_http_connections_cut_off_total",
        "Idle HTTP connections closed to make room for new ones",
        Reader::Process(|scrape| some(scrape.board.http.cut_off.get())),
    ),
];
