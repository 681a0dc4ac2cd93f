//! `/v1/search`: a page of hits with total and facets, across Sources.

use std::time::Instant;

use axum::response::{IntoResponse, Response};

use crate::core::query::FacetBy;
use crate::core::query::request::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::hits::{FIELDS, PREVIEWS};
use crate::serve::http::api::operation::ApiOperation;
use crate::serve::http::api::params::{ParameterSpec, ValueType};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::response::EtagHash;
use crate::serve::http::api::search_task::run_search;
use prepared::PreparedSearch;

mod named;
pub(super) mod prepared;

/// The parameters of a search.
pub(super) const PARAMETERS: &[ParameterSpec] = &[
    ParameterSpec {
        name: "q",
        value_type: ValueType::Text,
        description: "The query, in the query language, or the address of an asset: `s3://bucket/key`, an ARN, a URL in the bucket \
                      or the asset's URL; or the path or key of an asset, if it has a slash. The default finds everything.",
    },
    ParameterSpec {
        name: "exact",
        value_type: ValueType::Flag,
        description: "Whether each word of the query must occur exactly as it is. By default, a search that finds too \
                      little forgives typos and more, and `meta.interpretation` says what.",
    },
    ParameterSpec {
        name: "typing",
        value_type: ValueType::Flag,
        description: "Whether the query is still being typed: its last word without an operator may be only the beginning of a word.",
    },
    ParameterSpec {
        name: "source",
        value_type: ValueType::RepeatedText,
        description: "The name of a Source to search. Repeat it for several Sources. The default is all.",
    },
    ParameterSpec {
        name: "sort",
        value_type: ValueType::ListOf(&[
            "relevance",
            "-relevance",
            "name",
            "-name",
            "path",
            "-path",
            "modified",
            "-modified",
            "size",
            "-size",
            "created",
            "-created",
        ]),
        description: "The order of the hits: up to 3 keys, such as `-modified,name`. A leading `-` reverses a key. Hits \
                      that are equal in all of them are in the order of their path; `-path` as the last key reverses \
                      that. The default is `relevance`, or `path` if the query finds everything.",
    },
    ParameterSpec {
        name: "limit",
        value_type: ValueType::Number {
            min: 1,
            max: MAX_LIMIT as u64,
            default: DEFAULT_LIMIT as u64,
        },
        description: "Maximum number of hits.",
    },
    ParameterSpec {
        name: "cursor",
        value_type: ValueType::Text,
        description: "`meta.cursor.next` of the previous page, or `meta.cursor.prev` to go back. Repeat its q, source and \
                      sort.",
    },
    ParameterSpec {
        name: "facets",
        value_type: ValueType::ListOf(&FacetBy::NAMES),
        description: "The facets to count all hits by, separated by commas.",
    },
    ParameterSpec {
        name: "folder",
        value_type: ValueType::Text,
        description: "The folder whose child folders the facet `folder` counts. The default is the root. It does not \
                      restrict the hits.",
    },
    ParameterSpec {
        name: "total",
        value_type: ValueType::Total,
        description: "`exact`, or a number at which counting may stop. If it stops there, `meta.total` is a lower bound.",
    },
    ParameterSpec {
        name: "highlights",
        value_type: ValueType::Flag,
        description: "Whether hits have `highlights`: the matching parts of their path.",
    },
    PREVIEWS,
    FIELDS,
];

/// Its entry in the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/search",
    id: "search",
    summary: "Search for assets.",
    parameters: &[PARAMETERS],
    response_schema: "SearchPage",
    may_be_not_found: true,
    ..ApiOperation::READ
};

/// Handles a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Response, ApiError> {
    let begin = Instant::now();
    let search = PreparedSearch::read(&ctx.params(&OPERATION)?, &ctx.sources)?;
    let run = move |snapshot: &_, deadline: &_| search.run(snapshot, deadline);
    let found = run_search(&ctx.app, run).await??;
    let mut body = found.body(&ctx.sources).await;
    // The ETag does not cover `took_ms`: the same hits have the same ETag.
    let without_time = serde_json::to_vec(&body).unwrap_or_default();
    body.set_time(begin.elapsed());
    let mut response = axum::Json(body).into_response();
    response
        .extensions_mut()
        .insert(EtagHash::of(&without_time));
    Ok(response)
}
