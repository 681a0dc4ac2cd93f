//! What can happen next: a history is a list of these, and every one stands for itself.
//!
//! A step that cannot happen where a history has it is passed over, so that a history can be cut.

use super::bucket::Operation;
use super::engine::Fate;

type Key = &'static str;

/// One thing that happens; times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Time passes.
    Pass(i64),
    /// The bucket is written to; the time in the event is off by `skew`.
    Operate {
        key: Key,
        operation: Operation,
        skew: i64,
    },
    /// The message of that event of the key is lost, if it has not been acknowledged.
    Lose { key: Key, event: u64 },
    /// The message is received, for the first time or again, and applied.
    Receive { key: Key, event: u64 },
    /// The key of an event that could not be decided is listed; the stamp is `margin` before now.
    LookUp { key: Key, event: u64, margin: i64 },
    /// That page arrives and is applied.
    Decide { key: Key, event: u64 },
    /// A message whose effect is durable is acknowledged.
    Acknowledge { key: Key, event: u64 },
    /// What was applied is committed.
    Commit,
    /// A scan begins anew, or goes on where one was unfinished.
    Begin { fresh: bool, ranges: usize },
    /// The next page of a range is listed, of at most so many keys; its stamp is `margin` before now.
    List {
        range: usize,
        margin: i64,
        most: usize,
    },
    /// The first page of a range that is on its way arrives and is applied.
    Arrive { range: usize },
    /// The scan is declared complete, too early perhaps.
    Complete,
    /// Whoever scans gives up.
    GiveUp,
    /// The process is killed and starts again.
    Crash,
    /// The next commit will fail, and the process start again.
    FailNextCommit(Fate),
    /// Other rules are put in force, by a process that knows the old ones or does not.
    NewRules { rules: usize, knows_former: bool },
}
