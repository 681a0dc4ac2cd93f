//! `/v1/asset`: one asset by its path.

use axum::Json;
use serde::Serialize;

use crate::core::source::{SearchSource, Source};
use crate::serve::http::api::error::{ApiError, ErrorCode};
use crate::serve::http::api::hits::{self, FIELDS, HitBody, HitFields, PREVIEWS};
use crate::serve::http::api::operation::ApiOperation;
use crate::serve::http::api::params::{ParameterSpec, Params, ValueType};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_search;

/// The parameters that identify an asset.
pub(super) const ASSET_PARAMETERS: &[ParameterSpec] = &[
    ParameterSpec {
        name: "source",
        value_type: ValueType::RequiredText,
        description: "The name of the Source.",
    },
    ParameterSpec {
        name: "path",
        value_type: ValueType::RequiredText,
        description: "The asset path, which starts with `/` and must match byte for byte. The key, `s3://bucket/key`, the ARN, a URL in the bucket and the asset's URL work too.",
    },
];

/// Its entry in the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/asset",
    id: "asset",
    summary: "Get one asset by its path.",
    parameters: &[ASSET_PARAMETERS, &[PREVIEWS, FIELDS]],
    response_schema: "OneHit",
    may_be_not_found: true,
    ..ApiOperation::READ
};

/// The response body.
#[derive(Serialize)]
pub(super) struct Body {
    data: Option<HitBody>,
}

/// The key of the asset that the parameters name.
pub(super) fn key(source: &Source, params: &Params) -> Result<String, ApiError> {
    let text = params.text("path").unwrap_or_default();
    let key = source.key_of_reference(text);
    key.map_err(|error| ApiError::invalid_parameter("path", error.to_string()))
}

/// Handles a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Json<Body>, ApiError> {
    let params = ctx.params(&OPERATION)?;
    let source = &ctx.source(&params)?.source;
    let path = source.asset_path(&key(source, &params)?);
    let searched = path
        .filter(|_| source.enabled)
        .map(|path| (SearchSource::from(&**source), path));
    let found = run_search(&ctx.app, move |snapshot, _| match &searched {
        Some((source, path)) => snapshot.asset(source, path),
        None => Ok(None),
    });
    let Some(hit) = found.await? else {
        let text = "the Source has no asset with this path; /v1/explain shows why";
        return Err(ApiError::new(ErrorCode::NotFound, text).for_parameter("path"));
    };
    let mut bodies = hits::bodies(vec![hit], &ctx.sources, &HitFields::read(&params)).await;
    Ok(Json(Body { data: bodies.pop() }))
}
