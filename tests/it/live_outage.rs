//! Outages while the daemon runs: what it logs about them, and how soon it tries again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::fixture::SOURCE;
use crate::live_fixture::{Live, SCANNED, wait_for_keys};
use crate::proxy::{Action, Proxy, Request, lists_from, operation};
use crate::server;

/// Number of receives that fail. Without failures in between, each would be logged.
const FAILURES: usize = 20;

/// A scan is retried within this time: the first backoff, 5 seconds, and time for a busy machine. It is less
/// than the time between two checks of the schedule, a minute.
const RETRY_DEADLINE: Duration = Duration::from_secs(40);

#[test]
fn logs_one_line_about_a_queue_that_fails_every_other_time() {
    let mut live = Live::new();
    live.bucket.put_keys(["a.jpg"]);
    let queue = Proxy::start(server::shared().address());
    let path = live.queue.url.strip_prefix(&server::shared().endpoint());
    let url = queue.endpoint() + path.expect("the server's queue");
    live.change_source(|source| source.queue_url = Some(url));
    let receives = Arc::new(AtomicUsize::new(0));
    let (is_receive, counter) = (operation("ReceiveMessage"), Arc::clone(&receives));
    let every_other = move |request: &Request| {
        is_receive(request) && counter.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
    };
    // An error that the client does not retry by itself.
    queue.fault(FAILURES, every_other, Action::Error(403, "AccessDenied"));
    let is_receive = operation("ReceiveMessage");
    let all_failed = move |request: &Request| {
        is_receive(request) && receives.load(Ordering::Relaxed) >= 2 * FAILURES - 1
    };
    let gate = queue.hold(all_failed);
    let daemon = live.serve();
    gate.wait_until_reached();
    gate.open();
    live.bucket.put("b.jpg", "reported by an event");
    wait_for_keys(&live.cli, SOURCE, &["a.jpg", "b.jpg"]);
    live.queue.wait_until_empty();
    assert_eq!(daemon.count(&["WARN", "receive failed"]), 1);
    // None, except if this test runs longer than the calm time after which the outage is over.
    assert!(daemon.count(&["INFO", "receiving"]) <= 1);
    daemon.terminate();
}

#[test]
fn retries_a_failed_scan_after_its_backoff() {
    let mut live = Live::silent();
    live.bucket.put_keys(["a.jpg"]);
    // Without a queue, nothing but the schedule starts a scan.
    live.change_source(|source| source.queue_url = None);
    let denied = Action::Error(403, "AccessDenied");
    live.proxy.fault(1, lists_from(1), denied);
    let daemon = live.cli.serve();
    daemon.wait_for(&["WARN", "scan failed", "AccessDenied"]);
    let failed = Instant::now();
    daemon.wait_for(&SCANNED);
    assert!(failed.elapsed() < RETRY_DEADLINE, "{:?}", failed.elapsed());
    daemon.terminate();
}
