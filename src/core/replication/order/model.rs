//! A model checker for the ordering rules: explores every history of one key within a small scope, and checks
//! that the index ends equal to the bucket.
//!
//! It runs the real rules. One key is enough, because keys do not interact. A page of the model covers the key,
//! which `listing` proves for real pages.
//!
//! A crash is not a step of its own. It leaves the record and the Source's state of the last commit, and the
//! model has no other state. Events in flight are then delivered again, look-ups are lost, and pages of a
//! scan are listed again. Each of these is a step.

mod rules;
mod state;
mod world;

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use rules::{BrokenRule, Rules};
use state::{Fingerprint, State};
use world::World;

/// The scope to explore: all histories with at most these numbers of steps.
#[derive(Clone, Copy, Debug)]
struct Scope {
    /// Writes and removals of the key, at most [`state::MAX_OPERATIONS`].
    operations: usize,
    /// Scans, one at a time. Each may be abandoned.
    scans: u64,
    /// Look-ups of the key, at most [`state::MAX_LOOKUPS`]. Each may run at any time or be lost.
    lookups: usize,
    /// Maximum number of deliveries of each event. At least 1.
    copies: u8,
    /// The possible times from a page's timestamp to its snapshot, in moments.
    lags: &'static [i64],
    /// By how much `eventTime` may lie before or after the operation, in moments.
    skew: i64,
    /// Moments between two operations.
    pace: i64,
    /// The length of a moment in milliseconds. It determines how many moments the tombstone margin has.
    moment: i64,
    /// The demand that every history must satisfy.
    demand: Demand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// Once all events are delivered and nothing is in flight, the index equals the bucket.
    EndsEqual,
    /// In addition, replacing a record never brings back an older state of the bucket.
    NeverGoesBack,
    /// No event is applied after a later one, not even if the record is gone.
    EventsInOrder,
}

/// The time between operations, pages of a scan and look-ups, in moments.
const PACE: i64 = 10;

/// Exact event times, and page timestamps that can lie before the timestamps of much earlier pages.
///
/// Moments are so long that the tombstone margin has no effect, which is the hardest case for exact clocks.
const EXACT: Scope = Scope {
    operations: 3,
    scans: 2,
    lookups: 0,
    copies: 2,
    lags: &[0, 35],
    skew: 0,
    pace: PACE,
    moment: 10_000_000,
    demand: Demand::EndsEqual,
};

/// A look-up that scans overtake.
const OVERTAKING: Scope = Scope {
    operations: 2,
    lookups: 1,
    ..EXACT
};

/// Clocks of S3 that differ by less than page timestamps lie before their snapshots, and a tombstone margin of
/// 10 moments.
const SKEWED: Scope = Scope {
    scans: 1,
    lags: &[5, 15],
    skew: 4,
    moment: 6_000,
    ..EXACT
};

/// Event times that contradict the sequencers, because operations follow each other faster than S3's clocks
/// agree.
const OUT_OF_ORDER: Scope = Scope {
    copies: 1,
    lags: &[5, 10],
    pace: 2,
    demand: Demand::EventsInOrder,
    ..SKEWED
};

/// The same, within what S3's clocks may be off.
const CONTRADICTING: Scope = Scope {
    moment: 240,
    demand: Demand::EndsEqual,
    ..OUT_OF_ORDER
};

/// Page timestamps that equal the time of the snapshot.
const EXACT_STAMPS: Scope = Scope {
    scans: 1,
    lookups: 1,
    lags: &[0],
    demand: Demand::NeverGoesBack,
    ..EXACT
};

struct Explorer<'a> {
    world: &'a World,
    seen: HashSet<u128, BuildHasherDefault<Fingerprint>>,
}

impl Explorer<'_> {
    /// Visits all states that can follow this one. The error is the first history that violates the demand,
    /// last step first.
    fn explore(&mut self, state: &State) -> Result<(), Vec<String>> {
        if !self.seen.insert(state.fingerprint()) {
            return Ok(());
        }
        if let Some(violation) = self.world.violation(state) {
            return Err(vec![violation]);
        }
        for (step, next) in self.world.steps(state) {
            self.explore(&next).map_err(|mut history| {
                history.push(format!("{step:?} -> {:?}", next.record));
                history
            })?;
        }
        Ok(())
    }
}

/// Explores the scope. Returns the number of states, or the first history that violates the demand.
fn check(scope: Scope, broken: Option<BrokenRule>) -> Result<usize, String> {
    let mut states = 0;
    for operations in 1..=scope.operations {
        for contents in contents_of(operations) {
            for skews in skews_of(operations, scope.skew) {
                let world = World::new(scope, Rules { broken }, contents.clone(), skews);
                let seen = HashSet::default();
                let mut explorer = Explorer {
                    world: &world,
                    seen,
                };
                explorer.explore(&State::default()).map_err(|history| {
                    let steps: Vec<String> = history.into_iter().rev().collect();
                    steps.join("\n")
                })?;
                states += explorer.seen.len();
            }
        }
    }
    Ok(states)
}

