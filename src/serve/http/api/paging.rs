//! What a client asks for, as the index takes it: a search's text, a place to go on from.
//!
//! The text of a search is read here with the time that its first page was asked for, so that
//! `modified:<7d` means the same on its last.

use super::error::{ApiError, ErrorCode};
use super::params::Params;
use crate::core::query::{Count, Cursor, Position, Query, Sort, SortBy, SortValue, Total};
use crate::core::replication::timestamp::Timestamp;
use crate::observe::status;

/// Where a page begins, and in which search.
pub(super) struct Place {
    /// Of the search.
    pub fingerprint: u64,
    /// The "now" of its first page.
    pub as_of: Timestamp,
    /// Where the page before ended.
    pub after: Option<Position>,
}

impl Place {
    /// The place that the parameter names, in the search of that fingerprint; without the parameter
    /// its beginning.
    pub(super) fn read(
        params: &Params,
        parameter: &str,
        fingerprint: u64,
        sort: Sort,
        as_of: Timestamp,
    ) -> Result<Self, ApiError> {
        // Some clients send it empty on their first page.
        let Some(text) = params.text(parameter).filter(|text| !text.is_empty()) else {
            return Ok(Self {
                fingerprint,
                as_of,
                after: None,
            });
        };
        let cursor =
            Cursor::parse(text).map_err(|error| ApiError::invalid_cursor(parameter, error))?;
        if cursor.fingerprint != fingerprint {
            let text = "the cursor was given for another search, order or Source; begin this one \
                        without a cursor";
            return Err(
                ApiError::new(ErrorCode::CursorOfAnotherQuery, text).for_parameter(parameter)
            );
        }
        if !fits(&cursor.position.value, sort.by) {
            let text = "the cursor is damaged; begin again without one";
            return Err(ApiError::new(ErrorCode::CursorInvalid, text).for_parameter(parameter));
        }
        Ok(Self {
            fingerprint,
            as_of: cursor.as_of,
            after: Some(cursor.position),
        })
    }

    /// The cursor of the page behind that position.
    pub(super) fn cursor_at(&self, position: Position) -> String {
        let cursor = Cursor {
            fingerprint: self.fingerprint,
            as_of: self.as_of,
            position,
        };
        cursor.to_text()
    }
}

/// Whether a search in that order can go on from the value.
fn fits(value: &SortValue, by: SortBy) -> bool {
    matches!(
        (value, by),
        (SortValue::Path, SortBy::Path)
            | (SortValue::Name(_), SortBy::Name)
            | (SortValue::Number(_), SortBy::Size)
            | (SortValue::Moment(_), SortBy::Modified | SortBy::Created)
            | (SortValue::Relevance { .. }, SortBy::Relevance)
    )
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

/// The order of hits.
pub(super) fn sort(params: &Params, default: SortBy) -> Result<Sort, ApiError> {
    let Some(text) = params.text("sort") else {
        return Ok(Sort {
            by: default,
            descending: false,
        });
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
