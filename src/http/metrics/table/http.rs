//! Metrics of what is answered over HTTP.

use super::super::metric::{Metric, Read};
use super::metric;

pub const METRICS: [Metric; 3] = [
    metric(
        "asset_indexer_http_requests_total",
        "Requests that were answered, by what kind they were and with which status",
        Read::Requests,
    ),
    metric(
        "asset_indexer_http_request_seconds",
        "How long it took to answer a request, by what kind it was",
        Read::RouteHistogram,
    ),
    metric(
        "asset_indexer_searches_refused_total",
        "Searches without an answer: too many at a time, or stopped because they took too long",
        Read::ProcessBy("reason", |of| {
            vec![
                ("busy", of.board.http.busy.get().into()),
                ("too_slow", of.board.http.too_slow.get().into()),
            ]
        }),
    ),
];
