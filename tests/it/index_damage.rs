//! An index with damaged files: commands and servers report the damage and the remedy. They do not panic, and
//! a compaction does not hide the damage.
//!
//! `index_info` tests how `index verify` finds damage.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::{BINARY, Cli};
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::http_client::send;

/// Maximum time until the daemon has opened a new index.
const DEADLINE: Duration = Duration::from_secs(60);

/// Time between two looks at its status.
const POLL: Duration = Duration::from_millis(50);

/// The log message about a panic.
const PANICKED: &str = "a thread or task panicked";

/// Damages the largest file with this extension: flips one bit in every `step` bytes.
fn damage(cli: &Cli, extension: &str, step: usize) {
    let files = cli.segment_files().into_iter();
    let size = |path: &PathBuf| fs::metadata(path).unwrap().len();
    let file = files
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .max_by_key(size)
        .expect("each segment has such a file");
    let mut bytes = fs::read(&file).unwrap();
    // Spare the footer, because damage there is detected immediately.
    let end = bytes.len().saturating_sub(120);
    for offset in (step / 2..end).step_by(step) {
        bytes[offset] ^= 1 << (offset % 8);
    }
    fs::write(file, bytes).unwrap();
}

fn indexed() -> Fixture {
    let fixture = Fixture::with_keys(numbered(0..1500));
    fixture.cli.reindex();
    fixture
}

/// Numbers of bytes between two flipped bits. The tests damage the columns, which every command reads.
const STEPS: [usize; 4] = [3, 41, 211, 997];

/// Damages 40 bytes at the beginning of a file in place: a daemon has mapped it into memory.
fn damage_beginning(file: &Path) {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let mut bytes = [0; 40];
    opened.read_exact_at(&mut bytes, 8).unwrap();
    opened
        .write_all_at(&bytes.map(|byte| byte ^ 0xa5), 8)
        .unwrap();
}

/// The files of the index with this ending.
fn files(cli: &Cli, ending: &str) -> Vec<PathBuf> {
    let files = cli.segment_files().into_iter();
    let has_ending = |file: &PathBuf| file.extension().is_some_and(|it| it == ending);
    files.filter(has_ending).collect()
}

/// Number of segments of similar size that the index merges.
const MERGED: usize = 8;

/// A fixture whose index has one segment less than it merges.
fn with_segments() -> Fixture {
    let fixture = indexed();
    for number in 2..MERGED {
        fixture.bucket.put(&format!("later {number}.jpg"), "x");
        fixture.cli.reindex();
    }
    fixture
}

/// Panics must be log entries. The standard library prints them as text of several lines.
#[track_caller]
fn assert_no_raw_panic(log: &[String]) {
    let is_raw =
        |line: &&String| line.starts_with("thread '") || line.starts_with("note: run with");
    assert_eq!(log.iter().find(is_raw), None, "{log:#?}");
}

/// The value of the metric that counts panics.
fn panics(metrics: &str) -> usize {
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix("asset_indexer_panics_total "));
    value
        .and_then(|value| value.parse().ok())
        .expect("the metric exists")
}

#[test]
fn commands_report_damage_and_do_not_panic() {
    let commands: [&[&str]; 5] = [
        &["search", "photos", "--limit", "all"],
        &["search", "", "--facets", "ext,folder,month"],
        &["index", "export"],
        &["index", "compact"],
        &["reindex"],
    ];
    let mut reports = 0;
    for step in STEPS {
        let fixture = indexed();
        damage(&fixture.cli, "fast", step);
        for command in commands {
            let output = fixture.cli.run(command);
            let code = output.status.code();
            let failure = if command[0] == "search" { 2 } else { 1 };
            let is_reported = output.stderr.contains("the index is damaged");
            assert!(
                code == Some(0) || (code == Some(failure) && is_reported),
                "{step}, {command:?}: {output:#?}"
            );
            let stderr: Vec<String> = output.stderr.lines().map(str::to_owned).collect();
            assert_no_raw_panic(&stderr);
            reports += usize::from(is_reported);
        }
        fixture
            .cli
            .fail(&["index", "verify"], &["checksum", "index rebuild"]);
        fixture.cli.succeed(&["index", "rebuild"]);
        fixture.assert_mirror();
    }
    assert!(
        reports > STEPS.len(),
        "only {reports} commands reported the damage"
    );
}

