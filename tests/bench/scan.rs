//! Measures the time and memory of a reindex for buckets of several sizes: first with an empty index, then
//! with the unchanged bucket.
//!
//! `cargo bench --bench scan` uses three sizes. `cargo bench --bench scan -- 10000 5000000` uses other sizes.
//! `cargo bench --bench scan -- layouts 200000` measures first scans of every layout instead, from a bucket that takes
//! 80 ms for a page, with up to 64 pages in flight: without writing an index, and with.
//! The binary lists a bucket that this process computes, so the wall time includes both processes.

#![allow(unreachable_pub, reason = "a benchmark exports nothing")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bucket::{Behavior, ComputedBucket, Layout};
use watch::Peak;

mod bucket;
mod cpu;
mod http_server;
mod mixed;
mod watch;

/// Default numbers of keys.
const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];

/// Default number of keys of each layout.
const LAYOUT_KEYS: u64 = 200_000;

/// How long a page of a bucket with a layout takes, as in S3.
const LATENCY: Duration = Duration::from_millis(80);

/// The number of pages in flight for each layout.
const IN_FLIGHT: usize = 64;

/// The field of `/proc/self/stat` with the CPU time of all children that have ended: `cutime`. `cstime` is
/// the next field.
const CPU_OF_CHILDREN: usize = 16;

/// The measurements of a reindex.
struct Run {
    wall: Duration,
    cpu: Duration,
    peak: Peak,
}

fn main() {
    // Cargo adds `--bench`.
    let arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let mut arguments: Vec<String> = arguments.collect();
    let is_by_layout = arguments.first().is_some_and(|word| word == "layouts");
    if is_by_layout {
        arguments.remove(0);
    }
    let mut sizes: Vec<u64> = arguments
        .iter()
        .map(|word| word.parse().expect("each argument is a number of keys"))
        .collect();
    if is_by_layout {
        if sizes.is_empty() {
            sizes = vec![LAYOUT_KEYS];
        }
        sizes.into_iter().for_each(measure_layouts);
        return;
    }
    if sizes.is_empty() {
        sizes = SIZES.to_vec();
    }
    println!(
        "{:<10} {:>9} {:>8} {:>8} {:>9} {:>13} {:>12} {:>9}",
        "reindex", "keys", "wall s", "CPU s", "keys/s", "anonymous MB", "resident MB", "index MB"
    );
    for keys in sizes {
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        let bucket = ComputedBucket::start(keys, |_| None);
        let data_dir = folder.path().join("data");
        let config = folder.path().join("asset-indexer.toml");
        std::fs::write(&config, bucket.config(&data_dir)).expect("the folder is ours");
        for (kind, added) in [("first", keys), ("unchanged", 0)] {
            let words = format!("{added} added 0 changed 0 removed");
            let run = reindex(&config, &["reindex"], &words);
            print_row(kind, keys, &run, bytes_in(&data_dir));
        }
    }
}

/// Measures first scans of all layouts with this number of keys.
fn measure_layouts(keys: u64) {
    println!(
        "{:<10} {:<8} {:>9} {:>8} {:>8} {:>9} {:>10} {:>7} {:>7} {:>13}",
        "layout",
        "reindex",
        "keys",
        "wall s",
        "CPU s",
        "keys/s",
        "in flight",
        "pages",
        "empty",
        "anonymous MB"
    );
    for layout in Layout::ALL {
        let behavior = Behavior {
            keys,
            layout,
            latency: LATENCY,
            ..Behavior::default()
        };
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        let bucket = ComputedBucket::start_with(behavior, |_: &str| None);
        let config = folder.path().join("asset-indexer.toml");
        let limit = format!("scan.ranges_in_flight = {IN_FLIGHT}");
        let text = bucket.config_with(&folder.path().join("data"), &limit);
        std::fs::write(&config, text).expect("the folder is ours");
        for (kind, command) in [
            ("dry run", &["reindex", "--dry-run"][..]),
            ("first", &["reindex"]),
        ] {
            let run = reindex(
                &config,
                command,
                &format!("{keys} added 0 changed 0 removed"),
            );
            let log = bucket.take_log();
            let empty = log.pages.iter().filter(|page| page.is_empty()).count();
            let (wall, cpu) = (run.wall.as_secs_f64(), run.cpu.as_secs_f64());
            println!(
                "{:<10} {kind:<8} {keys:>9} {wall:>8.2} {cpu:>8.2} {:>9.0} {:>10} {:>7} {empty:>7} {:>13.1}",
                format!("{layout:?}").to_lowercase(),
                keys as f64 / wall,
                log.most_in_flight,
                log.pages.len(),
                run.peak.anonymous as f64 / 1e6,
            );
        }
    }
}

/// Runs a reindex that must succeed. Its summary must contain these words, apart from commas.
fn reindex(config: &Path, command: &[&str], words: &str) -> Run {
    let cpu = || cpu::time("/proc/self/stat", CPU_OF_CHILDREN);
    let cpu_before = cpu();
    let started = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_asset-indexer"))
        .arg("--config")
        .arg(config)
        .args(command)
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo built the binary");
    let watched = watch::watch(child.id());
    let output = child.wait_with_output().expect("the process is our child");
    let wall = started.elapsed();
    let stdout = String::from_utf8_lossy(&output.stdout).replace(',', "");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stdout.contains(words),
        "{stdout}{stderr}"
    );
    Run {
        wall,
        cpu: cpu() - cpu_before,
        peak: watched.join().expect("the thread does not panic"),
    }
}

fn print_row(kind: &str, keys: u64, run: &Run, index_bytes: u64) {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let (wall, cpu) = (run.wall.as_secs_f64(), run.cpu.as_secs_f64());
    println!(
        "{kind:<10} {keys:>9} {wall:>8.2} {cpu:>8.2} {:>9.0} {:>13.1} {:>12.1} {:>9.1}",
        keys as f64 / wall,
        megabytes(run.peak.anonymous),
        megabytes(run.peak.resident),
        megabytes(index_bytes),
    );
}

/// The total size of all files in a folder and its subfolders, in bytes.
fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("the reindex created the folder");
    let sizes = entries.map(|entry| {
        let entry = entry.expect("no other process changes the folder");
        match entry
            .metadata()
            .expect("no other process changes the folder")
        {
            metadata if metadata.is_dir() => bytes_in(&entry.path()),
            metadata => metadata.len(),
        }
    });
    sizes.sum()
}
