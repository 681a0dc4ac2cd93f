//! The library's door in another process than the daemon: it sees what is committed within the time that
//! was asked for, follows a rebuild, and what it has handed out stays.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use asset_indexer::search::{Deadline, Request, SearchError, SearchIndex, Snapshot, Timestamp};

use crate::cli::Cli;
use crate::fixture::SOURCE;
use crate::live_fixture::{Live, wait_for_keys};

/// How long after a commit a search may begin that does not see it.
const MAX_AGE: Duration = Duration::from_millis(400);

/// How long to wait between two looks.
const POLL: Duration = Duration::from_millis(10);

/// The assets of a snapshot by key, with when they were first seen.
fn assets(snapshot: &Snapshot) -> BTreeMap<String, Option<Timestamp>> {
    let page = snapshot.search(snapshot.sources(), &Request::default(), &Deadline::never());
    let hits = page.expect("readable").hits.into_iter();
    hits.map(|hit| (hit.key, hit.first_seen)).collect()
}

/// Waits until another process sees these keys; from then on a snapshot that is asked for later than the
/// refresh time must have them.
#[track_caller]
fn sees(index: &SearchIndex, cli: &Cli, keys: &[&str]) -> BTreeMap<String, Option<Timestamp>> {
    wait_for_keys(cli, SOURCE, keys);
    let committed = Instant::now();
    loop {
        let asked = Instant::now();
        let found = match index.snapshot() {
            Err(SearchError::NoIndex { .. }) => BTreeMap::new(),
            snapshot => assets(&snapshot.expect("readable")),
        };
        if found.keys().eq(keys) {
            return found;
        }
        let late = asked.saturating_duration_since(committed);
        assert!(late <= MAX_AGE, "{late:?} after: {found:?}, not {keys:?}");
        thread::park_timeout(POLL);
    }
}

#[test]
fn another_process_sees_each_change_in_time_and_follows_a_rebuild() {
    let live = Live::new();
    let index = SearchIndex::open(live.cli.data_dir()).expect("it may come later");
    let index = index.max_age(MAX_AGE);
    assert!(matches!(index.snapshot(), Err(SearchError::NoIndex { .. })));
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.serve();
    let first = sees(&index, &live.cli, &["a.jpg", "b.jpg"]);
    let held = index.snapshot().expect("there is an index");

    live.bucket.put("c.jpg", "new");
    sees(&index, &live.cli, &["a.jpg", "b.jpg", "c.jpg"]);
    live.bucket.delete("b.jpg");
    sees(&index, &live.cli, &["a.jpg", "c.jpg"]);

    let before = live.cli.generation();
    live.cli.succeed(&["reindex", "--rebuild"]);
    assert_ne!(live.cli.generation(), before);
    live.bucket.put("d.jpg", "new");
    let last = sees(&index, &live.cli, &["a.jpg", "c.jpg", "d.jpg"]);
    assert_eq!(last["a.jpg"], first["a.jpg"], "a rebuild forgets nothing");

    assert_eq!(assets(&held), first, "what is held stays");
    daemon.terminate();
}
