//! Tests the run-book: its chapters and links, and its backup script while the daemon writes.
//!
//! `src/cli/tests.rs` tests that its commands parse.

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

/// The data directory of the package.
const DATA_DIR: &str = "/var/lib/asset-indexer";

/// The chapters that alerts and other documents link to.
const CHAPTERS: [&str; 13] = [
    "Install",
    "First Source",
    "Rotate credentials",
    "Move a bucket",
    "Lost assets",
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
fn each_chapter_has_symptoms_steps_and_a_check() {
    let mut chapters = RUNBOOK.split("\n## ");
    chapters.next();
    let chapters: Vec<&str> = chapters.collect();
    let titles: Vec<&str> = chapters
        .iter()
        .filter_map(|chapter| chapter.lines().next())
        .collect();
    assert_eq!(titles, CHAPTERS);
    for chapter in chapters {
        for part in ["**Symptoms.**", "**Steps.**", "**Check.**", "\n    "] {
            assert!(chapter.contains(part), "no {part:?} in {chapter}");
        }
    }
}

#[test]
fn named_alerts_and_metrics_exist_and_each_alert_links_to_a_chapter() {
    let is_in_name = |c: char| c.is_alphanumeric() || c == '_';
    for word in RUNBOOK.split(|c| !is_in_name(c)) {
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
    let links = RULES
        .lines()
        .filter_map(|line| line.split_once("deploy/README.md#"));
    for (_, chapter) in links {
        let chapter = chapter.trim();
        assert!(anchors.iter().any(|anchor| anchor == chapter), "{chapter}");
    }
}

/// The backup script for this data directory.
fn backup_script(data_dir: &Path) -> String {
    let (_, rest) = RUNBOOK
        .split_once("```sh\n")
        .expect("the run-book has a script");
    let (script, _) = rest.split_once("```").expect("the script ends");
    script.replace(DATA_DIR, data_dir.to_str().expect("UTF-8"))
}

/// Makes a backup with the script of the run-book and returns its folder.
fn take_backup(cli: &Cli) -> PathBuf {
    let data_dir = cli.data_dir();
    let mut shell = Command::new("sh");
    let output = shell.arg("-c").arg(backup_script(&data_dir)).output();
    let output = output.expect("sh runs");
    assert!(output.status.success(), "{output:#?}");
    data_dir.join("snapshot")
}

fn verify(cli: &Cli, copy: &Path) -> String {
    let copy = copy.to_str().expect("UTF-8");
    cli.succeed(&["index", "verify", "--data-dir", copy]).stdout
}

/// Replaces the index with a backup.
fn restore(cli: &Cli, copy: &Path) {
    let data_dir = cli.data_dir();
    fs::remove_dir_all(data_dir.join(cli.generation().trim_end()))
        .expect("the generation can be removed");
    for name in [
        fs::read_to_string(copy.join("CURRENT"))
            .expect("the backup names its generation")
            .trim_end(),
        "CURRENT",
    ] {
        fs::rename(copy.join(name), data_dir.join(name)).expect("both are on one file system");
    }
}

#[test]
fn backups_taken_while_the_daemon_writes_are_sound_and_can_be_restored() {
    let live = Live::new();
    live.bucket.put_keys(numbered(0..300));
    let daemon = live.serve();
    let is_done = AtomicBool::new(false);
    let copy = thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..5_000 {
                if is_done.load(Ordering::Relaxed) {
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
        is_done.store(true, Ordering::Relaxed);
        copy
    });
    // This event is acknowledged after the backup, so it is not delivered again.
    live.bucket.put("after the backup.jpg", "new");
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    daemon.terminate();
    restore(&live.cli, &copy);
    let daemon = live.cli.serve();
    daemon.wait_for(&["ready"]);
    // Real backups are older than this one. An object that was put less than two seconds before a scan counts
    // as newer than the scan, because S3's clock may be off by that much. So set the clock forward.
    live.proxy.set_clock(Some(5));
    live.cli.succeed(&["reindex"]);
    live.wait_for_mirror();
    live.cli.succeed(&["index", "verify"]);
    daemon.terminate();
    // A compaction deletes all unused files, also those of the backup.
    live.cli.succeed(&["index", "compact"]);
    let files = live.cli.segment_files();
    let segments = files.iter().map(|file| file.file_stem());
    let segments: std::collections::BTreeSet<_> = segments.collect();
    assert_eq!(segments.len(), 1, "{files:#?}");
    live.wait_for_mirror();
}

#[test]
fn first_seen_survives_a_backup_and_a_rebuild() {
    let fixture = Fixture::with_keys(["old.jpg"]);
    fixture.cli.reindex();
    let before = fixture.cli.indexed(SOURCE);
    let copy = take_backup(&fixture.cli);
    restore(&fixture.cli, &copy);
    fixture.cli.succeed(&["index", "rebuild"]);
    let after = fixture.cli.indexed(SOURCE);
    assert_eq!(after["old.jpg"].first_seen, before["old.jpg"].first_seen);
}
