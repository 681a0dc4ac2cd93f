//! `POST /v1/sources/{name}/reindex` and `GET /v1/sources/{name}/history`.

use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::source::SourceName;
use crate::serve::access::Grant;
use crate::serve::http::api::error::{ApiError, ApiErrors, ErrorCode};
use crate::serve::http::api::managed_source;
use crate::serve::http::api::operation::{ApiMethod, ApiOperation, ApiTag, RequestBody};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::visible_sources::VisibleSources;
use crate::serve::http::api::write_request::WriteRequest;
use crate::serve::source_changes::ReindexError;

pub(super) const REINDEX: ApiOperation = ApiOperation {
    method: ApiMethod::Post,
    path: "/v1/sources/{name}/reindex",
    id: "reindexSource",
    summary: "Scan a Source now. The answer comes at once; /status shows the progress.",
    tag: ApiTag::Sources,
    request: RequestBody::Empty,
    success: 202,
    response_schema: "RequestedScan",
    may_be_not_found: true,
    ..ApiOperation::READ
};

pub(super) const HISTORY: ApiOperation = ApiOperation {
    path: "/v1/sources/{name}/history",
    id: "sourceHistory",
    summary: "Who changed a managed Source, when, and which fields. The oldest change comes first. Needs a token that \
              may change the Source.",
    tag: ApiTag::Sources,
    response_schema: "SourceHistory",
    may_be_not_found: true,
    ..ApiOperation::READ
};

/// Handles a request for a scan.
pub(super) async fn reindex(
    SourceName(name): SourceName,
    request: WriteRequest,
) -> Result<(StatusCode, Json<Value>), ApiErrors> {
    request.params(&REINDEX)?;
    request.require_may_manage(&name)?;
    let changer = managed_source::changer(&request.app)?;
    let visible = VisibleSources::new(request.app.catalog(), request.grant.clone());
    if !visible.with_name(&name)?.source.enabled {
        let text = "a disabled Source is not scanned; enable it first";
        return Err(ApiError::new(ErrorCode::SourceDisabled, text).into());
    }
    if !request.body.is_empty() {
        let text = "this request has no values; send an empty body, or {}";
        return Err(ApiError::new(ErrorCode::ValueInvalid, text).at("").into());
    }
    changer.reindex(name.clone()).await.map_err(|error| {
        let code = match error {
            ReindexError::TooMany => ErrorCode::Busy,
            ReindexError::NotActive | ReindexError::Stopping => ErrorCode::Unavailable,
        };
        ApiError::new(code, error.to_string())
    })?;
    tracing::info!(
        source = name,
        actor = request.grant.actor(),
        "a scan was requested"
    );
    let body = json!({ "data": { "name": name, "scan": "requested" } });
    Ok((StatusCode::ACCEPTED, Json(body)))
}

/// Handles a request for the history.
pub(super) async fn history(
    SourceName(name): SourceName,
    Extension(grant): Extension<Grant>,
    ctx: RequestContext,
) -> Result<Json<Value>, ApiErrors> {
    ctx.params(&HISTORY)?;
    ctx.sources.with_name(&name)?;
    if !grant.may_manage(&name) {
        let text = "the history needs a token that was created with --manage";
        return Err(ApiError::new(ErrorCode::Forbidden, text).into());
    }
    let entries = managed_source::history(&ctx.app, &grant, &name).await?;
    Ok(Json(json!({ "data": entries })))
}
