//! `/v1/search`: a page of hits with total and facets, across Sources.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::core::query::request::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::core::query::{
    Facet, FacetBy, FacetCount, Interpretation, PageStart, PlainWords, Query, Request, fingerprint,
    folder_path,
};
use crate::core::source::SearchSource;
use crate::serve::http::api::error::{ApiError, ErrorCode};
use crate::serve::http::api::hits::{self, FIELDS, HitBody, HitFields, PREVIEWS};
use crate::serve::http::api::operation::ApiOperation;
use crate::serve::http::api::paging::{self, TotalBody};
use crate::serve::http::api::params::{ParameterSpec, Params, ValueType};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::response::EtagHash;
use crate::serve::http::api::search_task::run_search;
use named::NamedBody;

mod named;

const PARAMETERS: &[ParameterSpec] = &[
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
    /// The Sources whose first scan is not complete, so that assets may be missing.
    incomplete: Vec<String>,
    /// The assets that the query names, if it is an address, or the path or key of an asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    named: Option<Vec<NamedBody>>,
    /// What the search forgave, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    interpretation: Option<Interpretation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<u64>,
}

#[derive(Serialize)]
struct CursorBody {
    current: Option<String>,
    next: Option<String>,
    prev: Option<String>,
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
    let text = params.text("q").unwrap_or_default();
    let mut named = named::named(text, &sources)?;
    // A search with a next page did not name an asset, even if that exists by now.
    if named.is_none() && params.text("cursor").is_none() {
        named = named::existing(&ctx.app, text, &sources).await?;
    }
    let (request, start) = request(&params, named.is_some())?;
    let searched: Vec<SearchSource> = sources.into_iter().map(SearchSource::from).collect();
    let addressed = named.clone();
    let (page, incomplete) = run_search(&ctx.app, move |snapshot, deadline| {
        let page = match &addressed {
            Some(named) => named::find(snapshot, named, &request, deadline)?,
            None => snapshot.search(&searched, &request, deadline)?,
        };
        Ok((page, snapshot.incomplete(&searched)))
    })
    .await?;
    let next = page.next.map(|position| start.next_cursor(position));
    let prev = page.prev.map(|position| start.prev_cursor(position));
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
        data: hits::bodies(page.hits, &ctx.sources, &HitFields::read(&params)).await,
        meta: Meta {
            total: page.total.into(),
            cursor: CursorBody {
                current: start
                    .is_continued()
                    .then(|| params.text("cursor").unwrap_or_default().to_owned()),
                has_more: next.is_some(),
                next,
                prev,
            },
            incomplete,
            named,
            interpretation: page.interpretation,
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

/// The request, without the query if that names assets.
fn request(params: &Params, names_assets: bool) -> Result<(Request, PageStart), ApiError> {
    let written = params.text("q").unwrap_or_default();
    let text = if names_assets { "" } else { written };
    let sort = paging::sort(params, text)?;
    let names: Vec<&str> = params.values("source").collect();
    let words = match (params.flag("exact"), params.flag("typing")) {
        (true, _) => PlainWords::Exact,
        (false, true) => PlainWords::Typing,
        (false, false) => PlainWords::Forgiving,
    };
    let fingerprint = fingerprint(written, words, sort, &names);
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
        words,
        sort,
        limit: usize::try_from(params.number("limit")).unwrap_or(DEFAULT_LIMIT),
        after: start.after().cloned(),
        before: start.before().cloned(),
        count: paging::count(params),
        facets,
        highlights: params.flag("highlights") || HitFields::read(params).has_highlights,
    };
    Ok((request, start))
}
