//! `/v1`: our own interface, with the whole query language and across Sources.

mod asset;
mod explain;
mod folders;
mod search;
mod sources;
mod suggest;

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;

use super::openapi::{self, Operation};
use crate::serve::http::site::Site;

/// What can be asked for.
pub(super) const OPERATIONS: [&Operation; 6] = [
    &sources::OPERATION,
    &search::OPERATION,
    &suggest::OPERATION,
    &folders::OPERATION,
    &asset::OPERATION,
    &explain::OPERATION,
];

/// The paths.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(sources::OPERATION.path, get(sources::answer))
        .route(search::OPERATION.path, get(search::answer))
        .route(suggest::OPERATION.path, get(suggest::answer))
        .route(folders::OPERATION.path, get(folders::answer))
        .route(asset::OPERATION.path, get(asset::answer))
        .route(explain::OPERATION.path, get(explain::answer))
        .route(openapi::PATH, get(document))
}

async fn document() -> ([(header::HeaderName, &'static str); 1], String) {
    let kind = (header::CONTENT_TYPE, "application/json");
    ([kind], openapi::text())
}
