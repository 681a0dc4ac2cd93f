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
use crate::serve::http::api::operation::ApiOperation;
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_index_task;

/// Its entry in the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/explain",
    id: "explain",
    summary: "Explain why search finds a path or not, from the configuration and the index.",
    parameters: &[ASSET_PARAMETERS],
    response_schema: "Explained",
    may_be_not_found: true,
    ..ApiOperation::READ
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
    let scan_interval = entry.scan_interval;
    let facts = run_index_task(&ctx.app, move |snapshot, deadline| {
        let index = match snapshot {
            Err(SearchError::NoIndex { .. }) => IndexState::NoIndex,
            snapshot => index_state(snapshot?.engine(), &source, &key, scan_interval, deadline)?,
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
