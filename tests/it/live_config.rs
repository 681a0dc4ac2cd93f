//! A configuration that takes over while the daemon runs (SIGHUP), and what becomes of Sources by it.

use std::time::{Duration, Instant};

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::daemon::Daemon;
use crate::fixture::{SOURCE, numbered};
use crate::live_fixture::{Live, SCANNED, wait_for_keys, wait_for_mirror_of};
use crate::proxy::{Action, Request, lists_from, nth_list};
use crate::s3::Bucket;
use crate::server;

/// A received message that a reload leaves behind comes again after that time, the shortest there is.
const SHORT_VISIBILITY_SECONDS: u32 = 10;

/// How long a configuration may take to take over.
const DEADLINE: Duration = Duration::from_secs(60);

/// A followed bucket with these keys.
fn live_with(keys: &[&str]) -> (Live, Daemon) {
    let mut live = Live::new();
    live.configure(|config| config.visibility_timeout_seconds = SHORT_VISIBILITY_SECONDS);
    live.bucket.put_keys(keys);
    let daemon = live.serve();
    live.queue.wait_until_empty();
    live.proxy.clear();
    (live, daemon)
}

/// The prefixes that were listed, each once.
fn listed_prefixes(live: &Live) -> Vec<String> {
    let prefix = |request: Request| request.get("prefix").unwrap_or_default().to_owned();
    let mut prefixes: Vec<_> = live.proxy.lists().into_iter().map(prefix).collect();
    prefixes.dedup();
    prefixes
}

impl Live {
    /// Changes the configuration, and has the daemon read it.
    fn reconfigure(&mut self, daemon: &Daemon, change: impl FnOnce(&mut Config)) {
        self.configure(change);
        daemon.hangup();
    }

    /// The same with the one Source.
    fn change_live_source(&mut self, daemon: &Daemon, change: impl FnOnce(&mut Source)) {
        self.reconfigure(daemon, |config| change(&mut config.sources[0]));
    }
}

#[test]
fn what_is_excluded_leaves_without_a_listing() {
    let (mut live, daemon) = live_with(&["a.jpg", "b.png", "c.jpg", "d.png"]);
    live.change_live_source(&daemon, |source| {
        source.exclude = vec!["**/*.png".to_owned()];
    });
    wait_for_keys(&live.cli, SOURCE, &["a.jpg", "c.jpg"]);
    daemon.wait_for_times(2, &SCANNED);
    live.bucket.put_keys(["e.jpg", "e.png"]);
    live.bucket.delete_many(["a.jpg", "b.png"]);
    wait_for_keys(&live.cli, SOURCE, &["c.jpg", "e.jpg"]);
    live.queue.wait_until_empty();
    assert_eq!(listed_prefixes(&live), [""; 0]);
    daemon.terminate();
}

#[test]
fn what_is_included_is_listed_and_nothing_else() {
    let keys = [
        "docs/a.pdf",
        "docs/b.pdf",
        "docs2/a.pdf",
        "photos/a.jpg",
        "video/a.mp4",
    ];
    let mut live = Live::new();
    live.change_source(|source| source.include = vec!["/photos".to_owned()]);
    live.bucket.put_keys(keys);
    let daemon = live.serve();
    wait_for_keys(&live.cli, SOURCE, &["photos/a.jpg"]);
    live.proxy.clear();
    live.change_live_source(&daemon, |source| source.include.push("/docs".to_owned()));
    wait_for_keys(
        &live.cli,
        SOURCE,
        &["docs/a.pdf", "docs/b.pdf", "photos/a.jpg"],
    );
    daemon.wait_for_times(2, &SCANNED);
    let prefixes = listed_prefixes(&live);
    let is_asked_for = |prefix: &String| prefix.starts_with("docs");
    assert!(
        !prefixes.is_empty() && prefixes.iter().all(is_asked_for),
        "{prefixes:?}"
    );
    daemon.terminate();
}

#[test]
fn rules_that_change_again_before_the_listing_is_done() {
    let (mut live, daemon) = live_with(&["docs/a.pdf", "photos/a.jpg", "video/a.mp4"]);
    live.change_live_source(&daemon, |source| {
        source.include = vec!["/photos".to_owned()]
    });
    wait_for_keys(&live.cli, SOURCE, &["photos/a.jpg"]);
    daemon.wait_for_times(2, &SCANNED);
    let gate = live.proxy.hold(lists_from(1));
    live.change_live_source(&daemon, |source| source.include.push("/docs".to_owned()));
    gate.wait_until_reached();
    live.change_live_source(&daemon, |source| source.include.push("/video".to_owned()));
    wait_for_keys(
        &live.cli,
        SOURCE,
        &["docs/a.pdf", "photos/a.jpg", "video/a.mp4"],
    );
    gate.open();
    daemon.terminate();
    live.wait_for_mirror();
}

