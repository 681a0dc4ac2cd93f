//! The bounds of searches: how fresh they are, how long each may take, and how many run at once.

use std::time::Duration;

use super::error::InvalidValue;
use super::file::SearchFile;
use super::validate;

/// How searches are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchConfig {
    /// A search that begins so long after a commit sees it, 10 to 60,000 milliseconds.
    pub refresh: Duration,
    /// How long one search may take, 10 to 60,000 milliseconds; then it ends without an answer.
    pub timeout: Duration,
    /// Searches of the HTTP interface that run at the same time, 1 to 256; one that finds no place is
    /// refused.
    pub concurrent_searches: usize,
}

/// Resolves `[search]`.
pub(super) fn search(file: &SearchFile) -> Result<SearchConfig, InvalidValue> {
    let number = |key: &str, value, default, range| {
        validate::number(&format!("search.{key}"), value, default, range)
    };
    let millis = |number: u32| Duration::from_millis(number.into());
    let concurrent = number("concurrent_searches", file.concurrent_searches, 8, 1..=256)?;
    Ok(SearchConfig {
        refresh: millis(number("refresh_ms", file.refresh_ms, 1_000, 10..=60_000)?),
        timeout: millis(number("timeout_ms", file.timeout_ms, 2_000, 10..=60_000)?),
        concurrent_searches: concurrent as usize,
    })
}
