//! The position where a page of hits ended, so that the next page can start after it.
//!
//! A position is a point in the sort order, not an offset. Assets that are added or removed before it
//! do not shift the pages after it.

/// A value that a hit is sorted by, in addition to its path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SortValue {
    /// The size in bytes.
    Number(u64),
    /// A time in milliseconds since the epoch.
    Time(i64),
    /// The folded file name: [`crate::core::query::words::fold_name`] of the last path segment.
    Name(String),
    /// How well the words match.
    Relevance {
        /// A greater score is a better match.
        score: u32,
        /// The number of words in the file name.
        name_words: u32,
    },
}

/// The position of a hit in the order of a search.
///
/// Programs pass it on unchanged: from [`Page::next`](crate::core::query::Page::next) to
/// [`Request::after`](crate::core::query::Request::after), or through a
/// [`PageStart`](crate::core::query::PageStart) and a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The values of the keys that the search is sorted by, before the path.
    pub(crate) values: Vec<SortValue>,
    /// The asset path.
    pub(crate) path: String,
    /// The name of the Source.
    pub(crate) source: String,
    /// The number of the query that found the hit, among [`crate::core::query::forgiving::attempts`]. The next page
    /// continues with the same one.
    pub(crate) attempt: u8,
    /// What the index decided about the ranking of the first page. All pages are ranked alike.
    pub(crate) ranking: Vec<u8>,
}
