//! `/v1/search`: a page of hits, counts and facets, across Sources.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::core::query::request::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::core::query::{
    Bucket, Facet, FacetBy, Query, Request, SortBy, fingerprint, folder_path,
};
use crate::core::source::Source;
use crate::serve::http::api::answer::Validator;
use crate::serve::http::api::asked::{self, Place, TotalBody};
use crate::serve::http::api::error::{ApiError, Code};
use crate::serve::http::api::hits::{self, HitBody};
use crate::serve::http::api::inquiry::Inquiry;
use crate::serve::http::api::openapi::{Operation, Tag};
use crate::serve::http::api::params::{Form, Params, Spec};
use crate::serve::http::api::run::searching;

const PARAMETERS: &[Spec] = &[
    Spec {
        name: "q",
        form: Form::Text,
        about: "what to find, in the query language; everything without it",
    },
    Spec {
        name: "source",
        form: Form::Texts,
        about: "the name of a Source to search; may be there several times; all without it",
    },
    Spec {
        name: "sort",
        form: Form::Word(&[
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
        about: "the order, the reverse with - in front; relevance where q is not empty, else path",
    },
    Spec {
        name: "limit",
        form: Form::Number {
            least: 1,
            greatest: MAX_LIMIT as u64,
            default: DEFAULT_LIMIT as u64,
        },
        about: "the most hits",
    },
    Spec {
        name: "cursor",
        form: Form::Text,
        about: "meta.cursor.next of the page before, with the same q, source and sort",
    },
    Spec {
        name: "facets",
        form: Form::Words(&FacetBy::NAMES),
        about: "what to count the hits by, with commas between",
    },
    Spec {
        name: "folder",
        form: Form::Text,
        about: "the folder whose child folders the facet folder counts; it confines no hits",
    },
    Spec {
        name: "total",
        form: Form::Total,
        about: "exact, or the number up to which to count at least",
    },
    Spec {
        name: "highlights",
        form: Form::Flag,
        about: "whether hits tell which characters of their path were found",
    },
    PREVIEWS,
];

/// Whether hits come with an address for a browser.
pub(super) const PREVIEWS: Spec = Spec {
    name: "previews",
    form: Form::Flag,
    about: "whether hits come with preview_url: an address that is good for ten minutes at least",
};

/// In the OpenAPI document.
pub(super) const OPERATION: Operation = Operation {
    path: "/v1/search",
    id: "search",
    summary: "Find assets",
    tag: Tag::Search,
    parameters: &[PARAMETERS],
    answer: "SearchPage",
    may_be_missing: true,
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
    buckets: Vec<Bucket>,
    more: bool,
}

/// Answers a request.
pub(super) async fn answer(inquiry: Inquiry) -> Result<Response, ApiError> {
    let begin = Instant::now();
    let params = inquiry.params(&OPERATION)?;
    let sources = inquiry.scope.searched(params.texts("source"))?;
    let (request, place) = request(&params)?;
    let page = searching(&inquiry.site, move |view, deadline| {
        let scope: Vec<&Source> = sources.iter().map(|source| &**source).collect();
        view.search(&scope, &request, deadline)
    })
    .await?;
    let next = page.next.map(|position| place.cursor_at(position));
    let facets = page.facets.into_iter().map(|facet| {
        let Facet { by, buckets, more } = facet;
        (by.name(), FacetBody { buckets, more })
    });
    let mut body = Body {
        data: hits::bodies(page.hits, &inquiry.scope, params.flag(PREVIEWS.name)).await,
        meta: Meta {
            total: page.total.into(),
            cursor: CursorBody {
                current: place
                    .after
                    .is_some()
                    .then(|| params.text("cursor").unwrap_or_default().to_owned()),
                has_more: next.is_some(),
                next,
            },
            took_ms: None,
        },
        facets: facets.collect(),
    };
    // How long it took makes no other answer.
    let timeless = serde_json::to_vec(&body).unwrap_or_default();
    body.meta.took_ms = u64::try_from(begin.elapsed().as_millis()).ok();
    let mut response = axum::Json(body).into_response();
    response.extensions_mut().insert(Validator::of(&timeless));
    Ok(response)
}

fn request(params: &Params) -> Result<(Request, Place), ApiError> {
    let text = params.text("q").unwrap_or_default();
    let default = if text.trim().is_empty() {
        SortBy::Path
    } else {
        SortBy::Relevance
    };
    let sort = asked::sort(params, default)?;
    let names: Vec<&str> = params.texts("source").collect();
    let fingerprint = fingerprint(text, sort, &names);
    let place = Place::read(params, "cursor", fingerprint, sort, asked::beginning(text))?;
    let query = Query::parse(text, place.as_of).map_err(|error| ApiError::of_query("q", &error))?;
    let folder = folder_path(params.text("folder").unwrap_or("/"));
    let facets = params.words("facets").into_iter();
    let facets: Option<Vec<FacetBy>> = facets.map(|name| FacetBy::named(name, &folder)).collect();
    let facets = facets.ok_or_else(|| ApiError::new(Code::Internal, "a facet has no name"))?;
    let request = Request {
        query,
        sort,
        limit: usize::try_from(params.number("limit")).unwrap_or(DEFAULT_LIMIT),
        after: place.after.clone(),
        count: asked::count(params),
        facets,
        highlights: params.flag("highlights"),
    };
    Ok((request, place))
}
