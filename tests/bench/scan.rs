//! Measures the time and memory of a reindex for buckets of several sizes: first with an empty index, then
//! with the unchanged bucket.
//!
//! `cargo bench --bench scan` uses three sizes. `cargo bench --bench scan -- 10000 5000000` uses other sizes.
//! The binary lists a bucket that this process computes, so the wall time includes both processes.

#![allow(unreachable_pub, reason = "a benchmark exports nothing")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bucket::ComputedBucket;
use watch::Peak;

mod bucket;
mod cpu;
mod http_server;
mod watch;

/// Default numbers of keys.
const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];

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
    let mut sizes: Vec<u64> = arguments
        .map(|word| word.parse().expect("each argument is a number of keys"))
        .collect();
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
            let run = reindex(&config, &format!("{added} added 0 changed 0 removed"));
            print_row(kind, keys, &run, bytes_in(&data_dir));
        }
    }
}

/// Runs a reindex that must succeed. Its summary must contain these words, apart from commas.
fn reindex(config: &Path, words: &str) -> Run {
    let cpu = || cpu::time("/proc/self/stat", CPU_OF_CHILDREN);
    let cpu_before = cpu();
    let started = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_asset-indexer"))
        .arg("--config")
        .arg(config)
        .arg("reindex")
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
