//! `/v1`: our own API, with the whole query language and searches across Sources.

mod asset;
mod explain;
mod folders;
mod search;
mod sources;
mod suggest;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::operation::ApiOperation;
use crate::serve::http::app_state::AppState;

/// The operations of `/v1`.
pub(super) const OPERATIONS: [&ApiOperation; 6] = [
    &sources::OPERATION,
    &search::OPERATION,
    &suggest::OPERATION,
    &folders::OPERATION,
    &asset::OPERATION,
    &explain::OPERATION,
];

/// The routes of `/v1`.
pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route(sources::OPERATION.path, get(sources::handle))
        .route(search::OPERATION.path, get(search::handle))
        .route(suggest::OPERATION.path, get(suggest::handle))
        .route(folders::OPERATION.path, get(folders::handle))
        .route(asset::OPERATION.path, get(asset::handle))
        .route(explain::OPERATION.path, get(explain::handle))
}
