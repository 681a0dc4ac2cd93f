//! Tests that hundreds of small Sources are indexed together instead of one after the other.
//!
//! It compares numbers of commits and not times. With `--nocapture` it also prints the times.

use std::time::Instant;

use crate::bucket::ComputedBucket;
use crate::cli::Cli;
use crate::config::Config;
use crate::http_client::send;

/// Number of Sources.
const SOURCES: usize = 300;
/// Number of assets of each Source.
const ASSETS: u64 = 10;
/// Maximum number of commits of a daemon that starts with new Sources: one for all Sources together, and those that
/// complete scans share. Each waits half a second for more, so a slow machine needs more of them. With commits for each
/// Source there would be 300.
const MAX_COMMITS: u64 = 100;

/// The configuration of Sources that all have the same bucket.
fn configure(cli: &Cli, bucket: &ComputedBucket) {
    let names: Vec<String> = (0..SOURCES).map(|number| format!("s{number:03}")).collect();
    let sources = bucket.config_of(&names, &cli.data_dir());
    cli.configure_with(&format!("{sources}\n[serve]\nlisten = \"127.0.0.1:0\"\n"));
}

/// The value of a metric without labels.
fn metric(address: &str, name: &str) -> u64 {
    let text = send(address, "GET", "/metrics", &[]).text();
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = value.and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("no number {name} in:\n{text}"))
}

#[test]
fn hundreds_of_small_sources_share_their_commits() {
    let bucket = ComputedBucket::start(ASSETS, |_| None);
    let cli = Cli::new(&Config::of([]));
    configure(&cli, &bucket);
    let began = Instant::now();
    let output = cli.succeed(&["reindex"]);
    println!("reindex of {SOURCES} Sources: {:?}", began.elapsed());
    let total = format!("all {SOURCES} Sources: 3,000 keys listed, 3,000 admitted; 3,000 added");
    assert!(output.stdout.contains(&total), "{}", output.stdout);

    let cli = Cli::new(&Config::of([]));
    configure(&cli, &bucket);
    let began = Instant::now();
    let daemon = cli.serve();
    daemon.wait_for_times(SOURCES, &["scan completed"]);
    println!("a daemon with {SOURCES} new Sources: {:?}", began.elapsed());
    let address = daemon.field(&["serving HTTP"], "address");
    let commits = metric(&address, "asset_indexer_commit_seconds_count");
    println!("{commits} commits");
    assert!(commits <= MAX_COMMITS, "{commits} commits");
    daemon.terminate();
}
