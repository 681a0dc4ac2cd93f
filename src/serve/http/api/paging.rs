//! Reads the parameters that select a page: cursor, sort order and total.
//!
//! All pages of a search parse its query with the time of the first page, so that `modified:<7d` means the
//! same on each of them.

use super::error::ApiError;
use super::params::Params;
use crate::core::query::{Count, PageStart, Query, Sort, Total};
use crate::core::replication::timestamp::Timestamp;
use crate::observe::status;

/// The start of the page that the cursor in `parameter` points to, or of the first page if there is no
/// cursor. The cursor must belong to the search with this fingerprint and order.
pub(super) fn page_start(
    params: &Params,
    parameter: &str,
    fingerprint: u64,
    sort: Sort,
    as_of: Timestamp,
) -> Result<PageStart, ApiError> {
    // Some clients send an empty cursor for the first page.
    match params.text(parameter).filter(|text| !text.is_empty()) {
        None => Ok(PageStart::first(fingerprint, as_of)),
        Some(text) => PageStart::from_cursor(text, fingerprint, sort)
            .map_err(|error| ApiError::invalid_cursor(parameter, error)),
    }
}

/// The time that the first page of a search counts as "now".
///
/// If the query contains ages, it is the current time. Otherwise it is always the same, so that responses
/// and cursors do not change while the index does not.
pub(super) fn first_page_time(text: &str) -> Timestamp {
    let (now, epoch) = (status::now(), Timestamp::from_millis(0));
    if Query::parse(text, now) == Query::parse(text, epoch) {
        epoch
    } else {
        now
    }
}

/// How far to count hits: the parameter `total`.
pub(super) fn count(params: &Params) -> Count {
    match params.text("total").and_then(|text| text.parse().ok()) {
        Some(number) => Count::UpTo(number),
        None => Count::Exact,
    }
}

/// The order of the hits: the parameter `sort`, or the default order of this query.
pub(super) fn sort(params: &Params, query_text: &str) -> Result<Sort, ApiError> {
    let Some(text) = params.text("sort") else {
        // The order does not depend on the time. An invalid query is rejected later.
        let query = Query::parse(query_text, Timestamp::from_millis(0));
        return Ok(query.map_or_else(|_| Sort::default(), |query| Sort::default_for(&query)));
    };
    Sort::parse(text).map_err(|error| ApiError::invalid_parameter("sort", error.to_string()))
}

/// A total as `/v1` returns it.
#[derive(Debug, serde::Serialize)]
pub(super) struct TotalBody {
    value: u64,
    relation: &'static str,
}

impl From<Total> for TotalBody {
    fn from(total: Total) -> Self {
        Self {
            value: total.value,
            relation: if total.exact { "eq" } else { "gte" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_queries_with_ages_depend_on_the_time() {
        let epoch = Timestamp::from_millis(0);
        assert_eq!(first_page_time("summer modified:2026"), epoch);
        assert_eq!(first_page_time("\"not closed"), epoch);
        assert!(first_page_time("summer modified:<7d") > epoch);
    }
}
