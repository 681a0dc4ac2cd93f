//! A new configuration changes some Sources. Scans, rebuilds and receives of all others go on.

use crate::cli::Running;
use crate::config::{Config, Source};
use crate::daemon::Daemon;
use crate::fixture::{SOURCE, numbered};
use crate::live_fixture::{Live, SCANNED, wait_for_mirror_of};
use crate::proxy::{Gate, nth_list};
use crate::s3::{Bucket, Listed};
use crate::server;

/// The number of pages of the bucket whose listing takes long.
const PAGES: usize = 3;

/// A bucket with these keys.
fn bucket(keys: &[&str]) -> Bucket {
    let bucket = Bucket::create(server::shared());
    bucket.put_keys(keys);
    bucket
}

/// A Source that is listed without the proxy, so that requests of the fixture's Source can be counted.
fn beside(name: &str, bucket: &Bucket) -> Source {
    Source::of(name, bucket, server::shared().endpoint())
}

fn is_no_png(key: &str, _: &Listed) -> bool {
    !key.ends_with(".png")
}

impl Live {
    /// Changes the configuration, and waits until it is in use.
    fn deploy(&mut self, daemon: &Daemon, change: impl FnOnce(&mut Config)) {
        let words = ["a new configuration is in force"];
        let before = daemon.count(&words);
        self.configure(change);
        daemon.hangup();
        daemon.wait_for_times(before + 1, &words);
    }
}

#[test]
fn scan_goes_on_while_other_sources_are_added_changed_and_removed() {
    let mut live = Live::silent();
    live.bucket.put_keys(numbered(0..PAGES * 1000));
    let gate = live.proxy.hold(nth_list(PAGES));
    let daemon = live.cli.serve();
    gate.wait_until_reached();
    let other = bucket(&["a.jpg", "b.png"]);
    live.deploy(&daemon, |config| {
        config.sources.push(beside("other", &other))
    });
    wait_for_mirror_of(&live.cli, "other", &other, |_, _| true);
    live.deploy(&daemon, |config| {
        config.sources[1].exclude = vec!["**/*.png".to_owned()];
    });
    wait_for_mirror_of(&live.cli, "other", &other, is_no_png);
    let report = live.cli.succeed(&["status", "--json"]).stdout;
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let listed = &report["sources"][0]["scan"]["listed"];
    assert!(listed.as_u64() >= Some(1000), "{report:#}");
    live.deploy(&daemon, |config| drop(config.sources.pop()));
    live.deploy(&daemon, |_| {});
    live.cli.fail(&["search", "--source", "other"], &["other"]);
    gate.open();
    daemon.wait_for(&SCANNED);
    live.assert_mirror();
    assert_eq!(live.proxy.lists().len(), PAGES, "it lists nothing again");
    assert_eq!(daemon.count(&["scan started", "source=\"assets\""]), 1);
    daemon.terminate();
}

#[test]
fn scan_without_a_queue_goes_on_while_queues_are_opened_again() {
    let mut live = Live::silent();
    live.bucket.put_keys(numbered(0..PAGES * 1000));
    let other = bucket(&["a.jpg"]);
    live.configure(|config| {
        let queue_url = config.sources[0].queue_url.take();
        config.sources.push(Source {
            queue_url,
            ..beside("other", &other)
        });
    });
    let gate = live.proxy.hold(nth_list(PAGES));
    let daemon = live.cli.serve();
    gate.wait_until_reached();
    daemon.wait_for(&["scan completed", "source=\"other\""]);
    live.deploy(&daemon, |config| config.expected_within_seconds += 1);
    daemon.wait_for_times(2, &["receiving", "queue"]);
    gate.open();
    daemon.wait_for(&SCANNED);
    live.assert_mirror();
    assert_eq!(live.proxy.lists().len(), PAGES, "it lists nothing again");
    other.notify(&live.queue.arn());
    other.put("b.jpg", "new");
    wait_for_mirror_of(&live.cli, "other", &other, |_, _| true);
    daemon.terminate();
}

