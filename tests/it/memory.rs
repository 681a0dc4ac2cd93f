//! Memory stays flat: a scan of many keys takes no more than one of some, with the default limits.
//!
//! What is compared is anonymous memory; pages of mapped index files are the system's to take back.

use crate::bucket::ComputedBucket;
use crate::cli::{Cli, Counts};
use crate::config::Config;
use crate::watch::watch;

/// Keys of the smaller bucket: more than one commit takes at once, so that what a commit needs is
/// needed here too.
const SOME: u64 = 50_000;

/// Keys of the larger bucket.
const MANY: u64 = 200_000;

/// The most that the larger bucket may cost beyond the smaller one, bytes. Merges of segments need
/// some, and a long scan keeps the channels before the index full, which a short one need not.
const MAX_GROWTH: u64 = 32_000_000;

/// The most that any of it may take, bytes.
const MAX_ANONYMOUS: u64 = 128_000_000;

/// Scans the bucket of so many keys twice; the most anonymous memory that each scan took.
fn peaks(keys: u64) -> [u64; 2] {
    let bucket = ComputedBucket::start(keys);
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
        watched.join().expect("it does not panic").anonymous
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
        assert!(some > 0, "the {kind} scan was not seen");
        assert!(
            many <= some + MAX_GROWTH && many <= MAX_ANONYMOUS,
            "the {kind} scan took {some} bytes for {SOME} keys and {many} for {MANY}"
        );
    }
}
