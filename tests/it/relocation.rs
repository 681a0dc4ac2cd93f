//! Sources that get another bucket or prefix: the former assets stay until the new location has an asset.

use crate::cli::{Cli, Output};
use crate::config::Source;
use crate::daemon::Daemon;
use crate::examined::Examined;
use crate::fixture::{Fixture, SOURCE};
use crate::live_fixture::{Live, wait_for_keys};
use crate::proxy::lists_from;

/// The keys of the fixtures.
const KEYS: [&str; 2] = ["photos/a.jpg", "photos/b.jpg"];

/// Messages that are in flight when a session ends are redelivered after this time. It is the shortest one allowed.
const SHORT_VISIBILITY_SECONDS: u32 = 10;

/// An indexed Source with the prefix `photos/`.
fn indexed() -> Fixture {
    let mut fixture = Fixture::with_keys(KEYS);
    fixture.change_source(|source| source.prefix = Some("photos".to_owned()));
    fixture.cli.reindex();
    fixture
}

/// A daemon that has indexed a Source with the prefix `photos/` and receives its events.
fn live() -> (Live, Daemon) {
    let mut live = Live::new();
    live.bucket.put_keys(KEYS);
    live.configure(|config| {
        config.visibility_timeout_seconds = SHORT_VISIBILITY_SECONDS;
        config.sources[0].prefix = Some("photos".to_owned());
    });
    let daemon = live.serve();
    live.queue.wait_until_empty();
    (live, daemon)
}

impl Live {
    /// Changes the Source and reloads the daemon.
    fn relocate(&mut self, daemon: &Daemon, change: impl FnOnce(&mut Source)) {
        self.change_source(change);
        daemon.hangup();
        daemon.wait_for(&["a new configuration is in force"]);
    }
}

/// Checks that the command failed because no asset is at the new location.
#[track_caller]
fn assert_kept(output: &Output, prefix: &str) {
    assert!(!output.status.success(), "{output:#?}");
    let prefix = format!("{prefix:?}");
    for words in [SOURCE, &prefix, "2 assets", "--allow-empty"] {
        assert!(output.stderr.contains(words), "{words}: {output:#?}");
    }
    assert!(output.stdout.contains(" 0 removed"), "{output:#?}");
}

#[test]
fn mistyped_prefix_removes_nothing_until_an_operator_confirms_it() {
    for (typed, prefix) in [
        ("photo", "photo/"),
        ("Photos/", "Photos/"),
        ("photos/*", "photos/*/"),
    ] {
        let mut fixture = indexed();
        let before = fixture.cli.indexed(SOURCE);
        fixture.change_source(|source| source.prefix = Some(typed.to_owned()));
        for arguments in [
            &["reindex"][..],
            &["reindex", "--dry-run"],
            &["reindex", "--fresh"],
            &["reindex", "--rebuild"],
            &["index", "rebuild"],
        ] {
            assert_kept(&fixture.cli.run(arguments), prefix);
            assert_eq!(fixture.cli.indexed(SOURCE), before, "{arguments:?}");
        }
    }
}

#[test]
fn confirmed_empty_prefix_removes_the_former_assets() {
    for arguments in [
        &["reindex", "--allow-empty"][..],
        &["reindex", "--rebuild", "--allow-empty"],
        &["index", "rebuild", "--allow-empty"],
    ] {
        let mut fixture = indexed();
        fixture.change_source(|source| source.prefix = Some("empty".to_owned()));
        let dry = fixture
            .cli
            .succeed(&["reindex", "--dry-run", "--allow-empty"]);
        assert!(dry.stdout.contains(" 2 removed"), "{dry:#?}");
        assert_eq!(fixture.cli.keys(SOURCE).len(), 2);
        fixture.cli.succeed(arguments);
        assert_eq!(fixture.cli.keys(SOURCE).len(), 0, "{arguments:?}");
        // The location is the Source's own now.
        fixture.cli.succeed(&["reindex"]);
    }
}

#[test]
fn prefix_with_only_a_folder_marker_counts_as_empty() {
    let mut fixture = indexed();
    fixture.bucket.put("new/", "");
    fixture.change_source(|source| source.prefix = Some("new".to_owned()));
    assert_kept(&fixture.cli.run(&["reindex"]), "new/");
    fixture.bucket.put("new/c.jpg", "the first asset");
    fixture.cli.reindex();
    assert_eq!(
        fixture.cli.keys(SOURCE).into_iter().collect::<Vec<_>>(),
        ["new/c.jpg"]
    );
}

#[test]
fn bucket_that_cannot_be_listed_removes_nothing() {
    let mut fixture = indexed();
    let before = fixture.cli.indexed(SOURCE);
    fixture.change_source(|source| source.bucket.push_str("-not"));
    for arguments in [
        &["reindex"][..],
        &["reindex", "--allow-empty"],
        &["reindex", "--rebuild"],
    ] {
        fixture.cli.fail(arguments, &["NoSuchBucket"]);
        assert_eq!(fixture.cli.indexed(SOURCE), before, "{arguments:?}");
    }
}

#[test]
fn empty_bucket_at_an_unchanged_prefix_empties_the_index() {
    let fixture = indexed();
    fixture.bucket.delete_many(KEYS);
    let counts = fixture.cli.reindex();
    assert_eq!((counts.removed, fixture.cli.keys(SOURCE).len()), (2, 0));
}