#[test]
fn a_bad_configuration_is_refused_and_the_old_one_goes_on() {
    let (live, daemon) = live_with(&["a.jpg"]);
    let good = live.config.to_toml(&live.cli.data_dir());
    let elsewhere = live.config.to_toml(&live.cli.folder().join("elsewhere"));
    for (refused, bad) in [
        (1, "data_dir = \n".to_owned()),
        (2, format!("{good}\nsurprise = 1\n")),
        (3, elsewhere),
    ] {
        live.cli.configure_with(&bad);
        daemon.hangup();
        daemon.wait_for_times(refused, &["ERROR", "refused"]);
    }
    live.cli.configure_with(&good);
    live.bucket.put("b.jpg", "still followed");
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    assert_eq!(daemon.count(&["scan begins"]), 1);
    daemon.terminate();
}

/// What `status` says that the one Source suffers from.
fn reasons(cli: &Cli) -> serde_json::Value {
    let report = cli.succeed(&["status", "--json"]).stdout;
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    report["sources"][0]["reasons"].clone()
}

#[test]
fn a_wrong_bucket_that_is_mended_leaves_no_trouble_and_what_was_missed_is_found() {
    let (mut live, daemon) = live_with(&["a.jpg"]);
    let right = live.bucket.name.clone();
    live.change_live_source(&daemon, |source| source.bucket.push_str("-not"));
    daemon.wait_for(&["scan failed", "source=\"assets\""]);
    let suffered = reasons(&live.cli).to_string();
    assert!(suffered.contains("NoSuchBucket"), "{suffered}");
    live.bucket
        .put("missed.jpg", "of a bucket that is no Source's");
    live.queue.wait_until_empty();
    live.change_live_source(&daemon, |source| source.bucket = right);
    daemon.wait_for_times(2, &SCANNED);
    assert_eq!(reasons(&live.cli), serde_json::json!([]));
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn a_wrong_bucket_that_is_mended_leaves_no_trouble_without_events_either() {
    let mut live = Live::silent();
    live.change_source(|source| source.queue_url = None);
    live.bucket.put_keys(["a.jpg"]);
    let daemon = live.serve();
    let right = live.bucket.name.clone();
    live.change_live_source(&daemon, |source| source.bucket.push_str("-not"));
    daemon.wait_for(&["scan failed", "source=\"assets\""]);
    live.bucket.put("missed.jpg", "nobody tells of it");
    live.change_live_source(&daemon, |source| source.bucket = right);
    daemon.wait_for_times(2, &SCANNED);
    assert_eq!(reasons(&live.cli), serde_json::json!([]));
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn a_wrong_secret_that_is_mended_leaves_no_trouble() {
    let server = server::shared_with_rights();
    let key = server.create_user("mended", &["s3:ListBucket"]);
    let bucket = Bucket::create(server);
    bucket.put_keys(["a.jpg"]);
    let cli = Cli::new(&Config::of([]));
    let file = cli.folder().join("secret");
    let source = Source::of(SOURCE, &bucket, server.endpoint());
    cli.configure(&Config::of([source.with_access_key(&key, &file, 0o600)]));
    let daemon = cli.serve();
    daemon.wait_for(&SCANNED);
    let write = |secret: &str| {
        std::fs::write(&file, secret).expect("our file");
        daemon.hangup();
    };
    write("wrongwrongwrongwrongwrongwrongwrongwrong");
    // Until that has taken over, a scan succeeds or is refused.
    daemon.wait_for(&["new configuration takes over"]);
    let until = Instant::now() + DEADLINE;
    while !cli.run(&["reindex"]).stderr.contains("secret") {
        assert!(Instant::now() < until, "the wrong secret is not used");
    }
    assert_ne!(reasons(&cli), serde_json::json!([]));
    let before = daemon.count(&SCANNED);
    write(&key.secret);
    daemon.wait_for_times(before + 1, &SCANNED);
    assert_eq!(reasons(&cli), serde_json::json!([]));
    daemon.terminate();
}

#[test]
fn a_key_that_could_not_be_looked_up_is_no_trouble_of_the_next_configuration() {
    let lists_it = |request: &Request| request.get("prefix") == Some("a.jpg");
    let mut live = Live::new();
    live.configure(|config| config.visibility_timeout_seconds = SHORT_VISIBILITY_SECONDS);
    live.bucket.keep_versions();
    live.bucket.put_keys(["a.jpg"]);
    let daemon = live.serve();
    live.queue.wait_until_empty();
    live.proxy
        .fault(1, lists_it, Action::Error(403, "AccessDenied"));
    let version = live.bucket.versions("a.jpg").remove(0);
    live.bucket.delete_version("a.jpg", &version);
    daemon.wait_for(&["WARN", "look-up failed"]);
    assert_ne!(reasons(&live.cli), serde_json::json!([]));
    daemon.hangup();
    daemon.wait_for(&["new configuration takes over"]);
    let gate = live.proxy.hold(lists_it);
    gate.wait_until_reached();
    assert_eq!(reasons(&live.cli), serde_json::json!([]));
    gate.open();
    live.wait_for_mirror();
    daemon.terminate();
}

/// Two followed Sources on one queue, each with a bucket with one key.
fn two_sources() -> (Live, Bucket, Daemon) {
    let mut live = Live::silent();
    let bucket = Bucket::create(server::shared());
    bucket.put_keys(["second.jpg"]);
    live.bucket.put_keys(["first.jpg"]);
    for bucket in [&bucket, &live.bucket] {
        bucket.notify(&live.queue.arn());
    }
    let endpoint = live.proxy.endpoint();
    let second = Source {
        queue_url: Some(live.queue.url.clone()),
        ..Source::of("second", &bucket, endpoint)
    };
    live.configure(|config| {
        config.visibility_timeout_seconds = SHORT_VISIBILITY_SECONDS;
        config.sources.push(second);
    });
    let daemon = live.cli.serve();
    daemon.wait_for_times(2, &["scan complete"]);
    live.queue.wait_until_empty();
    live.proxy.clear();
    (live, bucket, daemon)
}

#[test]
fn a_source_that_leaves_is_unsearchable_and_its_records_go() {
    let (mut live, bucket, daemon) = two_sources();
    let second = live.config.sources[1].clone();
    live.reconfigure(&daemon, |config| drop(config.sources.pop()));
    daemon.wait_for(&["new configuration takes over"]);
    live.cli
        .fail(&["search", "--source", "second"], &["second"]);
    assert_eq!(live.cli.search("", &["--limit", "all"]).len(), 1);
    live.bucket.put("b.jpg", "the other one is followed");
    bucket.put("b.jpg", "nobody asks for it");
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    // Its subdomain stays bound: whoever else asks for it cannot have it, and harms nobody.
    let mut other = second.clone();
    other.name = "other".to_owned();
    live.reconfigure(&daemon, |config| config.sources.push(other));
    daemon.wait_for(&["WARN", "cannot be followed", "source=\"other\""]);
    // When it comes back, nothing of it is there before it is listed.
    let gate = live
        .proxy
        .hold(move |request| request.list.is_some() && request.path.contains(&second.bucket));
    let second = live.config.sources[1].clone();
    live.reconfigure(&daemon, |config| {
        config.sources[1] = Source {
            name: "second".to_owned(),
            ..second
        };
    });
    gate.wait_until_reached();
    wait_for_keys(&live.cli, "second", &[]);
    gate.open();
    wait_for_mirror_of(&live.cli, "second", &bucket, |_, _| true);
    daemon.terminate();
}

#[test]
fn a_source_that_is_disabled_is_not_searched_and_comes_back_right() {
    let (mut live, bucket, daemon) = two_sources();
    live.reconfigure(&daemon, |config| config.sources[1].disabled = true);
    daemon.wait_for(&["new configuration takes over"]);
    assert_eq!(live.cli.search("", &["--source", "second"]).len(), 0);
    bucket.put("while disabled.jpg", "x");
    bucket.delete("second.jpg");
    live.bucket.put("b.jpg", "the other one is followed");
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    assert_eq!(live.proxy.lists().len(), 0, "nothing was listed");
    live.reconfigure(&daemon, |config| config.sources[1].disabled = false);
    daemon.wait_for_times(2, &["scan complete", "source=\"second\""]);
    wait_for_mirror_of(&live.cli, "second", &bucket, |_, _| true);
    assert_eq!(daemon.count(&["scan begins", "source=\"assets\""]), 1);
    daemon.terminate();
}

#[test]
fn a_rebuild_keeps_the_records_of_a_source_that_is_disabled() {
    let (mut live, _bucket, daemon) = two_sources();
    let before = live.cli.indexed("second");
    live.reconfigure(&daemon, |config| config.sources[1].disabled = true);
    daemon.wait_for(&["new configuration takes over"]);
    live.cli.succeed(&["reindex", "--rebuild"]);
    live.reconfigure(&daemon, |config| config.sources[1].disabled = false);
    daemon.wait_for_times(2, &["scan complete", "source=\"second\""]);
    let after = live.cli.indexed("second");
    let key = "second.jpg";
    assert_eq!(after[key].first_seen, before[key].first_seen);
    daemon.terminate();
}

#[test]
fn a_source_that_is_added_is_listed() {
    let (mut live, daemon) = live_with(&["a.jpg"]);
    let bucket = Bucket::create(server::shared());
    bucket.put_keys(numbered(0..10));
    let added = Source::of("added", &bucket, server::shared().endpoint());
    live.reconfigure(&daemon, |config| config.sources.push(added));
    daemon.wait_for(&["scan complete", "source=\"added\""]);
    wait_for_mirror_of(&live.cli, "added", &bucket, |_, _| true);
    assert_eq!(live.proxy.lists().len(), 0, "the other one is as it was");
    daemon.terminate();
}

#[test]
fn another_bucket_takes_the_place_of_the_old_one() {
    let (mut live, daemon) = live_with(&["both.jpg", "old.jpg"]);
    let new = Bucket::create(server::shared());
    new.notify(&live.queue.arn());
    new.put_keys(["both.jpg", "new.jpg"]);
    let gate = live.proxy.hold(lists_from(1));
    let name = new.name.clone();
    live.change_live_source(&daemon, |source| source.bucket = name);
    gate.wait_until_reached();
    // Before the scan has begun this has no place in the index.
    new.put("told.jpg", "by an event");
    new.delete("new.jpg");
    live.bucket.put("late.jpg", "of the old bucket");
    gate.open();
    wait_for_keys(&live.cli, SOURCE, &["both.jpg", "told.jpg"]);
    wait_for_mirror_of(&live.cli, SOURCE, &new, |_, _| true);
    live.queue.wait_until_empty();
    wait_for_mirror_of(&live.cli, SOURCE, &new, |_, _| true);
    daemon.terminate();
}

#[test]
fn another_folder_takes_the_place_of_the_old_one() {
    let (mut live, daemon) = live_with(&["a/1.jpg", "b/2.jpg", "c.jpg"]);
    for prefix in ["a/", "b/", ""] {
        live.change_live_source(&daemon, |source| source.prefix = Some(prefix.to_owned()));
        live.wait_for_mirror_where(|key, _| key.starts_with(prefix));
    }
    daemon.terminate();
}

#[test]
fn a_scan_goes_on_under_the_new_configuration() {
    /// Pages of the bucket.
    const PAGES: usize = 3;
    let mut live = Live::silent();
    live.bucket.put_keys(numbered(0..PAGES * 1000));
    live.configure(|config| config.commit_documents = 1000);
    let gate = live.proxy.hold(nth_list(PAGES));
    let daemon = live.cli.serve();
    gate.wait_until_reached();
    live.reconfigure(&daemon, |config| config.expected_within_seconds += 1);
    daemon.wait_for_times(2, &["scan begins"]);
    gate.open();
    daemon.wait_for(&SCANNED);
    live.wait_for_mirror();
    let lists = live.proxy.lists();
    assert!(lists.len() <= PAGES + 1, "it began anew: {lists:#?}");
    daemon.terminate();
}

#[test]
fn a_source_whose_events_others_threw_away_is_scanned_when_it_follows_again() {
    let (mut live, bucket, daemon) = two_sources();
    let url = live.config.sources[1].queue_url.take();
    live.reconfigure(&daemon, |_| {});
    daemon.wait_for(&["new configuration takes over"]);
    bucket.put(
        "lost.jpg",
        "the queue is received from for the other Source",
    );
    live.queue.wait_until_empty();
    live.reconfigure(&daemon, |config| config.sources[1].queue_url = url);
    daemon.wait_for(&["scan begins", "second", "may be missing"]);
    wait_for_keys(&live.cli, "second", &["lost.jpg", "second.jpg"]);
    daemon.terminate();
}
