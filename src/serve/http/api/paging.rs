//! What a client asks for, as the index takes it: a search's text, a place to go on from.
//!
//! The text of a search is read here with the time that its first page was asked for, so that
//! `modified:<7d` means the same on its last.

use super::error::ApiError;
use super::params::Params;
use crate::core::query::{Count, PageStart, Query, Sort, Total};
use crate::core::replication::timestamp::Timestamp;
use crate::observe::status;

/// The start of the page that the cursor in `parameter` asks for, in the search with this
/// fingerprint and order. Without the parameter it is the first page.
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

/// The "now" of a search that begins: the present where its text has ages in it, else always the
/// same, so that its answers and cursors are the same as long as the index is.
pub(super) fn beginning(text: &str) -> Timestamp {
    let (now, epoch) = (status::now(), Timestamp::from_millis(0));
    if Query::parse(text, now) == Query::parse(text, epoch) {
        epoch
    } else {
        now
    }
}

/// How far to count: the parameter `total`.
pub(super) fn count(params: &Params) -> Count {
    match params.text("total").and_then(|text| text.parse().ok()) {
        Some(number) => Count::UpTo(number),
        None => Count::Exact,
    }
}

/// The order of the hits: the parameter `sort`, or the default for this query.
pub(super) fn sort(params: &Params, query_text: &str) -> Result<Sort, ApiError> {
    let Some(text) = params.text("sort") else {
        // The order does not depend on the time. A query that cannot be parsed is refused later.
        let query = Query::parse(query_text, Timestamp::from_millis(0));
        return Ok(query.map_or_else(|_| Sort::default(), |query| Sort::default_for(&query)));
    };
    Sort::parse(text).map_err(|error| ApiError::invalid_parameter("sort", error.to_string()))
}

/// A count as `/v1` shows it.
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
    fn only_a_search_with_ages_depends_on_the_time() {
        let epoch = Timestamp::from_millis(0);
        assert_eq!(beginning("summer modified:2026"), epoch);
        assert_eq!(beginning("\"not closed"), epoch);
        assert!(beginning("summer modified:<7d") > epoch);
    }
}
