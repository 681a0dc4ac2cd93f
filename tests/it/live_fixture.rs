//! The fixture for tests of the daemon: a bucket that sends its events to a queue.
//!
//! An event has no storage class, and its time is used as the date of the object. So comparisons cover only
//! keys, sizes and ETags, and dates within a tolerance.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::Cli;
use crate::daemon::Daemon;
use crate::fixture::{Fixture, SOURCE};
use crate::s3::{Bucket, Listed};
use crate::server;
use crate::sqs::Sqs;

/// Maximum time until a change of a bucket is searchable.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(90);

/// The wait between two searches.
const POLL: Duration = Duration::from_millis(30);

/// Maximum difference between the time of an event and the date of the object. A loaded server sends events
/// late.
const DATE_TOLERANCE_MILLIS: u64 = 60_000;

/// The words in the log when the scan of the fixture's Source has completed.
pub const SCANNED: [&str; 2] = ["scan completed", "source=\"assets\""];

/// A fixture whose bucket sends its events to a queue.
pub struct Live {
    pub fixture: Fixture,
    pub queue: Sqs,
}

impl Deref for Live {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.fixture
    }
}

impl DerefMut for Live {
    fn deref_mut(&mut self) -> &mut Fixture {
        &mut self.fixture
    }
}

impl Live {
    /// An empty bucket.
    pub fn new() -> Self {
        let live = Self::silent();
        live.bucket.notify(&live.queue.arn());
        live
    }

    /// An empty bucket that sends no events.
    pub fn silent() -> Self {
        Self::with_queue(Sqs::create(server::shared()))
    }

    /// An empty bucket that sends no events, and this queue.
    pub fn with_queue(queue: Sqs) -> Self {
        let mut fixture = Fixture::new();
        fixture.change_source(|source| source.queue_url = Some(queue.url.clone()));
        Self { fixture, queue }
    }

    /// Starts the daemon, and waits until its first scan has completed.
    pub fn serve(&self) -> Daemon {
        let daemon = self.cli.serve();
        daemon.wait_for(&SCANNED);
        daemon
    }

    /// Starts the daemon again, and waits until it is ready. It must not scan again. The caller checks that
    /// at the end.
    pub fn serve_again(&self) -> Daemon {
        let daemon = self.cli.serve();
        daemon.wait_for(&["ready"]);
        daemon
    }

    /// Waits until search finds at least that many assets.
    #[track_caller]
    pub fn wait_for_count(&self, count: usize) {
        let deadline = Instant::now() + VISIBLE_DEADLINE;
        while self.cli.keys(SOURCE).len() < count {
            assert!(Instant::now() < deadline, "fewer than {count} assets");
            thread::park_timeout(POLL);
        }
    }

    /// The number of quarantined messages.
    pub fn quarantined(&self) -> usize {
        let Ok(entries) = std::fs::read_dir(self.cli.data_dir().join("quarantine")) else {
            return 0;
        };
        let paths = entries.map(|entry| entry.expect("readable").path());
        paths
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .count()
    }

    /// Waits until search finds exactly the objects of the bucket.
    #[track_caller]
    pub fn wait_for_mirror(&self) {
        self.wait_for_mirror_where(|_, _| true);
    }

    /// Waits until search finds exactly the admitted objects of the bucket.
    #[track_caller]
    pub fn wait_for_mirror_where(&self, admitted: impl Fn(&str, &Listed) -> bool) {
        wait_for_mirror_of(&self.cli, SOURCE, &self.bucket, admitted);
    }
}

/// Waits until search finds exactly the admitted objects of the bucket in a Source.
#[track_caller]
pub fn wait_for_mirror_of(
    cli: &Cli,
    source: &str,
    bucket: &Bucket,
    admitted: impl Fn(&str, &Listed) -> bool,
) {
    let mut expected = bucket.list();
    expected.retain(|key, object| admitted(key, object));
    let deadline = Instant::now() + VISIBLE_DEADLINE;
    loop {
        let differences = differences(cli, source, &expected);
        if differences.is_empty() {
            return;
        }
        let is_over = Instant::now() >= deadline;
        assert!(
            !is_over,
            "{source} is not a mirror of its bucket: {differences:#?}"
        );
        thread::park_timeout(POLL);
    }
}

/// Waits until search finds exactly these keys in a Source.
#[track_caller]
pub fn wait_for_keys(cli: &Cli, source: &str, keys: &[&str]) {
    let deadline = Instant::now() + VISIBLE_DEADLINE;
    loop {
        let found = cli.keys(source);
        if found.iter().eq(keys) {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?} are not {keys:?}");
        thread::park_timeout(POLL);
    }
}

/// The first differences between what search finds in a Source and what it should find.
fn differences(cli: &Cli, source: &str, expected: &BTreeMap<String, Listed>) -> Vec<String> {
    /// Maximum number of differences.
    const MAX_DIFFERENCES: usize = 10;
    let indexed: BTreeMap<_, _> = cli
        .indexed(source)
        .into_iter()
        .map(|(key, hit)| (key, hit.listed()))
        .collect();
    let missing = expected.iter().filter_map(|(key, object)| {
        let found = indexed.get(key);
        let is_same = found.is_some_and(|found| is_equal(found, object));
        (!is_same).then(|| format!("{key:?} should be {object:?}, is {found:?}"))
    });
    let extra = indexed.keys().filter(|key| !expected.contains_key(*key));
    let extra = extra.map(|key| format!("{key:?} should not be found"));
    missing.chain(extra).take(MAX_DIFFERENCES).collect()
}

fn is_equal(found: &Listed, object: &Listed) -> bool {
    let apart = found.last_modified.abs_diff(object.last_modified);
    found.size == object.size && found.etag == object.etag && apart <= DATE_TOLERANCE_MILLIS
}
