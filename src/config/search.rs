//! Resolves the settings of searches: how fresh they are, how long they may take, and how many run at the
//! same time.

use std::time::Duration;

use super::error::InvalidValues;
use super::file::SearchFile;
use super::validate;

/// How searches are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchConfig {
    /// Maximum time after a commit until searches see it, 10 to 60,000 milliseconds.
    pub refresh: Duration,
    /// Maximum time of a search, 10 to 60,000 milliseconds. After it the search fails.
    pub timeout: Duration,
    /// Maximum number of searches over HTTP that run at the same time, 1 to 256. Further ones are refused.
    pub concurrent_searches: usize,
}

/// Resolves `[search]`.
pub(super) fn search(file: &SearchFile, invalid: &mut InvalidValues) -> SearchConfig {
    let mut number = |key: &str, value, default, range| {
        invalid.accept(validate::number(
            &format!("search.{key}"),
            value,
            default,
            range,
        ))
    };
    let millis = |number: u32| Duration::from_millis(number.into());
    let concurrent = number("concurrent_searches", file.concurrent_searches, 8, 1..=256);
    SearchConfig {
        refresh: millis(number("refresh_ms", file.refresh_ms, 1_000, 10..=60_000)),
        timeout: millis(number("timeout_ms", file.timeout_ms, 2_000, 10..=60_000)),
        concurrent_searches: concurrent as usize,
    }
}
