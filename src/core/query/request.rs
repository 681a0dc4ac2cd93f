//! Search requests and their answers: pages of hits, folders in a folder, suggestions.
//!
//! A request does not say which Sources to search. The caller decides that, depending on what the user may see.

use serde::Serialize;

use crate::core::query::facet::{Facet, FacetBy};
use crate::core::query::forgiving::PlainWords;
use crate::core::query::forgiving::interpretation::Interpretation;
use crate::core::query::hit::{Hit, folder_path};
use crate::core::query::position::Position;
use crate::core::query::sort::Sort;
use crate::core::query::term::Query;

/// The maximum number of hits on a page.
pub const MAX_LIMIT: usize = 1_000;

/// The number of hits on a page if the request does not say.
pub const DEFAULT_LIMIT: usize = 20;

/// The maximum number of suggestions.
pub const MAX_SUGGESTIONS: usize = 20;

/// The number of suggestions if a request does not say otherwise.
pub const DEFAULT_SUGGESTIONS: usize = 10;

/// A search: what to find, in which order, and what to count.
///
/// Start with [`Request::new`] and chain the options:
///
/// ```
/// use asset_indexer::search::{Count, FacetBy, Query, Request, Sort, now};
///
/// let request = Request::new(Query::parse("summer type:image", now())?)
///     .sort(Sort::parse("-modified")?)
///     .limit(50)
///     .count(Count::UpTo(1_000))
///     .facets([FacetBy::Type])
///     .highlights(true);
/// assert_eq!(request.limit, 50);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `Request::default()` finds everything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The condition that each hit meets.
    pub query: Query,
    /// How plain words are treated. The default forgives typos and more if too little is found.
    pub words: PlainWords,
    /// The order of the hits. The default is [`Sort::default_for`] the query.
    pub sort: Sort,
    /// The maximum number of hits on the page: 1 to [`MAX_LIMIT`]. The default is [`DEFAULT_LIMIT`].
    pub limit: usize,
    /// The position where the previous page ended. The page starts after it. The default is the first page.
    pub after: Option<Position>,
    /// The position where a later page began: the page ends before it. At most one of `after` and `before` is set.
    pub before: Option<Position>,
    /// The limit for counting the hits of all pages. The default is to count all of them.
    pub count: Count,
    /// The properties to count the hits by. The default is none.
    pub facets: Vec<FacetBy>,
    /// Whether hits say which parts of their path matched. The default is `false`.
    pub highlights: bool,
}

impl Request {
    /// Asks for the first page of a query, in its default order.
    pub fn new(query: Query) -> Self {
        Self {
            sort: Sort::default_for(&query),
            query,
            words: PlainWords::default(),
            limit: DEFAULT_LIMIT,
            after: None,
            before: None,
            count: Count::Exact,
            facets: Vec::new(),
            highlights: false,
        }
    }

    /// Sets how plain words are treated.
    #[must_use]
    pub fn words(self, words: PlainWords) -> Self {
        Self { words, ..self }
    }

    /// Sets the order of the hits.
    #[must_use]
    pub fn sort(self, sort: Sort) -> Self {
        Self { sort, ..self }
    }

    /// Sets the maximum number of hits on the page: 1 to [`MAX_LIMIT`].
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Starts the page after a position: [`Page::next`] of the previous page. `None` asks for the
    /// first page.
    #[must_use]
    pub fn after(self, position: impl Into<Option<Position>>) -> Self {
        Self {
            after: position.into(),
            ..self
        }
    }

    /// Ends the page before a position: [`Page::prev`] of the page after it.
    #[must_use]
    pub fn before(self, position: impl Into<Option<Position>>) -> Self {
        Self {
            before: position.into(),
            ..self
        }
    }

    /// Sets the limit for counting the hits of all pages.
    #[must_use]
    pub fn count(self, count: Count) -> Self {
        Self { count, ..self }
    }

