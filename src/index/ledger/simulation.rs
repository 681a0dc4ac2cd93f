//! A deterministic simulation of the ledger: a bucket, a queue, scans, crashes; all in memory.

mod bucket;
mod consumer;
mod demands;
mod engine;
mod exhaustive;
mod fault;
mod fingerprint;
mod queue;
mod random;
mod scanner;
mod step;
mod witness;
mod world;

use random::{Broken, Kind, run_seed};

/// Runs seeds from 0, or the one that the environment names.
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

fn assert_holds(seeds: u64, kind: Kind) {
    match run_seeds(seeds, kind) {
        Ok(steps) => println!("{steps} steps"),
        Err((seed, broken)) => panic!("seed {seed}: {broken}"),
    }
}

const EXACT: Kind = Kind {
    jitter: 0,
    loses: false,
    new_rules: false,
    fault: None,
};

#[test]
fn random_histories() {
    assert_holds(2_000, EXACT);
}

#[test]
fn explore() {
    let get = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|v| v.parse::<i64>().ok())
            .unwrap_or(0)
    };
    let kind = Kind {
        jitter: get("J"),
        loses: get("L") > 0,
        new_rules: get("R") > 0,
        fault: None,
    };
    let from = get("FROM") as u64;
    let mut bad = 0;
    for seed in from..from + get("N") as u64 {
        if let Err(broken) = run_seed(seed, kind) {
            println!("seed {seed}: {broken}");
            bad += 1;
            if bad > get("MAXBAD") {
                break;
            }
        }
    }
    println!("{bad} bad");
}

fn scope() -> exhaustive::Scope {
    exhaustive::Scope {
        store: bucket::Store {
            versioned: false,
            sequencers: true,
            whole_seconds: true,
        },
        operations: 2,
        pace: 1_000,
        skew: 0,
        copies: 2,
        scans: 1,
        pages: 2,
        margins: &[1_000, 2_500],
        crashes: 0,
    }
}

#[test]
fn ex() {
    let get = |name: &str, or: i64| {
        std::env::var(name)
            .ok()
            .and_then(|v| v.parse::<i64>().ok())
            .unwrap_or(or)
    };
    let scope = exhaustive::Scope {
        store: bucket::Store {
            versioned: get("V", 0) > 0,
            sequencers: get("Q", 1) > 0,
            whole_seconds: true,
        },
        operations: get("OPS", 2) as usize,
        pace: get("PACE", 1000),
        skew: get("SKEW", 0),
        copies: get("COPIES", 2) as u8,
        scans: get("SCANS", 1) as usize,
        pages: get("PAGES", 2) as usize,
        crashes: get("CRASHES", 0) as usize,
        margins: [&[1_000, 2_500][..], &[1_000], &[2_500], &[1_500]][get("M", 0) as usize],
        ..scope()
    };
    let began = std::time::Instant::now();
    match exhaustive::explore(scope) {
        Ok(steps) => println!("{steps} steps {:?}", began.elapsed()),
        Err(history) => panic!("{scope:?}\n{history}"),
    }
}

#[test]
fn faults() {
    use fault::Fault;
    for fault in [
        Fault::AcknowledgeBeforeCommit,
        Fault::OldPagesSettle,
        Fault::LookUpsLeaveNoFloor,
        Fault::PagesAreStampedLate,
        Fault::SequencersAreIgnored,
        Fault::FirstPagesEndTheirRanges,
    ] {
        let kind = Kind {
            jitter: 500,
            loses: false,
            new_rules: false,
            fault: Some(fault),
        };
        let mut n = 0;
        for seed in 0..20000 {
            if let Err(broken) = run_seed(seed, kind) {
                println!("{fault:?} seed {seed}: {broken}");
                n += 1;
                if n > 2 {
                    break;
                }
            }
        }
    }
}
