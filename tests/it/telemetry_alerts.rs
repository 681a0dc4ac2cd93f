//! Tests that metrics, alert rules and dashboard are consistent, and that real failures fire the alerts.
//!
//! A real Prometheus scrapes a real daemon. Only the waiting times of the rules are shortened.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cli::BINARY;
use crate::daemon::Daemon;
use crate::http_client::send;
use crate::live_disk::{limit, limitable};
use crate::live_fixture::{Live, SCANNED};
use crate::prometheus::{Prometheus, promtool, rules_file};
use crate::telemetry::may_mount;

/// PromQL operators between two expressions.
const OPERATORS: [&str; 3] = ["and", "or", "unless"];

/// PromQL keywords before a list of labels.
const LISTS: [&str; 6] = [
    "by",
    "on",
    "without",
    "ignoring",
    "group_left",
    "group_right",
];

/// Labels that Prometheus adds to all series, and the label of histogram buckets.
const BUILT_IN_LABELS: [&str; 3] = ["job", "instance", "le"];

/// Runs a command with a small disk at `$1` that only this process sees.
const ON_A_SMALL_DISK: &str = r#"set -e; mount -t tmpfs -o size=64m none "$1"; shift; exec "$@""#;

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name)
}

/// The documented metrics and their labels.
fn metrics() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(deploy("metrics.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let read = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let labels = cells[2].split(", ").map(str::to_owned).collect();
        (cells[0].trim_matches('`').to_owned(), labels)
    };
    rows.map(read).collect()
}

/// The expressions of all rules, each on one line.
fn rule_expressions() -> Vec<String> {
    let text = fs::read_to_string(rules_file()).unwrap();
    let parts = text.split("        expr: ").skip(1);
    let expression = |part: &str| {
        let lines = part.lines().enumerate();
        let lines = lines.take_while(|(index, line)| *index == 0 || line.starts_with("          "));
        let lines: Vec<&str> = lines.map(|(_, line)| line.trim()).collect();
        lines.join(" ").trim_start_matches(">- ").to_owned()
    };
    parts.map(expression).collect()
}

/// The expressions of the dashboard, with its variables filled in.
fn dashboard_expressions() -> Vec<String> {
    let dashboard: Value =
        serde_json::from_slice(&fs::read(deploy("grafana-dashboard.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    let fill = |text: &str| {
        let text = text
            .replace("$__rate_interval", "1m")
            .replace("[1h]", "[1m]");
        text.replace("$instance", ".*").replace("$source", ".*")
    };
    expressions.map(fill).collect()
}

/// The metrics in an expression, each with the labels it is filtered by; and the labels that the expression
/// groups or joins by.
fn names_in(expression: &str) -> (Vec<(String, Vec<String>)>, Vec<String>) {
    let (mut metrics, mut others) = (Vec::new(), Vec::new());
    let mut rest = expression;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '"' || c == '[') {
        rest = &rest[start..];
        if let Some(end) = ["\"", "["].iter().position(|it| rest.starts_with(it)) {
            let close = ['"', ']'][end];
            rest = &rest[rest[1..].find(close).unwrap() + 2..];
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        if LISTS.contains(&name) {
            let (list, after) = after.split_once(')').unwrap();
            let list = list
                .trim_start()
                .trim_start_matches('(')
                .split(',')
                .map(str::trim);
            others.extend(list.filter(|it| !it.is_empty()).map(str::to_owned));
            rest = after;
        } else if let Some(matchers) = after.strip_prefix('{') {
            let (matchers, after) = matchers.split_once('}').unwrap();
            let label = |matcher: &str| matcher.split(['=', '!']).next().unwrap().to_owned();
            metrics.push((name.to_owned(), matchers.split(',').map(label).collect()));
            rest = after;
        } else if !is_function(after) && !OPERATORS.contains(&name) {
            metrics.push((name.to_owned(), Vec::new()));
        }
    }
    (metrics, others)
}

/// Whether the text after a name shows that the name is a function.
fn is_function(after: &str) -> bool {
    let after = after.trim_start();
    after.starts_with('(') || after.starts_with("by (") || after.starts_with("without (")
}

/// The documented metric with this name. The series of a histogram have suffixes.
fn documented<'a>(
    known: &'a [(String, Vec<String>)],
    name: &str,
) -> Option<&'a (String, Vec<String>)> {
    let parts = ["_bucket", "_sum", "_count"];
    let base = parts.iter().find_map(|part| name.strip_suffix(part));
    known
        .iter()
        .find(|(known, _)| known == name || Some(&**known) == base)
}

