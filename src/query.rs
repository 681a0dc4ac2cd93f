//! The language of a search: how text becomes words, how a query is read, what a hit is.
//!
//! Nothing in here looks anything up, and "now" is a parameter: `index` translates a [`Query`] for
//! its engine and fills the [`Hit`]s.

pub mod hit;
mod modified;
pub mod parse;
pub mod problem;
mod size;
pub mod term;
pub mod words;

pub use hit::{Hit, Sort, SortBy, extension_of, file_name};
pub use problem::{Problem, QueryError};
pub use term::{Clause, Interval, Query, Term};
pub use words::{WORDS_VERSION, query_words, words};