#[test]
fn compaction_does_not_hide_damage() {
    let fixture = indexed();
    fixture.bucket.put("another segment.jpg", "x");
    fixture.cli.reindex();
    damage(&fixture.cli, "fast", 4000);
    fixture.cli.fail(&["index", "verify"], &["checksum"]);
    fixture
        .cli
        .fail(&["index", "compact"], &["checksum", "rebuild"]);
    fixture.cli.fail(&["index", "verify"], &["checksum"]);
}

#[test]
fn daemon_exits_and_names_the_command_that_repairs_the_index() {
    let fixture = indexed();
    damage(&fixture.cli, "fast", 3);
    let mut daemon = fixture.cli.serve();
    let ended = daemon.wait_for_end();
    assert_eq!(ended.code(), Some(1));
    daemon.wait_for(&["the index is damaged", "reindex --rebuild"]);
}

#[test]
fn read_only_server_is_not_ready_after_an_error_and_still_serves_metrics() {
    let (mut counted, mut logged) = (0, 0);
    for step in STEPS {
        let mut fixture = indexed();
        damage(&fixture.cli, "fast", step);
        fixture.configure(|config| config.listen = "127.0.0.1:0".to_owned());
        let reader = fixture
            .cli
            .watch(Command::new(BINARY), &["serve", "--read-only"]);
        let address = reader.field(&["serving searches"], "address");
        let mut has_failed = false;
        for path in [
            "/v1/search?q=photos&facets=ext,folder,month,size",
            "/v1/folders?path=/&source=assets",
            "/v1/suggest?q=00",
            "/metrics",
        ] {
            let response = send(&address, "GET", path, &[]);
            let text = response.text();
            let is_refused = response.status == 500 && text.contains("index_failed");
            assert!(
                response.status == 200 || is_refused,
                "{step}, {path}: {text}"
            );
            assert!(path != "/metrics" || response.status == 200, "{text}");
            has_failed |= is_refused;
            if path == "/metrics" {
                counted += panics(&text);
            }
        }
        let ready = send(&address, "GET", "/readyz", &[]);
        assert!(
            ready.status == 503 || !has_failed,
            "{step}: {}",
            ready.text()
        );
        let log = reader.kill();
        assert_no_raw_panic(&log);
        logged += log.iter().filter(|line| line.contains(PANICKED)).count();
    }
    assert!(
        counted > 0,
        "no damage caused a panic, so the test shows nothing"
    );
    // The index is read again after the metrics.
    assert!(
        logged >= counted,
        "{logged} of {counted} panics are in the log"
    );
}

