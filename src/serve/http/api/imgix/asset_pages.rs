//! Pages of assets: by cursor, by an offset in place of a cursor, or by page number.
//!
//! If assets are added or removed between two requests, pages by offset or number can repeat or skip an
//! asset. Pages by the cursor of a response cannot.

use crate::core::query::request::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::core::query::{Count, Hit, PageStart, Position, Request, Sort, Total};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::SearchSource;
use crate::search::{Deadline, SearchError, Snapshot};
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::paging::page_start;
use crate::serve::http::api::params::{ParameterSpec, Params, ValueType};

/// Maximum number of assets that an offset or a page number can skip.
pub(super) const MAX_OFFSET: u64 = 10_000;

pub(super) const PARAMETERS: &[ParameterSpec] = &[
    ParameterSpec {
        name: "page[cursor]",
        value_type: ValueType::Text,
        description: "`meta.cursor.next` of the previous page, or the number of assets to skip.",
    },
    ParameterSpec {
        name: "page[limit]",
        value_type: LIMIT,
        description: "Maximum number of assets.",
    },
    ParameterSpec {
        name: "page[number]",
        value_type: ValueType::Number {
            min: 0,
            max: MAX_OFFSET,
            default: 0,
        },
        description: "The page to return, counted from 0. Do not combine it with `page[cursor]`.",
    },
    ParameterSpec {
        name: "page[size]",
        value_type: LIMIT,
        description: "Maximum number of assets, for clients that use `page[number]`. `page[limit]` takes precedence.",
    },
];

const LIMIT: ValueType = ValueType::Number {
    min: 1,
    max: MAX_LIMIT as u64,
    default: DEFAULT_LIMIT as u64,
};

/// The page that a request selects.
pub(super) struct AssetPaging {
    /// Maximum number of assets.
    pub limit: usize,
    position: PagePosition,
    start: PageStart,
    /// `page[cursor]` as the client sent it, or the offset.
    current: String,
}

/// The start of a page.
enum PagePosition {
    /// After the cursor, or at the first asset if there is no cursor.
    Cursor,
    /// After this many assets.
    Offset(u64),
}

/// The assets of a page, the number of assets on all pages, and the position of the next page.
pub(super) type FoundPage = (Vec<Hit>, Total, Option<Position>);

impl AssetPaging {
    /// Reads the page parameters. A cursor must belong to the search with this fingerprint and order.
    pub(super) fn read(params: &Params, fingerprint: u64, sort: Sort) -> Result<Self, ApiError> {
        let offset_parameter = match (params.text("page[cursor]"), params.text("page[number]")) {
            (Some(_), Some(_)) => {
                let text =
                    "the request has page[cursor] and page[number]; use one of them, not both";
                return Err(ApiError::invalid_parameter("page[number]", text));
            }
            (None, Some(_)) => Some("page[number]"),
            (Some(text), None) if is_number(text) => Some("page[cursor]"),
            _ => None,
        };
        let (limit, size) = (params.number("page[limit]"), params.number("page[size]"));
        let limit = if params.is_given("page[size]") && !params.is_given("page[limit]") {
            size
        } else {
            limit
        };
        let offset = match offset_parameter {
            None => None,
            Some("page[number]") => Some(params.number("page[number]").saturating_mul(limit)),
            Some(_) => params
                .text("page[cursor]")
                .and_then(|text| text.parse().ok()),
        };
        let epoch = Timestamp::from_millis(0);
        let (position, start) = match offset_parameter {
            None => {
                let start = page_start(params, "page[cursor]", fingerprint, sort, epoch)?;
                (PagePosition::Cursor, start)
            }
            Some(parameter) => {
                let offset = offset.filter(|offset| *offset <= MAX_OFFSET);
                let offset = offset.ok_or_else(|| too_far(parameter))?;
                let start = PageStart::first(fingerprint, epoch);
                (PagePosition::Offset(offset), start)
            }
        };
        let current = match &position {
            PagePosition::Cursor => {
                let cursor = params.text("page[cursor]").unwrap_or_default();
                if cursor.is_empty() { "0" } else { cursor }.to_owned()
            }
            PagePosition::Offset(offset) => offset.to_string(),
        };
        Ok(Self {
            limit: usize::try_from(limit).unwrap_or(MAX_LIMIT),
            position,
            start,
            current,
        })
    }