    /// Sets the properties to count the hits by.
    #[must_use]
    pub fn facets(self, facets: impl IntoIterator<Item = FacetBy>) -> Self {
        Self {
            facets: facets.into_iter().collect(),
            ..self
        }
    }

    /// Sets whether hits say which parts of their path matched.
    #[must_use]
    pub fn highlights(self, highlights: bool) -> Self {
        Self { highlights, ..self }
    }
}

impl Default for Request {
    fn default() -> Self {
        Self::new(Query::default())
    }
}

/// The limit for counting the hits of all pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Count {
    /// Count all of them.
    Exact,
    /// The count may stop at this number. The total is then a lower bound.
    UpTo(u64),
}

/// The number of hits on all pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Total {
    /// The number of hits that were counted.
    pub value: u64,
    /// Whether all hits were counted. If not, there may be more than `value`.
    pub exact: bool,
}

/// A page of hits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The hits of this page, in order.
    pub hits: Vec<Hit>,
    /// The number of hits on all pages.
    pub total: Total,
    /// The position of the last hit, or `None` if this is the last page.
    pub next: Option<Position>,
    /// The position of the first hit, or `None` if this is the first page.
    pub prev: Option<Position>,
    /// The facets, in the order of the request.
    pub facets: Vec<Facet>,
    /// What the search forgave, if anything. Hits, total and facets are those of the forgiving search.
    pub interpretation: Option<Interpretation>,
}

/// A folder directly in another folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Folder {
    /// The path; it begins and ends in `/`.
    pub path: String,
    /// The last segment of the path. It is empty if the path ends in `//`.
    pub name: String,
    /// The number of assets below the folder, at any depth.
    pub assets: u64,
}

/// A page of the folders in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FolderPage {
    /// The folders, in ascending order of the bytes of their names.
    pub folders: Vec<Folder>,
    /// Whether more folders follow.
    pub more: bool,
}

/// What to suggest while a user is typing.
///
/// ```
/// use asset_indexer::search::{Query, SuggestRequest, now};
///
/// // The user has typed `beach su` in the folder `/photos/`.
/// let request = SuggestRequest::new("su")
///     .within(Query::parse("beach", now())?)
///     .folder("/photos")
///     .limit(8);
/// assert_eq!(request.folder, "/photos/");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SuggestRequest {
    /// The words that each suggested name contains. The last word may be only the beginning of one.
    pub text: String,
    /// The condition that suggested assets meet. A suggested folder has such an asset. The default is met by all.
    pub within: Query,
    /// The folder that suggestions are from, with all folders below it. It begins and ends in `/`. The default is the
    /// root.
    pub folder: String,
    /// The maximum number of suggestions: 1 to [`MAX_SUGGESTIONS`]. The default is [`DEFAULT_SUGGESTIONS`].
    pub limit: usize,
}

impl SuggestRequest {
    /// Asks for names that contain the words of a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            within: Query::default(),
            folder: "/".to_owned(),
            limit: DEFAULT_SUGGESTIONS,
        }
    }

    /// Suggests only assets that a query finds, and folders with such assets.
    #[must_use]
    pub fn within(self, within: Query) -> Self {
        Self { within, ..self }
    }

    /// Suggests only what is below a folder.
    #[must_use]
    pub fn folder(self, folder: &str) -> Self {
        Self {
            folder: folder_path(folder),
            ..self
        }
    }

    /// Sets the maximum number of suggestions: 1 to [`MAX_SUGGESTIONS`].
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}

/// The name of an asset or a folder, suggested to complete what a user is typing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Suggestion {
    /// The text to show: the name of the asset or folder.
    pub text: String,
    /// Whether it is an asset or a folder.
    pub kind: SuggestionKind,
    /// The path of the asset or of the folder. The path of a folder ends in `/`.
    pub path: String,
    /// The name of the Source.
    pub source: String,
}

/// The kind of name that a suggestion contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SuggestionKind {
    /// The name of an asset.
    Name,
    /// The name of a folder.
    Folder,
}
