//! The language of a search: how text becomes words, how a query is read, what a hit is.
//!
//! Nothing in here looks anything up, and "now" is a parameter: `index` translates a [`Query`] for
//! its engine and fills the [`Hit`]s.

pub mod hit;
pub mod interval;
pub mod kind;
mod modified;
pub mod parse;
pub mod pattern;
pub mod problem;
mod size;
pub mod term;
pub mod words;

pub use hit::{Hit, Sort, SortBy, extension_of, file_name};
pub use interval::Interval;
pub use kind::Kind;
pub use pattern::Pattern;
pub use problem::{Problem, QueryError};
pub use term::{Condition, Match, Query, Term, Within};
pub use words::{WORDS_VERSION, query_words, words};
