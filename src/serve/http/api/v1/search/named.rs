//! Searches whose query is an address, or the path or key of an asset: they find the assets that it names, and nothing
//! else.
//!
//! The same address can mean another path in each Source, so each Source is searched by itself.

use serde::Serialize;

use crate::core::query::{Condition, Page, Query, Request, Term, Total};
use crate::core::source::SearchSource;
use crate::core::source::named_assets::{NamedAsset, named_assets, possible_assets};
use crate::core::source::reference::is_uri;
use crate::search::{Deadline, SearchError, Snapshot};
use crate::serve::http::api::error::{ApiError, ErrorCode};
use crate::serve::http::app_state::CatalogEntry;

/// An asset that the query names. It may not exist.
#[derive(Clone, Serialize)]
pub(super) struct NamedBody {
    source: String,
    path: String,
    #[serde(skip)]
    searched: SearchSource,
}

/// The assets that the query names in these Sources. `None` if it is not an address.
pub(super) fn named(
    text: &str,
    sources: &[&CatalogEntry],
) -> Result<Option<Vec<NamedBody>>, ApiError> {
    let text = text.trim();
    if !is_uri(text) {
        return Ok(None);
    }
    let sources = sources.iter().map(|entry| &*entry.source);
    let assets = named_assets(text, sources).map_err(|error| {
        ApiError::new(ErrorCode::QueryInvalid, error.to_string()).for_parameter("q")
    })?;
    Ok(Some(assets.into_iter().map(NamedBody::from).collect()))
}

/// The assets in these Sources whose path or key the query can be.
pub(super) fn possible(text: &str, sources: &[&CatalogEntry]) -> Vec<NamedBody> {
    let sources = sources.iter().map(|entry| &*entry.source);
    let possible = possible_assets(text.trim(), sources).into_iter();
    possible.map(NamedBody::from).collect()
}

/// Those of the assets that exist. `None` if there is none: then the query is a search.
pub(super) fn existing(
    snapshot: &Snapshot,
    possible: Vec<NamedBody>,
) -> Result<Option<Vec<NamedBody>>, SearchError> {
    let mut existing = Vec::new();
    for asset in possible {
        if snapshot.asset(&asset.searched, &asset.path)?.is_some() {
            existing.push(asset);
        }
    }
    Ok((!existing.is_empty()).then_some(existing))
}

impl From<NamedAsset<'_>> for NamedBody {
    fn from(asset: NamedAsset<'_>) -> Self {
        Self {
            source: asset.source.name.clone(),
            path: asset.path,
            searched: SearchSource::from(asset.source),
        }
    }
}

/// The page of the assets that exist. It has no next page: there is at most one asset in each Source.
pub(super) fn find(
    snapshot: &Snapshot,
    named: &[NamedBody],
    request: &Request,
    deadline: &Deadline,
) -> Result<Page, SearchError> {
    let mut whole = Page {
        hits: Vec::new(),
        total: Total {
            value: 0,
            exact: true,
        },
        next: None,
        prev: None,
        facets: Vec::new(),
        interpretation: None,
    };
    for asset in named {
        let condition = Condition::Term(Term::Path(asset.path.clone()));
        let request = Request {
            query: Query { condition },
            after: None,
            before: None,
            ..request.clone()
        };
        let page = snapshot.search([&asset.searched], &request, deadline)?;
        whole.total.value += page.total.value;
        whole.total.exact &= page.total.exact;
        whole.hits.extend(page.hits);
        for facet in page.facets {
            match whole.facets.iter_mut().find(|whole| whole.by == facet.by) {
                None => whole.facets.push(facet),
                Some(whole) => {
                    for count in facet.counts {
                        let mut counts = whole.counts.iter_mut();
                        match counts.find(|whole| whole.value == count.value) {
                            None => whole.counts.push(count),
                            Some(whole) => whole.count += count.count,
                        }
                    }
                }
            }
        }
    }
    whole.hits.truncate(request.limit);
    Ok(whole)
}
