//! Holds the run-book to its word: its chapters are there, and the backup that it describes is one, taken
//! while the daemon writes.
//!
//! That its commands can be given is tested beside their definition.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::cli::Cli;
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::live_fixture::Live;

const RUNBOOK: &str = include_str!("../../deploy/README.md");
const RULES: &str = include_str!("../../deploy/prometheus-rules.yml");
const METRICS: &str = include_str!("../../deploy/metrics.md");

/// Where the package has the index.
const DATA_DIR: &str = "/var/lib/asset-indexer";

/// What alerts and others refer to.
const CHAPTERS: [&str; 12] = [
    "Install",
    "First Source",
    "Rotate credentials",
    "Move a bucket",
    "Lost index",
    "Full disk",
    "Stuck queue",
    "Drift",
    "Degraded Source",
    "Scale limits",
    "Backup",
    "Upgrade",
];

#[test]
fn each_chapter_says_how_to_notice_what_to_do_and_when_it_is_well() {
    let mut chapters = RUNBOOK.split("\n## ");
    chapters.next();
    let chapters: Vec<&str> = chapters.collect();
    let titles: Vec<&str> = chapters.iter().filter_map(|it| it.lines().next()).collect();
    assert_eq!(titles, CHAPTERS);
    for chapter in chapters {
        for part in ["**Notice.**", "**Do.**", "**Well again.**", "\n    "] {
            assert!(chapter.contains(part), "no {part:?} in {chapter}");
        }
    }
}

#[test]
fn the_alerts_and_metrics_that_are_named_are_there_and_each_alert_leads_to_a_chapter() {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
    for word in RUNBOOK.split(|c| !is_of_name(c)) {
        if word.starts_with("AssetIndexer") {
            assert!(RULES.contains(&format!("alert: {word}\n")), "{word}");
        }
        if word.starts_with("asset_indexer_") {
            assert!(METRICS.contains(&format!("`{word}`")), "{word}");
        }
    }
    let alerts = RULES.lines().filter_map(|line| line.split_once("alert: "));
    for (_, alert) in alerts {
        assert!(RUNBOOK.contains(&format!("`{alert}`")), "{alert}");
    }
    let anchor = |title: &str| title.to_lowercase().replace(' ', "-");
    let anchors = CHAPTERS.map(anchor);
    let leads = RULES
        .lines()
        .filter_map(|line| line.split_once("deploy/README.md#"));
    for (_, chapter) in leads {
        assert!(anchors.iter().any(|it| it == chapter.trim()), "{chapter}");
    }
}

/// The script of the backup, for this data directory.
fn backup(data_dir: &Path) -> String {
    let (_, rest) = RUNBOOK.split_once("```sh\n").expect("there is a script");
    let (script, _) = rest.split_once("```").expect("it ends");
    script.replace(DATA_DIR, data_dir.to_str().expect("UTF-8"))
}

/// Takes a backup as the run-book says, and gives its folder.
fn take_backup(cli: &Cli) -> PathBuf {
    let data_dir = cli.data_dir();
    let mut shell = Command::new("sh");
    let taken = shell.arg("-c").arg(backup(&data_dir)).output();
    let taken = taken.expect("sh is there");
    assert!(taken.status.success(), "{taken:#?}");
    data_dir.join("snapshot")
}

fn verify(cli: &Cli, copy: &Path) -> String {
    let copy = copy.to_str().expect("UTF-8");
    cli.succeed(&["index", "verify", "--data-dir", copy]).stdout
}

/// Puts a backup in the place of the index.
fn restore(cli: &Cli, copy: &Path) {
    let data_dir = cli.data_dir();
    fs::remove_dir_all(data_dir.join(cli.generation().trim_end())).expect("ours");
    for name in [
        fs::read_to_string(copy.join("CURRENT"))
            .expect("it is there")
            .trim_end(),
        "CURRENT",
    ] {
        fs::rename(copy.join(name), data_dir.join(name)).expect("on one disk");
    }
}

#[test]
fn backups_taken_while_the_daemon_writes_are_whole_and_can_be_gone_on_with() {
    let live = Live::new();
    live.bucket.put_keys(numbered(0..300));
    let daemon = live.serve();
    let is_over = AtomicBool::new(false);
    let copy = thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..5_000 {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                live.bucket.put(&format!("new/{number}.jpg"), "new");
                live.bucket
                    .delete(&format!("photos/{:05}.jpg", number % 300));
            }
        });
        let mut copy = PathBuf::new();
        for _ in 0..10 {
            copy = take_backup(&live.cli);
            let verified = verify(&live.cli, &copy);
            assert!(verified.contains(": sound: "), "{verified}");
        }
        is_over.store(true, Ordering::Relaxed);
        copy
    });
    // Acknowledged after the backup: no event tells of it again.
    live.bucket.put("after the backup.jpg", "new");
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    daemon.terminate();
    restore(&live.cli, &copy);
    let daemon = live.cli.serve();
    daemon.wait_for(&["ready"]);
    // A backup is older than this one. What was put within S3's error of two seconds before a scan counts as newer.
    live.proxy.set_clock(Some(5));
    live.cli.succeed(&["reindex"]);
    live.wait_for_mirror();
    live.cli.succeed(&["index", "verify"]);
    daemon.terminate();
    // Files that are done with go, also those that the backup had.
    live.cli.succeed(&["index", "compact"]);
    let files = live.cli.segment_files();
    let segments = files.iter().map(|file| file.file_stem());
    let segments: std::collections::BTreeSet<_> = segments.collect();
    assert_eq!(segments.len(), 1, "{files:#?}");
    live.wait_for_mirror();
}

#[test]
fn a_backup_knows_since_when_assets_were_there() {
    let fixture = Fixture::with_keys(["old.jpg"]);
    fixture.cli.reindex();
    let before = fixture.cli.indexed(SOURCE);
    let copy = take_backup(&fixture.cli);
    restore(&fixture.cli, &copy);
    fixture.cli.succeed(&["index", "rebuild"]);
    let after = fixture.cli.indexed(SOURCE);
    assert_eq!(after["old.jpg"].first_seen, before["old.jpg"].first_seen);
}
