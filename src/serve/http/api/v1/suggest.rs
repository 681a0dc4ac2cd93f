//! `/v1/suggest`: what someone may be about to write.

use axum::Json;
use serde::Serialize;

use crate::core::query::Suggestion;
use crate::core::query::request::MAX_SUGGESTIONS;
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::operation::{ApiOperation, ApiTag};
use crate::serve::http::api::params::{ParameterSpec, ValueType};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_search;

const PARAMETERS: &[ParameterSpec] = &[
    ParameterSpec {
        name: "q",
        value_type: ValueType::RequiredText,
        description: "the beginning of a name, as it is written so far",
    },
    ParameterSpec {
        name: "source",
        value_type: ValueType::RepeatedText,
        description: "the name of a Source; may be there several times; all without it",
    },
    ParameterSpec {
        name: "limit",
        value_type: ValueType::Number {
            min: 1,
            max: MAX_SUGGESTIONS as u64,
            default: 10,
        },
        description: "the most suggestions",
    },
];

/// In the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/suggest",
    id: "suggest",
    summary: "Names of assets and folders that begin so",
    tag: ApiTag::Search,
    parameters: &[PARAMETERS],
    response_schema: "Suggestions",
    may_be_not_found: true,
};

/// The answer.
#[derive(Serialize)]
pub(super) struct Body {
    data: Vec<Suggestion>,
}

/// Answers a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Json<Body>, ApiError> {
    let params = ctx.params(&OPERATION)?;
    let sources = ctx.sources.searched(params.values("source"))?;
    let text = params.text("q").unwrap_or_default().to_owned();
    let limit = usize::try_from(params.number("limit")).unwrap_or(MAX_SUGGESTIONS);
    let data = run_search(&ctx.app, move |snapshot, deadline| {
        snapshot.suggest(&sources, &text, limit, deadline)
    })
    .await?;
    Ok(Json(Body { data }))
}
