//! `index compact`: merges all segments into one. The command does it by itself, or asks the running daemon,
//! which follows events meanwhile.

use serde_json::Value;

use crate::cli::Cli;
use crate::fixture::{Fixture, numbered};
use crate::live_fixture::Live;

/// Number of segments of the current generation, and number of deleted documents in them.
fn segments(cli: &Cli) -> (usize, u64) {
    let info = cli.succeed(&["index", "info", "--json"]).stdout;
    let info: Value = serde_json::from_str(&info).expect("JSON");
    let segments = info["segments"].as_array().expect("a list");
    let deleted = segments
        .iter()
        .map(|it| it["deleted"].as_u64().expect("a number"));
    (segments.len(), deleted.sum())
}

#[test]
fn merges_segments_and_drops_deleted_documents() {
    let mut fixture = Fixture::with_keys(numbered(0..2500));
    fixture.configure(|config| config.commit_documents = 1000);
    fixture.cli.reindex();
    fixture.bucket.delete_many(numbered(500..600));
    fixture.bucket.put_keys(["new.jpg"]);
    fixture.cli.reindex();
    let (count, deleted) = segments(&fixture.cli);
    assert!(
        count > 1 && deleted > 0,
        "{count} segments, {deleted} deleted"
    );
    let output = fixture.cli.succeed(&["index", "compact"]);
    assert!(output.stdout.contains("in 1 segments"), "{output:#?}");
    assert_eq!(segments(&fixture.cli), (1, 0));
    let files = fixture.cli.segment_files();
    fixture.cli.succeed(&["index", "verify"]);
    // The checkpoint is unchanged, so a reindex writes nothing.
    assert_eq!(fixture.cli.reindex().added, 0);
    fixture.assert_mirror();
    fixture.cli.succeed(&["index", "compact"]);
    assert_eq!(fixture.cli.segment_files(), files, "it was compact already");
}

#[test]
fn daemon_compacts_while_it_follows_events() {
    let live = Live::new();
    live.bucket.put_keys(numbered(0..500));
    let daemon = live.serve();
    // Make only a few commits, because eight segments would be merged before the command runs.
    for round in 0..2 {
        live.bucket.delete(&format!("photos/{round:05}.jpg"));
        live.bucket.put(&format!("new/{round}.jpg"), "new");
        live.wait_for_mirror();
    }
    assert!(segments(&live.cli).0 > 1);
    live.cli.succeed(&["index", "compact"]);
    daemon.wait_for(&["index compacted"]);
    assert_eq!(segments(&live.cli), (1, 0));
    live.bucket.put("after.jpg", "after");
    live.wait_for_mirror();
    live.cli.succeed(&["index", "verify"]);
    assert_eq!(daemon.count(&["scan started"]), 1);
    daemon.terminate();
    live.wait_for_mirror();
}

#[test]
fn refuses_an_index_that_another_process_writes() {
    let mut fixture = Fixture::with_keys(numbered(0..1500));
    fixture.configure(|config| config.commit_documents = 1000);
    fixture
        .cli
        .fail(&["index", "compact"], &["there is no index"]);
    fixture.cli.reindex();
    let gate = fixture.proxy.hold(crate::proxy::nth_list(3));
    let reindex = fixture.cli.start(&["reindex"]);
    gate.wait_until_reached();
    let words = ["is being written by process", "wait until it ends"];
    fixture.cli.fail(&["index", "compact"], &words);
    gate.open();
    assert!(reindex.wait().status.success());
}
