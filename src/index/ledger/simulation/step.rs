//! Steps: a history is a list of steps.
//!
//! A step that is not possible at its point of a history is skipped, so a history stays valid if steps are
//! removed.

use super::bucket::Operation;
use super::engine::NextCommit;

type Key = &'static str;

/// One step. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Time passes.
    Pass(i64),
    /// A client writes to the bucket. The time of the event has an error of `skew`.
    Operate {
        key: Key,
        operation: Operation,
        skew: i64,
    },
    /// The message with this event of the key is lost, if it was not acknowledged.
    Lose { key: Key, event: u64 },
    /// The message is received, for the first time or again, and its event is applied.
    Receive { key: Key, event: u64 },
    /// The key of an ambiguous event is listed. The timestamp of the page is `margin` before now.
    LookUp { key: Key, event: u64, margin: i64 },
    /// The page of the look-up arrives and is applied.
    ApplyLookUp { key: Key, event: u64 },
    /// The message is acknowledged, if its effect is durable.
    Acknowledge { key: Key, event: u64 },
    /// The pending changes are committed.
    Commit,
    /// A scan begins, or resumes an unfinished one unless `fresh` is set.
    Begin { fresh: bool, ranges: usize },
    /// The next page of a range is listed, with at most `max_keys` keys. Its timestamp is `margin` before
    /// now.
    List {
        range: usize,
        margin: i64,
        max_keys: usize,
    },
    /// A range is split after the key, and its upper part is listed at the same time.
    Split { range: usize, at: Key },
    /// The oldest page in flight of a range arrives and is applied.
    Arrive { range: usize },
    /// The scan is declared complete, perhaps too early.
    Complete,
    /// The scan is interrupted.
    InterruptScan,
    /// The process is killed and starts again.
    Crash,
    /// The next commit will behave like this. If it fails, the process starts again.
    FailNextCommit(NextCommit),
    /// The process adopts other rules, perhaps with another prefix. It may know the former ones or not.
    NewRules { rules: usize, knows_former: bool },
}
