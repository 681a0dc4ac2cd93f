//! `/v1/explain`: why a path is or is not found, by the configuration and the index.
//!
//! The bucket is not asked: `asset-indexer explain` does that.

use std::sync::Arc;

use axum::Json;
use serde::Serialize;

use super::asset::WHICH;
use crate::search::SearchError;
use crate::search::explain::{BucketState, Explanation, IndexState, explain, index_state, verdict};
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::operation::{ApiOperation, ApiTag};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_index_task;

/// In the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/explain",
    id: "explain",
    summary: "Why a path is or is not found",
    tag: ApiTag::Search,
    parameters: &[WHICH],
    response_schema: "Explained",
    may_be_not_found: true,
};

/// The answer.
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

/// Answers a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Json<Body>, ApiError> {
    let params = ctx.params(&OPERATION)?;
    let entry = ctx.source(&params)?;
    let source = Arc::clone(&entry.source);
    let path = params.text("path").unwrap_or_default();
    let Some(key) = source.key_of(path) else {
        let text =
            format!("{path:?} names no key; an asset path is / and the key behind the prefix");
        return Err(ApiError::invalid_parameter("path", text));
    };
    let every = ctx.sources.catalog().reconcile_every;
    let facts = run_index_task(&ctx.app, move |snapshot, _| {
        let index = match snapshot {
            Err(SearchError::NoIndex { .. }) => IndexState::NoIndex,
            snapshot => index_state(snapshot?.engine(), &source, &key, every)?,
        };
        Ok(explain(&source, &key, BucketState::NotAsked, index))
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
