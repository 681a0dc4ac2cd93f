//! An index with times in the far future, as a store with a wrong clock leaves it.

use super::events::{attach, put, removed, report};
use super::*;
use crate::core::replication::checkpoint::Checkpoint;

/// 2100-01-01.
const FUTURE: i64 = 4_102_444_800_000;

fn reopened(ledger: Ledger<TantivyEngine>) -> Ledger<TantivyEngine> {
    Ledger::new(ledger.engine, POLICY, false).unwrap()
}

/// An index that was scanned at a wrong time.
fn poisoned(photos: &Arc<Source>) -> Ledger<TantivyEngine> {
    let mut ledger = ledger(false);
    let bucket = bucket(&[("a", 1), ("b", 1), ("c", 1)]);
    assert_eq!(scan(&mut ledger, photos, &bucket, FUTURE), [3, 0, 0]);
    ledger
}

/// Checks that no time of a record is in the future.
fn assert_healed(ledger: &Ledger<TantivyEngine>) {
    let everything = KeyInterval::everything();
    let records = ledger
        .engine
        .read(SourceId(0), &everything, RecordFilter::All, 10);
    for (key, record) in records.unwrap() {
        let latest = record.observed_at().max(record.first_seen());
        assert!(
            latest < Some(Timestamp::from_millis(FUTURE)),
            "{key}: {record:?}"
        );
    }
}

#[test]
fn events_and_scans_repair_an_index_with_times_in_the_future() {
    let photos = source("", &[]);
    let mut ledger = reopened(poisoned(&photos));
    let state = ledger.checkpoint.source("photos").unwrap();
    assert_eq!((state.complete_as_of, state.newest_page), (None, None));
    let (attached, _) = attach(&mut ledger, &photos);
    let now = [("a", put(2, 10)), ("b", removed(11)), ("d", put(3, 12))];
    for (key, event) in now {
        let outcome = report(&mut ledger, attached.id, key, event);
        assert_eq!(outcome, EventOutcome::Written, "{key}");
    }
    let now = bucket(&[("a", 2), ("c", 1), ("d", 3)]);
    // The record of "c" is written again, with its times repaired. The asset has not changed.
    assert_eq!(scan(&mut ledger, &photos, &now, 20), [0, 0, 0]);
    assert_eq!(indexed(&ledger), admitted(&photos, &now));
    assert_healed(&ledger);
}

#[test]
fn scan_repairs_unchanged_and_changed_records_with_times_in_the_future() {
    let photos = source("", &[]);
    let mut ledger = reopened(poisoned(&photos));
    let now = bucket(&[("a", 1), ("b", 2), ("d", 1)]);
    scan(&mut ledger, &photos, &now, 20);
    assert_eq!(indexed(&ledger), admitted(&photos, &now));
    assert_healed(&ledger);
    let state = ledger.checkpoint.source("photos").unwrap();
    assert_eq!(state.complete_as_of, Some(Timestamp::from_millis(20)));
}

#[test]
fn rebuild_does_not_take_over_times_in_the_future() {
    let photos = source("", &[]);
    let previous = poisoned(&photos);
    let mut ledger = ledger(false);
    ledger.inherit(previous.checkpoint.bindings_only());
    ledger.set_previous_index(previous.engine).unwrap();
    let now = bucket(&[("a", 1), ("b", 1)]);
    scan(&mut ledger, &photos, &now, 20);
    assert_eq!(indexed(&ledger), admitted(&photos, &now));
    assert_healed(&ledger);
    assert_ne!(ledger.checkpoint, Checkpoint::default());
    let newest = ledger.checkpoint.source("photos").unwrap().newest_page;
    assert_eq!(newest, Some(Timestamp::from_millis(20)));
}
