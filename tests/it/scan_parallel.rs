//! The first scan of a bucket lists it in parallel, whatever its layout is. The server counts.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use crate::bucket::{Behavior, ComputedBucket, Layout, Log};
use crate::cli::Cli;
use crate::config::Config;

/// The name of the Source that [`ComputedBucket::config`] has.
const COMPUTED: &str = "computed";

/// How often a scan is killed.
const KILLS: usize = 50;

/// The wait between two looks at the server.
const POLL: Duration = Duration::from_millis(1);

/// The binary with a computed bucket as its only Source, and these keys of the configuration.
fn cli(bucket: &ComputedBucket, keys: &str) -> Cli {
    let cli = Cli::new(&Config::of([]));
    cli.configure_with(&bucket.config_with(&cli.data_dir(), keys));
    cli
}

fn start(behavior: Behavior) -> ComputedBucket {
    ComputedBucket::start_with(behavior, |_: &str| None)
}

/// Asserts that the index holds every key of the bucket, and no other.
#[track_caller]
fn assert_mirror(cli: &Cli, behavior: &Behavior) {
    let keys = (0..behavior.keys).map(|number| behavior.layout.key(behavior.keys, number));
    let want: BTreeSet<String> = keys.collect();
    let found = cli.keys(COMPUTED);
    assert!(found.iter().eq(&want), "{:?}", behavior.layout);
}

/// The number of keys that were on a page and had been on one before.
fn listed_twice(log: &Log, behavior: &Behavior) -> u64 {
    let listed: u64 = log.pages.iter().map(|page| page.end - page.start).sum();
    listed - behavior.keys
}

#[test]
fn first_scan_lists_every_layout_in_parallel() {
    for layout in Layout::ALL {
        let behavior = Behavior {
            keys: 30_000,
            layout,
            latency: Duration::from_millis(20),
            ..Behavior::default()
        };
        let bucket = start(behavior);
        let cli = cli(&bucket, "scan.ranges_in_flight = 32");
        assert_eq!(cli.reindex().added, behavior.keys, "{layout:?}");
        let log = bucket.take_log();
        println!(
            "{layout:?}: {} in flight, {} pages, {} keys listed twice",
            log.most_in_flight,
            log.pages.len(),
            listed_twice(&log, &behavior)
        );
        assert!(
            log.most_in_flight >= 8,
            "{layout:?}: {}",
            log.most_in_flight
        );
        assert!(
            log.most_in_flight <= 32,
            "{layout:?}: {}",
            log.most_in_flight
        );
        let twice = listed_twice(&log, &behavior);
        assert!(
            twice < behavior.keys,
            "{layout:?}: {twice} keys listed twice"
        );
        assert_mirror(&cli, &behavior);
    }
}

#[test]
fn rebuild_lists_the_ranges_of_the_previous_index_without_probes() {
    let behavior = Behavior {
        keys: 30_000,
        latency: Duration::from_millis(20),
        ..Behavior::default()
    };
    let bucket = start(behavior);
    let cli = cli(&bucket, "scan.ranges_in_flight = 16");
    cli.reindex();
    bucket.take_log();
    cli.succeed(&["reindex", "--rebuild"]);
    let log = bucket.take_log();
    assert!(log.most_in_flight >= 12, "{}", log.most_in_flight);
    // Each of the 16 ranges ends with a page that is not full, or overshoots.
    assert!(log.pages.len() <= 30 + 2 * 16, "{} pages", log.pages.len());
    assert_mirror(&cli, &behavior);
}

#[test]
fn storm_of_slow_down_does_not_fail_a_scan() {
    let behavior = Behavior {
        keys: 30_000,
        layout: Layout::Flat,
        latency: Duration::from_millis(20),
        most_in_flight: Some(6),
        ..Behavior::default()
    };
    let bucket = start(behavior);
    let cli = cli(&bucket, "scan.ranges_in_flight = 500");
    assert_eq!(cli.reindex().added, behavior.keys);
    let log = bucket.take_log();
    println!("{} refused, {} pages", log.refused, log.pages.len());
    assert!(log.refused > 0, "there was no storm");
    // 500 ranges that try again without adapting are refused thousands of times.
    assert!(log.refused < 1_500, "{} refused", log.refused);
    assert_mirror(&cli, &behavior);
}

#[test]
fn parallel_scan_killed_fifty_times_lists_little_twice() {
    let behavior = Behavior {
        keys: 40_000,
        layout: Layout::Nested,
        latency: Duration::from_millis(5),
        page_size: Some(100),
        ..Behavior::default()
    };
    let bucket = start(behavior);
    let cli = cli(
        &bucket,
        "scan.ranges_in_flight = 16\nindex.commit_documents = 500\nindex.writer_memory_mb = 15",
    );
    let mut killed = 0;
    for number in 0..KILLS {
        let enough = bucket.pages() + 1 + number % 12;
        let mut scan = cli.start(&["reindex"]);
        while bucket.pages() < enough && scan.is_running() {
            thread::park_timeout(POLL);
        }
        killed += usize::from(scan.is_running());
        scan.kill();
    }
    cli.succeed(&["reindex"]);
    let log = bucket.take_log();
    assert_mirror(&cli, &behavior);
    let twice = listed_twice(&log, &behavior);
    println!(
        "{killed} kills, {} pages, {twice} keys listed twice",
        log.pages.len()
    );
    // After a kill: the pages since the last commit, those that wait for the index, and those in flight.
    let pages_lost = 5 + 16 + 2 * 16;
    assert!(
        twice <= (killed as u64 + 1) * pages_lost * 100,
        "{twice} keys listed twice"
    );
}
