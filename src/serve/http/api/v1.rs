//! `/v1`: our own API, with the whole query language and searches across Sources.

mod asset;
mod explain;
mod folders;
mod search;
pub(super) mod searches;
mod session;
mod source;
mod source_actions;
mod source_drafts;
mod source_edit;
mod sources;
mod suggest;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::operation::ApiOperation;
use crate::serve::http::app_state::AppState;
use crate::serve::http::auth::SESSION_PATH;

/// The operations of `/v1`.
pub(super) const OPERATIONS: [&ApiOperation; 16] = [
    &sources::OPERATION,
    &source::OPERATION,
    &source_edit::CREATE,
    &source_edit::UPDATE,
    &source_edit::REMOVE,
    &source_actions::REINDEX,
    &source_actions::HISTORY,
    &source_drafts::TEST,
    &source_drafts::PREVIEW,
    &source_drafts::SETUP,
    &search::OPERATION,
    &searches::OPERATION,
    &suggest::OPERATION,
    &folders::OPERATION,
    &asset::OPERATION,
    &explain::OPERATION,
];

/// The routes of `/v1`.
pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route(
            sources::OPERATION.path,
            get(sources::handle).post(source_edit::create),
        )
        .route(
            source::OPERATION.path,
            get(source::handle)
                .patch(source_edit::update)
                .delete(source_edit::remove),
        )
        .route(source_drafts::TEST.path, post(source_drafts::test))
        .route(source_drafts::PREVIEW.path, post(source_drafts::preview))
        .route(source_drafts::SETUP.path, post(source_drafts::setup))
        .route(source_actions::REINDEX.path, post(source_actions::reindex))
        .route(source_actions::HISTORY.path, get(source_actions::history))
        .route(search::OPERATION.path, get(search::handle))
        .route(searches::OPERATION.path, post(searches::handle))
        .route(suggest::OPERATION.path, get(suggest::handle))
        .route(folders::OPERATION.path, get(folders::handle))
        .route(asset::OPERATION.path, get(asset::handle))
        .route(explain::OPERATION.path, get(explain::handle))
        .route(SESSION_PATH, get(session::show).post(session::begin))
}
