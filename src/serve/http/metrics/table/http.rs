//! Metrics of what is answered over HTTP.

use super::super::metric::{Metric, Read};
use super::{metric, some};

pub(super) const METRICS: [Metric; 4] = [
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
    metric(
        "asset_indexer_http_connections_cut_off_total",
        "Connections without a request under way that were closed because all places were taken and others came",
        Read::Process(|of| some(of.board.http.cut_off.get())),
    ),
];
