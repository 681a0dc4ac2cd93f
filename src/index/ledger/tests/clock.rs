//! The times that events report: a scan writes a record again only if its listing has another time.

use super::events::{attach, report};
use super::*;
use crate::core::replication::order::CertainEvent;
use crate::index::commit_counters::CommitCounters;

/// Applies an event whose time is this many milliseconds after the time in the listing, and scans. Returns the
/// counts of the scan, and how many records it wrote.
fn scan_after_event(milliseconds_later: i64) -> ([u64; 3], u64) {
    let mut ledger = ledger(false);
    let commits = Arc::new(CommitCounters::default());
    ledger.set_commit_counters(Arc::clone(&commits));
    let source = source("", &[]);
    let (attached, _) = attach(&mut ledger, &source);
    let time = Timestamp::from_millis(10_000);
    let by_event = Object {
        last_modified: Timestamp::from_millis(1 + milliseconds_later),
        ..object(1)
    };
    let event = KeyEvent::Certain(CertainEvent {
        object: Some(by_event.clone()),
        time,
        sequencer: Sequencer::parse("10").unwrap(),
    });
    report(&mut ledger, attached.id, "k", event);
    ledger.commit().unwrap();
    let before = commits.records.get();
    let bucket: Bucket = [("k".to_owned(), 1)].into();
    let counts = scan(&mut ledger, &source, &bucket, 100_000);
    ledger.commit().unwrap();
    let written = commits.records.get() - before;
    let expected = match written {
        0 => [("k".to_owned(), by_event)].into(),
        _ => admitted(&source, &bucket),
    };
    assert_eq!(indexed(&ledger), expected);
    (counts, written)
}

#[test]
fn scan_writes_nothing_if_only_the_time_of_the_event_differs_a_little() {
    for milliseconds_later in [-2_000, -1, 0, 1, 999, 2_000] {
        let found = scan_after_event(milliseconds_later);
        assert_eq!(found, ([0, 0, 0], 0), "{milliseconds_later}");
    }
}

#[test]
fn object_that_was_written_again_counts_as_changed() {
    for milliseconds_later in [-2_001, 2_001, 86_400_000] {
        let found = scan_after_event(milliseconds_later);
        assert_eq!(found, ([0, 1, 0], 1), "{milliseconds_later}");
    }
}
