//! A deterministic simulation of the ledger and of the protocol of commits and acknowledgements.
//!
//! It has a bucket, a queue that delivers at least once and in any order, scans whose pages arrive late, and
//! crashes between any two steps. All of it is in memory, and every history can be run again. There are no
//! threads and no real clock, so it does not test the writer thread.
//!
//! After every step it checks the following ([`checks`]):
//!
//! - I1: a message is acknowledged only after its effect is durable.
//! - I2: a key disappears only because of a removal, because a page covers it and does not list it, or because the
//!   Source has moved and its new location has an asset or is allowed to be empty.
//! - I3: if every message is acknowledged and no page is in flight, the index equals the bucket, with and
//!   without pending changes. This is the claim of [`crate::core::replication::order`].
//! - I6: a scan completes if and only if every range was listed to its end.
//!
//! At the end of a history it also checks:
//!
//! - I5: an event, page or look-up that arrives again changes nothing.
//! - Every tombstone is purged at some point.
//!
//! [`exhaustive`] tries all small histories, [`random`] makes longer ones from seeds, and [`regressions`]
//! holds histories that failed once.

mod bucket;
mod check_state;
mod checks;
mod consumer;
mod engine;
mod exhaustive;
mod fault;
mod fingerprint;
mod queue;
mod random;
mod regressions;
mod scanner;
mod step;
mod world;

use bucket::Store;
use exhaustive::{Scope, explore};
use fault::Fault;
use random::{FailedHistory, RandomOptions, run_seed};

/// The minimum that [`crate::core::replication::timestamp::Timestamp::of_response`] subtracts, in
/// milliseconds.
const MIN_MARGIN: i64 = 1_000;

/// Maximum error of S3's clocks in either direction, in milliseconds. Less than the margin between a page's
/// timestamp and its snapshot.
const JITTER: i64 = MIN_MARGIN - 1;

const UNVERSIONED: Store = Store {
    versioned: false,
    sequencers: true,
    lifecycle_sequencers: true,
    whole_seconds: true,
};

const VERSIONED: Store = Store {
    versioned: true,
    ..UNVERSIONED
};

/// Four operations on two keys, and two pages with one key each.
const SMALL: Scope = Scope {
    store: UNVERSIONED,
    operations: 4,
    interval: 1_000,
    skew: 0,
    copies: 2,
    scans: 1,
    pages: 2,
    margins: &[MIN_MARGIN],
    crashes: 0,
};

fn assert_all_pass(scope: Scope) {
    match explore(scope) {
        Ok(steps) => println!("{steps} steps"),
        Err(history) => panic!("{scope:?}\n{history}"),
    }
}

#[test]
fn four_operations_without_versions() {
    assert_all_pass(SMALL);
}

#[test]
fn four_operations_with_versions() {
    assert_all_pass(Scope {
        store: VERSIONED,
        copies: 1,
        ..SMALL
    });
}

#[test]
fn three_operations_with_versions_and_every_message_twice() {
    assert_all_pass(Scope {
        store: VERSIONED,
        operations: 3,
        ..SMALL
    });
}

#[test]
fn two_operations_without_sequencers_and_with_old_timestamps() {
    for (versioned, copies) in [(false, 2), (true, 1)] {
        assert_all_pass(Scope {
            store: Store {
                versioned,
                sequencers: false,
                ..UNVERSIONED
            },
            operations: 2,
            copies,
            margins: &[MIN_MARGIN, 2_500],
            ..SMALL
        });
    }
}

#[test]
fn operations_closer_together_than_clock_errors() {
    for (store, copies) in [(UNVERSIONED, 2), (VERSIONED, 1)] {
        assert_all_pass(Scope {
            store,
            copies,
            operations: 3,
            interval: 300,
            skew: JITTER,
            ..SMALL
        });
    }
}

#[test]
fn crash_between_any_two_steps() {
    for (store, copies, scans) in [(UNVERSIONED, 2, 2), (VERSIONED, 1, 1)] {
        assert_all_pass(Scope {
            store,
            operations: 2,
            copies,
            scans,
            crashes: 1,
            ..SMALL
        });
    }
}

const RANDOM: RandomOptions = RandomOptions {
    jitter: JITTER,
    loses_messages: false,
    new_rules: false,
    moves: false,
    fault: None,
};

/// Runs the seeds from 0 to below `seeds`, or only the seed in `ASSET_INDEXER_SEED`. Returns the number of
/// steps.
fn run_seeds(seeds: u64, options: RandomOptions) -> Result<usize, (u64, FailedHistory)> {
    let chosen = std::env::var("ASSET_INDEXER_SEED").ok();
    let seeds = match chosen.and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..seeds,
    };
    let mut steps = 0;
    for seed in seeds {
        steps += run_seed(seed, options).map_err(|failed| (seed, failed))?;
    }
    Ok(steps)
}

fn assert_seeds_pass(seeds: u64, options: RandomOptions) {
    match run_seeds(seeds, options) {
        Ok(steps) => println!("{steps} steps"),
        Err((seed, failed)) => panic!("ASSET_INDEXER_SEED={seed}\n{options:?}\n{failed}"),
    }
}

#[test]
fn random_histories() {
    assert_seeds_pass(25_000, RANDOM);
}

#[test]
fn random_histories_with_exact_clocks() {
    assert_seeds_pass(
        4_000,
        RandomOptions {
            jitter: 0,
            ..RANDOM
        },
    );
}

/// Only a later scan can find out about events that were lost, or discarded because the rules did not admit
/// their key.
#[test]
fn random_histories_with_lost_messages_and_new_rules_are_right_after_a_scan() {
    for (loses_messages, new_rules) in [(true, false), (false, true), (true, true)] {
        let options = RandomOptions {
            loses_messages,
            new_rules,
            ..RANDOM
        };
        assert_seeds_pass(2_000, options);
    }
}

/// After a change of the prefix, the former assets stay until a page shows an asset.
#[test]
fn random_histories_with_moves_keep_former_assets_and_are_right_after_a_scan() {
    for new_rules in [false, true] {
        let options = RandomOptions {
            new_rules,
            moves: true,
            ..RANDOM
        };
        assert_seeds_pass(2_000, options);
    }
}

#[test]
fn every_fault_is_caught() {
    for fault in [
        Fault::AcknowledgeBeforeCommit,
        Fault::OldPagesSettleEvents,
        Fault::LookUpsLeaveNoFloor,
        Fault::LookUpsHaveLateTimestamps,
        Fault::SequencersAreIgnored,
        Fault::FirstPageEndsRange,
        Fault::ScansContinueAfterLostPages,
    ] {
        let fault = Some(fault);
        match run_seeds(5_000, RandomOptions { fault, ..RANDOM }) {
            Ok(steps) => panic!("{fault:?} is not caught in {steps} steps"),
            Err((seed, failed)) => println!("{fault:?}, seed {seed}: {failed}"),
        }
    }
}
