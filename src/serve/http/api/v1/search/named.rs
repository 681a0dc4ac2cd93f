//! Searches whose query is an address, or the path or key of an asset: they find the assets that it names, and nothing
//! else.
//!
//! The same address can mean another path in each Source, so each Source is searched by itself.

use serde::Serialize;

use crate::core::query::{Condition, Page, Query, Request, Term, Total};
use crate::search::named::AssetName;
use crate::search::{Deadline, SearchError, Snapshot};
use crate::serve::http::api::error::{ApiError, ErrorCode};
use crate::serve::http::app_state::CatalogEntry;

/// An asset that the query names, as the answer shows it. It may not exist.
#[derive(Serialize)]
pub(super) struct NamedBody {
    source: String,
    path: String,
}

impl From<AssetName> for NamedBody {
    fn from(asset: AssetName) -> Self {
        Self {
            source: asset.source.name,
            path: asset.path,
        }
    }
}

/// The assets that the query names in these Sources. `None` if it is not an address.
pub(super) fn named(
    text: &str,
    sources: &[&CatalogEntry],
) -> Result<Option<Vec<AssetName>>, ApiError> {
    let sources = sources.iter().map(|entry| &*entry.source);
    AssetName::of_address(text, sources).map_err(|error| {
        ApiError::new(ErrorCode::QueryInvalid, error.to_string()).for_parameter("q")
    })
}

/// The page of the assets that exist. It has no next page: there is at most one asset in each Source.
pub(super) fn find(
    snapshot: &Snapshot,
    named: &[AssetName],
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
        let page = snapshot.search([&asset.source], &request, deadline)?;
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
