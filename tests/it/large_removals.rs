//! Sources that lose more than half of their assets at once, by a scan or by new rules: it is said everywhere.

use crate::examined::Examined;
use crate::fixture::{Fixture, SOURCE};
use crate::http_client::send;
use crate::live_fixture::{Live, SCANNED, wait_for_keys};

/// The keys of the fixtures.
const KEYS: [&str; 4] = ["a.jpg", "b.jpg", "c.png", "d.png"];

/// The words of the log line about a large removal.
const LOGGED: &str = "a Source loses more than half of its assets at once";

fn indexed() -> Fixture {
    let fixture = Fixture::with_keys(KEYS);
    fixture.cli.reindex();
    fixture
}

#[test]
fn scan_that_removes_more_than_half_is_announced() {
    for (deleted, is_large) in [(2, false), (3, true), (4, true)] {
        let fixture = indexed();
        fixture.bucket.delete_many(&KEYS[..deleted]);
        let warned = format!("loses more than half of its assets at once: {deleted} of 4");
        let would = format!("would lose more than half of its assets at once: {deleted} of 4");
        let dry = fixture.cli.succeed(&["reindex", "--dry-run"]);
        assert_eq!(dry.stderr.contains(&would), is_large, "{dry:#?}");
        assert!(!dry.stderr.contains(LOGGED), "{dry:#?}");
        let output = fixture.cli.succeed(&["reindex"]);
        assert_eq!(output.stderr.contains(&warned), is_large, "{output:#?}");
        let logged = output.stderr.matches(LOGGED).count();
        assert_eq!(logged, usize::from(is_large), "{output:#?}");
    }
}

#[test]
fn rebuild_that_finds_less_than_half_is_announced() {
    let fixture = indexed();
    fixture.bucket.delete_many(&KEYS[..3]);
    let output = fixture.cli.succeed(&["reindex", "--rebuild"]);
    let warned = "loses more than half of its assets at once: 3 of 4";
    assert!(output.stderr.contains(warned), "{output:#?}");
    assert!(output.stderr.contains(LOGGED), "{output:#?}");
}

#[test]
fn new_rules_are_announced_with_the_assets_that_they_exclude() {
    let mut fixture = indexed();
    fixture.change_source(|source| source.exclude = vec!["**/*.png".to_owned()]);
    let words = ["Source \"assets\"", "2 of 4 assets", "reindex --dry-run"];
    Examined::of(&fixture.cli, &[]).assert_bad("removals", "warning", &words);
    let announced = "removed from Source \"assets\" because its rules have changed: 2 assets";
    let dry = fixture.cli.succeed(&["reindex", "--dry-run"]);
    assert!(
        dry.stdout.contains(&format!("would be {announced}")),
        "{dry:#?}"
    );
    let output = fixture.cli.succeed(&["reindex"]);
    assert!(output.stdout.contains(announced), "{output:#?}");
    let logged = output.stderr.lines();
    let logged = logged.filter(|line| line.contains("the new rules exclude"));
    assert!(
        logged.clone().any(|line| line.contains("assets=2")),
        "{output:#?}"
    );
    assert!(!output.stderr.contains("more than half"), "{output:#?}");
    Examined::of(&fixture.cli, &[]).assert_well();
    fixture.change_source(|source| source.exclude = vec!["**/*.jpg".to_owned()]);
    let output = fixture.cli.succeed(&["reindex"]);
    let warned = "loses more than half of its assets at once: 2 of 2";
    assert!(output.stderr.contains(warned), "{output:#?}");
}

#[test]
fn daemon_logs_and_counts_a_large_removal() {
    let mut live = Live::silent();
    live.bucket.put_keys(KEYS);
    live.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    let daemon = live.cli.serve();
    daemon.wait_for(&SCANNED);
    let address = daemon.field(&["serving HTTP"], "address");
    let metrics =
        || String::from_utf8_lossy(&send(&address, "GET", "/metrics", &[]).body).into_owned();
    let metric = "asset_indexer_large_removal_timestamp_seconds{source=\"assets\"}";
    assert!(!metrics().contains(metric));
    live.bucket.delete_many(&KEYS[..3]);
    live.cli.succeed(&["reindex"]);
    daemon.wait_for(&["WARN", LOGGED, "removed=3 of=4", "a scan did not find them"]);
    assert!(metrics().contains(metric));
    live.configure(|config| config.sources[0].exclude = vec!["**/*.png".to_owned()]);
    daemon.hangup();
    wait_for_keys(&live.cli, SOURCE, &[]);
    daemon.wait_for(&["WARN", LOGGED, "removed=1 of=1", "the rules have changed"]);
    daemon.terminate();
}
