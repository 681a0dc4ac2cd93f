//! A deterministic simulation of the ledger with the protocol of commits and acknowledgements: a
//! bucket, a queue that delivers at least once in any order, scans whose pages come late, crashes
//! between any two steps. All of it is in memory, and every history can be run again.
//!
//! What it checks after every step ([`demands`]): a message is acknowledged only once its effect is durable
//! (I1); a key disappears only where a removal or a page says so (I2); whenever every message is acknowledged
//! and no page is on its way, the index shows and holds what the bucket does (I3, the claim of
//! [`crate::core::replication::order`]); a scan is complete when it is listed to its end and not before (I6).
//! At the end also: what comes again changes nothing (I5), and no tombstone stays for ever.
//!
//! It has no threads and no clock of its own, so it says nothing about the writer's thread. Small
//! histories are all tried ([`exhaustive`]), longer ones made up from seeds ([`random`]); those that
//! broke a rule once are in [`regressions`].

mod bucket;
mod consumer;
mod demands;
mod engine;
mod exhaustive;
mod fault;
mod fingerprint;
mod queue;
mod random;
mod regressions;
mod scanner;
mod step;
mod witness;
mod world;

use bucket::Store;
use exhaustive::{Scope, explore};
use fault::Fault;
use random::{Broken, Kind, run_seed};

/// What [`crate::core::replication::timestamp::Timestamp::of_response`] takes off at least, in milliseconds.
const LEAST_MARGIN: i64 = 1_000;

/// By how much S3's clocks may be off either way: less than a stamp lies before its snapshot.
const JITTER: i64 = LEAST_MARGIN - 1;

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

/// Four operations on two keys, two pages that hold a key each.
const SMALL: Scope = Scope {
    store: UNVERSIONED,
    operations: 4,
    pace: 1_000,
    skew: 0,
    copies: 2,
    scans: 1,
    pages: 2,
    margins: &[LEAST_MARGIN],
    crashes: 0,
};

fn assert_all_hold(scope: Scope) {
    match explore(scope) {
        Ok(steps) => println!("{steps} steps"),
        Err(history) => panic!("{scope:?}\n{history}"),
    }
}

#[test]
fn four_operations_without_versions() {
    assert_all_hold(SMALL);
}

#[test]
fn four_operations_with_versions() {
    assert_all_hold(Scope {
        store: VERSIONED,
        copies: 1,
        ..SMALL
    });
}

#[test]
fn three_operations_with_versions_and_every_message_twice() {
    assert_all_hold(Scope {
        store: VERSIONED,
        operations: 3,
        ..SMALL
    });
}

#[test]
fn two_operations_without_sequencers_and_with_old_stamps() {
    for (versioned, copies) in [(false, 2), (true, 1)] {
        assert_all_hold(Scope {
            store: Store {
                versioned,
                sequencers: false,
                ..UNVERSIONED
            },
            operations: 2,
            copies,
            margins: &[LEAST_MARGIN, 2_500],
            ..SMALL
        });
    }
}

#[test]
fn operations_that_follow_each_other_faster_than_clocks_agree() {
    for (store, copies) in [(UNVERSIONED, 2), (VERSIONED, 1)] {
        assert_all_hold(Scope {
            store,
            copies,
            operations: 3,
            pace: 300,
            skew: JITTER,
            ..SMALL
        });
    }
}

#[test]
fn a_crash_between_any_two_steps() {
    for (store, copies, scans) in [(UNVERSIONED, 2, 2), (VERSIONED, 1, 1)] {
        assert_all_hold(Scope {
            store,
            operations: 2,
            copies,
            scans,
            crashes: 1,
            ..SMALL
        });
    }
}

const RANDOM: Kind = Kind {
    jitter: JITTER,
    loses: false,
    new_rules: false,
    fault: None,
};

/// Runs seeds from 0, or the one that the environment names; how many steps there were.
fn run_seeds(seeds: u64, kind: Kind) -> Result<usize, (u64, Broken)> {
    let chosen = std::env::var("ASSET_INDEXER_SEED").ok();
    let seeds = match chosen.and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..seeds,
    };
    let mut steps = 0;
    for seed in seeds {
        steps += run_seed(seed, kind).map_err(|broken| (seed, broken))?;
    }
    Ok(steps)
}

fn assert_seeds_hold(seeds: u64, kind: Kind) {
    match run_seeds(seeds, kind) {
        Ok(steps) => println!("{steps} steps"),
        Err((seed, broken)) => panic!("ASSET_INDEXER_SEED={seed}\n{kind:?}\n{broken}"),
    }
}

#[test]
fn random_histories() {
    assert_seeds_hold(25_000, RANDOM);
}

#[test]
fn random_histories_with_exact_clocks() {
    assert_seeds_hold(
        4_000,
        Kind {
            jitter: 0,
            ..RANDOM
        },
    );
}

/// Of what is lost, or thrown away by rules that do not admit it, only a later scan can tell.
#[test]
fn random_histories_with_lost_messages_and_new_rules_are_right_after_a_scan() {
    for (loses, new_rules) in [(true, false), (false, true), (true, true)] {
        let kind = Kind {
            loses,
            new_rules,
            ..RANDOM
        };
        assert_seeds_hold(2_000, kind);
    }
}

#[test]
fn every_fault_is_caught() {
    for fault in [
        Fault::AcknowledgeBeforeCommit,
        Fault::OldPagesSettle,
        Fault::LookUpsLeaveNoFloor,
        Fault::PagesAreStampedLate,
        Fault::SequencersAreIgnored,
        Fault::FirstPagesEndTheirRanges,
        Fault::ScansGoOnBehindLostPages,
    ] {
        let fault = Some(fault);
        match run_seeds(5_000, Kind { fault, ..RANDOM }) {
            Ok(steps) => panic!("{fault:?} is not caught in {steps} steps"),
            Err((seed, broken)) => println!("{fault:?}, seed {seed}: {broken}"),
        }
    }
}
