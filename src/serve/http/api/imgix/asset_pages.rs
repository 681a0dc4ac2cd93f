//! Pages of assets: by cursor, by a plain offset in the place of a cursor, or by number.
//!
//! Offsets are for clients that count; they show an asset twice or not at all where others come or go
//! meanwhile. The cursor that an answer gives does not.

use crate::core::query::request::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::core::query::{Count, Hit, PageStart, Position, Request, Sort, Total};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::SearchSource;
use crate::search::{Deadline, SearchError, Snapshot};
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::paging::page_start;
use crate::serve::http::api::params::{ParameterSpec, Params, ValueType};

/// The most assets that can be passed over by counting.
pub(super) const MAX_OFFSET: u64 = 10_000;

/// How pages are asked for.
pub(super) const PARAMETERS: &[ParameterSpec] = &[
    ParameterSpec {
        name: "page[cursor]",
        value_type: ValueType::Text,
        description: "meta.cursor.next of the page before; or how many assets to pass over",
    },
    ParameterSpec {
        name: "page[limit]",
        value_type: LIMIT,
        description: "the most assets",
    },
    ParameterSpec {
        name: "page[number]",
        value_type: ValueType::Number {
            min: 0,
            max: MAX_OFFSET,
            default: 0,
        },
        description: "which page, from 0, in the place of a cursor",
    },
    ParameterSpec {
        name: "page[size]",
        value_type: LIMIT,
        description: "the most assets, beside page[number]",
    },
];

const LIMIT: ValueType = ValueType::Number {
    min: 1,
    max: MAX_LIMIT as u64,
    default: DEFAULT_LIMIT as u64,
};

/// The page that was asked for.
pub(super) struct AssetPaging {
    /// The most assets.
    pub limit: usize,
    begin: Begin,
    start: PageStart,
    /// As it was written.
    current: String,
}

enum Begin {
    /// Behind the cursor, or at the beginning.
    Cursor,
    /// Behind so many assets.
    Offset(u64),
}

/// The assets of a page, how many there are in all, and where the page ended.
pub(super) type Found = (Vec<Hit>, Total, Option<Position>);

impl AssetPaging {
    /// The page that was asked for, of the search of that fingerprint.
    pub(super) fn read(params: &Params, fingerprint: u64, sort: Sort) -> Result<Self, ApiError> {
        let counted = match (params.text("page[cursor]"), params.text("page[number]")) {
            (Some(_), Some(_)) => {
                let text = "write page[cursor] or page[number], not both";
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
        let offset = match counted {
            None => None,
            Some("page[number]") => Some(params.number("page[number]").saturating_mul(limit)),
            Some(_) => params
                .text("page[cursor]")
                .and_then(|text| text.parse().ok()),
        };
        let epoch = Timestamp::from_millis(0);
        let (begin, start) =
            match counted {
                None => {
                    let start = page_start(params, "page[cursor]", fingerprint, sort, epoch)?;
                    (Begin::Cursor, start)
                }
                Some(parameter) => {
                    let offset = offset.filter(|offset| *offset <= MAX_OFFSET).ok_or_else(|| {
                    let text = format!(
                        "at most {MAX_OFFSET} assets can be passed over by counting; go on by \
                         meta.cursor.next of an answer to a request without page[cursor]"
                    );
                    ApiError::invalid_parameter(parameter, text)
                })?;
                    (Begin::Offset(offset), PageStart::first(fingerprint, epoch))
                }
            };
        let current = match &begin {
            Begin::Cursor => {
                let written = params.text("page[cursor]").unwrap_or_default();
                if written.is_empty() { "0" } else { written }.to_owned()
            }
            Begin::Offset(offset) => offset.to_string(),
        };
        Ok(Self {
            limit: usize::try_from(limit).unwrap_or(MAX_LIMIT),
            begin,
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
    ) -> Result<Found, SearchError> {
        request.after = self.start.after().cloned();
        let mut left = match self.begin {
            Begin::Cursor => 0,
            Begin::Offset(offset) => usize::try_from(offset).unwrap_or(usize::MAX),
        };
        // At most `MAX_OFFSET / MAX_LIMIT` times, and one.
        while left > 0 {
            request.limit = left.min(MAX_LIMIT);
            request.count = Count::UpTo(0);
            let page = snapshot.search(sources, &request, deadline)?;
            left -= request.limit;
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

    /// `meta` of the answer: offsets go on as offsets, all else as cursors.
    pub(super) fn meta(&self, total: Total, next: Option<Position>) -> serde_json::Value {
        let has_more = next.is_some();
        let next = next.map(|position| match self.begin {
            Begin::Cursor => self.start.next_cursor(position),
            Begin::Offset(offset) => (offset + self.limit as u64).to_string(),
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
    fn pages_by_counting() {
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
            let counted = match paging.begin {
                Begin::Cursor => None,
                Begin::Offset(offset) => Some(offset),
            };
            assert_eq!(counted, offset, "{query}");
        }
    }

    #[test]
    fn pages_that_cannot_be_asked_for() {
        for (query, parameter, said) in [
            ("page[cursor]=10001", "page[cursor]", "10000"),
            ("page[cursor]=99999999999999999999", "page[cursor]", "10000"),
            ("page[number]=9000&page[size]=20", "page[number]", "10000"),
            ("page[number]=1&page[cursor]=1", "page[number]", "not both"),
            ("page[number]=-1", "page[number]", "from 0"),
            ("page[limit]=1001", "page[limit]", "1000"),
        ] {
            let error = read(query).map(|_| ()).unwrap_err();
            assert!(
                error.is_like(&ApiError::invalid_parameter(parameter, ""), said),
                "{error:?}"
            );
        }
        assert!(read("page[cursor]=-5").is_err());
    }

    #[test]
    fn offsets_go_on_as_offsets() {
        let position = || {
            Some(Position {
                value: crate::core::query::SortValue::Path,
                path: "/x".into(),
                source: "s".into(),
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
