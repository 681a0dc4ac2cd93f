//! How objects get into the index: the scanner, the event consumer, and the one-shot reindex.
//!
//! It does not decide when to scan. The daemon does.

pub mod consumer;
pub(crate) mod reindex;
pub(crate) mod scanner;
