//! `/v1/search`: a page of hits with total and facets, across Sources.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::core::query::request::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::core::query::{
    Facet, FacetBy, FacetCount, PageStart, Query, Request, fingerprint, folder_path,
};
use crate::serve::http::api::error::{ApiError, ErrorCode};
use crate::serve::http::api::hits::{self, HitBody};
use crate::serve::http::api::operation::{ApiOperation, ApiTag};
use crate::serve::http::api::paging::{self, TotalBody};
use crate::serve::http::api::params::{ParameterSpec, Params, ValueType};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::response::EtagHash;
use crate::serve::http::api::search_task::run_search;

const PARAMETERS: &[ParameterSpec] = &[
    ParameterSpec {
        name: "q",
        value_type: ValueType::Text,
        description: "The query, in the query language. The default finds everything.",
    },
    ParameterSpec {
        name: "source",
        value_type: ValueType::RepeatedText,
        description: "The name of a Source to search. Repeat it for several Sources. The default is all.",
    },
    ParameterSpec {
        name: "sort",
        value_type: ValueType::OneOf(&[
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
        description: "The order of the hits. A leading `-` reverses it. The default is `relevance`, or `path` if the \
                      query finds everything.",
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
        description: "`meta.cursor.next` of the previous page. Repeat its q, source and sort.",
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
];

/// Whether hits have a preview URL.
pub(super) const PREVIEWS: ParameterSpec = ParameterSpec {
    name: "previews",
    value_type: ValueType::Flag,
    description: "Whether hits have `preview_url`: a URL that a browser can load the asset from for at least ten \
                  minutes.",
};

/// Its entry in the OpenAPI document.
pub(super) const OPERATION: ApiOperation = ApiOperation {
    path: "/v1/search",
    id: "search",
    summary: "Search for assets.",
    tag: ApiTag::Search,
    parameters: &[PARAMETERS],
    response_schema: "SearchPage",
    may_be_not_found: true,
};

#[derive(Serialize)]
struct Body {
    data: Vec<HitBody>,
    meta: Meta,
    facets: BTreeMap<&'static str, FacetBody>,
}

#[derive(Serialize)]
struct Meta {
    total: TotalBody,
    cursor: CursorBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<u64>,
}

#[derive(Serialize)]
struct CursorBody {
    current: Option<String>,
    next: Option<String>,
    has_more: bool,
}

#[derive(Serialize)]
struct FacetBody {
    buckets: Vec<FacetCount>,
    more: bool,
}

/// Handles a request.
pub(super) async fn handle(ctx: RequestContext) -> Result<Response, ApiError> {
    let begin = Instant::now();
    let params = ctx.params(&OPERATION)?;
    let sources = ctx.sources.select_enabled(params.values("source"))?;
    let (request, start) = request(&params)?;
    let page = run_search(&ctx.app, move |snapshot, deadline| {
        snapshot.search(&sources, &request, deadline)
    })
    .await?;
    let next = page.next.map(|position| start.next_cursor(position));
    let facets = page.facets.into_iter().map(|facet| {
        let Facet { by, counts, more } = facet;
        (
            by.name(),
            FacetBody {
                buckets: counts,
                more,
            },
        )
    });
    let mut body = Body {
        data: hits::bodies(page.hits, &ctx.sources, params.flag(PREVIEWS.name)).await,
        meta: Meta {
            total: page.total.into(),
            cursor: CursorBody {
                current: start
                    .after()
                    .is_some()
                    .then(|| params.text("cursor").unwrap_or_default().to_owned()),
                has_more: next.is_some(),
                next,
            },
            took_ms: None,
        },
        facets: facets.collect(),
    };
    // The ETag does not cover `took_ms`: the same hits have the same ETag.
    let without_time = serde_json::to_vec(&body).unwrap_or_default();
    body.meta.took_ms = u64::try_from(begin.elapsed().as_millis()).ok();
    let mut response = axum::Json(body).into_response();
    response
        .extensions_mut()
        .insert(EtagHash::of(&without_time));
    Ok(response)
}

fn request(params: &Params) -> Result<(Request, PageStart), ApiError> {
    let text = params.text("q").unwrap_or_default();
    let sort = paging::sort(params, text)?;
    let names: Vec<&str> = params.values("source").collect();
    let fingerprint = fingerprint(text, sort, &names);
    let as_of = paging::first_page_time(text);
    let start = paging::page_start(params, "cursor", fingerprint, sort, as_of)?;
    let query =
        Query::parse(text, start.as_of()).map_err(|error| ApiError::invalid_query("q", &error))?;
    let folder = folder_path(params.text("folder").unwrap_or("/"));
    let facets = params.list("facets").into_iter();
    let facets: Option<Vec<FacetBy>> = facets
        .map(|name| FacetBy::from_name(name, &folder))
        .collect();
    let facets = facets.ok_or_else(|| {
        ApiError::new(
            ErrorCode::Internal,
            "the facet parameter accepts a name that no facet has",
        )
    })?;
    let request = Request {
        query,
        sort,
        limit: usize::try_from(params.number("limit")).unwrap_or(DEFAULT_LIMIT),
        after: start.after().cloned(),
        count: paging::count(params),
        facets,
        highlights: params.flag("highlights"),
    };
    Ok((request, start))
}
