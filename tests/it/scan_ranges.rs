//! A bucket that the index knows is listed as several key ranges at once; no key may fall between
//! two of them.

use std::collections::BTreeSet;

use crate::fixture::{Fixture, SOURCE, numbered};
use crate::proxy::{Action, Request, nth_list};

/// A bucket of some thousand keys, indexed, with four ranges in flight.
fn known_bucket() -> Fixture {
    let mut fixture = Fixture::with_keys(numbered(0..5000));
    fixture.configure(|config| config.ranges_in_flight = 4);
    fixture.cli.reindex();
    fixture.assert_mirror();
    fixture.proxy.clear();
    fixture
}

/// The keys that ranges of the last scan began behind.
fn boundaries(fixture: &Fixture) -> BTreeSet<String> {
    let fresh = |request: &&Request| request.get("continuation-token").is_none();
    let lists = fixture.proxy.lists();
    let starts = lists.iter().filter(fresh);
    let starts = starts.filter_map(|request| request.get("start-after"));
    starts.map(str::to_owned).collect()
}

#[test]
fn a_known_bucket_is_listed_in_ranges() {
    let fixture = known_bucket();
    fixture.cli.reindex();
    fixture.assert_mirror();
    let boundaries = boundaries(&fixture);
    assert!(boundaries.len() >= 3, "four ranges: {boundaries:?}");
}

#[test]
fn keys_at_and_beside_the_boundaries_are_neither_lost_nor_doubled() {
    let fixture = known_bucket();
    fixture.cli.reindex();
    let boundaries = boundaries(&fixture);
    assert!(
        !boundaries.is_empty(),
        "the changes below would prove nothing"
    );
    for (number, boundary) in boundaries.iter().enumerate() {
        match number % 3 {
            0 => fixture.bucket.put(boundary, "other content"),
            1 => fixture.bucket.delete(boundary),
            _ => fixture
                .bucket
                .put(&format!("{boundary}\u{1}"), "right behind"),
        }
    }
    let counts = fixture.cli.reindex();
    let total = counts.added + counts.changed + counts.removed;
    assert_eq!(total, boundaries.len() as u64);
    fixture.assert_mirror();
}

#[test]
fn keys_before_behind_and_between_everything_known_are_found() {
    let fixture = known_bucket();
    let odd = crate::scan_keys::odd_keys();
    fixture.bucket.put_keys(&odd);
    assert_eq!(fixture.cli.reindex().added, odd.len() as u64);
    fixture.assert_mirror();
}

#[test]
fn one_failed_range_fails_the_scan_and_removes_nothing() {
    let fixture = known_bucket();
    let expected = fixture.bucket.list();
    fixture.bucket.delete_many(numbered(4000..4010));
    // The last range, whichever request comes for it.
    let late = |request: &Request| request.get("start-after") > Some("photos/03000");
    fixture
        .proxy
        .fault(usize::MAX, late, Action::Error(403, "AccessDenied"));
    fixture.cli.fail(&["reindex"], &["denied", SOURCE]);
    fixture.cli.assert_holds(SOURCE, &expected);
    fixture.proxy.clear();
    assert_eq!(fixture.cli.reindex().removed, 10);
    fixture.assert_mirror();
}

#[test]
fn a_scan_in_ranges_that_is_killed_ends_with_a_mirror() {
    let fixture = known_bucket();
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
fn one_range_and_four_give_the_same_index() {
    let mut fixture = known_bucket();
    fixture.cli.reindex();
    let four = fixture.cli.keys(SOURCE);
    fixture.configure(|config| config.ranges_in_flight = 1);
    let counts = fixture.cli.reindex();
    assert_eq!((counts.added, counts.changed, counts.removed), (0, 0, 0));
    assert_eq!(fixture.cli.keys(SOURCE), four);
}