#[test]
fn daemon_names_a_file_that_a_merge_finds_damaged_and_goes_on() {
    let mut fixture = with_segments();
    fixture.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    let damaged = files(&fixture.cli, "term").swap_remove(0);
    damage_beginning(&damaged);
    let name = damaged.file_name().unwrap().to_str().unwrap();
    fixture
        .cli
        .set_environment("ASSET_INDEXER_LOG_FORMAT", "json");
    let daemon = fixture.cli.serve();
    daemon.wait_for(&["\"ready\""]);
    let status = || -> Value {
        let output = fixture.cli.succeed(&["status", "--json"]);
        serde_json::from_str(&output.stdout).unwrap()
    };
    assert_eq!(status()["index"]["state"], "open");
    // The last segment starts the merge. The next commit notices that it failed, and merges the others.
    for number in 0..3 {
        fixture.bucket.put(&format!("last {number}.jpg"), "x");
        fixture.cli.reindex();
        daemon.wait_for(&[
            "a file of the index is damaged",
            name,
            "\"level\":\"ERROR\"",
        ]);
    }
    assert_eq!(daemon.count(&["a file of the index is damaged"]), 1);
    let index = &status()["index"];
    assert_eq!(
        (&index["state"], &index["merge_failures"]),
        (&"degraded".into(), &1.into())
    );
    let shown = fixture.cli.succeed(&["status"]).stdout;
    for words in ["index degraded: ", name, "reindex --rebuild", ", ready, "] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let check = fixture.cli.run(&["check"]);
    assert_eq!(check.status.code(), Some(1));
    for words in ["the index is degraded", name, "reindex --rebuild"] {
        assert!(check.stdout.contains(words), "{words}: {check:#?}");
    }
    let listening: Vec<Value> = log_entries(&daemon.lines_so_far());
    let address = listening.iter().find_map(|entry| entry["address"].as_str());
    let address = address.expect("it serves HTTP").to_owned();
    let metrics = send(&address, "GET", "/metrics", &[]).text();
    for line in [
        "asset_indexer_index_degraded 1\n",
        "asset_indexer_merge_failures_total 1\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert_eq!(send(&address, "GET", "/readyz", &[]).status, 200);
    let before = fixture.cli.indexed(SOURCE);
    assert_eq!(before.len(), 1500 + MERGED - 2 + 3);
    // A rebuild repairs it, and keeps when each asset was first seen.
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    // The command ends before the daemon has opened the new index.
    let deadline = Instant::now() + DEADLINE;
    while status()["index"]["state"] != "open" {
        assert!(Instant::now() < deadline, "{}", status());
        thread::park_timeout(POLL);
    }
    let after = fixture.cli.indexed(SOURCE);
    assert!(
        before
            .iter()
            .all(|(key, hit)| after[key].first_seen == hit.first_seen)
    );
    fixture.assert_mirror();
    log_entries(&daemon.terminate());
}

/// The entries of a log. Every line must be one.
fn log_entries(log: &[String]) -> Vec<Value> {
    let entry = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    log.iter().map(entry).collect()
}

/// The number of records that the summary of a rebuild calls lost.
fn lost(summary: &str) -> Option<&str> {
    let line = summary
        .lines()
        .find(|line| line.starts_with("not carried over"))?;
    line.split_once(": ")?.1.split(' ').next()
}

#[test]
fn rebuild_carries_over_what_can_be_read() {
    /// Number of assets in the first segment.
    const FIRST: usize = 1500;
    for (ending, readable_from, lost_records) in [
        ("term", 0, None),
        ("idx", 0, None),
        ("fast", FIRST, Some("1,500")),
    ] {
        let fixture = indexed();
        let segment = files(&fixture.cli, ending).swap_remove(0);
        fixture.bucket.put_keys(["z1.jpg", "z2.jpg"]);
        fixture.cli.reindex();
        let before = fixture.cli.indexed(SOURCE);
        damage_beginning(&segment);
        let output = fixture.cli.succeed(&["reindex", "--rebuild"]);
        assert_eq!(lost(&output.stdout), lost_records, "{ending}: {output:#?}");
        let after = fixture.cli.indexed(SOURCE);
        assert_eq!(after.len(), FIRST + 2);
        for (number, (key, hit)) in before.iter().enumerate() {
            let is_kept = after[key].first_seen == hit.first_seen;
            assert_eq!(is_kept, number >= readable_from, "{ending}: {key}");
        }
        fixture.assert_mirror();
    }
}

#[test]
fn scan_that_cannot_look_up_a_changed_key_reports_damage() {
    let fixture = indexed();
    let terms = files(&fixture.cli, "term").swap_remove(0);
    let bytes = fs::read(&terms).unwrap();
    // Everything except the tables at the end, which open the file.
    let end = bytes.len() - 400;
    let damaged: Vec<u8> = bytes[..end].iter().map(|byte| byte ^ 0xa5).collect();
    fs::write(&terms, [&damaged, &bytes[end..]].concat()).unwrap();
    fixture.bucket.put("photos/00007.jpg", "changed");
    fixture
        .cli
        .fail(&["reindex"], &["the index is damaged", "reindex --rebuild"]);
}
