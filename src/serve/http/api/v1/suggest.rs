//! `/v1/suggest`: names that complete the text in a search field.

use axum::Json;
use serde::Serialize;

use crate::core::query::request::{DEFAULT_SUGGESTIONS, MAX_SUGGESTIONS};
use crate::core::query::{Query, SuggestRequest, Suggestion};
use crate::core::source::SearchSource;
use crate::core::source::reference::is_uri;
use crate::observe::status;
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::operation::ApiOperation;
use crate::serve::http::api::params::{ParameterSpec, ValueType};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_search;

const PARAMETERS: &[ParameterSpec] = &[
    ParameterSpec {
        name: "q",
        value_type: ValueType::RequiredText,
        description: "The words that each suggested name contains. The last word may be incomplete.",
    },
    ParameterSpec {
        name: "within",
        value_type: ValueType::Text,
        description: "A query in the query language, for example what the user has typed before. Only assets that it \
                      finds are suggested, and folders with such assets. Its words are not forgiven. The default is \
                      all assets.",
    },
    ParameterSpec {
        name: "folder",
        value_type: ValueType::Text,
        description: "The folder that suggestions are from, with all folders below it. The default is the root.",
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
            default: DEFAULT_SUGGESTIONS as u64,
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
    let text = params.text("q").unwrap_or_default();
    if is_uri(text.trim()) {
        // An address names one asset. Its words are no words to complete.
        return Ok(Json(Body { data: Vec::new() }));
    }
    let within = params.text("within").unwrap_or_default();
    let within = Query::parse(within, status::now());
    let request = SuggestRequest::new(text)
        .within(within.map_err(|error| ApiError::invalid_query("within", &error))?)
        .folder(params.text("folder").unwrap_or("/"))
        .limit(usize::try_from(params.number("limit")).unwrap_or(DEFAULT_SUGGESTIONS));
    let data = run_search(&ctx.app, move |snapshot, deadline| {
        snapshot.suggest(&sources, &request, deadline)
    })
    .await?;
    Ok(Json(Body { data }))
}
