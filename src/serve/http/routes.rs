//! What is answered at which path.
//!
//! `/healthz` and `/readyz` need neither disk nor lock that is held for long: they answer as long as
//! the process does anything.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};

use super::api::error::{ApiError, ErrorCode};
use super::api::{self, response};
use super::app_state::AppState;
use super::metrics;
use super::page;
use super::redact;
use crate::observe::status::index_bytes;
use crate::observe::status::report::{Report, waiting_for};
use crate::serve::access::Grant;

/// All paths; other methods than GET and HEAD are answered by 405.
pub(super) fn router(app: Arc<AppState>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(serve_metrics))
        .merge(api::routes())
        .merge(page::routes())
        .fallback(async || {
            let paths = "there is nothing at this path; /v1/openapi.json says what there is, besides \
                         /status, /healthz, /readyz and /metrics";
            ApiError::new(ErrorCode::NotFound, paths)
        })
        .layer(middleware::from_fn(response::finish_response))
        .with_state(app)
}

async fn status(State(app): State<Arc<AppState>>, grant: Grant) -> Response {
    looked_up(move || {
        let report = Report::of(&app.board, index_bytes(&app.board.data_dir));
        Json(redact::report(report, &grant))
    })
    .await
}

/// 503 with a line for each thing that is waited for, where the client may see all Sources.
async fn readyz(State(app): State<Arc<AppState>>, grant: Option<Extension<Grant>>) -> Response {
    let waiting_for = waiting_for(&app.board);
    if waiting_for.is_empty() {
        return "ready\n".into_response();
    }
    let lines = if grant.is_some_and(|grant| grant.sees_all()) {
        waiting_for.join("\n") + "\n"
    } else {
        "not ready\n".to_owned()
    };
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}

async fn serve_metrics(State(app): State<Arc<AppState>>, grant: Grant) -> Response {
    if !grant.is_admin() {
        let text = "metrics are for tokens that were made with --admin";
        return ApiError::new(ErrorCode::Forbidden, text).into_response();
    }
    looked_up(move || {
        let text = metrics::text(&app, &grant);
        ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text)
    })
    .await
}

/// Runs what reads the disk beside what must not wait; a panic in it is answered by 500.
async fn looked_up<T>(look: impl FnOnce() -> T + Send + 'static) -> Response
where
    T: IntoResponse + Send + 'static,
{
    match tokio::task::spawn_blocking(look).await {
        Ok(answer) => answer.into_response(),
        Err(error) => api::error::panicked(&error).into_response(),
    }
}
