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

/// In the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/sources",
    id: "sources",
    summary: "The Sources that may be seen",
    tag: ApiTag::Search,
    parameters: &[],
    response_schema: "Sources",
    may_be_not_found: false,
};

/// The answer.
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

/// Answers a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Json<Body>, ApiError> {
    ctx.params(&OPERATION)?;
    let sources = ctx
        .sources
        .all()
        .map(|it| (it.id.clone(), Arc::clone(&it.source)));
    let sources: Vec<(String, Arc<Source>)> = sources.collect();
    let data = run_index_task(&ctx.app, move |view, deadline| {
        let view = available(view);
        let body = |(id, source): (String, Arc<Source>)| {
            let status = DeploymentStatus::of(view.as_deref(), &source);
            Ok(SourceBody {
                name: source.name.clone(),
                id,
                enabled: source.enabled,
                bucket: source.bucket.clone(),
                prefix: source.prefix.clone(),
                base_url: source.base_url.clone(),
                status: status.name(),
                assets: count_assets(view.as_deref(), &source, deadline)?,
            })
        };
        sources.into_iter().map(body).collect()
    })
    .await?;
    Ok(Json(Body { data }))
}
