//! Keys that the index cannot have, because they are not UTF-8 or the store encodes them wrongly.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fixture::{Fixture, SOURCE, numbered};
use crate::live_fixture::{Live, SCANNED, wait_for_keys};
use crate::messages::{ObjectChange, s3};
use crate::proxy::{Action, Request};

/// The number of keys: two full pages and a part of one.
const KEYS: usize = 2_500;

fn any(_: &Request) -> bool {
    true
}

/// Makes all further listings show the last key of the first page, and one of the second page, as keys that are not
/// UTF-8.
fn not_utf_8(body: &str) -> String {
    let body = body.replace("00999.jpg<", "00999%FF.jpg<");
    body.replace("01500.jpg<", "caf%E9.jpg<")
}

/// The keys of the bucket without those that are not UTF-8.
fn usable() -> BTreeSet<String> {
    let is_usable = |key: &String| !key.contains("00999") && !key.contains("01500");
    numbered(0..KEYS).filter(is_usable).collect()
}

#[test]
fn scan_skips_keys_that_are_not_utf_8() {
    for ranges_in_flight in [1, 8] {
        let mut fixture = Fixture::with_keys(numbered(0..KEYS));
        fixture.configure(|config| config.ranges_in_flight = ranges_in_flight);
        let rewrite = Action::Rewrite(not_utf_8);
        fixture.proxy.fault(usize::MAX, any, rewrite);
        let first = fixture.cli.succeed(&["reindex"]);
        assert!(first.stderr.contains("2 keys skipped"), "{first:#?}");
        let mut expected = usable();
        assert_eq!(fixture.cli.keys(SOURCE), expected);
        // Neighbors of the skipped keys, and the ends of the listing.
        let removed = [0, 998, 1_000, 1_499, 1_501, KEYS - 1]
            .map(|number| numbered(number..number + 1).next().expect("one key"));
        fixture.bucket.delete_many(&removed);
        expected.retain(|key| !removed.contains(key));
        assert_eq!(fixture.cli.reindex().removed, removed.len() as u64);
        assert_eq!(fixture.cli.keys(SOURCE), expected, "{ranges_in_flight}");
    }
}

#[test]
fn key_with_a_broken_encoding_keeps_its_record() {
    let fixture = Fixture::with_keys(numbered(0..KEYS));
    fixture.cli.reindex();
    let broken = |body: &str| body.replace("00999.jpg<", "00999%zz.jpg<");
    fixture
        .proxy
        .fault(usize::MAX, any, Action::Rewrite(broken));
    fixture.bucket.delete("photos/00500.jpg");
    fixture.bucket.delete("photos/01500.jpg");
    assert_eq!(fixture.cli.reindex().removed, 2);
    fixture.assert_mirror();
}

#[test]
fn daemon_reports_skipped_keys_of_scans_and_events() {
    let live = Live::silent();
    live.bucket.put_keys(["a.jpg", "caf.jpg", "z.jpg"]);
    let skipped = |body: &str| body.replace("<Key>caf.jpg<", "<Key>caf%E9.jpg<");
    live.proxy.fault(usize::MAX, any, Action::Rewrite(skipped));
    let daemon = live.serve();
    daemon.wait_for(&["WARN", "keys cannot be indexed", "count=1"]);
    wait_for_keys(&live.cli, SOURCE, &["a.jpg", "z.jpg"]);
    let listed = live.bucket.list();
    let event = |key: &str| {
        let mut body = s3(&ObjectChange {
            bucket: &live.bucket.name,
            key: "b.jpg",
            object: Some(&listed["a.jpg"]),
            time: jiff::Timestamp::now().as_millisecond(),
            sequencer: 1,
        });
        *body.pointer_mut("/Records/0/s3/object/key").expect("a key") = json!(key);
        body.to_string()
    };
    live.queue
        .send(&[event("na%EFve.jpg"), event("na%EFve2.jpg"), event("b.jpg")]);
    wait_for_keys(&live.cli, SOURCE, &["a.jpg", "b.jpg", "z.jpg"]);
    live.queue.wait_until_empty();
    assert_eq!(live.quarantined(), 0);
    assert_eq!(daemon.count(&["WARN", "not UTF-8", "events"]), 1);
    let report = live.cli.succeed(&["status", "--json"]).stdout;
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let keys = &report["sources"][0]["unusable_keys"];
    assert_eq!(*keys, json!({ "count": 1, "examples": [r"caf\xE9.jpg"] }));
    assert_eq!(report["queues"][0]["counts"]["unusable_keys"], 2);
    let text = live.cli.succeed(&["status"]).stdout;
    assert!(text.contains("caf") && text.contains("na"), "{text}");
    assert_eq!(daemon.count(&SCANNED), 1);
    daemon.terminate();
}
