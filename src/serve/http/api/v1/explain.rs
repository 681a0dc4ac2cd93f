//! `/v1/explain`: why search finds a path or not, from the configuration and the index.
//!
//! It sends no request to the bucket; `asset-indexer explain` does.

use std::sync::Arc;

use axum::Json;
use serde::Serialize;

use super::asset::{ASSET_PARAMETERS, key};
use crate::search::SearchError;
use crate::search::explain::{BucketState, Explanation, IndexState, explain, index_state, verdict};
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::operation::{ApiOperation, ApiTag};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_index_task;

/// Its entry in the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/explain",
    id: "explain",
    summary: "Explain why search finds a path or not, from the configuration and the index.",
    tag: ApiTag::Search,
    parameters: &[ASSET_PARAMETERS],
    response_schema: "Explained",
    may_be_not_found: true,
};

/// The response body.
#[derive(Serialize)]
pub(super) struct Body {
    data: Explained,
}

#[derive(Serialize)]
struct Explained {
    facts: Explanation,
    searchable: Option<bool>,
    verdict: String,
}

/// Handles a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Json<Body>, ApiError> {
    let params = ctx.params(&OPERATION)?;
    let entry = ctx.source(&params)?;
    let source = Arc::clone(&entry.source);
    let key = key(&source, &params)?;
    let reconcile_every = ctx.sources.catalog().reconcile_every;
    let facts = run_index_task(&ctx.app, move |snapshot, _| {
        let index = match snapshot {
            Err(SearchError::NoIndex { .. }) => IndexState::NoIndex,
            snapshot => index_state(snapshot?.engine(), &source, &key, reconcile_every)?,
        };
        Ok(explain(&source, &key, BucketState::NotLookedUp, index))
    })
    .await?;
    let verdict = verdict(&facts);
    let data = Explained {
        searchable: verdict.is_searchable(),
        verdict: verdict.to_string(),
        facts,
    };
    Ok(Json(Body { data }))
}
