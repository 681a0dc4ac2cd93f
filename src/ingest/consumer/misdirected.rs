//! Counts and reports events that no Source can use: of other buckets, of CloudTrail, and of keys that are not UTF-8.
//!
//! They are acknowledged, because no redelivery would help. Each kind is logged once in a session, and each other bucket
//! too. Who may send to the queue can write any name, so names are cut and their number is limited.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::core::human::printable;
use crate::observe::status::{QueueProblem, QueueStatus};

/// Maximum number of other buckets that are named.
const MAX_NAMED: usize = 5;

/// Maximum number of characters of a bucket's name that are shown. Buckets have at most 63.
const MAX_NAME: usize = 63;

/// The other buckets whose events have arrived. A value is the bucket of a Source that differs only in the case of its
/// letters.
#[derive(Debug, Default)]
pub(super) struct Misdirected(Mutex<BTreeMap<String, Option<String>>>);

impl Misdirected {
    /// Counts an event of a bucket that no Source has.
    pub(super) fn note_other_bucket(&self, board: &QueueStatus, name: &str, similar: Option<&str>) {
        board.counters.other_buckets.add(1);
        let name = shown(name);
        // A panic cannot leave the map half-written: `insert` is its only change.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains_key(&name) || known.len() >= MAX_NAMED {
            return;
        }
        tracing::warn!(
            queue = board.url,
            bucket = name,
            similar,
            "events of a bucket arrive that no Source with this queue has"
        );
        known.insert(name, similar.map(str::to_owned));
        board.raise(QueueProblem::OtherBuckets, other_buckets(&known));
    }
}

fn other_buckets(known: &BTreeMap<String, Option<String>>) -> String {
    let named = known.iter().map(|(name, similar)| match similar {
        Some(similar) => format!(
            "{name:?} (a Source has {similar:?}: set its bucket to the exact name, in the same case)"
        ),
        None => format!("{name:?}"),
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let more = if known.len() < MAX_NAMED {
        ""
    } else {
        " and possibly others"
    };
    format!(
        "events arrive of buckets that no Source with this queue has: {named}{more}. Correct `bucket`, or stop these \
         buckets from sending to the queue"
    )
}

/// Counts a record of CloudTrail about a bucket.
pub(super) fn note_cloudtrail(board: &QueueStatus, bucket: &str) {
    board.counters.cloudtrail.add(1);
    let bucket = shown(bucket);
    let text = format!(
        "records of CloudTrail arrive, about bucket {bucket:?}. They do not contain what an event of S3 contains, so they \
         are ignored. Let the bucket send its own events: `asset-indexer setup` prints how"
    );
    if board.raise(QueueProblem::CloudTrail, text) {
        tracing::warn!(
            queue = board.url,
            bucket,
            "records of CloudTrail arrive instead of events of S3; they are ignored"
        );
    }
}

/// Counts an event of a key that is not UTF-8. The log names the key only at debug, as everywhere.
pub(super) fn note_unusable_key(board: &QueueStatus, text: &str) {
    board.counters.unusable_keys.add(1);
    let problem = format!(
        "events arrive of keys that are not UTF-8, most recently \"{text}\". Such keys are not indexed. Rename the objects \
         if they should be found"
    );
    if board.raise(QueueProblem::UnusableKeys, problem) {
        tracing::warn!(
            queue = board.url,
            "events of keys that are not UTF-8 arrive; they are skipped, and `asset-indexer status` names the last one"
        );
    }
}

/// The beginning of a name, without control characters.
fn shown(name: &str) -> String {
    let name: String = name.chars().take(MAX_NAME).collect();
    printable(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::status::StatusBoard;

    #[test]
    fn names_other_buckets_up_to_a_limit() {
        let board = StatusBoard::new("/nowhere".into()).queue("url");
        let misdirected = Misdirected::default();
        let problem = || board.problems()[&QueueProblem::OtherBuckets].clone();
        misdirected.note_other_bucket(&board, "Media", Some("media"));
        assert!(
            problem().contains("\"Media\" (a Source has \"media\""),
            "{}",
            problem()
        );
        for number in 0..100 {
            misdirected.note_other_bucket(&board, &format!("{number}\u{1b}"), None);
            misdirected.note_other_bucket(&board, &"x".repeat(10_000), None);
        }
        assert_eq!(board.counters.other_buckets.get(), 201);
        assert!(problem().contains("and possibly others"), "{}", problem());
        assert!(problem().len() < 1_000 && !problem().contains('\u{1b}'));
    }

    #[test]
    fn cloudtrail_and_unusable_keys_are_shown() {
        let board = StatusBoard::new("/nowhere".into()).queue("url");
        note_cloudtrail(&board, "media");
        note_unusable_key(&board, r"caf\xE9");
        let problems = board.problems();
        assert!(problems[&QueueProblem::CloudTrail].contains("bucket \"media\""));
        assert!(problems[&QueueProblem::UnusableKeys].contains(r#""caf\xE9""#));
        assert_eq!(board.counters.cloudtrail.get(), 1);
        assert_eq!(board.counters.unusable_keys.get(), 1);
    }
}
