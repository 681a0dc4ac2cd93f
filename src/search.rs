//! The language of a search: how text becomes words, how a query is read, what a hit is.
//!
//! Nothing in here looks anything up, and "now" is a parameter: `index` translates a [`Query`] for
//! its engine and fills the [`Hit`]s.

pub mod hit;
mod modified;
pub mod parse;
pub mod problem;
pub mod query;
mod size;
pub mod words;

pub use hit::{Hit, Sort, SortBy, extension_of, file_name};
pub use problem::{Problem, QueryError};
pub use query::{Clause, Interval, Query, Term};
pub use words::{WORDS_VERSION, query_words, words};
