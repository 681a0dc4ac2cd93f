//! What is asked of an index, and what it answers: a page of hits, folders, suggestions.
//!
//! Which Sources are searched is not part of it: that is for whoever knows what may be seen.

use serde::Serialize;

use crate::core::query::facet::{Facet, FacetBy};
use crate::core::query::hit::Hit;
use crate::core::query::position::Position;
use crate::core::query::sort::Sort;
use crate::core::query::term::Query;

/// The most hits of a page.
pub const MAX_LIMIT: usize = 1_000;

/// The hits of a page where nobody says how many.
pub const DEFAULT_LIMIT: usize = 20;

/// The most suggestions.
pub const MAX_SUGGESTIONS: usize = 20;

/// A search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What the hits are.
    pub query: Query,
    /// Their order.
    pub sort: Sort,
    /// The most hits: 1 to [`MAX_LIMIT`].
    pub limit: usize,
    /// Only hits behind this.
    pub after: Option<Position>,
    /// How far to count them.
    pub count: Count,
    /// What to count besides.
    pub facets: Vec<FacetBy>,
    /// Whether hits tell which parts of their path were found.
    pub highlights: bool,
}

impl Request {
    /// A search for the first hits of a query, counted to the end.
    pub fn new(query: Query) -> Self {
        Self {
            query,
            sort: Sort::default(),
            limit: DEFAULT_LIMIT,
            after: None,
            count: Count::Exact,
            facets: Vec::new(),
            highlights: false,
        }
    }
}

/// How far hits are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// All of them.
    Exact,
    /// The count may stop here: the total is then a lower bound.
    UpTo(u64),
}

/// How many assets match, on this page or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// So many.
    pub value: u64,
    /// Or, where this is not so, at least as many.
    pub exact: bool,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The hits, in order.
    pub hits: Vec<Hit>,
    /// How many there are in all.
    pub total: Total,
    /// The last hit's place, where there are hits behind it.
    pub next: Option<Position>,
    /// In the order in which they were asked for.
    pub facets: Vec<Facet>,
}

/// A folder in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Folder {
    /// It begins and ends in `/`.
    pub path: String,
    /// The last segment of the path; empty in `//`.
    pub name: String,
    /// The assets below it, at any depth.
    pub assets: u64,
}

/// What someone may be about to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// To be shown: the name of the asset or of the folder.
    pub text: String,
    /// What it is.
    pub kind: SuggestionKind,
    /// Of the asset, or of the folder, which ends in `/`.
    pub path: String,
    /// The name of the Source.
    pub source: String,
}

/// What is suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SuggestionKind {
    /// An asset.
    Name,
    /// A folder.
    Folder,
}
