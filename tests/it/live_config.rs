//! Reloads of the configuration while the daemon runs (SIGHUP), and their effects on Sources.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::cli::{BINARY, Cli};
use crate::config::{Config, Source};
use crate::daemon::Daemon;
use crate::examined::Examined;
use crate::fixture::{SOURCE, numbered};
use crate::live_fixture::{Live, SCANNED, wait_for_keys, wait_for_mirror_of};
use crate::proxy::{Action, Request, lists_from, nth_list};
use crate::s3::Bucket;
use crate::server;

/// Messages that are in flight at a reload are redelivered after this time. It is the shortest one allowed.
const SHORT_VISIBILITY_SECONDS: u32 = 10;

/// Maximum time until a new configuration takes over.
const DEADLINE: Duration = Duration::from_secs(60);

/// A bucket with these keys, and a daemon that has scanned it and receives its events.
fn live_with(keys: &[&str]) -> (Live, Daemon) {
    let mut live = Live::new();
    live.configure(|config| config.visibility_timeout_seconds = SHORT_VISIBILITY_SECONDS);
    live.bucket.put_keys(keys);
    let daemon = live.serve();
    live.queue.wait_until_empty();
    live.proxy.clear();
    (live, daemon)
}

/// The prefixes that were listed, without repetitions in a row.
fn listed_prefixes(live: &Live) -> Vec<String> {
    let prefix = |request: Request| request.get("prefix").unwrap_or_default().to_owned();
    let mut prefixes: Vec<_> = live.proxy.lists().into_iter().map(prefix).collect();
    prefixes.dedup();
    prefixes
}

impl Live {
    /// Changes the configuration and reloads the daemon.
    fn reconfigure(&mut self, daemon: &Daemon, change: impl FnOnce(&mut Config)) {
        self.configure(change);
        daemon.hangup();
    }

    /// Changes the fixture's Source and reloads the daemon.
    fn change_live_source(&mut self, daemon: &Daemon, change: impl FnOnce(&mut Source)) {
        self.reconfigure(daemon, |config| change(&mut config.sources[0]));
    }
}

