//! One search of a request: reads its parameters, runs it on a snapshot, and makes the body of its answer.
//!
//! It does not know whether the request has other searches.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::named::{self, NamedBody};
use crate::core::query::request::DEFAULT_LIMIT;
use crate::core::query::{
    Facet, FacetBy, FacetCount, Interpretation, Page, PageStart, PlainWords, Query, Request,
    fingerprint, folder_path,
};
use crate::core::source::SearchSource;
use crate::search::named::AssetName;
use crate::search::{Deadline, SearchError, Snapshot};
use crate::serve::http::api::error::{ApiError, ErrorCode};
use crate::serve::http::api::hits::{self, HitBody, HitFields};
use crate::serve::http::api::paging::{self, TotalBody};
use crate::serve::http::api::params::Params;
use crate::serve::http::api::visible_sources::VisibleSources;
use crate::serve::http::app_state::CatalogEntry;

/// A search that only needs a snapshot.
pub(crate) struct PreparedSearch {
    searched: Vec<SearchSource>,
    question: Question,
    /// The maximum number of hits.
    pub(crate) limit: usize,
    cursor: Option<String>,
    fields: HitFields,
}

/// What the query asks for.
enum Question {
    /// The assets that an address names.
    Address(Vec<AssetName>, Asked),
    /// A search for words.
    Words(Asked),
    /// The assets whose path or key the query is, if one of them exists. Else a search for words; the path of an asset
    /// need not be a valid query.
    AssetsOrWords {
        possible: Vec<AssetName>,
        for_assets: Box<Asked>,
        for_words: Box<Result<Asked, ApiError>>,
    },
}

/// A request to the index, and where its page starts.
struct Asked {
    request: Request,
    start: PageStart,
}

/// What a search found.
pub(crate) struct Found {
    page: Page,
    incomplete: Vec<String>,
    named: Option<Vec<AssetName>>,
    start: PageStart,
    cursor: Option<String>,
    fields: HitFields,
}

impl PreparedSearch {
    /// Reads the parameters of a search. It covers the visible Sources that they name.
    pub(crate) fn read(params: &Params, sources: &VisibleSources) -> Result<Self, ApiError> {
        let sources = sources.select_enabled(params.values("source"))?;
        let fields = HitFields::read(params);
        let highlights = params.flag("highlights") || fields.has_highlights;
        Ok(Self {
            question: Question::read(params, highlights, &sources)?,
            searched: sources.into_iter().map(SearchSource::from).collect(),
            limit: limit(params),
            cursor: params.text("cursor").map(str::to_owned),
            fields,
        })
    }

    /// Runs the search. All parts of the answer are from the same snapshot. The inner error is one of the request.
    pub(crate) fn run(
        self,
        snapshot: &Snapshot,
        deadline: &Deadline,
    ) -> Result<Result<Found, ApiError>, SearchError> {
        let (named, asked) = match self.question {
            Question::Address(named, asked) => (Some(named), asked),
            Question::Words(asked) => (None, asked),
            Question::AssetsOrWords {
                possible,
                for_assets,
                for_words,
            } => match (AssetName::existing(snapshot, possible)?, *for_words) {
                (named, _) if !named.is_empty() => (Some(named), *for_assets),
                (_, Ok(asked)) => (None, asked),
                (_, Err(error)) => return Ok(Err(error)),
            },
        };
        let page = match &named {
            Some(named) => named::find(snapshot, named, &asked.request, deadline)?,
            None => snapshot.search(&self.searched, &asked.request, deadline)?,
        };
        Ok(Ok(Found {
            page,
            incomplete: snapshot.incomplete(&self.searched),
            named,
            start: asked.start,
            cursor: self.cursor,
            fields: self.fields,
        }))
    }
}

impl Question {
    fn read(
        params: &Params,
        highlights: bool,
        sources: &[&CatalogEntry],
    ) -> Result<Self, ApiError> {
        let asked = |text| asked(params, text, highlights);
        let text = params.text("q").unwrap_or_default();
        if let Some(named) = named::named(text, sources)? {
            return Ok(Self::Address(named, asked("")?));
        }
        let possible = AssetName::possible(text, sources.iter().map(|entry| &*entry.source));
        // A search with another page did not name an asset, even if that exists by now.
        if possible.is_empty() || params.is_given("cursor") {
            return Ok(Self::Words(asked(text)?));
        }
        Ok(Self::AssetsOrWords {
            possible,
            for_assets: Box::new(asked("")?),
            for_words: Box::new(asked(text)),
        })
    }
}

fn limit(params: &Params) -> usize {
    usize::try_from(params.number("limit")).unwrap_or(DEFAULT_LIMIT)
}

/// The request for a query text, which is empty if the query names assets.
fn asked(params: &Params, text: &str, highlights: bool) -> Result<Asked, ApiError> {
    let written = params.text("q").unwrap_or_default();
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
        limit: limit(params),
        after: start.after().cloned(),
        before: start.before().cloned(),
        count: paging::count(params),
        facets,
        highlights,
    };
    Ok(Asked { request, start })
}

/// The body of the answer to a search.
#[derive(Serialize)]
pub(crate) struct Body {
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

impl Body {
    /// Sets how long the search took.
    pub(crate) fn set_time(&mut self, time: Duration) {
        self.meta.took_ms = u64::try_from(time.as_millis()).ok();
    }
}

impl Found {
    /// The body of the answer, with the hits of the Sources that the client may see.
    pub(crate) async fn body(self, sources: &VisibleSources) -> Body {
        let Self { page, start, .. } = self;
        let next = page.next.map(|position| start.next_cursor(position));
        let prev = page.prev.map(|position| start.prev_cursor(position));
        let facets = page.facets.into_iter().map(|facet| {
            let Facet { by, counts, more } = facet;
            let body = FacetBody {
                buckets: counts,
                more,
            };
            (by.name(), body)
        });
        Body {
            data: hits::bodies(page.hits, sources, &self.fields).await,
            meta: Meta {
                total: page.total.into(),
                cursor: CursorBody {
                    current: self.cursor.filter(|_| start.is_continued()),
                    has_more: next.is_some(),
                    next,
                    prev,
                },
                incomplete: self.incomplete,
                named: self
                    .named
                    .map(|named| named.into_iter().map(NamedBody::from).collect()),
                interpretation: page.interpretation,
                took_ms: None,
            },
            facets: facets.collect(),
        }
    }
}
