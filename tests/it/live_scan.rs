//! When the daemon scans and when it does not, and how events and scans work at the same time.

use crate::config::Config;
use crate::fixture::{SOURCE, numbered};
use crate::live_fixture::{Live, SCANNED, wait_for_keys};
use crate::proxy::{lists_from, nth_list};
use crate::server;
use crate::sqs::Sqs;

/// The number of pages of a bucket.
const PAGES: usize = 4;

/// How far a server's clock is set back, so that a scan seems that old.
const LONG_AGO_SECONDS: i64 = 2 * 3600;

/// Starts the daemon, waits for a scan with that reason, and stops it. There must have been no other scan.
#[track_caller]
fn scans_because(live: &Live, reason: &str) {
    let daemon = live.cli.serve();
    daemon.wait_for(&SCANNED);
    live.wait_for_mirror();
    assert_eq!(daemon.count(&["scan started", reason]), 1);
    assert_eq!(daemon.count(&["scan started"]), 1);
    daemon.terminate();
    live.queue.end_abandoned_poll();
}

/// Starts the daemon, and stops it after an event was applied. There must have been no scan.
#[track_caller]
fn does_not_scan(live: &Live) {
    let daemon = live.cli.serve();
    live.bucket.put("new.jpg", "reported by an event");
    live.wait_for_mirror();
    assert_eq!(daemon.count(&["scan started"]), 0);
    daemon.terminate();
    live.queue.end_abandoned_poll();
}

/// Messages that were in flight at a stop are redelivered soon.
fn with_short_visibility(config: &mut Config) {
    config.visibility_timeout_seconds = 10;
}

#[test]
fn scans_once_after_a_one_shot_reindex() {
    let mut live = Live::silent();
    live.configure(with_short_visibility);
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    live.cli.reindex();
    live.bucket.notify(&live.queue.arn());
    scans_because(&live, "events since the last scan may be missing");
    does_not_scan(&live);
    does_not_scan(&live);
}

