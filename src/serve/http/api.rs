//! The search API: requests are URLs, responses are JSON.
//!
//! `/v1` is our own API with the whole query language. `/api/v1` has the shapes of imgix's Assets API, so
//! its clients only need another base URL. Both show only the Sources that the client's token may see. All errors are JSON:API documents.

mod change_error;
mod compression;
pub(crate) mod error;
mod hits;
pub(crate) mod idempotency;
mod imgix;
mod managed_source;
mod openapi;
mod operation;
mod paging;
pub(crate) mod params;
mod request_body;
mod request_context;
pub(crate) mod response;
mod search_task;
mod v1;
mod visible_sources;
mod write_request;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, header};
use axum::routing::get;

use super::app_state::AppState;
pub(super) use imgix::is_asset_path;

/// All routes of the search API, and its OpenAPI document.
pub(crate) fn routes() -> Router<Arc<AppState>> {
    v1::routes()
        .merge(imgix::routes())
        .route(operation::OPENAPI_PATH, get(openapi_document))
}

async fn openapi_document() -> ([(HeaderName, &'static str); 1], String) {
    let content_type = (header::CONTENT_TYPE, "application/json");
    ([content_type], openapi::text())
}

#[cfg(test)]
mod tests;
