//! `/v1/search`: a page of hits, counts and facets, across Sources.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::api::answer::Validator;
use crate::http::api::asked::{self, Place, TotalBody};
use crate::http::api::error::{ApiError, Code};
use crate::http::api::hits::{self, HitBody};
use crate::http::api::openapi::{Operation, Tag};
use crate::http::api::params::{Form, Params, Spec};
use crate::http::api::run::{refused, searching};
use crate::http::api::scope::{Scope, Seer};
use crate::http::site::Site;
use crate::query::request::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::query::{Bucket, Facet, FacetBy, Query, Request, SortBy, fingerprint};
use crate::source::Source;

/// The facets by their names.
const FACETS: [&str; 6] = ["type", "ext", "storage", "size", "month", "folder"];

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
        form: Form::Words(&FACETS),
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
pub const PREVIEWS: Spec = Spec {
    name: "previews",
    form: Form::Flag,
    about: "whether hits come with preview_url: an address that is good for ten minutes at least",
};

/// In the OpenAPI document.
pub const OPERATION: Operation = Operation {
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
pub async fn answer(
    State(site): State<Arc<Site>>,
    seer: Seer,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let begin = Instant::now();
    let params = Params::read(query.as_deref(), OPERATION.parameters)?;
    let scope = Scope::new(site.catalog(), seer);
    let searched = scope.searched(params.texts("source"))?;
    let sources: Vec<Arc<Source>> = searched.iter().map(|it| Arc::clone(&it.source)).collect();
    let (request, place) = request(&params)?;
    let asker = Arc::clone(&site);
    let page = searching(&site, move |view, deadline| {
        let scope: Vec<&Source> = sources.iter().map(|source| &**source).collect();
        let found = view.search(&scope, &request, deadline);
        found.map_err(|error| refused(&error, &asker))
    })
    .await?;
    let next = page.next.map(|position| place.cursor_at(position));
    let facets = page.facets.into_iter().map(|facet| {
        let (name, body) = (name_of(&facet), facet);
        let (buckets, more) = (body.buckets, body.more);
        (name, FacetBody { buckets, more })
    });
    let mut body = Body {
        data: hits::bodies(page.hits, &scope, params.flag(PREVIEWS.name)).await,
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
    let default = match text.trim().is_empty() {
        true => SortBy::Path,
        false => SortBy::Relevance,
    };
    let sort = asked::sort(params, default)?;
    let names: Vec<&str> = params.texts("source").collect();
    let fingerprint = fingerprint(text, sort, &names);
    let place = Place::read(params, "cursor", fingerprint, sort, asked::beginning(text))?;
    let query = Query::parse(text, place.as_of).map_err(|error| ApiError::of_query("q", &error))?;
    let folder = asked::folder(params.text("folder").unwrap_or("/"));
    let facets = params.words("facets").into_iter();
    let facets: Option<Vec<FacetBy>> = facets.map(|name| facet(name, &folder)).collect();
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

/// The facet of that name.
fn facet(name: &str, folder: &str) -> Option<FacetBy> {
    Some(match name {
        "type" => FacetBy::Type,
        "ext" => FacetBy::Ext,
        "storage" => FacetBy::Storage,
        "size" => FacetBy::Size,
        "month" => FacetBy::Month,
        "folder" => FacetBy::Folder(folder.to_owned()),
        _ => return None,
    })
}

fn name_of(facet: &Facet) -> &'static str {
    match facet.by {
        FacetBy::Type => "type",
        FacetBy::Ext => "ext",
        FacetBy::Storage => "storage",
        FacetBy::Size => "size",
        FacetBy::Month => "month",
        FacetBy::Folder(_) => "folder",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_facet_keeps_its_name() {
        for name in FACETS {
            let by = facet(name, "/").unwrap();
            let facet = Facet {
                by,
                buckets: Vec::new(),
                more: false,
            };
            assert_eq!(name_of(&facet), name);
        }
    }
}
