//! The query language: words, queries, requests, hits and facets.
//!
//! This module does not search and has no clock: "now" is a parameter. The room `index` translates a
//! [`Query`] for its engine and fills in the [`Hit`]s.

pub mod advice;
pub mod asset_type;
pub mod cursor;
mod date;
pub mod facet;
mod file_kind;
pub mod forgiving;
pub mod highlight;
pub mod hit;
pub mod interval;
pub mod matches;
pub mod parse;
pub mod pattern;
pub mod position;
pub mod preferences;
mod print;
pub mod problem;
mod range;
pub mod request;
mod size;
pub mod sort;
pub mod term;
pub mod typo;
pub mod word_forms;
pub mod word_match;
pub mod words;

pub use asset_type::{AssetType, content_type};
pub use cursor::{Cursor, CursorError, PageStart, fingerprint};
pub use facet::{Facet, FacetBy, FacetCount};
pub use forgiving::interpretation::{Interpretation, WordInterpretation};
pub use forgiving::{PlainWords, Step};
pub use highlight::Highlighter;
pub use hit::{Highlight, Hit, extension_of, file_name, folder_path};
pub use interval::Interval;
pub use matches::Asset;
pub use pattern::WildcardPattern;
pub use position::{Position, SortValue};
pub use problem::{QueryError, QueryProblem, ValueProblem};
pub use request::{
    Count, Folder, FolderPage, Page, Request, SuggestRequest, Suggestion, SuggestionKind, Total,
};
pub use sort::{Sort, SortBy, SortError, SortKey};
pub use term::{Condition, MatchMode, Query, Term, WordField};
pub use words::{WORDS_VERSION, fold_name, query_words, words};
