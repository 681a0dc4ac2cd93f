//! An index that was written while all clocks were far ahead. Its times must hide no later change.

use std::process::Command;

use crate::cli::BINARY;
use crate::live_fixture::Live;

/// How far the clocks of the program and of the server are ahead when the index is written.
const DAYS_AHEAD: i64 = 400;

/// What the program logs about such an index.
const FORGETS: &str = "times in the index are in the future";

/// A bucket whose index was written with clocks far ahead. Now the clocks are right.
fn poisoned() -> Live {
    let live = Live::new();
    live.bucket.put_keys(["changed.jpg", "gone.jpg", "old.jpg"]);
    live.proxy.set_clock(Some(DAYS_AHEAD * 86_400));
    let ahead = format!("+{DAYS_AHEAD}d");
    let mut command = Command::new("faketime");
    command.args(["-f", &ahead, BINARY]);
    let mut command = live.cli.command(command);
    let output = command.arg("reindex").output().expect("faketime runs");
    assert!(output.status.success(), "{output:#?}");
    live.proxy.set_clock(Some(0));
    live
}

/// Changes the bucket, and waits until the index follows.
#[track_caller]
fn follows_events(live: &Live) {
    live.bucket.put("changed.jpg", "other content");
    live.bucket.delete("gone.jpg");
    live.bucket.put("new.jpg", "new");
    live.queue.wait_until_empty();
    live.wait_for_mirror();
}

#[test]
fn daemon_heals_an_index_whose_times_are_far_ahead() {
    let live = poisoned();
    let daemon = live.serve();
    daemon.wait_for(&["WARN", FORGETS]);
    follows_events(&live);
    assert_eq!(
        daemon.count(&["scan started"]),
        1,
        "the rest came by events"
    );
    daemon.terminate();
}

#[test]
fn rebuild_does_not_inherit_times_that_are_far_ahead() {
    let live = poisoned();
    let rebuild = live.cli.succeed(&["reindex", "--rebuild"]);
    assert!(rebuild.stderr.contains(FORGETS), "{rebuild:#?}");
    let daemon = live.serve();
    follows_events(&live);
    assert_eq!(
        daemon.count(&["scan started"]),
        1,
        "the rest came by events"
    );
    daemon.terminate();
}
