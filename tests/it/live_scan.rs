//! When the daemon scans and when it does not, and that events and scans go on side by side.

use crate::config::Config;
use crate::fixture::{SOURCE, numbered};
use crate::live_fixture::{Live, SCANNED, wait_for_keys};
use crate::proxy::{lists_from, nth_list};
use crate::server;
use crate::sqs::Sqs;

/// Pages of a bucket of several.
const PAGES: usize = 4;

/// Seconds by which a server's clock is put back, so that a scan seems that old.
const LONG_AGO_SECONDS: i64 = 2 * 3600;

/// Starts the daemon, waits for a scan for that reason, and ends it: there must have been no other.
#[track_caller]
fn scans_because(live: &Live, reason: &str) {
    let daemon = live.cli.serve();
    daemon.wait_for(&SCANNED);
    live.wait_for_mirror();
    assert_eq!(daemon.count(&["scan begins", reason]), 1);
    assert_eq!(daemon.count(&["scan begins"]), 1);
    daemon.terminate();
    live.queue.end_left_request();
}

/// Starts the daemon, and ends it when an event has come: there must have been no scan.
#[track_caller]
fn does_not_scan(live: &Live) {
    let daemon = live.cli.serve();
    live.bucket.put("told.jpg", "by an event");
    live.wait_for_mirror();
    assert_eq!(daemon.count(&["scan begins"]), 0);
    daemon.terminate();
    live.queue.end_left_request();
}

/// Messages that a stop left behind come again soon.
fn soon(config: &mut Config) {
    config.visibility_timeout_seconds = 10;
}

#[test]
fn once_after_a_one_shot_reindex_and_then_no_more() {
    let mut live = Live::silent();
    live.configure(soon);
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    live.cli.reindex();
    live.bucket.notify(&live.queue.arn());
    scans_because(&live, "events since the last scan may be missing");
    does_not_scan(&live);
    does_not_scan(&live);
}

#[test]
fn again_when_events_come_from_another_queue() {
    let mut live = Live::new();
    live.configure(soon);
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    scans_because(&live, "no scan has completed yet");
    live.queue = Sqs::create(server::shared());
    live.bucket.notify(&live.queue.arn());
    let url = live.queue.url.clone();
    live.change_source(|source| source.queue_url = Some(url));
    scans_because(&live, "events since the last scan may be missing");
    does_not_scan(&live);
}

#[test]
fn again_when_the_rules_have_changed_meanwhile() {
    let mut live = Live::silent();
    live.bucket
        .put_keys(["docs/a.pdf", "photos/a.jpg", "video/a.mp4"]);
    live.change_source(|source| source.include = vec!["/photos".to_owned()]);
    let daemon = live.serve();
    wait_for_keys(&live.cli, SOURCE, &["photos/a.jpg"]);
    daemon.terminate();
    live.change_source(|source| source.include = vec!["/video".to_owned(), "/docs".to_owned()]);
    let daemon = live.serve();
    wait_for_keys(&live.cli, SOURCE, &["docs/a.pdf", "video/a.mp4"]);
    assert_eq!(daemon.count(&["scan begins"]), 1);
    daemon.terminate();
    live.proxy.clear();
    let daemon = live.serve_again();
    daemon.terminate();
    assert_eq!(live.proxy.lists().len(), 0);
}

#[test]
fn a_source_without_a_queue_is_kept_by_scans_alone() {
    let mut live = Live::silent();
    live.change_source(|source| source.queue_url = None);
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    scans_because(&live, "no scan has completed yet");
    live.proxy.clear();
    live.serve_again().terminate();
    assert_eq!(live.proxy.lists().len(), 0);
}

#[test]
fn a_killed_first_scan_is_resumed() {
    let mut live = Live::silent();
    live.bucket.put_keys(numbered(0..PAGES * 1000));
    live.configure(|config| config.commit_documents = 1000);
    let gate = live.proxy.hold(nth_list(PAGES));
    let daemon = live.cli.serve();
    gate.wait_until_reached();
    live.wait_for_count((PAGES - 2) * 1000);
    daemon.kill();
    gate.open();
    live.proxy.clear();
    scans_because(&live, "a scan is unfinished");
    let lists = live.proxy.lists();
    assert!(lists.len() <= 2, "{PAGES} are a whole scan: {lists:#?}");
    assert!(lists[0].get("start-after").is_some(), "{lists:#?}");
}