#[test]
fn rules_and_dashboard_use_existing_metrics_and_labels() {
    let known = metrics();
    let expressions = [rule_expressions(), dashboard_expressions()].concat();
    let mut used = BTreeSet::new();
    for expression in &expressions {
        let (metrics, others) = names_in(expression);
        assert!(!metrics.is_empty(), "{expression}");
        let mut labels: BTreeSet<&str> = BUILT_IN_LABELS.into();
        for (name, matched) in &metrics {
            // `up` is a metric of Prometheus itself.
            let Some((name, own)) = documented(&known, name) else {
                assert_eq!(name, "up", "no such metric: {expression}");
                continue;
            };
            used.insert(name);
            labels.extend(own.iter().map(String::as_str));
            for label in matched {
                let is_known = own.contains(label) || BUILT_IN_LABELS.contains(&&**label);
                assert!(is_known, "{name} has no {label}: {expression}");
            }
        }
        for label in &others {
            assert!(
                labels.contains(&**label),
                "nothing has {label}: {expression}"
            );
        }
    }
    // Every metric should be used, except for these, which show details.
    let unused = known.iter().filter(|(name, _)| !used.contains(name));
    let unused: Vec<&str> = unused.map(|(name, _)| &**name).collect();
    assert_eq!(
        unused,
        [
            "asset_indexer_unusable_keys",
            "asset_indexer_scan_running",
            "asset_indexer_scan_start_time_seconds",
            "asset_indexer_scan_keys_admitted",
            "asset_indexer_scan_assets_added",
            "asset_indexer_scan_assets_changed",
            "asset_indexer_scan_assets_removed",
            "asset_indexer_event_lag_recent_seconds",
            "asset_indexer_queue_retention_seconds",
            "asset_indexer_messages_released_total",
            "asset_indexer_messages_elsewhere_total",
            "asset_indexer_events_unusable_key_total",
        ]
    );
}

#[test]
fn each_alert_has_severity_description_runbook_and_test() {
    let text = fs::read_to_string(rules_file()).unwrap();
    let tests = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/alerts.yml"));
    let tests = tests.unwrap();
    let chapters = chapters();
    let mut count = 0;
    for rule in text.split("- alert: ").skip(1) {
        count += 1;
        let name = rule.lines().next().unwrap();
        let severe = ["severity: critical", "severity: warning"];
        assert!(severe.iter().any(|it| rule.contains(it)), "{name}");
        for field in ["summary: ", "description: >-", "runbook: deploy/README.md#"] {
            assert!(rule.contains(field), "{name} has no {field}");
        }
        let anchor = rule
            .split("README.md#")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap();
        assert!(chapters.contains(anchor), "{name}: no chapter {anchor}");
        assert!(
            tests.contains(&format!("- name: {name}")),
            "{name} has no test"
        );
    }
    assert!(count > 20, "only {count} alerts were found");
}

#[test]
fn promtool_accepts_the_rules_and_their_tests_pass() {
    let rules = rules_file();
    let checked = promtool(
        &["check", "rules", "--lint-fatal", rules.to_str().unwrap()],
        "",
    );
    assert!(checked.contains("SUCCESS"), "{checked}");
    let tested = promtool(&["test", "rules", "tests/alerts.yml"], "");
    assert!(tested.contains("SUCCESS"), "{tested}");
}

#[test]
fn links_from_metrics_to_the_runbook_exist() {
    let text = fs::read_to_string(deploy("metrics.md")).unwrap();
    let chapters = chapters();
    let anchors = text
        .split("README.md#")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap());
    for anchor in anchors {
        assert!(chapters.contains(anchor), "no chapter {anchor}");
    }
}

/// The chapters of the run-book, as link anchors.
fn chapters() -> BTreeSet<String> {
    let text = fs::read_to_string(deploy("README.md")).unwrap();
    let titles = text.lines().filter_map(|line| line.strip_prefix("## "));
    titles
        .map(|title| title.to_lowercase().replace(' ', "-"))
        .collect()
}

