//! The daemon is stopped and killed at any moment: it loses nothing, acknowledges nothing before its commit,
//! and needs no scan afterwards.

use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::fixture::{SOURCE, numbered};
use crate::live_fixture::{Live, wait_for_keys};
use crate::proxy::{Proxy, operation};
use crate::s3::Bucket;
use crate::server;

/// Maximum time until events are committed, in milliseconds. Long enough to test before the commit.
const LATE_COMMIT_MILLIS: u32 = 10_000;

/// The shortest visibility timeout that is allowed. After it, the messages that were in flight in a killed
/// daemon are redelivered.
const SHORT_VISIBILITY_SECONDS: u32 = 10;

/// How often the daemon is stopped or killed under load.
const ROUNDS: usize = 6;

/// The number of changes of the bucket in each round.
const CHANGES_PER_ROUND: usize = 60;

/// The wait between two checks of how many changes are done.
const POLL: Duration = Duration::from_millis(1);

/// The number of keys that are changed.
const KEYS: usize = 200;

#[test]
fn kill_before_the_commit_loses_nothing() {
    let mut live = Live::new();
    live.configure(|config| {
        config.event_commit_interval_ms = LATE_COMMIT_MILLIS;
        config.visibility_timeout_seconds = SHORT_VISIBILITY_SECONDS;
    });
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.serve();
    // S3's test event is acknowledged without a commit.
    live.queue.wait_until_empty();
    live.bucket.put("c.jpg", "new");
    live.bucket.delete("a.jpg");
    live.queue
        .wait_for("messages in flight", |counts| counts.in_flight == 2);
    let found = live.cli.keys(SOURCE);
    let counts = live.queue.counts();
    assert_eq!(
        (counts.visible, counts.in_flight),
        (0, 2),
        "not acknowledged while search finds only {found:?}"
    );
    assert!(found.iter().eq(["a.jpg", "b.jpg"]), "not committed");
    daemon.kill();
    live.queue.end_abandoned_poll();
    live.configure(|config| config.event_commit_interval_ms = 50);
    let daemon = live.serve_again();
    wait_for_keys(&live.cli, SOURCE, &["b.jpg", "c.jpg"]);
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    assert_eq!(daemon.count(&["scan started"]), 0);
    daemon.terminate();
}

#[test]
fn stop_commits_and_acknowledges_messages_in_flight() {
    let mut live = Live::new();
    live.configure(|config| config.event_commit_interval_ms = LATE_COMMIT_MILLIS);
    let daemon = live.serve();
    live.queue.wait_until_empty();
    live.bucket.put_keys(numbered(0..50));
    live.queue
        .wait_for("messages in flight", |counts| counts.in_flight == 50);
    daemon.terminate();
    let counts = live.queue.counts();
    assert_eq!((counts.visible, counts.in_flight), (0, 0));
    live.wait_for_mirror();
}

#[test]
fn second_signal_ends_the_process_immediately() {
    let mut live = Live::new();
    let queue = Proxy::start(server::shared().address());
    let path = live.queue.url.strip_prefix(&server::shared().endpoint());
    let url = queue.endpoint() + path.expect("the server's queue");
    live.change_source(|source| source.queue_url = Some(url));
    // A stop waits until S3's test event is acknowledged. The gate prevents that.
    let gate = queue.hold(operation("DeleteMessageBatch"));
    let mut daemon = live.cli.serve();
    gate.wait_until_reached();
    daemon.signal("TERM");
    daemon.wait_for(&["stopping"]);
    daemon.signal("INT");
    assert_eq!(daemon.wait_for_end().code(), Some(130));
    gate.open();
}

/// A random number generator that repeats its numbers for the same seed.
pub struct Numbers(pub u64);

impl Numbers {
    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        // Marsaglia's xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Makes that many changes to the bucket, and counts them.
fn change(bucket: &Bucket, numbers: &mut Numbers, changes: usize, done: &AtomicUsize) {
    let key = |numbers: &mut Numbers| {
        let keys: Vec<String> = numbered(0..KEYS).collect();
        keys[numbers.below(KEYS)].clone()
    };
    for _ in 0..changes {
        let at = key(numbers);
        match numbers.below(10) {
            0..6 => bucket.put(&at, vec![b'x'; numbers.below(5_000)]),
            6..8 => bucket.delete(&at),
            8 => bucket.delete_batch((0..5).map(|_| key(numbers))),
            _ => {
                bucket.put("origin.jpg", at.as_str());
                bucket.copy("origin.jpg", &at);
            }
        }
        done.fetch_add(1, Ordering::Release);
    }
}

/// Stops the daemon (SIGTERM), and returns its log.
fn stop_at_any_moment(mut daemon: Daemon) -> Vec<String> {
    daemon.signal("TERM");
    let status = daemon.wait_for_end();
    // A signal before the daemon listens for signals kills it. It must recover from that like from a kill.
    let is_expected = status.success() || status.signal().is_some();
    assert!(is_expected, "{status}");
    daemon.kill()
}

/// Stops and kills the daemon repeatedly while the bucket changes. At the end the index must be a mirror of
/// the bucket, without another scan.
fn recovers_under_load(live: &mut Live, seed: u64) {
    live.configure(|config| config.visibility_timeout_seconds = SHORT_VISIBILITY_SECONDS);
    let (mut numbers, mut moments) = (Numbers(seed), Numbers(!seed));
    live.bucket.put_keys(numbered(0..KEYS / 2));
    let mut daemon = live.serve();
    let mut log = Vec::new();
    for _ in 0..ROUNDS {
        let (done, moment) = (AtomicUsize::new(0), moments.below(CHANGES_PER_ROUND));
        let (cli, bucket) = (&live.cli, &live.bucket);
        daemon = thread::scope(|scope| {
            let changes = scope.spawn(|| change(bucket, &mut numbers, CHANGES_PER_ROUND, &done));
            while done.load(Ordering::Acquire) < moment && !changes.is_finished() {
                thread::park_timeout(POLL);
            }
            log.extend(match moments.below(3) {
                0 => stop_at_any_moment(daemon),
                _ => daemon.kill(),
            });
            cli.serve()
        });
    }
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    live.wait_for_mirror();
    log.extend(daemon.terminate());
    let scans = log.iter().filter(|line| line.contains("scan started"));
    assert_eq!(scans.count(), 1, "only the first scan");
}

#[test]
fn recovers_from_kills_without_a_scan() {
    recovers_under_load(&mut Live::new(), 0x5eed);
}

#[test]
fn recovers_from_kills_without_a_scan_in_a_versioned_bucket() {
    let mut live = Live::new();
    live.bucket.enable_versioning();
    recovers_under_load(&mut live, 0xbeef);
}
