//! Where a page of hits ended, so that the next one can begin behind it.
//!
//! A position is a place in the order of hits, not a count of them: assets that come or go in front
//! of it move nothing.

/// What a hit is ordered by, besides its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortValue {
    /// Nothing: the path is the order.
    Path,
    /// The size in bytes.
    Number(u64),
    /// Milliseconds since the epoch.
    Moment(i64),
    /// The folded file name: [`crate::core::query::words::fold_name`] of the last segment of the path.
    Name(String),
    /// How well the words were met.
    Relevance {
        /// The greater, the better.
        score: u32,
        /// The words of the file name.
        name_words: u32,
    },
}

/// The place of a hit in the order of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// By what the search is sorted.
    pub value: SortValue,
    /// The asset path.
    pub path: String,
    /// The name of the Source.
    pub source: String,
}
