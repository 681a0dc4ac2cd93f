//! Outages while the daemon runs: what it logs about them, and how soon it tries again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::config::Source;
use crate::fixture::SOURCE;
use crate::live_fixture::{Live, SCANNED, wait_for_keys, wait_for_mirror_of};
use crate::proxy::{Action, Gate, Proxy, Request, lists_from, operation};
use crate::s3::Bucket;
use crate::server;

/// Number of receives that fail. Without failures in between, each would be logged.
const FAILURES: usize = 20;

/// A scan is retried within this time: the first backoff, 5 seconds, and time for a busy machine. It is less
/// than the time between two checks of the schedule, a minute.
const RETRY_DEADLINE: Duration = Duration::from_secs(40);

#[test]
fn logs_one_line_about_a_queue_that_denies_every_other_receive() {
    // An error that the client does not retry by itself.
    logs_one_line_if_every_other_receive_meets(Action::Error(403, "AccessDenied"));
}

#[test]
fn logs_one_line_about_a_queue_that_resets_every_other_connection() {
    logs_one_line_if_every_other_receive_meets(Action::Reset);
}

#[track_caller]
fn logs_one_line_if_every_other_receive_meets(fault: Action) {
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
    queue.fault(FAILURES, every_other, fault);
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
fn sources_whose_pages_stop_halfway_do_not_hold_up_another() {
    let mut live = Live::silent();
    let slow = ["slow", "slower"].map(|name| {
        let bucket = Bucket::create(server::shared());
        bucket.put_keys(["a.jpg", "b.jpg"]);
        let proxy = Proxy::start(server::shared().address());
        let gate = Gate::default();
        proxy.fault(1, lists_from(1), Action::HoldBody(gate.clone()));
        let source = Source::of(name, &bucket, proxy.endpoint());
        (source, bucket, gate)
    });
    live.configure(|config| {
        let slow = slow.iter().map(|(source, ..)| source.clone());
        config.sources.splice(0..0, slow);
    });
    live.bucket.put_keys(["a.jpg"]);
    let daemon = live.cli.serve();
    slow.iter().for_each(|(.., gate)| gate.wait_until_reached());
    daemon.wait_for(&SCANNED);
    live.wait_for_mirror();
    for (source, bucket, gate) in slow {
        assert!(live.cli.keys(&source.name).is_empty());
        gate.open();
        wait_for_mirror_of(&live.cli, &source.name, &bucket, |_, _| true);
    }
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
