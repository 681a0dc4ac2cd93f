//! Pages of assets: by cursor, by an offset in place of a cursor, or by page number.
//!
//! The next page is always a cursor, so a client that follows it reaches the end of any list. If assets are
//! added or removed between two requests, pages by offset or number can repeat or skip an asset. Pages by the
//! cursor of a response cannot.

use serde_json::{Value, json};

use super::links::PageLinks;
use crate::core::query::request::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::core::query::{Count, Hit, Interpretation, PageStart, Position, Request, Sort, Total};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::SearchSource;
use crate::search::{Deadline, SearchError, Snapshot};
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::paging::page_start;
use crate::serve::http::api::params::{ParameterSpec, Params, ValueType};

/// Maximum number of assets that an offset or a page number can skip.
pub(super) const MAX_OFFSET: u64 = 10_000;

const CURSOR: &str = "page[cursor]";
const NUMBER: &str = "page[number]";

pub(super) const PARAMETERS: &[ParameterSpec] = &[
    ParameterSpec {
        name: CURSOR,
        value_type: ValueType::Text,
        description: "`meta.cursor.next` of the previous page, or the number of assets to skip: at most 10,000.",
    },
    ParameterSpec {
        name: "page[limit]",
        value_type: LIMIT,
        description: "Maximum number of assets.",
    },
    ParameterSpec {
        name: NUMBER,
        value_type: ValueType::Number {
            min: 0,
            max: MAX_OFFSET,
            default: 0,
        },
        description: "The page to return, counted from 0. It can skip at most 10,000 assets; `links.next` and \
                      `meta.cursor.next` reach the rest. Do not combine it with `page[cursor]`.",
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PagePosition {
    /// After the cursor, or at the first asset if there is no cursor.
    Cursor,
    /// After this many assets.
    Offset(u64),
    /// At the start of the page with this number, after this many assets.
    Number { number: u64, offset: u64 },
}

/// A page of assets.
pub(super) struct FoundPage {
    pub hits: Vec<Hit>,
    /// The number of assets on all pages.
    total: Total,
    /// The position of the last asset, if more follow.
    next: Option<Position>,
    /// The position of the first asset, if a cursor led to the page.
    prev: Option<Position>,
    /// What the search forgave, if anything.
    interpretation: Option<Interpretation>,
}

impl AssetPaging {
    /// Reads the page parameters. A cursor must belong to the search with this fingerprint and order.
    pub(super) fn read(params: &Params, fingerprint: u64, sort: Sort) -> Result<Self, ApiError> {
        let limit = if params.is_given("page[size]") && !params.is_given("page[limit]") {
            params.number("page[size]")
        } else {
            params.number("page[limit]")
        };
        let position = position(params, limit)?;
        let epoch = Timestamp::from_millis(0);
        let start = match position {
            PagePosition::Cursor => page_start(params, CURSOR, fingerprint, sort, epoch)?,
            _ => PageStart::first(fingerprint, epoch),
        };
        let current = match position {
            PagePosition::Cursor => match params.text(CURSOR) {
                None | Some("") => "0".to_owned(),
                Some(cursor) => cursor.to_owned(),
            },
            PagePosition::Offset(offset) | PagePosition::Number { offset, .. } => {
                offset.to_string()
            }
        };
        Ok(Self {
            limit: usize::try_from(limit).unwrap_or(MAX_LIMIT),
            position,
            start,
            current,
        })
    }

    /// Whether the page continues another one, by its cursor.
    pub(super) fn is_continued(&self) -> bool {
        self.start.is_continued()
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
        request.before = self.start.before().cloned();
        let mut to_skip = match self.position {
            PagePosition::Cursor => 0,
            PagePosition::Offset(offset) | PagePosition::Number { offset, .. } => {
                usize::try_from(offset).unwrap_or(usize::MAX)
            }
        };
        // The first search counts all assets. Their number also decides how much a search forgives.
        let mut first: Option<(Total, Option<Interpretation>)> = None;
        // At most `MAX_OFFSET / MAX_LIMIT` iterations, rounded up, and one for the page.
        loop {
            request.limit = if to_skip > 0 {
                to_skip.min(MAX_LIMIT)
            } else {
                self.limit
            };
            request.count = match first {
                None => Count::Exact,
                Some(_) => Count::UpTo(0),
            };
            let page = snapshot.search(sources, &request, deadline)?;
            let (total, interpretation) = first.unwrap_or((page.total, page.interpretation));
            let is_past_the_end = to_skip > 0 && page.next.is_none();
            if to_skip == 0 || is_past_the_end {
                return Ok(FoundPage {
                    hits: if is_past_the_end {
                        Vec::new()
                    } else {
                        page.hits
                    },
                    total,
                    next: page.next,
                    prev: page.prev,
                    interpretation,
                });
            }
            to_skip -= request.limit;
            request.after = page.next;
            first = Some((total, interpretation));
        }
    }

    /// The `meta` and `links` objects of the response.
    pub(super) fn meta_and_links(&self, page: FoundPage, links: &PageLinks<'_>) -> (Value, Value) {
        let next = page.next.map(|position| self.start.next_cursor(position));
        let prev = match self.position {
            PagePosition::Number { number: 0, .. } | PagePosition::Offset(0) => None,
            PagePosition::Number { number, .. } => {
                Some(links.to(NUMBER, &(number - 1).to_string()))
            }
            PagePosition::Offset(offset) => {
                let previous = offset.saturating_sub(self.limit as u64);
                Some(links.to(CURSOR, &previous.to_string()))
            }
            PagePosition::Cursor => {
                let cursor = page.prev.map(|position| self.start.prev_cursor(position));
                cursor.map(|cursor| links.to(CURSOR, &cursor))
            }
        };
        let mut meta = json!({
            "cursor": {
                "current": self.current,
                "next": next,
                "hasMore": next.is_some(),
                "totalRecords": page.total.value,
            },
        });
        if let Some(interpretation) = page.interpretation {
            meta["interpretation"] = json!(interpretation);
        }
        let links = json!({
            "self": links.to_self(),
            "first": links.to_first(),
            "prev": prev,
            "next": next.as_deref().map(|cursor| links.to(CURSOR, cursor)),
        });
        (meta, links)
    }
}

/// Where the page starts: by `page[number]`, by a number in `page[cursor]`, or by a cursor.
fn position(params: &Params, limit: u64) -> Result<PagePosition, ApiError> {
    let within = |offset: Option<u64>, parameter| {
        let offset = offset.filter(|offset| *offset <= MAX_OFFSET);
        offset.ok_or_else(|| too_far(parameter))
    };
    match (params.text(CURSOR), params.is_given(NUMBER)) {
        (Some(_), true) => {
            let text = "the request has page[cursor] and page[number]; use one of them, not both";
            Err(ApiError::invalid_parameter(NUMBER, text))
        }
        (None, true) => {
            let number = params.number(NUMBER);
            let offset = within(number.checked_mul(limit), NUMBER)?;
            Ok(PagePosition::Number { number, offset })
        }
        (Some(text), false) if is_number(text) => {
            Ok(PagePosition::Offset(within(text.parse().ok(), CURSOR)?))
        }
        _ => Ok(PagePosition::Cursor),
    }
}

/// The error of an offset above [`MAX_OFFSET`].
fn too_far(parameter: &str) -> ApiError {
    let text = format!(
        "page[number] and a number in page[cursor] can skip at most {MAX_OFFSET} assets; start with the first \
         page, and follow links.next, or send meta.cursor.next of each response as page[cursor]"
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
                PagePosition::Offset(offset) | PagePosition::Number { offset, .. } => Some(offset),
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
    fn next_page_is_a_cursor_and_the_previous_one_is_as_the_client_counts() {
        let found = |is_last: bool| FoundPage {
            hits: Vec::new(),
            total: Total {
                value: 60,
                exact: true,
            },
            next: (!is_last).then(|| Position {
                values: Vec::new(),
                path: "/x".into(),
                source: "s".into(),
                attempt: 0,
                ranking: Vec::new(),
            }),
            prev: None,
            interpretation: None,
        };
        for (query, current, prev) in [
            ("", "0", None),
            ("page[cursor]=0", "0", None),
            ("page[cursor]=10", "10", Some("page%5Bcursor%5D=0")),
            ("page[cursor]=40", "40", Some("page%5Bcursor%5D=20")),
            ("page[number]=0", "0", None),
            ("page[number]=2", "40", Some("page%5Bnumber%5D=1")),
        ] {
            let uri = format!("/a?{query}").parse().unwrap();
            let links = PageLinks::of(&uri);
            let (meta, links) = read(query).unwrap().meta_and_links(found(false), &links);
            assert_eq!(meta["cursor"]["current"], current, "{query}");
            let next = meta["cursor"]["next"].as_str().unwrap();
            assert!(
                read(&format!("page[cursor]={next}"))
                    .unwrap()
                    .is_continued()
            );
            assert_eq!(links["next"], format!("/a?page%5Bcursor%5D={next}"));
            let prev = prev.map(|prev| format!("/a?{prev}"));
            assert_eq!(links["prev"], json!(prev), "{query}");
            let (meta, links) = read(query)
                .unwrap()
                .meta_and_links(found(true), &PageLinks::of(&uri));
            assert_eq!(meta["cursor"]["hasMore"], false);
            assert_eq!(
                (&meta["cursor"]["next"], &links["next"]),
                (&Value::Null, &Value::Null)
            );
        }
    }
}
