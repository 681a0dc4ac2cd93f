//! The language of a search: how text becomes words, how a query is read, what a hit is.
//!
//! Nothing in here looks anything up, and "now" is a parameter: `index` translates a [`Query`] for
//! its engine and fills the [`Hit`]s.

pub mod cursor;
mod date;
pub mod facet;
pub mod highlight;
pub mod hit;
pub mod interval;
pub mod kind;
pub mod matches;
pub mod parse;
pub mod pattern;
pub mod position;
mod print;
pub mod problem;
mod range;
pub mod request;
mod size;
pub mod sort;
pub mod term;
pub mod typo;
pub mod words;

pub use cursor::{Cursor, CursorError, fingerprint};
pub use facet::{Bucket, Facet, FacetBy};
pub use highlight::highlights;
pub use hit::{Highlight, Hit, extension_of, file_name, folder_path};
pub use interval::Interval;
pub use kind::{Kind, content_type};
pub use matches::Asset;
pub use pattern::Pattern;
pub use position::{Position, SortValue};
pub use problem::{Problem, QueryError};
pub use request::{Count, Folder, Page, Request, Suggestion, SuggestionKind, Total};
pub use sort::{Sort, SortBy, SortError};
pub use term::{Condition, Match, Query, Term, Within};
pub use words::{WORDS_VERSION, fold_name, query_words, words};
