//! Records every request, including refused requests, by route, status and duration.
//!
//! It records no paths and no query texts, because they contain keys.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tracing::Instrument;
use tracing::field::Empty;

use crate::observe::status::{RouteGroup, StatusBoard};

/// Adds a layer that records each request of the router on the status board.
pub(super) fn record_requests(router: Router, board: Arc<StatusBoard>) -> Router {
    router.layer(from_fn_with_state(board, record_request))
}

async fn record_request(
    State(board): State<Arc<StatusBoard>>,
    request: Request,
    next: Next,
) -> Response {
    let route = RouteGroup::of(request.uri().path());
    let span = tracing::debug_span!("request", route = route.as_str(), status = Empty);
    let started = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.record("status", i64::from(status));
    board.http.count(route, status, started.elapsed());
    response
}
