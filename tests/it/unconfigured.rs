//! Sources that leave the configuration or are renamed: every removal is announced, and a refused rename
//! removes nothing.

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::examined::Examined;
use crate::fixture::{Fixture, SOURCE};
use crate::live_fixture::{Live, wait_for_keys};
use crate::s3::Bucket;
use crate::server;

/// The line that announces that the fixture's Source loses its two assets.
const ANNOUNCED: &str = "removed because Source \"assets\" is no longer configured: 2 assets";

/// A Source with its own bucket.
fn other() -> (Bucket, Source) {
    let bucket = Bucket::create(server::shared());
    let source = Source::of("other", &bucket, server::shared().endpoint());
    (bucket, source)
}

/// A Source with two assets, indexed, and then replaced by another Source in the configuration.
fn replaced() -> (Fixture, Bucket) {
    let fixture = Fixture::with_keys(["a.jpg", "b.jpg"]);
    fixture.cli.reindex();
    let (bucket, other) = other();
    fixture.cli.configure(&Config::of([other]));
    (fixture, bucket)
}

/// When the keys of the fixture's Source were first seen, under its own configuration.
fn first_seen(fixture: &Fixture) -> Vec<(String, String)> {
    fixture.cli.configure(&fixture.config);
    let hits = fixture.cli.indexed(SOURCE);
    let hits = hits.into_iter();
    hits.map(|(key, hit)| (key, hit.first_seen)).collect()
}

#[test]
fn assets_of_an_unconfigured_source_are_announced_before_they_are_removed() {
    for arguments in [&["reindex"][..], &["reindex", "--rebuild"]] {
        let (fixture, _bucket) = replaced();
        let dry = fixture.cli.succeed(&["reindex", "--dry-run"]);
        let would_be = format!("would be {ANNOUNCED}");
        assert!(dry.stdout.contains(&would_be), "{dry:#?}");
        let output = fixture.cli.succeed(arguments);
        assert!(output.stdout.contains(ANNOUNCED), "{output:#?}");
        let mut lines = output.stderr.lines();
        let logged = lines.find(|line| line.contains("no longer configured"));
        let logged = logged.unwrap_or_else(|| panic!("not logged: {output:#?}"));
        for word in ["WARN", "assets=2", SOURCE] {
            assert!(logged.contains(word), "{word}: {logged}");
        }
        let again = fixture.cli.succeed(arguments);
        assert!(!again.stdout.contains("no longer"), "{again:#?}");
        assert_eq!(first_seen(&fixture), []);
    }
}

#[test]
fn refused_rename_removes_nothing() {
    for arguments in [&["reindex"][..], &["reindex", "--rebuild"]] {
        for disabled in [false, true] {
            let fixture = Fixture::with_keys(["a.jpg", "b.jpg"]);
            fixture.cli.reindex();
            let before = first_seen(&fixture);
            assert_eq!(before.len(), 2);
            let renamed = Source {
                name: "renamed".to_owned(),
                disabled,
                ..fixture.config.sources[0].clone()
            };
            let (_bucket, other) = other();
            fixture.cli.configure(&Config::of([renamed, other]));
            let output = fixture.cli.run(arguments);
            // Without a rebuild, a disabled Source is not scanned, so nothing fails.
            let is_rebuild = arguments.contains(&"--rebuild");
            let code = i32::from(!disabled || is_rebuild);
            assert_eq!(output.status.code(), Some(code), "{output:#?}");
            let announced = output.stdout.contains("no longer configured");
            assert!(!announced, "{output:#?}");
            assert!(output.stderr.contains("is bound to"), "{output:#?}");
            assert_eq!(first_seen(&fixture), before, "{arguments:?} {disabled}");
        }
    }
}

#[test]
fn daemon_keeps_the_assets_of_a_source_whose_new_name_is_refused() {
    let mut live = Live::new();
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.serve();
    let before = live.cli.indexed(SOURCE);
    live.configure(|config| config.sources[0].name = "renamed".to_owned());
    daemon.hangup();
    daemon.wait_for(&["the Source is not indexed"]);
    live.configure(|config| config.sources[0].name = SOURCE.to_owned());
    daemon.hangup();
    wait_for_keys(&live.cli, SOURCE, &["a.jpg", "b.jpg"]);
    let after = live.cli.indexed(SOURCE);
    for key in ["a.jpg", "b.jpg"] {
        assert_eq!(after[key].first_seen, before[key].first_seen, "{key}");
    }
    daemon.terminate();
}

#[test]
fn check_warns_about_assets_that_the_configuration_will_remove() {
    let (fixture, _bucket) = replaced();
    let cli = &fixture.cli;
    let words = ["Source \"assets\"", "2 assets", "reindex --dry-run"];
    Examined::of(cli, &[]).assert_bad("removals", "warning", &words);

    let renamed = Source {
        name: "renamed".to_owned(),
        subdomain: "renamed".to_owned(),
        ..fixture.config.sources[0].clone()
    };
    cli.configure(&Config::of([renamed]));
    let words = ["Source \"renamed\" has its bucket and prefix", "rename"];
    Examined::of(cli, &[]).assert_bad("removals", "warning", &words);

    fixture.bucket.put_keys(["photo/c.jpg"]);
    let moved = Source {
        prefix: Some("photo".to_owned()),
        ..fixture.config.sources[0].clone()
    };
    cli.configure(&Config::of([moved]));
    let words = ["Source \"assets\"", "2 assets", "prefix", "\"photo/\""];
    Examined::of(cli, &[]).assert_bad("removals", "warning", &words);

    cli.configure(&fixture.config);
    Examined::of(cli, &[]).assert_well();
}

#[test]
fn check_calls_a_refused_rename_a_failure_and_no_removal() {
    let fixture = Fixture::with_keys(["a.jpg", "b.jpg"]);
    fixture.cli.reindex();
    let renamed = Source {
        name: "renamed".to_owned(),
        ..fixture.config.sources[0].clone()
    };
    let cli: &Cli = &fixture.cli;
    cli.configure(&Config::of([renamed]));
    let words = ["bound to Source \"assets\""];
    Examined::of(cli, &[]).assert_bad("binding", "failure", &words);
}
