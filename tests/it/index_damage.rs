//! An index with damaged files: commands and servers report the damage and the remedy. They do not panic, and
//! a compaction does not hide the damage.
//!
//! `index_info` tests how `index verify` finds damage.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::cli::{BINARY, Cli};
use crate::fixture::{Fixture, numbered};
use crate::http_client::send;

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
            let is_reported = output.stderr.contains("the index is damaged");
            assert!(
                code == Some(0) || (code == Some(1) && is_reported),
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
