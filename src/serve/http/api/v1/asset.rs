//! `/v1/asset`: one asset by its path.

use axum::Json;
use serde::Serialize;

use super::search::PREVIEWS;
use crate::serve::http::api::error::{ApiError, ErrorCode};
use crate::serve::http::api::hits::{self, HitBody};
use crate::serve::http::api::operation::{ApiOperation, ApiTag};
use crate::serve::http::api::params::{ParameterSpec, ValueType};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_search;

/// Which asset.
pub(super) const WHICH: &[ParameterSpec] = &[
    ParameterSpec {
        name: "source",
        value_type: ValueType::RequiredText,
        description: "the name of the Source",
    },
    ParameterSpec {
        name: "path",
        value_type: ValueType::RequiredText,
        description: "the asset path, which begins with /, byte for byte",
    },
];

/// In the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/asset",
    id: "asset",
    summary: "One asset by its path",
    tag: ApiTag::Search,
    parameters: &[WHICH, &[PREVIEWS]],
    response_schema: "OneHit",
    may_be_not_found: true,
};

/// The answer.
#[derive(Serialize)]
pub(super) struct Body {
    data: Option<HitBody>,
}

/// Answers a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Json<Body>, ApiError> {
    let params = ctx.params(&OPERATION)?;
    let listed = ctx.source(&params)?;
    let source = listed
        .source
        .enabled
        .then(|| crate::core::source::SearchSource::from(&*listed.source));
    let path = params.text("path").unwrap_or_default().to_owned();
    let found = run_search(&ctx.app, move |snapshot, _| match &source {
        Some(source) => snapshot.asset(source, &path),
        None => Ok(None),
    });
    let Some(hit) = found.await? else {
        let text = "the Source has no asset of this path; /v1/explain tells why";
        return Err(ApiError::new(ErrorCode::NotFound, text).for_parameter("path"));
    };
    let mut bodies = hits::bodies(vec![hit], &ctx.sources, params.flag(PREVIEWS.name)).await;
    Ok(Json(Body { data: bodies.pop() }))
}
