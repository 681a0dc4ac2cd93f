//! The daemon is stopped and killed at any moment: nothing is lost, nothing is acknowledged early, and
//! no scan is needed to be right again.

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

/// The longest time in which the daemon may leave events uncommitted: so long that a test can look.
const LATE_COMMIT_MILLIS: u32 = 10_000;

/// The least time for which a queue keeps a message from others: so soon do those come again that a
/// killed daemon had in hand.
const SHORT_VISIBILITY_SECONDS: u32 = 10;

/// How often the daemon is ended under load.
const ROUNDS: usize = 6;

/// What is done in the bucket in each of the rounds.
const ACTS_PER_ROUND: usize = 60;

/// How long to wait between two looks at how much is done.
const POLL: Duration = Duration::from_millis(1);

/// How many keys are written to.
const KEYS: usize = 200;

#[test]
fn nothing_is_acknowledged_before_its_commit_and_a_kill_then_loses_nothing() {
    let mut live = Live::new();
    live.configure(|config| {
        config.event_commit_interval_ms = LATE_COMMIT_MILLIS;
        config.visibility_timeout_seconds = SHORT_VISIBILITY_SECONDS;
    });
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.serve();
    // S3's test event, which waits for no commit.
    live.queue.wait_until_empty();
    live.bucket.put("c.jpg", "new");
    live.bucket.delete("a.jpg");
    live.queue
        .wait_for("messages in hand", |counts| counts.in_flight == 2);
    let found = live.cli.keys(SOURCE);
    let counts = live.queue.counts();
    assert_eq!(
        (counts.visible, counts.in_flight),
        (0, 2),
        "not acknowledged while search finds only {found:?}"
    );
    assert!(found.iter().eq(["a.jpg", "b.jpg"]), "not committed");
    daemon.kill();
    live.queue.end_left_request();
    live.configure(|config| config.event_commit_interval_ms = 50);
    let daemon = live.serve_again();
    wait_for_keys(&live.cli, SOURCE, &["b.jpg", "c.jpg"]);
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    assert_eq!(daemon.count(&["scan begins"]), 0);
    daemon.terminate();
}

#[test]
fn a_stop_commits_and_acknowledges_what_is_in_hand() {
    let mut live = Live::new();
    live.configure(|config| config.event_commit_interval_ms = LATE_COMMIT_MILLIS);
    let daemon = live.serve();
    live.queue.wait_until_empty();
    live.bucket.put_keys(numbered(0..50));
    live.queue
        .wait_for("messages in hand", |counts| counts.in_flight == 50);
    daemon.terminate();
    let counts = live.queue.counts();
    assert_eq!((counts.visible, counts.in_flight), (0, 0));
    live.wait_for_mirror();
}

#[test]
fn the_second_signal_ends_at_once() {
    let mut live = Live::new();
    let queue = Proxy::start(server::shared().address());
    let path = live.queue.url.strip_prefix(&server::shared().endpoint());
    let url = queue.endpoint() + path.expect("the server's queue");
    live.change_source(|source| source.queue_url = Some(url));
    // A stop waits until S3's test event is acknowledged, which it is not before the gate opens.
    let gate = queue.hold(operation("DeleteMessageBatch"));
    let mut daemon = live.cli.serve();
    gate.wait_until_reached();
    daemon.signal("TERM");
    daemon.wait_for(&["stopping"]);
    daemon.signal("INT");
    assert_eq!(daemon.wait_for_end().code(), Some(130));
    gate.open();
}

/// A generator of numbers that are the same for the same seed.
struct Numbers(u64);

impl Numbers {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        // Marsaglia's xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Does that many things in the bucket, and counts them.
fn work(bucket: &Bucket, numbers: &mut Numbers, acts: usize, done: &AtomicUsize) {
    let key = |numbers: &mut Numbers| {
        let keys: Vec<String> = numbered(0..KEYS).collect();
        keys[numbers.below(KEYS)].clone()
    };
    for _ in 0..acts {
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

/// Stops the daemon (SIGTERM), and gives its log.
fn stopped_at_any_moment(mut daemon: Daemon) -> Vec<String> {
    daemon.signal("TERM");
    let status = daemon.wait_for_end();
    // Before it listens for signals they end it at once, which must be as good as a kill.
    let is_in_order = status.success() || status.signal().is_some();
    assert!(is_in_order, "{status}");
    daemon.kill()
}

/// Ends the daemon again and again while there is work, and checks that the index is right then
/// without another scan.
fn right_after_ends_under_load(live: &mut Live, seed: u64) {
    live.configure(|config| config.visibility_timeout_seconds = SHORT_VISIBILITY_SECONDS);
    let (mut numbers, mut moments) = (Numbers(seed), Numbers(!seed));
    live.bucket.put_keys(numbered(0..KEYS / 2));
    let mut daemon = live.serve();
    let mut log = Vec::new();
    for _ in 0..ROUNDS {
        let (done, moment) = (AtomicUsize::new(0), moments.below(ACTS_PER_ROUND));
        let (cli, bucket) = (&live.cli, &live.bucket);
        daemon = thread::scope(|scope| {
            let working = scope.spawn(|| work(bucket, &mut numbers, ACTS_PER_ROUND, &done));
            while done.load(Ordering::Acquire) < moment && !working.is_finished() {
                thread::park_timeout(POLL);
            }
            log.extend(match moments.below(3) {
                0 => stopped_at_any_moment(daemon),
                _ => daemon.kill(),
            });
            cli.serve()
        });
    }
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    live.wait_for_mirror();
    log.extend(daemon.terminate());
    let scans = log.iter().filter(|line| line.contains("scan begins"));
    assert_eq!(scans.count(), 1, "the first one, and events from then on");
}

#[test]
fn killed_under_load_it_is_right_without_a_scan() {
    right_after_ends_under_load(&mut Live::new(), 0x5eed);
}

#[test]
fn killed_under_load_it_is_right_without_a_scan_where_versions_are_kept() {
    let mut live = Live::new();
    live.bucket.keep_versions();
    right_after_ends_under_load(&mut live, 0xbeef);
}