#[test]
fn scans_again_after_a_change_of_the_queue() {
    let mut live = Live::new();
    live.configure(with_short_visibility);
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
fn scans_again_if_the_rules_changed_while_stopped() {
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
    assert_eq!(daemon.count(&["scan started"]), 1);
    daemon.terminate();
    live.proxy.clear();
    let daemon = live.serve_again();
    daemon.terminate();
    assert_eq!(live.proxy.lists().len(), 0);
}

#[test]
fn scans_a_source_without_a_queue() {
    let mut live = Live::silent();
    live.change_source(|source| source.queue_url = None);
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    scans_because(&live, "no scan has completed yet");
    live.proxy.clear();
    live.serve_again().terminate();
    assert_eq!(live.proxy.lists().len(), 0);
}

#[test]
fn resumes_a_first_scan_after_a_kill() {
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
    assert!(lists.len() <= 2, "a whole scan takes {PAGES}: {lists:#?}");
    assert!(lists[0].get("start-after").is_some(), "{lists:#?}");
}

#[test]
fn applies_events_while_a_failed_scan_waits_for_its_retry() {
    let live = Live::new();
    live.bucket.put("a.jpg", "x");
    let denied = crate::proxy::Action::Error(403, "AccessDenied");
    live.proxy.fault(1, lists_from(1), denied);
    let daemon = live.cli.serve();
    daemon.wait_for(&["WARN", "scan failed", "AccessDenied"]);
    live.bucket.put("b.jpg", "reported by an event");
    live.wait_for_mirror();
    daemon.wait_for(&SCANNED);
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn applies_events_while_a_scan_waits() {
    let mut live = Live::silent();
    live.configure(|config| config.commit_documents = 1000);
    live.bucket.put_keys(numbered(0..1500));
    live.bucket.notify(&live.queue.arn());
    // The first of two pages is in the index, and the second is requested.
    let gate = live.proxy.hold(nth_list(2));
    let daemon = live.cli.serve();
    gate.wait_until_reached();
    live.wait_for_count(1000);
    live.bucket.put("photos/00001a.jpg", "already scanned");
    live.bucket
        .put("photos/00002.jpg", "changed after it was scanned");
    live.bucket.delete("photos/00003.jpg");
    live.bucket.put("zebra.jpg", "not scanned yet");
    live.bucket
        .put("photos/01400.jpg", "changed before it is scanned");
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
    assert_eq!(daemon.count(&SCANNED), 0, "the scan still waits");
    gate.open();
    daemon.wait_for(&SCANNED);
    live.wait_for_mirror();
    daemon.terminate();
}

/// Scans a Source so that its last scan is long ago by the server's clock.
fn scan_long_ago(live: &mut Live) {
    live.configure(with_short_visibility);
    live.bucket
        .put_keys(["changed.jpg", "gone.jpg", "stays.jpg"]);
    live.proxy.set_clock(Some(-LONG_AGO_SECONDS));
    live.serve().terminate();
    live.queue.end_abandoned_poll();
    live.proxy.set_clock(Some(0));
    live.configure(|config| {
        config.reconcile_every_minutes = 60;
        config.expected_within_seconds = 0;
    });
}

#[test]
fn routine_scan_repairs_and_counts_missed_changes_as_drift() {
    // The bucket sends no events, so that all changes are missed.
    let mut live = Live::silent();
    scan_long_ago(&mut live);
    live.bucket.put_keys(["new.jpg", "new too.jpg"]);
    live.bucket.put("changed.jpg", "other content");
    live.bucket.delete("gone.jpg");
    let daemon = live.cli.serve();
    daemon.wait_for(&["scan started", "the last scan is too old"]);
    daemon.wait_for(&["WARN", "drift", "missing=2", "stale=1", "left_over=1"]);
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn date_far_ahead_hides_no_event() {
    const FAR_AHEAD_SECONDS: i64 = 400 * 86_400;
    let live = Live::new();
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    live.proxy.set_clock(Some(FAR_AHEAD_SECONDS));
    let daemon = live.serve();
    daemon.wait_for(&["WARN", "no usable Date"]);
    live.bucket.put("a.jpg", "other content");
    live.bucket.delete("b.jpg");
    live.bucket.put("new.jpg", "new");
    live.wait_for_mirror();
    assert_eq!(daemon.count(&SCANNED), 1, "events, not a scan");
    daemon.terminate();
}

#[test]
fn changes_reported_by_events_are_not_drift() {
    let mut live = Live::new();
    scan_long_ago(&mut live);
    live.configure(|config| config.reconcile_every_minutes = 1_440);
    let daemon = live.serve_again();
    live.bucket.put("new.jpg", "new");
    live.bucket.put("changed.jpg", "other content");
    live.bucket.delete("gone.jpg");
    live.wait_for_mirror();
    assert_eq!(daemon.count(&["scan started"]), 0);
    daemon.terminate();
    live.configure(|config| config.reconcile_every_minutes = 60);
    let daemon = live.cli.serve();
    daemon.wait_for(&["scan started", "the last scan is too old"]);
    daemon.wait_for(&["INFO", "no drift"]);
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn scans_again_if_the_queue_was_deleted_and_recreated() {
    let mut live = Live::new();
    live.configure(with_short_visibility);
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    scans_because(&live, "no scan has completed yet");
    live.bucket
        .put("lost.jpg", "its message is deleted with the queue");
    live.queue.recreate(server::shared());
    scans_because(&live, "events since the last scan may be missing");
    does_not_scan(&live);
}

#[test]
fn scans_again_after_the_queue_was_missing() {
    let mut live = Live::new();
    live.configure(with_short_visibility);
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.serve();
    live.queue.remove();
    daemon.wait_for(&["receive failed", "queue"]);
    live.bucket.put("lost.jpg", "not reported by an event");
    live.queue.create_planned(server::shared());
    daemon.wait_for_times(2, &SCANNED);
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn scans_once_if_the_rules_admit_nothing() {
    let mut live = Live::new();
    live.configure(with_short_visibility);
    live.change_source(|source| source.exclude = vec!["**".to_owned()]);
    live.bucket.put("a.jpg", "not admitted");
    let daemon = live.serve();
    live.queue.wait_until_empty();
    live.cli.succeed(&["reindex"]);
    assert_eq!(daemon.count(&["scan started"]), 2, "one more was requested");
    daemon.terminate();
}