/// All sequences of results of the operations: 0 for a removal, or the number of a content.
///
/// The first operation is a write of content 1. Two contents are enough: equal or different.
fn contents_of(operations: usize) -> Vec<Vec<u64>> {
    let mut all = vec![vec![1]];
    for _ in 1..operations {
        let longer = |head: &Vec<u64>| {
            let head = head.clone();
            (0..=2).map(move |next| [head.as_slice(), &[next]].concat())
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

fn skews_of(operations: usize, skew: i64) -> Vec<Vec<i64>> {
    let choices = if skew == 0 {
        vec![0]
    } else {
        vec![-skew, skew]
    };
    let mut all = vec![vec![]];
    for _ in 0..operations {
        let longer = |head: &Vec<i64>| {
            let head = head.clone();
            let next = choices.clone().into_iter();
            next.map(move |next| [head.as_slice(), &[next]].concat())
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

fn assert_holds(scope: Scope) {
    match check(scope, None) {
        Ok(states) => println!("{states} states"),
        Err(history) => panic!("{scope:?}\n{history}"),
    }
}

fn assert_caught(scope: Scope, broken: BrokenRule) {
    match check(scope, Some(broken)) {
        Ok(states) => panic!("{broken:?} is not caught in {states} states of {scope:?}"),
        Err(history) => println!("{broken:?}:\n{history}"),
    }
}

#[test]
fn three_operations_and_two_scans() {
    assert_holds(EXACT);
}

#[test]
fn two_operations_two_scans_and_a_lookup() {
    assert_holds(OVERTAKING);
}

#[test]
fn three_operations_a_scan_and_a_lookup() {
    assert_holds(Scope {
        scans: 1,
        lookups: 1,
        copies: 1,
        ..EXACT
    });
}

#[test]
fn three_operations_and_two_lookups() {
    assert_holds(Scope {
        scans: 0,
        lookups: 2,
        copies: 1,
        ..EXACT
    });
}

#[test]
fn three_operations_and_a_scan_with_skewed_clocks() {
    assert_holds(SKEWED);
}

#[test]
fn records_never_go_back_with_exact_timestamps() {
    assert_holds(EXACT_STAMPS);
}

#[test]
fn events_take_effect_in_order_even_if_their_times_are_not() {
    assert_holds(OUT_OF_ORDER);
}

#[test]
fn every_broken_rule_is_caught() {
    let with_lookup = Scope {
        lookups: 1,
        scans: 1,
        ..EXACT
    };
    for (broken, scope) in [
        (BrokenRule::EventsIgnoreCompletedScans, EXACT),
        (BrokenRule::EventsIgnoreListedAt, EXACT_STAMPS),
        (BrokenRule::EventsIgnoreSequencers, EXACT),
        (BrokenRule::EqualEventsDoNotAdvanceTheSequencer, EXACT),
        (BrokenRule::StaleEventsLeaveNoSequencer, CONTRADICTING),
        (BrokenRule::PagesOutrankEventsAppliedSince, CONTRADICTING),
        (BrokenRule::EventTimesGoBack, CONTRADICTING),
        (BrokenRule::RemovalsLeaveNoTombstone, EXACT),
        (BrokenRule::PagesIgnoreCompletedScans, with_lookup),
        (BrokenRule::PagesIgnoreTheRunningScan, OVERTAKING),
        (BrokenRule::PagesIgnoreEventTimes, EXACT),
        (BrokenRule::PagesIgnoreListedAt, with_lookup),
        (BrokenRule::PagesDropTheSequencer, OUT_OF_ORDER),
        (BrokenRule::PagesEraseWithoutTombstone, OUT_OF_ORDER),
        (BrokenRule::ScansPurgeTheirOwnTombstones, EXACT),
        (BrokenRule::ScansPurgeWithoutMargin, OUT_OF_ORDER),
        (BrokenRule::ScansCompleteAsOfTheirEnd, with_lookup),
        (BrokenRule::ScansStartBeforeTheLastOne, EXACT),
    ] {
        assert_caught(scope, broken);
    }
}

#[test]
fn times_out_of_order_end_equal() {
    for (operations, scans, lookups) in [(3, 1, 0), (2, 2, 0), (2, 1, 1)] {
        assert_holds(Scope {
            operations,
            scans,
            lookups,
            ..CONTRADICTING
        });
    }
}

/// A limit of the rules: if event times contradict the sequencers by more than
/// [`CLOCK_DISAGREEMENT`](super::CLOCK_DISAGREEMENT) and a page's timestamp lies between them, the index can have an
/// older content until the next scan.
#[test]
fn times_that_are_far_out_of_order_can_end_unequal() {
    let scope = Scope {
        operations: 2,
        demand: Demand::EndsEqual,
        ..OUT_OF_ORDER
    };
    assert!(check(scope, None).is_err());
}
