//! The routes of the HTTP server, and the handlers of the service paths.
//!
//! `/healthz` and `/readyz` do not touch the disk and take no lock that is held for long, so they answer as
//! long as the process makes any progress.

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
use crate::observe::status::report::{StatusReport, waiting_for};
use crate::serve::access::Grant;

/// All routes. Methods other than GET and HEAD get a 405.
pub(super) fn router(app: Arc<AppState>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .merge(api::routes())
        .merge(page::routes())
        .fallback(async || {
            let text =
                "this path does not exist; see /v1/openapi.json for the paths of this service";
            ApiError::new(ErrorCode::NotFound, text)
        })
        .layer(middleware::from_fn(response::finish_response))
        .with_state(app)
}

async fn status(State(app): State<Arc<AppState>>, grant: Grant) -> Response {
    run_blocking(move || {
        let report = StatusReport::of(&app.board, index_bytes(&app.board.data_dir));
        Json(redact::report(report, &grant))
    })
    .await
}

/// 200 if ready, else 503. A client that may see all Sources gets one line for each reason.
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

async fn metrics_text(State(app): State<Arc<AppState>>, grant: Grant) -> Response {
    if !grant.is_admin() {
        let text = "/metrics needs a token that was created with --admin";
        return ApiError::new(ErrorCode::Forbidden, text).into_response();
    }
    run_blocking(move || {
        let text = metrics::text(&app, &grant);
        ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text)
    })
    .await
}

/// Runs work that reads the disk on a thread that may block. A panic in it becomes a 500.
async fn run_blocking<T>(work: impl FnOnce() -> T + Send + 'static) -> Response
where
    T: IntoResponse + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(response) => response.into_response(),
        Err(error) => api::error::panicked(&error).into_response(),
    }
}