#[test]
fn excluded_keys_are_removed_without_a_listing() {
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
fn lists_only_newly_included_prefixes() {
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
    let is_included = |prefix: &String| prefix.starts_with("docs");
    assert!(
        !prefixes.is_empty() && prefixes.iter().all(is_included),
        "{prefixes:?}"
    );
    daemon.terminate();
}

#[test]
fn rules_can_change_again_during_the_listing() {
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
fn refuses_a_bad_configuration_and_keeps_the_old_one() {
    let (live, daemon) = live_with(&["a.jpg"]);
    let good = live.config.to_toml(&live.cli.data_dir());
    let elsewhere = live.config.to_toml(&live.cli.folder().join("elsewhere"));
    let file = live.cli.config_file();
    let file = file.to_str().expect("UTF-8");
    for (bad, reason) in [
        ("data_dir = \n".to_owned(), ":1: "),
        (
            format!("surprise = 1\n{good}"),
            ":1: unknown field `surprise`",
        ),
        (elsewhere, ": data_dir, serve.control_socket cannot change"),
    ] {
        live.cli.configure_with(&bad);
        daemon.hangup();
        daemon.wait_for(&["ERROR", "refused", &format!("{file}{reason}")]);
    }
    // The daemon that runs can be asked although the file is wrong.
    live.cli.configure_with(&format!("{good}\nsurprise = 1\n["));
    let status = live.cli.succeed(&["status"]);
    assert!(status.stdout.contains(SOURCE), "{status:#?}");
    assert!(status.stderr.contains("warning: "), "{status:#?}");
    live.cli.configure_with(&good);
    live.bucket.put("b.jpg", "events are still applied");
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    assert_eq!(daemon.count(&["scan started"]), 1);
    daemon.terminate();
}

/// The reasons why the first Source is degraded, according to `status`.
fn reasons(cli: &Cli) -> serde_json::Value {
    let report = cli.succeed(&["status", "--json"]).stdout;
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    report["sources"][0]["reasons"].clone()
}

#[test]
fn recovers_from_a_wrong_bucket_and_finds_missed_changes() {
    let (mut live, daemon) = live_with(&["a.jpg"]);
    let right = live.bucket.name.clone();
    live.change_live_source(&daemon, |source| source.bucket.push_str("-not"));
    daemon.wait_for(&["scan failed", "source=\"assets\""]);
    let reason = reasons(&live.cli).to_string();
    assert!(reason.contains("NoSuchBucket"), "{reason}");
    live.bucket
        .put("missed.jpg", "in a bucket without a Source");
    live.queue.wait_until_empty();
    live.change_live_source(&daemon, |source| source.bucket = right);
    daemon.wait_for_times(2, &SCANNED);
    assert_eq!(reasons(&live.cli), serde_json::json!([]));
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn recovers_from_a_wrong_bucket_without_events() {
    let mut live = Live::silent();
    live.change_source(|source| source.queue_url = None);
    live.bucket.put_keys(["a.jpg"]);
    let daemon = live.serve();
    let right = live.bucket.name.clone();
    live.change_live_source(&daemon, |source| source.bucket.push_str("-not"));
    daemon.wait_for(&["scan failed", "source=\"assets\""]);
    live.bucket.put("missed.jpg", "not reported by an event");
    live.change_live_source(&daemon, |source| source.bucket = right);
    daemon.wait_for_times(2, &SCANNED);
    assert_eq!(reasons(&live.cli), serde_json::json!([]));
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn recovers_from_a_wrong_secret() {
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
    // Scans can succeed or fail for other reasons until the new configuration is active.
    daemon.wait_for(&["a new configuration is in force"]);
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
fn reload_clears_a_failed_look_up() {
    let lists_the_key = |request: &Request| request.get("prefix") == Some("a.jpg");
    let mut live = Live::new();
    live.configure(|config| config.visibility_timeout_seconds = SHORT_VISIBILITY_SECONDS);
    live.bucket.enable_versioning();
    live.bucket.put_keys(["a.jpg"]);
    let daemon = live.serve();
    live.queue.wait_until_empty();
    live.proxy
        .fault(1, lists_the_key, Action::Error(403, "AccessDenied"));
    let version = live.bucket.versions("a.jpg").remove(0);
    live.bucket.delete_version("a.jpg", &version);
    daemon.wait_for(&["WARN", "look-up failed"]);
    assert_ne!(reasons(&live.cli), serde_json::json!([]));
    daemon.hangup();
    daemon.wait_for(&["a new configuration is in force"]);
    let gate = live.proxy.hold(lists_the_key);
    gate.wait_until_reached();
    assert_eq!(reasons(&live.cli), serde_json::json!([]));
    gate.open();
    live.wait_for_mirror();
    daemon.terminate();
}

/// Two Sources on one queue, each with a bucket with one key, and a daemon that has scanned them.
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
    daemon.wait_for_times(2, &["scan completed"]);
    live.queue.wait_until_empty();
    live.proxy.clear();
    (live, bucket, daemon)
}

#[test]
fn removed_source_is_not_searchable_and_loses_its_records() {
    let (mut live, bucket, daemon) = two_sources();
    let second = live.config.sources[1].clone();
    live.reconfigure(&daemon, |config| drop(config.sources.pop()));
    daemon.wait_for(&["a new configuration is in force"]);
    daemon.wait_for(&[
        "WARN",
        "removing the assets of a Source that is no longer configured",
        "source=\"second\"",
        "assets=",
    ]);
    live.cli
        .fail(&["search", "--source", "second"], &["second"]);
    assert_eq!(live.cli.search("", &["--limit", "all"]).len(), 1);
    live.bucket.put("b.jpg", "the other Source is active");
    bucket.put("b.jpg", "no Source has it");
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    // Its subdomain stays bound: another Source cannot have it, and that does not affect the first Source.
    let mut other = second.clone();
    other.name = "other".to_owned();
    live.reconfigure(&daemon, |config| config.sources.push(other));
    daemon.wait_for(&["WARN", "the Source is not indexed", "source=\"other\""]);
    // After it is added again, none of its keys is found before it is listed.
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
fn disabled_source_is_not_searched_and_is_complete_when_enabled_again() {
    let (mut live, bucket, daemon) = two_sources();
    live.reconfigure(&daemon, |config| config.sources[1].disabled = true);
    daemon.wait_for(&["a new configuration is in force"]);
    assert_eq!(live.cli.search("", &["--source", "second"]).len(), 0);
    bucket.put("while disabled.jpg", "x");
    bucket.delete("second.jpg");
    live.bucket.put("b.jpg", "the other Source is active");
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    assert_eq!(live.proxy.lists().len(), 0, "nothing was listed");
    live.reconfigure(&daemon, |config| config.sources[1].disabled = false);
    daemon.wait_for_times(2, &["scan completed", "source=\"second\""]);
    wait_for_mirror_of(&live.cli, "second", &bucket, |_, _| true);
    assert_eq!(daemon.count(&["scan started", "source=\"assets\""]), 1);
    daemon.terminate();
}

#[test]
fn rebuild_keeps_the_records_of_a_disabled_source() {
    let (mut live, _bucket, daemon) = two_sources();
    let before = live.cli.indexed("second");
    live.reconfigure(&daemon, |config| config.sources[1].disabled = true);
    daemon.wait_for(&["a new configuration is in force"]);
    live.cli.succeed(&["reindex", "--rebuild"]);
    live.reconfigure(&daemon, |config| config.sources[1].disabled = false);
    daemon.wait_for_times(2, &["scan completed", "source=\"second\""]);
    let after = live.cli.indexed("second");
    let key = "second.jpg";
    assert_eq!(after[key].first_seen, before[key].first_seen);
    daemon.terminate();
}

#[test]
fn lists_an_added_source() {
    let (mut live, daemon) = live_with(&["a.jpg"]);
    let bucket = Bucket::create(server::shared());
    bucket.put_keys(numbered(0..10));
    let added = Source::of("added", &bucket, server::shared().endpoint());
    live.reconfigure(&daemon, |config| config.sources.push(added));
    daemon.wait_for(&["scan completed", "source=\"added\""]);
    wait_for_mirror_of(&live.cli, "added", &bucket, |_, _| true);
    assert_eq!(live.proxy.lists().len(), 0, "the other Source is unchanged");
    daemon.terminate();
}

#[test]
fn replaces_the_keys_after_a_change_of_the_bucket() {
    let (mut live, daemon) = live_with(&["both.jpg", "old.jpg"]);
    let new = Bucket::create(server::shared());
    new.notify(&live.queue.arn());
    new.put_keys(["both.jpg", "new.jpg"]);
    let gate = live.proxy.hold(lists_from(1));
    let name = new.name.clone();
    live.change_live_source(&daemon, |source| source.bucket = name);
    gate.wait_until_reached();
    wait_for_keys(&live.cli, SOURCE, &["both.jpg", "old.jpg"]);
    // Events of the new bucket cannot be applied before its first page has arrived.
    new.put("reported.jpg", "by an event");
    new.delete("new.jpg");
    live.bucket.put("late.jpg", "in the old bucket");
    gate.open();
    wait_for_keys(&live.cli, SOURCE, &["both.jpg", "reported.jpg"]);
    wait_for_mirror_of(&live.cli, SOURCE, &new, |_, _| true);
    live.queue.wait_until_empty();
    wait_for_mirror_of(&live.cli, SOURCE, &new, |_, _| true);
    daemon.terminate();
}

#[test]
fn replaces_the_keys_after_a_change_of_the_prefix() {
    let (mut live, daemon) = live_with(&["a/1.jpg", "b/2.jpg", "c.jpg"]);
    for prefix in ["a/", "b/", ""] {
        live.change_live_source(&daemon, |source| source.prefix = Some(prefix.to_owned()));
        live.wait_for_mirror_where(|key, _| key.starts_with(prefix));
    }
    daemon.terminate();
}

#[test]
fn resumes_a_scan_after_other_settings_change() {
    /// The number of pages of the bucket.
    const PAGES: usize = 3;
    /// A section, how often receiving has started after its change, and the change.
    type SectionChange = (&'static str, usize, fn(&mut Config));
    let mut live = Live::silent();
    live.bucket.put_keys(numbered(0..PAGES * 1000));
    live.configure(|config| config.commit_documents = 1000);
    let mut gates = vec![live.proxy.hold(nth_list(PAGES))];
    let daemon = live.cli.serve();
    gates[0].wait_until_reached();
    let changes: [SectionChange; 3] = [
        ("[scan]", 1, |config| config.reconcile_every_minutes += 1),
        ("[events]", 2, |config| config.expected_within_seconds += 1),
        ("[index]", 3, |config| config.event_commit_interval_ms += 1),
    ];
    for (section, receives, change) in changes {
        let gate = live.proxy.hold(nth_list(live.proxy.lists().len() + 1));
        live.reconfigure(&daemon, change);
        daemon.wait_for(&[&format!("{section} has changed")]);
        gate.wait_until_reached();
        gates.push(gate);
        assert_eq!(daemon.count(&["receiving", "queue"]), receives, "{section}");
    }
    for gate in gates {
        gate.open();
    }
    daemon.wait_for(&SCANNED);
    live.wait_for_mirror();
    assert_eq!(daemon.count(&["scan started"]), 1 + changes.len());
    let lists = live.proxy.lists();
    assert!(
        lists.len() <= PAGES + changes.len(),
        "the scan started again: {lists:#?}"
    );
    daemon.terminate();
}

#[test]
fn scans_a_source_whose_events_were_received_while_it_had_no_queue() {
    let (mut live, bucket, daemon) = two_sources();
    let url = live.config.sources[1].queue_url.take();
    live.reconfigure(&daemon, |_| {});
    daemon.wait_for(&["a new configuration is in force"]);
    bucket.put("lost.jpg", "its message is received for the other Source");
    live.queue.wait_until_empty();
    live.reconfigure(&daemon, |config| config.sources[1].queue_url = url);
    daemon.wait_for(&["scan started", "second", "may be missing"]);
    wait_for_keys(&live.cli, "second", &["lost.jpg", "second.jpg"]);
    daemon.terminate();
}

#[test]
fn reindex_and_check_name_what_the_daemon_has_instead() {
    let (mut live, daemon) = live_with(&["a.jpg", "b.png"]);
    let differs = "warning: the daemon does the reindex with its own configuration";
    let same = live.cli.succeed(&["reindex"]);
    assert!(!same.stderr.contains("warning"), "{same:#?}");
    assert!(
        Examined::of(&live.cli, &[])
            .finding("daemon")
            .to_string()
            .contains("with this")
    );
    let old = std::fs::read_to_string(live.cli.config_file()).expect("our file");
    live.change_source(|source| source.exclude = vec!["**/*.png".to_owned()]);
    let output = live.cli.succeed(&["reindex"]);
    for text in [
        differs,
        "it has other values of Source \"assets\"",
        "--dry-run",
    ] {
        assert!(output.stderr.contains(text), "{text}: {output:#?}");
    }
    let examined = Examined::of(&live.cli, &[]);
    let finding = examined.finding("daemon");
    assert_eq!(finding["verdict"], "warning", "{finding:#}");
    let what = "it runs with another configuration: it has other values of Source \"assets\"";
    assert_eq!(finding["what"], what);
    let commands = finding["remedy"]["commands"].to_string();
    for command in ["reindex --dry-run", "systemctl reload asset-indexer"] {
        assert!(commands.contains(command), "{finding:#}");
    }
    // Another file previews the change, next to the daemon.
    let new = live.cli.folder().join("new.toml");
    std::fs::rename(live.cli.config_file(), &new).expect("our files");
    std::fs::write(live.cli.config_file(), old).expect("our file");
    let preview = Command::new(BINARY)
        .arg("-c")
        .arg(&new)
        .args(["reindex", "--dry-run"])
        .envs([
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ])
        .output()
        .expect("cargo built the binary");
    let text = String::from_utf8_lossy(&preview.stdout);
    assert!(preview.status.success(), "{preview:?}");
    let want = "2 keys listed, 1 admitted; would be: 0 added, 0 changed, 1 removed";
    assert!(text.contains(want), "{text}");
    wait_for_keys(&live.cli, SOURCE, &["a.jpg", "b.png"]);
    daemon.terminate();
}
