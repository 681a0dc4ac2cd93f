//! `/v1/suggest`: names that complete the text in a search field.

use axum::Json;
use serde::Serialize;

use crate::core::query::Suggestion;
use crate::core::query::request::MAX_SUGGESTIONS;
use crate::core::source::SearchSource;
use crate::core::source::reference::is_uri;
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::operation::ApiOperation;
use crate::serve::http::api::params::{ParameterSpec, ValueType};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_search;

const PARAMETERS: &[ParameterSpec] = &[
    ParameterSpec {
        name: "q",
        value_type: ValueType::RequiredText,
        description: "The text typed so far. Its last word may be incomplete.",
    },
    ParameterSpec {
        name: "source",
        value_type: ValueType::RepeatedText,
        description: "The name of a Source. Repeat it for several Sources. The default is all.",
    },
    ParameterSpec {
        name: "limit",
        value_type: ValueType::Number {
            min: 1,
            max: MAX_SUGGESTIONS as u64,
            default: 10,
        },
        description: "Maximum number of suggestions.",
    },
];

/// Its entry in the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/suggest",
    id: "suggest",
    summary: "Suggest names of assets and folders while the user types.",
    parameters: &[PARAMETERS],
    response_schema: "Suggestions",
    may_be_not_found: true,
    ..ApiOperation::READ
};

/// The response body.
#[derive(Serialize)]
pub(super) struct Body {
    data: Vec<Suggestion>,
}

/// Handles a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Json<Body>, ApiError> {
    let params = ctx.params(&OPERATION)?;
    let sources = ctx.sources.select_enabled(params.values("source"))?;
    let sources: Vec<SearchSource> = sources.into_iter().map(SearchSource::from).collect();
    let text = params.text("q").unwrap_or_default().to_owned();
    if is_uri(text.trim()) {
        // An address names one asset. Its words are no words to complete.
        return Ok(Json(Body { data: Vec::new() }));
    }
    let limit = usize::try_from(params.number("limit")).unwrap_or(MAX_SUGGESTIONS);
    let data = run_search(&ctx.app, move |snapshot, deadline| {
        snapshot.suggest(&sources, &text, limit, deadline)
    })
    .await?;
    Ok(Json(Body { data }))
}
