//! The search library in another process than the daemon: it sees each commit within its maximum age and
//! follows a rebuild, and snapshots that it returned before do not change.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use asset_indexer::search::{Deadline, Request, SearchError, SearchIndex, Snapshot, Timestamp};

use crate::cli::Cli;
use crate::fixture::SOURCE;
use crate::live_fixture::{Live, wait_for_keys};

/// Maximum age of a snapshot. A search that begins this long after a commit must see it.
const MAX_AGE: Duration = Duration::from_millis(400);

/// Time between two polls.
const POLL: Duration = Duration::from_millis(10);

/// The keys of the assets in a snapshot, and when the index first saw them.
fn assets(snapshot: &Snapshot) -> BTreeMap<String, Option<Timestamp>> {
    let page = snapshot.search(snapshot.sources(), &Request::default(), &Deadline::never());
    let hits = page.expect("readable").hits.into_iter();
    hits.map(|hit| (hit.key, hit.first_seen)).collect()
}

/// Waits until another process sees exactly these keys. A snapshot that is taken [`MAX_AGE`] later must
/// have them, too.
#[track_caller]
fn wait_for_snapshot(
    index: &SearchIndex,
    cli: &Cli,
    keys: &[&str],
) -> BTreeMap<String, Option<Timestamp>> {
    wait_for_keys(cli, SOURCE, keys);
    let committed = Instant::now();
    loop {
        let called_at = Instant::now();
        let found = match index.snapshot() {
            Err(SearchError::NoIndex { .. }) => BTreeMap::new(),
            snapshot => assets(&snapshot.expect("readable")),
        };
        if found.keys().eq(keys) {
            return found;
        }
        let late = called_at.saturating_duration_since(committed);
        assert!(late <= MAX_AGE, "{late:?} after: {found:?}, not {keys:?}");
        thread::park_timeout(POLL);
    }
}

#[test]
fn sees_each_commit_in_time_and_follows_a_rebuild() {
    let live = Live::new();
    let index = SearchIndex::open(live.cli.data_dir()).expect("the index may be created later");
    let index = index.max_age(MAX_AGE);
    assert!(matches!(index.snapshot(), Err(SearchError::NoIndex { .. })));
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.serve();
    let first = wait_for_snapshot(&index, &live.cli, &["a.jpg", "b.jpg"]);
    let snapshot = index.snapshot().expect("there is an index");

    live.bucket.put("c.jpg", "new");
    wait_for_snapshot(&index, &live.cli, &["a.jpg", "b.jpg", "c.jpg"]);
    live.bucket.delete("b.jpg");
    wait_for_snapshot(&index, &live.cli, &["a.jpg", "c.jpg"]);

    let before = live.cli.generation();
    live.cli.succeed(&["reindex", "--rebuild"]);
    assert_ne!(live.cli.generation(), before);
    live.bucket.put("d.jpg", "new");
    let last = wait_for_snapshot(&index, &live.cli, &["a.jpg", "c.jpg", "d.jpg"]);
    assert_eq!(last["a.jpg"], first["a.jpg"], "a rebuild keeps the time");

    assert_eq!(assets(&snapshot), first, "a snapshot does not change");
    daemon.terminate();
}
