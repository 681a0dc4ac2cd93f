//! What the tests of the daemon begin with: a fixture whose bucket sends its events to a queue.
//!
//! An event does not tell the storage class, and its time stands for the date of the object, so what
//! is compared here is what events do tell: keys, sizes and ETags, and dates roughly.

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

/// How long what happened in a bucket may take to be searchable.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(90);

/// How long to wait between two looks at the index.
const POLL: Duration = Duration::from_millis(30);

/// How far the time of an event may be from the date of the object: a loaded server sends it late.
const DATE_TOLERANCE_MILLIS: u64 = 60_000;

/// What the log says when a scan of the one Source is complete.
pub const SCANNED: [&str; 2] = ["scan complete", "source=\"assets\""];

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
    /// With an empty bucket.
    pub fn new() -> Self {
        let live = Self::silent();
        live.bucket.notify(&live.queue.arn());
        live
    }

    /// With an empty bucket that sends no events.
    pub fn silent() -> Self {
        Self::with_queue(Sqs::create(server::shared()))
    }

    /// With an empty bucket that sends no events, and a queue.
    pub fn with_queue(queue: Sqs) -> Self {
        let mut fixture = Fixture::new();
        fixture.change_source(|source| source.queue_url = Some(queue.url.clone()));
        Self { fixture, queue }
    }

    /// Starts the daemon, and waits until its first scan is complete.
    pub fn serve(&self) -> Daemon {
        let daemon = self.cli.serve();
        daemon.wait_for(&SCANNED);
        daemon
    }

    /// Starts the daemon once more: it must not scan again, which whoever calls this checks at the
    /// end.
    pub fn serve_again(&self) -> Daemon {
        let daemon = self.cli.serve();
        daemon.wait_for(&["ready"]);
        daemon
    }

    /// Waits until search finds that many assets at least.
    #[track_caller]
    pub fn wait_for_count(&self, count: usize) {
        let deadline = Instant::now() + VISIBLE_DEADLINE;
        while self.cli.keys(SOURCE).len() < count {
            assert!(Instant::now() < deadline, "{count} are not there");
            thread::park_timeout(POLL);
        }
    }

    /// How many messages are in quarantine.
    pub fn quarantined(&self) -> usize {
        let Ok(entries) = std::fs::read_dir(self.cli.data_dir().join("quarantine")) else {
            return 0;
        };
        let paths = entries.map(|entry| entry.expect("readable").path());
        paths
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .count()
    }

    /// Waits until search finds what is in the bucket, and nothing else.
    #[track_caller]
    pub fn wait_for_mirror(&self) {
        self.wait_for_mirror_where(|_, _| true);
    }

    /// Waits until search finds what is admitted of the bucket, and nothing else.
    #[track_caller]
    pub fn wait_for_mirror_where(&self, admitted: impl Fn(&str, &Listed) -> bool) {
        wait_for_mirror_of(&self.cli, SOURCE, &self.bucket, admitted);
    }
}

/// Waits until search finds in a Source what is admitted of the bucket, and nothing else.
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
        let wrong = differences(cli, source, &expected);
        if wrong.is_empty() {
            return;
        }
        let is_over = Instant::now() >= deadline;
        assert!(!is_over, "{source} is no mirror of its bucket: {wrong:#?}");
        thread::park_timeout(POLL);
    }
}

/// Waits until search finds these keys in a Source, and nothing else.
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

/// What search finds in a Source against what it should, the first few differences.
fn differences(cli: &Cli, source: &str, expected: &BTreeMap<String, Listed>) -> Vec<String> {
    /// How many differences are shown.
    const SHOWN: usize = 10;
    let indexed: BTreeMap<_, _> = cli
        .indexed(source)
        .into_iter()
        .map(|(key, hit)| (key, hit.listed()))
        .collect();
    let missing = expected.iter().filter_map(|(key, object)| {
        let found = indexed.get(key);
        let is_same = found.is_some_and(|found| tells_the_same(found, object));
        (!is_same).then(|| format!("{key:?} should be {object:?}, is {found:?}"))
    });
    let beyond = indexed.keys().filter(|key| !expected.contains_key(*key));
    let beyond = beyond.map(|key| format!("{key:?} should not be there"));
    missing.chain(beyond).take(SHOWN).collect()
}

fn tells_the_same(found: &Listed, object: &Listed) -> bool {
    let apart = found.last_modified.abs_diff(object.last_modified);
    found.size == object.size && found.etag == object.etag && apart <= DATE_TOLERANCE_MILLIS
}
