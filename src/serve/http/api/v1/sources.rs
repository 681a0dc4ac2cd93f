//! `/v1/sources`: the Sources that a client may see.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use serde::Serialize;

use crate::core::source::Source;
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::operation::ApiOperation;
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::{available, run_index_task};
use crate::serve::http::deployment_status::{DeploymentStatus, count_assets};

/// Its entry in the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/sources",
    id: "sources",
    summary: "List the Sources that the token may see.",
    response_schema: "Sources",
    ..ApiOperation::READ
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
    is_managed: bool,
    enabled: bool,
    subdomain: String,
    bucket: String,
    prefix: String,
    base_url: String,
    thumbnail_url: Option<String>,
    annotation: Option<String>,
    reconcile_every_minutes: u64,
    status: &'static str,
    assets: Option<u64>,
}

/// Handles a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Json<Body>, ApiError> {
    ctx.params(&OPERATION)?;
    let sources = ctx.sources.all().map(|entry| {
        let source = Arc::clone(&entry.source);
        (entry.id.clone(), source, entry.scan_interval)
    });
    let sources: Vec<(String, Arc<Source>, Duration)> = sources.collect();
    let data = run_index_task(&ctx.app, move |snapshot, deadline| {
        let snapshot = available(snapshot);
        let body = |(id, source, scan_interval): (String, Arc<Source>, Duration)| {
            let status = DeploymentStatus::of(snapshot.as_deref(), &source);
            Ok(SourceBody {
                name: source.name.clone(),
                id,
                is_managed: source.is_managed,
                enabled: source.enabled,
                subdomain: source.subdomain.clone(),
                bucket: source.bucket.clone(),
                prefix: source.prefix.clone(),
                base_url: source.base_url.clone(),
                thumbnail_url: source.thumbnail_url.clone(),
                annotation: source.annotation.clone(),
                reconcile_every_minutes: scan_interval.as_secs() / 60,
                status: status.name(),
                assets: count_assets(snapshot.as_deref(), &source, deadline)?,
            })
        };
        sources.into_iter().map(body).collect()
    })
    .await?;
    Ok(Json(Body { data }))
}