/// Starts a daemon with one Source, and a Prometheus that scrapes it.
fn watched(live: &Live, command: Command) -> (Daemon, String, Prometheus) {
    let daemon = live.cli.watch(command, &["serve"]);
    daemon.wait_for(&SCANNED);
    let address = daemon.field(&["serving HTTP"], "address");
    let prometheus = Prometheus::watching(&address);
    (daemon, address, prometheus)
}

fn wired() -> Live {
    let mut live = Live::new();
    live.configure(|config| {
        config.listen = "127.0.0.1:0".to_owned();
        config.visibility_timeout_seconds = 10;
    });
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    live
}

#[test]
fn alerts_fire_on_failures_and_resolve() {
    let live = wired();
    let (daemon, address, prometheus) = watched(&live, limitable());
    live.bucket.put("c.jpg", "new");
    live.wait_for_mirror();
    prometheus.wait_for("no alerts", BTreeSet::is_empty);
    assert_dashboard_shows_something(&prometheus, &address);
    limit(&daemon, "0");
    live.bucket.put("d.jpg", "cannot be written");
    prometheus.wait_for_all(&[
        "AssetIndexerCommitFailing",
        "AssetIndexerIndexDown",
        "AssetIndexerNotReady",
    ]);
    limit(&daemon, "unlimited");
    prometheus.wait_for("the index is open again", |firing| {
        !firing.contains("AssetIndexerIndexDown") && !firing.contains("AssetIndexerNotReady")
    });
    live.queue.send(&["rubbish"]);
    prometheus.wait_for_all(&["AssetIndexerQuarantine"]);
    live.queue.remove();
    prometheus.wait_for_all(&["AssetIndexerQueueDown", "AssetIndexerSourceDegraded"]);
    daemon.kill();
    prometheus.wait_for_all(&["AssetIndexerDown"]);
}

/// Checks that each query of the dashboard is valid, and has a result if there is data.
#[track_caller]
fn assert_dashboard_shows_something(prometheus: &Prometheus, address: &str) {
    let search = send(address, "GET", "/v1/search?q=a", &[]);
    assert_eq!(search.status, 200, "{}", search.text());
    // Nothing was refused, has failed or drifted, and no scan runs, so these queries may have no result.
    let may_be_empty = |expression: &str| {
        ["> 0", "drift_assets"]
            .iter()
            .any(|it| expression.contains(it))
    };
    for expression in dashboard_expressions() {
        prometheus.wait_for_result(&expression, may_be_empty(&expression));
    }
}

#[test]
fn alerts_fire_before_and_when_the_disk_is_full() {
    if !may_mount() {
        let reason = "skipped: alerts of a full disk: this user cannot mount a small disk";
        writeln!(std::io::stderr(), "{reason}").unwrap();
        return;
    }
    let mut live = wired();
    live.cli
        .set_environment("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let data = live.cli.data_dir();
    fs::create_dir(&data).unwrap();
    let mut small = Command::new("unshare");
    small
        .args(["--mount", "sh", "-c", ON_A_SMALL_DISK, "sh"])
        .arg(&data)
        .arg(BINARY);
    let (daemon, _, prometheus) = watched(&live, small);
    prometheus.wait_for("no alerts", BTreeSet::is_empty);
    // Only the daemon sees the disk, so access it through the daemon's root.
    let root = PathBuf::from(format!("/proc/{}/root", daemon.id()));
    let filler = root.join(data.strip_prefix("/").unwrap()).join("filler");
    let mut filler = fs::File::create(filler).unwrap();
    let full = loop {
        if let Err(full) = filler.write_all(&[0; 4096]) {
            break full;
        }
    };
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    prometheus.wait_for_all(&["AssetIndexerDiskFilling", "AssetIndexerDiskFull"]);
    live.bucket.put("c.jpg", "cannot be written");
    prometheus.wait_for_all(&["AssetIndexerCommitFailing", "AssetIndexerIndexDown"]);
    filler.set_len(0).unwrap();
    prometheus.wait_for("the disk has free space again", |firing| {
        !firing.contains("AssetIndexerDiskFull") && !firing.contains("AssetIndexerIndexDown")
    });
}
