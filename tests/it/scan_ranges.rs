//! A scan of an indexed bucket lists several key ranges at the same time. No key may be lost between two
//! ranges.

use std::collections::BTreeSet;

use crate::fixture::{Fixture, SOURCE, numbered};
use crate::proxy::{Action, Request, nth_list};

/// An indexed bucket of 5,000 keys. Scans list up to four ranges of it at the same time.
fn indexed_bucket() -> Fixture {
    let mut fixture = Fixture::with_keys(numbered(0..5000));
    fixture.configure(|config| config.ranges_in_flight = 4);
    fixture.cli.reindex();
    fixture.assert_mirror();
    fixture.proxy.clear();
    fixture
}

/// The keys after which the listed ranges began, except for the first range.
fn boundaries(fixture: &Fixture) -> BTreeSet<String> {
    let is_first_page = |request: &&Request| request.get("continuation-token").is_none();
    let lists = fixture.proxy.lists();
    let starts = lists.iter().filter(is_first_page);
    let starts = starts.filter_map(|request| request.get("start-after"));
    starts.map(str::to_owned).collect()
}

#[test]
fn indexed_bucket_is_listed_in_ranges() {
    let fixture = indexed_bucket();
    fixture.cli.reindex();
    fixture.assert_mirror();
    let boundaries = boundaries(&fixture);
    assert!(
        boundaries.len() >= 3,
        "fewer than four ranges: {boundaries:?}"
    );
}

#[test]
fn keys_at_and_after_boundaries_are_neither_lost_nor_counted_twice() {
    let fixture = indexed_bucket();
    fixture.cli.reindex();
    let boundaries = boundaries(&fixture);
    assert!(
        !boundaries.is_empty(),
        "without boundaries, the test would check nothing"
    );
    for (number, boundary) in boundaries.iter().enumerate() {
        match number % 3 {
            0 => fixture.bucket.put(boundary, "other content"),
            1 => fixture.bucket.delete(boundary),
            _ => fixture
                .bucket
                .put(&format!("{boundary}\u{1}"), "right after"),
        }
    }
    let counts = fixture.cli.reindex();
    let total = counts.added + counts.changed + counts.removed;
    assert_eq!(total, boundaries.len() as u64);
    fixture.assert_mirror();
}

#[test]
fn finds_keys_before_between_and_after_the_indexed_keys() {
    let fixture = indexed_bucket();
    let odd = crate::scan_keys::odd_keys();
    fixture.bucket.put_keys(&odd);
    assert_eq!(fixture.cli.reindex().added, odd.len() as u64);
    fixture.assert_mirror();
}

#[test]
fn failed_range_fails_the_scan_and_removes_nothing() {
    let fixture = indexed_bucket();
    let expected = fixture.bucket.list();
    fixture.bucket.delete_many(numbered(4000..4010));
    // All requests for the last range fail.
    let late = |request: &Request| request.get("start-after") > Some("photos/03000");
    fixture
        .proxy
        .fault(usize::MAX, late, Action::Error(403, "AccessDenied"));
    fixture.cli.fail(&["reindex"], &["denied", SOURCE]);
    fixture.cli.assert_contains_exactly(SOURCE, &expected);
    fixture.proxy.clear();
    assert_eq!(fixture.cli.reindex().removed, 10);
    fixture.assert_mirror();
}

#[test]
fn scan_after_a_kill_ends_with_a_mirror() {
    let fixture = indexed_bucket();
    fixture.bucket.delete_many(numbered(0..5000).step_by(500));
    fixture.bucket.put("photos/00001.jpg", "other content");
    let gate = fixture.proxy.hold(nth_list(3));
    let mut scan = fixture.cli.start(&["reindex"]);
    gate.wait_until_reached();
    scan.kill();
    gate.open();
    fixture.cli.reindex();
    fixture.assert_mirror();
}

#[test]
fn one_range_and_four_ranges_give_the_same_index() {
    let mut fixture = indexed_bucket();
    fixture.cli.reindex();
    let four = fixture.cli.keys(SOURCE);
    fixture.configure(|config| config.ranges_in_flight = 1);
    let counts = fixture.cli.reindex();
    assert_eq!((counts.added, counts.changed, counts.removed), (0, 0, 0));
    assert_eq!(fixture.cli.keys(SOURCE), four);
}