#[test]
fn source_without_a_queue_is_scanned_when_it_is_enabled_again() {
    let mut live = Live::silent();
    live.bucket.put_keys(["a.jpg"]);
    live.configure(|config| config.sources[0].queue_url = None);
    let daemon = live.cli.serve();
    daemon.wait_for(&SCANNED);
    live.deploy(&daemon, |config| config.sources[0].disabled = true);
    live.bucket.put("b.jpg", "new");
    live.deploy(&daemon, |config| config.sources[0].disabled = false);
    daemon.wait_for(&["scan started", "it was disabled or refused"]);
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn rebuild_goes_on_if_the_settings_of_scans_and_queues_change() {
    let mut live = Live::new();
    let others = [["a.jpg"]; 2].map(|keys| bucket(&keys));
    let (daemon, before, gate, rebuild) = half_rebuilt(&mut live, [&others[0], &others[1]]);
    live.deploy(&daemon, |config| config.reconcile_every_minutes += 1);
    live.deploy(&daemon, |config| config.expected_within_seconds += 1);
    gate.open();
    let output = rebuild.wait();
    assert!(output.status.success(), "{output:#?}");
    assert_ne!(live.cli.generation(), before);
    assert_eq!(daemon.count(&["rebuild started"]), 1);
    live.bucket.put("new.jpg", "new");
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn events_arrive_without_delay_while_another_source_of_the_queue_changes() {
    const ROUNDS: usize = 8;
    let mut live = Live::new();
    let other = bucket(&["0.jpg", "0.png"]);
    other.notify(&live.queue.arn());
    live.configure(|config| {
        config.sources.push(Source {
            queue_url: config.sources[0].queue_url.clone(),
            ..beside("other", &other)
        });
    });
    let daemon = live.cli.serve();
    daemon.wait_for_times(2, &["scan completed"]);
    live.queue.wait_until_empty();
    for round in 0..ROUNDS {
        for bucket in [&live.bucket, &other] {
            bucket.put_keys([format!("{round}.jpg"), format!("{round}.png")]);
        }
        live.deploy(&daemon, |config| {
            let exclude = vec!["**/*.png".to_owned()];
            config.sources[1].exclude = if round % 2 == 0 { exclude } else { vec![] };
        });
        other.delete(&format!("{round}.jpg"));
    }
    live.wait_for_mirror();
    wait_for_mirror_of(&live.cli, "other", &other, |_, _| true);
    live.queue.wait_until_empty();
    let report = live.cli.succeed(&["status", "--json"]).stdout;
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let queue = &report["queues"][0];
    assert_eq!(queue["counts"]["redelivered"], 0, "{report:#}");
    assert_eq!(
        daemon.count(&["receiving", "queue"]),
        1,
        "it receives without a break"
    );
    assert_eq!(daemon.count(&["scan started", "source=\"assets\""]), 1);
    daemon.terminate();
}

/// Three Sources, and a rebuild that waits for the second page of the fixture's Source. It has filled the other two.
fn half_rebuilt(live: &mut Live, others: [&Bucket; 2]) -> (Daemon, String, Gate, Running) {
    live.bucket.put_keys(numbered(0..1500));
    let [first, second] = others;
    live.configure(|config| {
        // The poll of the session before the rebuild may take a message with it.
        config.visibility_timeout_seconds = 10;
        config.sources.push(beside("first", first));
        config.sources.push(beside("second", second));
    });
    let daemon = live.cli.serve();
    daemon.wait_for_times(3, &["scan completed"]);
    live.queue.wait_until_empty();
    let before = live.cli.generation();
    let gate = live.proxy.hold(nth_list(live.proxy.lists().len() + 2));
    let rebuild = live.cli.start(&["reindex", "--rebuild"]);
    gate.wait_until_reached();
    (daemon, before, gate, rebuild)
}

#[test]
fn rebuild_goes_on_while_other_sources_are_added_changed_and_removed() {
    let mut live = Live::new();
    let [changed, removed, added] = [["a.jpg", "b.png"]; 3].map(|keys| bucket(&keys));
    let (daemon, before, gate, rebuild) = half_rebuilt(&mut live, [&changed, &removed]);
    let lists = live.proxy.lists().len();
    live.deploy(&daemon, |config| {
        config.sources[1].exclude = vec!["**/*.png".to_owned()];
        config.sources[2] = beside("added", &added);
    });
    wait_for_mirror_of(&live.cli, "first", &changed, is_no_png);
    wait_for_mirror_of(&live.cli, "added", &added, |_, _| true);
    live.bucket
        .put("photos/00000.jpg", "changed behind the rebuild");
    live.bucket.delete("photos/00001.jpg");
    live.queue.wait_until_empty();
    gate.open();
    let output = rebuild.wait();
    assert!(output.status.success(), "{output:#?}");
    assert_ne!(live.cli.generation(), before);
    live.wait_for_mirror();
    wait_for_mirror_of(&live.cli, "first", &changed, is_no_png);
    wait_for_mirror_of(&live.cli, "added", &added, |_, _| true);
    assert_eq!(live.proxy.lists().len(), lists, "it lists nothing again");
    assert_eq!(daemon.count(&["rebuild started"]), 1);
    let warning = "removing the assets of a Source that is no longer configured";
    assert_eq!(daemon.count(&[warning]), 1);
    live.deploy(&daemon, |config| {
        config.sources.push(beside("second", &removed))
    });
    wait_for_mirror_of(&live.cli, "second", &removed, |_, _| true);
    daemon.terminate();
    live.cli.succeed(&["search", "--source", "added"]);
}

#[test]
fn rebuild_fills_a_source_again_that_changes_while_it_is_listed() {
    let mut live = Live::new();
    let others = [["a.jpg"]; 2].map(|keys| bucket(&keys));
    let (daemon, before, gate, rebuild) = half_rebuilt(&mut live, [&others[0], &others[1]]);
    live.deploy(&daemon, |config| {
        config.sources[0].exclude = vec!["/photos/000*".to_owned()];
    });
    let output = rebuild.wait();
    gate.open();
    assert!(output.status.success(), "{output:#?}");
    assert_ne!(live.cli.generation(), before);
    live.wait_for_mirror_where(|key, _| !key.starts_with("photos/000"));
    assert_eq!(daemon.count(&["rebuild started"]), 1);
    daemon.terminate();
}

/// All records of a Source in the current index, as lines of JSON. Searches do not find those of a disabled Source.
fn records(live: &Live, source: &str) -> Vec<String> {
    let exported = live
        .cli
        .succeed(&["index", "export", "--tombstones"])
        .stdout;
    let of_source = format!("{{\"source\":\"{source}\",");
    let lines = exported.lines().map(str::to_owned);
    lines.filter(|line| line.starts_with(&of_source)).collect()
}

#[test]
fn rebuild_goes_on_if_sources_are_disabled_and_keeps_what_the_index_has_of_them() {
    let mut live = Live::new();
    let [filled, other] = [["a.jpg", "b.jpg"], ["c.jpg", "d.jpg"]].map(|keys| bucket(&keys));
    let (daemon, before, gate, rebuild) = half_rebuilt(&mut live, [&filled, &other]);
    let (listing, first) = (records(&live, SOURCE), records(&live, "first"));
    assert_eq!((listing.len(), first.len()), (1500, 2));
    // The rebuild has filled one of them, and is listing the other one.
    live.deploy(&daemon, |config| {
        config.sources[0].disabled = true;
        config.sources[1].disabled = true;
    });
    let output = rebuild.wait();
    gate.open();
    assert!(output.status.success(), "{output:#?}");
    assert_ne!(live.cli.generation(), before);
    assert_eq!(daemon.count(&["rebuild started"]), 1);
    assert_eq!(records(&live, SOURCE), listing);
    assert_eq!(records(&live, "first"), first);
    assert_eq!(live.cli.keys("first").len(), 0, "it is disabled");
    wait_for_mirror_of(&live.cli, "second", &other, |_, _| true);
    filled.delete("a.jpg");
    live.deploy(&daemon, |config| {
        config.sources[0].disabled = false;
        config.sources[1].disabled = false;
    });
    live.wait_for_mirror();
    wait_for_mirror_of(&live.cli, "first", &filled, |_, _| true);
    daemon.terminate();
}

#[test]
fn rebuild_fills_a_source_that_is_enabled_meanwhile() {
    let mut live = Live::new();
    let [toggled, other] = [["a.jpg", "b.jpg"]; 2].map(|keys| bucket(&keys));
    let (daemon, before, gate, rebuild) = half_rebuilt(&mut live, [&toggled, &other]);
    let seen = live.cli.indexed("first");
    live.deploy(&daemon, |config| config.sources[1].disabled = true);
    toggled.delete("a.jpg");
    toggled.put("c.jpg", "new");
    live.deploy(&daemon, |config| config.sources[1].disabled = false);
    gate.open();
    let output = rebuild.wait();
    assert!(output.status.success(), "{output:#?}");
    assert_ne!(live.cli.generation(), before);
    assert_eq!(daemon.count(&["rebuild started"]), 1);
    live.wait_for_mirror();
    wait_for_mirror_of(&live.cli, "first", &toggled, |_, _| true);
    let after = live.cli.indexed("first");
    assert_eq!(after["b.jpg"].first_seen, seen["b.jpg"].first_seen);
    daemon.terminate();
}

#[test]
fn rebuild_goes_on_if_the_index_refuses_a_source_and_keeps_its_assets() {
    let mut live = Live::new();
    let [kept, other] = [["a.jpg", "b.jpg"]; 2].map(|keys| bucket(&keys));
    let (daemon, before, gate, rebuild) = half_rebuilt(&mut live, [&kept, &other]);
    let first = records(&live, "first");
    // Its subdomain stays bound to the former name.
    live.deploy(&daemon, |config| {
        config.sources[1].name = "renamed".to_owned();
    });
    daemon.wait_for(&["WARN", "the Source is not indexed", "renamed"]);
    gate.open();
    let output = rebuild.wait();
    assert!(output.status.success(), "{output:#?}");
    assert_ne!(live.cli.generation(), before);
    assert_eq!(daemon.count(&["rebuild started"]), 1);
    assert_eq!(records(&live, "first"), first);
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn rebuild_starts_again_if_the_index_is_opened_again() {
    let mut live = Live::new();
    let others = [["a.jpg"]; 2].map(|keys| bucket(&keys));
    let (daemon, before, gate, rebuild) = half_rebuilt(&mut live, [&others[0], &others[1]]);
    let again = live.proxy.hold(nth_list(live.proxy.lists().len() + 1));
    live.deploy(&daemon, |config| config.event_commit_interval_ms += 1);
    daemon.wait_for(&["WARN", "the rebuild starts again"]);
    again.wait_until_reached();
    gate.open();
    again.open();
    let output = rebuild.wait();
    assert!(output.status.success(), "{output:#?}");
    assert_ne!(live.cli.generation(), before);
    live.wait_for_mirror();
    daemon.terminate();
}