    /// Searches for the page.
    pub(super) fn search(
        &self,
        snapshot: &Snapshot,
        sources: &[SearchSource],
        mut request: Request,
        deadline: &Deadline,
    ) -> Result<FoundPage, SearchError> {
        request.after = self.start.after().cloned();
        let mut to_skip = match self.position {
            PagePosition::Cursor => 0,
            PagePosition::Offset(offset) => usize::try_from(offset).unwrap_or(usize::MAX),
        };
        // At most `MAX_OFFSET / MAX_LIMIT` iterations, rounded up.
        while to_skip > 0 {
            request.limit = to_skip.min(MAX_LIMIT);
            request.count = Count::UpTo(0);
            let page = snapshot.search(sources, &request, deadline)?;
            to_skip -= request.limit;
            if page.next.is_none() {
                request.count = Count::Exact;
                request.after = None;
                let total = snapshot.search(sources, &request, deadline)?.total;
                return Ok((Vec::new(), total, None));
            }
            request.after = page.next;
        }
        request.limit = self.limit;
        request.count = Count::Exact;
        let page = snapshot.search(sources, &request, deadline)?;
        Ok((page.hits, page.total, page.next))
    }

    /// The `meta` object of the response. The next page of an offset is an offset, else a cursor.
    pub(super) fn meta(&self, total: Total, next: Option<Position>) -> serde_json::Value {
        let has_more = next.is_some();
        let next = next.map(|position| match self.position {
            PagePosition::Cursor => self.start.next_cursor(position),
            PagePosition::Offset(offset) => (offset + self.limit as u64).to_string(),
        });
        serde_json::json!({
            "cursor": {
                "current": self.current,
                "next": next,
                "hasMore": has_more,
                "totalRecords": total.value,
            },
        })
    }
}

/// The error of an offset above [`MAX_OFFSET`].
fn too_far(parameter: &str) -> ApiError {
    let text = format!(
        "an offset can skip at most {MAX_OFFSET} assets; start without page[cursor] and page[number], and \
         continue with meta.cursor.next of each response"
    );
    ApiError::invalid_parameter(parameter, text)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<AssetPaging, ApiError> {
        let params = Params::read(Some(query), &[PARAMETERS])?;
        AssetPaging::read(&params, 1, Sort::default())
    }

    #[test]
    fn reads_limit_and_offset() {
        for (query, limit, offset) in [
            ("", 20, None),
            ("page[limit]=7", 7, None),
            ("page[cursor]=40", 20, Some(40)),
            ("page[cursor]=40&page[limit]=5", 5, Some(40)),
            ("page[number]=3&page[size]=18", 18, Some(54)),
            ("page[number]=0", 20, Some(0)),
            ("page[size]=5", 5, None),
        ] {
            let paging = read(query).unwrap();
            assert_eq!(paging.limit, limit, "{query}");
            let read = match paging.position {
                PagePosition::Cursor => None,
                PagePosition::Offset(offset) => Some(offset),
            };
            assert_eq!(read, offset, "{query}");
        }
    }

    #[test]
    fn rejects_invalid_pages() {
        for (query, parameter, text) in [
            ("page[cursor]=10001", "page[cursor]", "10000"),
            ("page[cursor]=99999999999999999999", "page[cursor]", "10000"),
            ("page[number]=9000&page[size]=20", "page[number]", "10000"),
            ("page[number]=1&page[cursor]=1", "page[number]", "not both"),
            ("page[number]=-1", "page[number]", "from 0"),
            ("page[limit]=1001", "page[limit]", "1000"),
        ] {
            let error = read(query).map(|_| ()).unwrap_err();
            assert!(
                error.is_like(&ApiError::invalid_parameter(parameter, ""), text),
                "{error:?}"
            );
        }
        assert!(read("page[cursor]=-5").is_err());
    }

    #[test]
    fn next_page_of_an_offset_is_an_offset() {
        let position = || {
            Some(Position {
                value: crate::core::query::SortValue::Path,
                path: "/x".into(),
                source: "s".into(),
                attempt: 0,
                ranking: Vec::new(),
            })
        };
        let total = Total {
            value: 60,
            exact: true,
        };
        let meta = read("page[cursor]=40").unwrap().meta(total, position());
        assert_eq!(meta["cursor"]["next"], "60");
        assert_eq!(meta["cursor"]["current"], "40");
        let first = read("").unwrap().meta(total, position());
        let next = first["cursor"]["next"].as_str().unwrap();
        assert!(read(&format!("page[cursor]={next}")).is_ok(), "{next}");
        let last = read("").unwrap().meta(total, None);
        assert_eq!(last["cursor"]["next"], serde_json::Value::Null);
        assert_eq!(last["cursor"]["hasMore"], false);
    }
}
