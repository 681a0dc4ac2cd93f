//! A rebuild from a previous index: assets keep when they were first seen.

use super::events::{attach, put, removed, report};
use super::*;

/// When each asset was first seen, in milliseconds.
fn first_seen(ledger: &Ledger<TantivyEngine>) -> Vec<(String, i64)> {
    let everything = KeyInterval::everything();
    let records = ledger
        .engine
        .read(SourceId(0), &everything, RecordFilter::All, usize::MAX)
        .unwrap();
    let seen = |(key, record): KeyedRecord| Some((key, record.first_seen()?.as_millis()));
    records.into_iter().filter_map(seen).collect()
}

fn expected(seen: &[(&str, i64)]) -> Vec<(String, i64)> {
    let owned = |(key, time): &(&str, i64)| ((*key).to_owned(), *time);
    seen.iter().map(owned).collect()
}

/// A new ledger whose previous index has known `a`, `b` and `c` since 1,000 and has seen the removal of `c`.
fn rebuilding(photos: &Arc<Source>) -> Ledger<TantivyEngine> {
    let mut old = ledger(false);
    let (attached, _) = attach(&mut old, photos);
    let known = bucket(&[("a", 1), ("b", 1), ("c", 1)]);
    scan(&mut old, photos, &known, 1_000);
    report(&mut old, attached.id, "c", removed(1_500));
    old.commit().unwrap();
    let mut new = ledger(false);
    new.inherit(old.checkpoint.bindings_only());
    new.set_previous_index(old.engine).unwrap();
    new
}

#[test]
fn known_assets_keep_their_first_seen_time_and_new_ones_get_the_time_of_the_page() {
    let photos = source("", &[]);
    let mut new = rebuilding(&photos);
    let now = bucket(&[("a", 1), ("aa", 1), ("b", 2), ("c", 1), ("d", 1)]);
    scan(&mut new, &photos, &now, 9_000);
    let seen = [
        ("a", 1_000),
        ("aa", 9_000),
        ("b", 1_000),
        ("c", 9_000),
        ("d", 9_000),
    ];
    assert_eq!(first_seen(&new), expected(&seen));
}

#[test]
fn events_before_the_page_keep_the_first_seen_time_too() {
    let photos = source("", &[]);
    let mut new = rebuilding(&photos);
    let (attached, _) = attach(&mut new, &photos);
    let id = attached.id;
    for (key, event) in [
        ("a", put(2, 8_000)),
        ("b", removed(8_000)),
        ("b", put(1, 8_500)),
        ("n", put(1, 8_500)),
    ] {
        assert_eq!(
            report(&mut new, id, key, event),
            EventOutcome::Written,
            "{key}"
        );
    }
    let now = bucket(&[("a", 2), ("b", 1), ("n", 1)]);
    scan(&mut new, &photos, &now, 9_000);
    let seen = [("a", 1_000), ("b", 8_500), ("n", 8_500)];
    assert_eq!(first_seen(&new), expected(&seen));
}

#[test]
fn other_bucket_or_prefix_takes_no_first_seen_times() {
    let mut new = rebuilding(&source("", &[]));
    let folder = source("a", &[]);
    scan(&mut new, &folder, &bucket(&[("a", 1)]), 9_000);
    assert_eq!(first_seen(&new), expected(&[("a", 9_000)]));
}

#[test]
fn page_keeps_first_seen_times_among_many_removed_keys() {
    let photos = source("", &[]);
    let mut old = ledger(false);
    let many: Vec<String> = (0..READ_CHUNK * 2).map(|n| format!("{n:06}")).collect();
    let known: Bucket = many.iter().map(|key| (key.clone(), 1)).collect();
    let (plan, _) = begin(&mut old, &photos, false);
    list(&mut old, &plan, &photos, &known, 10_000, 1_000, usize::MAX);
    complete_scan(&mut old, plan.source).unwrap();
    let left: Bucket = many
        .iter()
        .step_by(READ_CHUNK - 1)
        .map(|key| (key.clone(), 1))
        .collect();
    let mut new = ledger(false);
    new.inherit(old.checkpoint.bindings_only());
    new.set_previous_index(old.engine).unwrap();
    let (plan, _) = begin(&mut new, &photos, false);
    list(&mut new, &plan, &photos, &left, 1_000, 9_000, usize::MAX);
    complete_scan(&mut new, plan.source).unwrap();
    let seen: Vec<_> = left.into_keys().map(|key| (key, 1_000)).collect();
    assert_eq!(first_seen(&new), seen);
}

#[test]
fn copied_records_replace_those_of_a_resumed_rebuild() {
    let photos = source("", &[]);
    let many: Bucket = (0..READ_CHUNK * 2)
        .map(|n| (format!("{n:06}"), 1))
        .collect();
    let mut old = ledger(false);
    let (plan, _) = begin(&mut old, &photos, false);
    list(&mut old, &plan, &photos, &many, 1_000, 1_000, usize::MAX);
    complete_scan(&mut old, plan.source).unwrap();
    let mut listed = many.clone();
    listed.insert("000000a".to_owned(), 1);
    let mut new = ledger(false);
    new.inherit(old.checkpoint.bindings_only());
    let (plan, _) = begin(&mut new, &photos, false);
    list(&mut new, &plan, &photos, &listed, 1_000, 9_000, usize::MAX);
    complete_scan(&mut new, plan.source).unwrap();
    new.set_previous_index(old.engine).unwrap();
    new.copy_records("photos").unwrap();
    let keys: Vec<String> = first_seen(&new).into_iter().map(|(key, _)| key).collect();
    assert!(keys.into_iter().eq(many.into_keys()));
}

#[test]
fn detached_source_is_taken_over_as_it_is_in_the_other_index() {
    let photos = source("", &[]);
    let mut old = ledger(false);
    let (attached, _) = attach(&mut old, &photos);
    let many: Bucket = (0..READ_CHUNK * 2)
        .map(|n| (format!("{n:06}"), 1))
        .collect();
    let (plan, _) = begin(&mut old, &photos, false);
    list(&mut old, &plan, &photos, &many, 1_000, 1_000, usize::MAX);
    complete_scan(&mut old, plan.source).unwrap();
    report(&mut old, attached.id, "000001", removed(1_500));
    old.commit().unwrap();
    // The new index has another prefix, another object and later times.
    let folder = source("0000", &[]);
    let mut new = ledger(false);
    new.inherit(old.checkpoint.bindings_only());
    let moved = bucket(&[("000000", 2), ("000002a", 2), ("0000zz", 2)]);
    attach(&mut new, &folder);
    scan(&mut new, &folder, &moved, 9_000);
    assert_eq!(new.detached(), [""; 0]);
    new.detach("photos").unwrap();
    assert_eq!(new.detached(), ["photos"]);
    new.take_over(&old.checkpoint.sources[0]).unwrap();
    let mut rest = Some(KeyInterval::everything());
    while let Some(interval) = rest {
        let limit = READ_CHUNK / 3;
        let read = old
            .engine
            .read(attached.id, &interval, RecordFilter::All, limit);
        let copied;
        (copied, rest) = CopiedRecords::new(attached.id, &interval, read.unwrap(), limit);
        new.replace_records(copied).unwrap();
    }
    new.commit().unwrap();
    let everything = |ledger: &Ledger<TantivyEngine>| {
        let all = KeyInterval::everything();
        let read = ledger
            .engine
            .read(attached.id, &all, RecordFilter::All, usize::MAX);
        read.unwrap()
    };
    assert_eq!(everything(&new), everything(&old));
    assert_eq!(new.checkpoint, old.checkpoint.bindings_only());
}
