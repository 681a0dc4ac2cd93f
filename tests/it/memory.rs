//! Tests that a scan of many keys takes no more memory than a scan of fewer keys, with the default limits.
//!
//! It compares anonymous memory. The operating system can take back the pages of mapped index files at any
//! time.

use crate::bucket::ComputedBucket;
use crate::cli::{Cli, Counts};
use crate::config::Config;
use crate::watch::watch;

/// Number of keys in the smaller bucket: more than one commit takes, so that the scan needs the memory of a
/// commit.
const SOME: u64 = 50_000;

/// Number of keys in the larger bucket.
const MANY: u64 = 200_000;

/// Maximum number of bytes that the larger bucket may take in addition. Merges of segments need some memory,
/// and a long scan keeps the channels to the index full, unlike a short scan.
const MAX_GROWTH: u64 = 32_000_000;

/// Maximum number of bytes of anonymous memory.
const MAX_ANONYMOUS: u64 = 128_000_000;

/// Scans a bucket with this number of keys twice and returns the peak of anonymous memory of each scan.
fn peaks(keys: u64) -> [u64; 2] {
    let bucket = ComputedBucket::start(keys, |_| None);
    let cli = Cli::new(&Config::of([]));
    cli.configure_with(&bucket.config(&cli.data_dir()));
    let scan = |added| {
        let running = cli.start(&["reindex"]);
        let watched = watch(running.id());
        let output = running.wait();
        assert!(output.status.success(), "{output:#?}");
        let (changed, removed) = (0, 0);
        let counts = Counts {
            added,
            changed,
            removed,
        };
        assert_eq!(output.counts(), counts);
        watched.join().expect("the thread does not panic").anonymous
    };
    let first = scan(keys);
    let files = cli.segment_files();
    let unchanged = scan(0);
    assert_eq!(cli.segment_files(), files, "nothing was written");
    [first, unchanged]
}

#[test]
fn memory_does_not_grow_with_the_bucket() {
    let (some, many) = (peaks(SOME), peaks(MANY));
    for (kind, some, many) in [("first", some[0], many[0]), ("unchanged", some[1], many[1])] {
        assert!(some > 0, "the memory of the {kind} scan was not measured");
        assert!(
            many <= some + MAX_GROWTH && many <= MAX_ANONYMOUS,
            "the {kind} scan took {some} bytes for {SOME} keys and {many} for {MANY}"
        );
    }
}