#[test]
fn check_warns_about_a_prefix_without_keys_if_the_index_has_assets() {
    let mut fixture = indexed();
    Examined::of(&fixture.cli, &[]).assert_well();
    fixture.change_source(|source| source.prefix = Some("photo".to_owned()));
    let examined = Examined::of(&fixture.cli, &[]);
    let bad = [("removals", "warning"), ("s3:ListBucket", "warning")];
    assert_eq!(examined.bad(), bad, "{examined:#?}");
    let listed = examined.finding("s3:ListBucket").to_string();
    for words in ["photo/", "none", "2 assets", "--allow-empty"] {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    // The prefix is right, and the bucket is empty.
    fixture.change_source(|source| source.prefix = Some("photos".to_owned()));
    fixture.bucket.delete_many(KEYS);
    let words = ["photos/", "none", "2 assets", "next scan"];
    Examined::of(&fixture.cli, &[]).assert_bad("s3:ListBucket", "warning", &words);
}

#[test]
fn explain_finds_a_former_asset_at_its_former_path() {
    let mut fixture = indexed();
    fixture.change_source(|source| source.prefix = Some("photo".to_owned()));
    let uri = format!("s3://{}/photos/a.jpg", fixture.bucket.name);
    let explained = fixture.cli.succeed(&["explain", SOURCE, &uri]);
    for words in [
        "searchable, but it is an asset of the former bucket or prefix",
        "/a.jpg",
    ] {
        assert!(explained.stdout.contains(words), "{words}: {explained:#?}");
    }
}

/// The reasons why the Source is degraded, according to `status`.
fn reasons(cli: &Cli) -> String {
    let report = cli.succeed(&["status", "--json"]).stdout;
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    report["sources"][0]["reasons"].to_string()
}

#[test]
fn daemon_keeps_former_assets_until_an_operator_confirms_the_empty_prefix() {
    let (mut live, daemon) = live();
    live.relocate(&daemon, |source| source.prefix = Some("photo".to_owned()));
    daemon.wait_for(&["WARN", "scan failed", "--allow-empty"]);
    wait_for_keys(&live.cli, SOURCE, &KEYS);
    let reasons = reasons(&live.cli);
    assert!(
        reasons.contains("2 assets") && reasons.contains("--allow-empty"),
        "{reasons}"
    );
    for arguments in [&["reindex"][..], &["reindex", "--rebuild"]] {
        let output = live.cli.fail(arguments, &["--allow-empty", "2 assets"]);
        assert_eq!(live.cli.keys(SOURCE).len(), 2, "{output:#?}");
    }
    live.cli.succeed(&["reindex", "--allow-empty"]);
    wait_for_keys(&live.cli, SOURCE, &[]);
    // Events of the new prefix are applied now.
    live.bucket.put("photo/new.jpg", "reported by an event");
    wait_for_keys(&live.cli, SOURCE, &["photo/new.jpg"]);
    daemon.terminate();
}

#[test]
fn daemon_rebuilds_with_an_empty_prefix_if_an_operator_confirms_it() {
    let (mut live, daemon) = live();
    live.relocate(&daemon, |source| source.prefix = Some("photo".to_owned()));
    live.cli.succeed(&["reindex", "--rebuild", "--allow-empty"]);
    wait_for_keys(&live.cli, SOURCE, &[]);
    daemon.terminate();
}

#[test]
fn former_assets_are_found_until_the_first_page_even_after_a_crash() {
    let (mut live, daemon) = live();
    live.bucket.put_keys(["new/c.jpg"]);
    let gate = live.proxy.hold(lists_from(1));
    live.relocate(&daemon, |source| source.prefix = Some("new".to_owned()));
    gate.wait_until_reached();
    wait_for_keys(&live.cli, SOURCE, &KEYS);
    daemon.kill();
    assert_eq!(live.cli.keys(SOURCE).into_iter().collect::<Vec<_>>(), KEYS);
    let daemon = live.cli.serve();
    daemon.wait_for(&["scan started"]);
    live.bucket
        .put("new/d.jpg", "reported by an event before the first page");
    wait_for_keys(&live.cli, SOURCE, &KEYS);
    gate.open();
    wait_for_keys(&live.cli, SOURCE, &["new/c.jpg", "new/d.jpg"]);
    daemon.terminate();
}

#[test]
fn moved_source_is_announced_with_its_cause() {
    let mut fixture = indexed();
    fixture.bucket.put_keys(["new/c.jpg"]);
    fixture.change_source(|source| source.prefix = Some("new".to_owned()));
    let announced =
        "removed from Source \"assets\" because its bucket or prefix has changed: 2 assets";
    let dry = fixture.cli.succeed(&["reindex", "--dry-run"]);
    assert!(
        dry.stdout.contains(&format!("would be {announced}")),
        "{dry:#?}"
    );
    let output = fixture.cli.succeed(&["reindex"]);
    assert!(output.stdout.contains(announced), "{output:#?}");
    for (log, words) in [
        ("INFO", ["former bucket or prefix", "assets=2"]),
        ("WARN", ["more than half", "removed=2 of=2"]),
    ] {
        let mut lines = output.stderr.lines();
        let is_it = |line: &str| line.contains(log) && words.iter().all(|word| line.contains(word));
        assert!(lines.any(is_it), "{words:?}: {output:#?}");
    }
}