#[test]
fn a_scan_that_fails_is_tried_again_and_events_do_not_wait_for_it() {
    let live = Live::new();
    live.bucket.put("a.jpg", "x");
    let denied = crate::proxy::Action::Error(403, "AccessDenied");
    live.proxy.fault(1, lists_from(1), denied);
    let daemon = live.cli.serve();
    daemon.wait_for(&["WARN", "scan failed", "AccessDenied"]);
    live.bucket.put("b.jpg", "told by an event");
    live.wait_for_mirror();
    daemon.wait_for(&SCANNED);
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn events_are_applied_while_a_scan_stands_still() {
    let mut live = Live::silent();
    live.configure(|config| config.commit_documents = 1000);
    live.bucket.put_keys(numbered(0..1500));
    live.bucket.notify(&live.queue.arn());
    // Of two pages the first is in, and the second was asked for.
    let gate = live.proxy.hold(nth_list(2));
    let daemon = live.cli.serve();
    gate.wait_until_reached();
    live.wait_for_count(1000);
    live.bucket.put("photos/00001a.jpg", "behind the scan");
    live.bucket
        .put("photos/00002.jpg", "changed behind the scan");
    live.bucket.delete("photos/00003.jpg");
    live.bucket.put("zebra.jpg", "before the scan");
    live.bucket
        .put("photos/01400.jpg", "changed before the scan");
    live.bucket.delete("photos/01401.jpg");
    live.queue.wait_until_empty();
    let found = live.cli.indexed(SOURCE);
    for (key, listed) in live.bucket.list() {
        let is_listed = key.as_str() < "photos/01000.jpg";
        if is_listed || ["zebra.jpg", "photos/01400.jpg"].contains(&key.as_str()) {
            assert_eq!(found[&key].etag, listed.etag, "{key}");
        }
    }
    assert!(!found.contains_key("photos/00003.jpg"));
    assert_eq!(daemon.count(&SCANNED), 0, "it stands still");
    gate.open();
    daemon.wait_for(&SCANNED);
    live.wait_for_mirror();
    daemon.terminate();
}

/// A Source whose last scan, by the server's clock, is long ago.
fn scanned_long_ago(live: &mut Live) {
    live.configure(soon);
    live.bucket
        .put_keys(["changed.jpg", "gone.jpg", "stays.jpg"]);
    live.proxy.set_clock(Some(-LONG_AGO_SECONDS));
    live.serve().terminate();
    live.queue.end_left_request();
    live.proxy.set_clock(Some(0));
    live.configure(|config| {
        config.reconcile_every_minutes = 60;
        config.expected_within_seconds = 0;
    });
}

#[test]
fn what_no_event_told_is_mended_and_called_drift() {
    // Its bucket tells nobody, so that all that is done is lost.
    let mut live = Live::silent();
    scanned_long_ago(&mut live);
    live.bucket.put_keys(["new.jpg", "new too.jpg"]);
    live.bucket.put("changed.jpg", "other content");
    live.bucket.delete("gone.jpg");
    let daemon = live.cli.serve();
    daemon.wait_for(&["scan begins", "the last scan is too old"]);
    daemon.wait_for(&["WARN", "drift", "missing=2", "stale=1", "left_over=1"]);
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn what_events_told_is_no_drift() {
    let mut live = Live::new();
    scanned_long_ago(&mut live);
    live.configure(|config| config.reconcile_every_minutes = 1_440);
    let daemon = live.serve_again();
    live.bucket.put("new.jpg", "new");
    live.bucket.put("changed.jpg", "other content");
    live.bucket.delete("gone.jpg");
    live.wait_for_mirror();
    assert_eq!(daemon.count(&["scan begins"]), 0);
    daemon.terminate();
    live.configure(|config| config.reconcile_every_minutes = 60);
    let daemon = live.cli.serve();
    daemon.wait_for(&["scan begins", "the last scan is too old"]);
    daemon.wait_for(&["INFO", "no drift"]);
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn again_when_the_queue_was_deleted_and_made_anew() {
    let mut live = Live::new();
    live.configure(soon);
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    scans_because(&live, "no scan has completed yet");
    live.bucket
        .put("lost.jpg", "its message goes with the queue");
    live.queue.make_anew(server::shared());
    scans_because(&live, "events since the last scan may be missing");
    does_not_scan(&live);
}

#[test]
fn again_when_the_queue_is_missing_for_a_while() {
    let mut live = Live::new();
    live.configure(soon);
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.serve();
    live.queue.remove();
    daemon.wait_for(&["receive failed", "queue"]);
    live.bucket.put("lost.jpg", "nothing tells of it");
    live.queue.come_to_be(server::shared());
    daemon.wait_for_times(2, &SCANNED);
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn once_where_the_rules_admit_nothing() {
    let mut live = Live::new();
    live.configure(soon);
    live.change_source(|source| source.exclude = vec!["**".to_owned()]);
    live.bucket.put("a.jpg", "not admitted");
    let daemon = live.serve();
    live.queue.wait_until_empty();
    live.cli.succeed(&["reindex"]);
    assert_eq!(daemon.count(&["scan begins"]), 2, "one more was asked for");
    daemon.terminate();
}
