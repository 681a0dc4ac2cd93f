//! A queue from which another consumer receives too, and one from which only the daemon receives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::Cli;
use crate::examined::Examined;
use crate::fixture::numbered;
use crate::live_fixture::{Live, SCANNED};
use crate::s3::Bucket;

/// Maximum time until another consumer is noticed under a steady load.
const DEADLINE: Duration = Duration::from_secs(240);

/// The time between two changes of the bucket.
const PAUSE: Duration = Duration::from_millis(200);

/// A visibility timeout that lets messages come back during a test.
const SHORT_VISIBILITY_SECONDS: u32 = 10;

/// The words in the log when another consumer was noticed.
const SHARED: [&str; 3] = ["WARN", "another consumer receives from the queue", "queue="];

/// Changes the bucket steadily until the condition is true. Returns whether that was in time.
fn becomes_true_under_load(bucket: &Bucket, mut is_done: impl FnMut() -> bool) -> bool {
    let stop = AtomicBool::new(false);
    let began = Instant::now();
    let mut in_time = true;
    thread::scope(|scope| {
        scope.spawn(|| {
            for key in numbered(0..usize::MAX) {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                bucket.put(&key, "steady load");
                thread::park_timeout(PAUSE);
            }
        });
        while in_time && !is_done() {
            in_time = began.elapsed() < DEADLINE;
            thread::park_timeout(PAUSE);
        }
        stop.store(true, Ordering::Release);
    });
    in_time
}

/// The only queue in the status report.
fn queue(cli: &Cli) -> Value {
    let report = cli.succeed(&["status", "--json"]).stdout;
    let report: Value = serde_json::from_str(&report).expect("JSON");
    report["queues"][0].clone()
}

#[test]
fn two_daemons_on_one_queue_notice_each_other() {
    let live = Live::new();
    let other = Cli::new(&live.config);
    let (one, two) = (live.serve(), other.serve());
    two.wait_for(&SCANNED);
    let both_notice = || one.count(&SHARED) > 0 && two.count(&SHARED) > 0;
    assert!(becomes_true_under_load(&live.bucket, both_notice));
    for cli in [&live.cli, &other] {
        let queue = queue(cli);
        assert_eq!(queue["problems"][0]["kind"], "shared", "{queue:#}");
        assert!(
            queue["counts"]["elsewhere"].as_u64() >= Some(3),
            "{queue:#}"
        );
        let text = cli.succeed(&["status"]).stdout;
        assert!(text.contains("another consumer receives"), "{text}");
        let found = Examined::of(cli, &[]);
        assert_eq!(found.exit_code, Some(1));
        let bad = found.bad();
        assert!(bad.contains(&("queue-reception", "failure")), "{bad:?}");
    }
    assert_eq!((one.count(&SHARED), two.count(&SHARED)), (1, 1));
    two.terminate();
    one.terminate();
}

#[test]
fn daemon_notices_a_consumer_that_is_no_daemon() {
    /// The number of receives of the other program at a time.
    const RECEIVES: usize = 2;
    let live = Live::new();
    let daemon = live.serve();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..RECEIVES {
            scope.spawn(|| live.queue.consume_until(&stop));
        }
        let is_noticed = becomes_true_under_load(&live.bucket, || daemon.count(&SHARED) > 0);
        stop.store(true, Ordering::Release);
        assert!(is_noticed);
    });
    assert_eq!(queue(&live.cli)["problems"][0]["kind"], "shared");
    daemon.terminate();
}

#[test]
fn only_daemon_notices_no_other_consumer_even_after_a_kill() {
    /// The number of signs after which the result is final.
    const SIGNS: u64 = 10;
    let mut live = Live::new();
    live.configure(|config| {
        config.visibility_timeout_seconds = SHORT_VISIBILITY_SECONDS;
        // So that messages are in flight when the daemon is killed.
        config.event_commit_interval_ms = 5_000;
    });
    let daemon = live.serve();
    live.bucket
        .put_keys((0..40).map(|number| format!("before/{number}.jpg")));
    live.queue
        .wait_for("messages in flight", |counts| counts.in_flight >= 10);
    daemon.kill();
    live.configure(|config| config.event_commit_interval_ms = 200);
    let daemon = live.serve_again();
    let released = || queue(&live.cli)["counts"]["released"].as_u64();
    assert!(becomes_true_under_load(&live.bucket, || released() > Some(SIGNS)));
    let queue = queue(&live.cli);
    assert!(
        queue["counts"]["redelivered"].as_u64() > Some(0),
        "{queue:#}"
    );
    assert_eq!(queue["counts"]["elsewhere"], 0, "{queue:#}");
    assert_eq!(queue["problems"], Value::Array(Vec::new()));
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    assert_eq!(daemon.count(&SHARED), 0);
    let found = Examined::of(&live.cli, &[]);
    let reception = found.finding("queue-reception");
    assert_eq!(reception["verdict"], "ok", "{reception:#}");
    daemon.terminate();
}
