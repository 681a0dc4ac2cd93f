//! What is answered at which path.
//!
//! `/healthz` and `/readyz` need neither disk nor lock that is held for long: they answer as long as
//! the process does anything.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::metrics;
use crate::status::report::{Report, waiting_for};
use crate::status::{Board, index_bytes};

/// All paths; other methods than GET and HEAD are answered by 405.
pub fn router(board: Arc<Board>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(serve_metrics))
        .fallback(async || {
            let paths = "there are /status, /healthz, /readyz and /metrics\n";
            (StatusCode::NOT_FOUND, paths)
        })
        .with_state(board)
}

async fn status(State(board): State<Arc<Board>>) -> Response {
    looked_up(move || Json(Report::of(&board, index_bytes(&board.data_dir)))).await
}

/// 503 with a line for each thing that is waited for.
async fn readyz(State(board): State<Arc<Board>>) -> Response {
    let waiting_for = waiting_for(&board);
    if waiting_for.is_empty() {
        return "ready\n".into_response();
    }
    let lines = waiting_for.join("\n") + "\n";
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}

async fn serve_metrics(State(board): State<Arc<Board>>) -> Response {
    looked_up(move || {
        let text = metrics::text(&board, index_bytes(&board.data_dir));
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
        Err(error) => {
            tracing::error!(%error, "the answer to an HTTP request panicked");
            let text = "this is a defect of asset-indexer; see its log\n";
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}
