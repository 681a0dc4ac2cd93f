//! A scan corrects the times that events reported, and counts only other differences as changes.

use super::events::{attach, report};
use super::*;
use crate::core::replication::order::CertainEvent;

/// Applies an event whose time is this many milliseconds after the time in the listing, and scans. Returns the
/// counts of the scan.
fn scan_after_event(milliseconds_later: i64) -> [u64; 3] {
    let mut ledger = ledger(false);
    let source = source("", &[]);
    let (attached, _) = attach(&mut ledger, &source);
    let time = Timestamp::from_millis(10_000);
    let event = KeyEvent::Certain(CertainEvent {
        object: Some(Object {
            last_modified: Timestamp::from_millis(1 + milliseconds_later),
            ..object(1)
        }),
        time,
        sequencer: Sequencer::parse("10").unwrap(),
    });
    report(&mut ledger, attached.id, "k", event);
    let bucket: Bucket = [("k".to_owned(), 1)].into();
    let counts = scan(&mut ledger, &source, &bucket, 100_000);
    assert_eq!(indexed(&ledger), admitted(&source, &bucket));
    counts
}

#[test]
fn time_of_an_event_is_corrected_without_counting_a_change() {
    for milliseconds_later in [-2_000, -1, 0, 1, 999, 2_000] {
        assert_eq!(scan_after_event(milliseconds_later), [0, 0, 0]);
    }
}

#[test]
fn object_that_was_written_again_counts_as_changed() {
    for milliseconds_later in [-2_001, 2_001, 86_400_000] {
        assert_eq!(scan_after_event(milliseconds_later), [0, 1, 0]);
    }
}
