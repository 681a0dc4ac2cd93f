//! `/v1/sources`: the Sources that a client may see.

use std::sync::Arc;

use axum::Json;
use serde::Serialize;

use crate::core::source::Source;
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::operation::{ApiOperation, ApiTag};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::{available, run_index_task};
use crate::serve::http::deployment_status::{DeploymentStatus, count_assets};

/// Its entry in the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/sources",
    id: "sources",
    summary: "List the Sources that the token may see.",
    tag: ApiTag::Search,
    parameters: &[],
    response_schema: "Sources",
    may_be_not_found: false,
};

/// The response body.
#[derive(Serialize)]
pub(super) struct Body {
    data: Vec<SourceBody>,
}

#[derive(Serialize)]
struct SourceBody {
    name: String,
    id: String,
    enabled: bool,
    bucket: String,
    prefix: String,
    base_url: String,
    status: &'static str,
    assets: Option<u64>,
}

/// Handles a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Json<Body>, ApiError> {
    ctx.params(&OPERATION)?;
    let sources = ctx
        .sources
        .all()
        .map(|entry| (entry.id.clone(), Arc::clone(&entry.source)));
    let sources: Vec<(String, Arc<Source>)> = sources.collect();
    let data = run_index_task(&ctx.app, move |snapshot, deadline| {
        let snapshot = available(snapshot);
        let body = |(id, source): (String, Arc<Source>)| {
            let status = DeploymentStatus::of(snapshot.as_deref(), &source);
            Ok(SourceBody {
                name: source.name.clone(),
                id,
                enabled: source.enabled,
                bucket: source.bucket.clone(),
                prefix: source.prefix.clone(),
                base_url: source.base_url.clone(),
                status: status.name(),
                assets: count_assets(snapshot.as_deref(), &source, deadline)?,
            })
        };
        sources.into_iter().map(body).collect()
    })
    .await?;
    Ok(Json(Body { data }))
}
