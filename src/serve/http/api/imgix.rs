//! `/api/v1`: searches, and changes of Sources, in the shapes of imgix's APIs.
//!
//! S3 does not know the tags, faces or dimensions of an asset, so these attributes are null or empty. Clients
//! of imgix only need another base URL.

mod asset_pages;
mod assets;
mod document;
mod filters;
mod links;
mod media_kinds;
pub(super) mod source_values;
mod source_writes;
mod sources;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::operation::ApiOperation;
use crate::serve::http::app_state::AppState;

/// The operations of `/api/v1`.
pub(super) const OPERATIONS: [&ApiOperation; 8] = [
    &sources::LIST,
    &source_writes::CREATE,
    &sources::ONE,
    &source_writes::UPDATE,
    &assets::LIST,
    &assets::ONE,
    &assets::LEGACY_LIST,
    &assets::LEGACY_ONE,
];

/// The routes of `/api/v1`.
pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route(
            sources::LIST.path,
            get(sources::list).post(source_writes::create),
        )
        .route(
            sources::ONE.path,
            get(sources::one).patch(source_writes::update),
        )
        .route(assets::LIST.path, get(assets::list))
        .route(assets::LEGACY_LIST.path, get(assets::list))
        .route(
            "/api/v1/sources/{id}/assets/{*origin_path}",
            get(assets::one),
        )
        .route("/api/v1/assets/{id}/{*origin_path}", get(assets::one))
}

/// Whether the path of a URL ends in an asset path.
pub(in crate::serve::http) fn is_asset_path(url_path: &str) -> bool {
    let is_of_assets = ["/api/v1/sources/", "/api/v1/assets/"]
        .iter()
        .any(|start| url_path.starts_with(start));
    is_of_assets && assets::split_path(url_path).1.len() > "/".len()
}
