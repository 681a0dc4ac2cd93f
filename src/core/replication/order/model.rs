//! Every history of one key within a small scope, run over the real rules: does the index end as
//! the bucket does?
//!
//! A crash is no step of its own: what it leaves are the record and the Source's state of the last
//! commit, and the model has no other state. What was in flight then comes again (events) or is
//! lost (a look-up) or is listed anew (a page of a scan), all of which are steps. Keys do not
//! interact, so one is enough. Pages here make the statement about the key that `listing` proves.

mod rules;
mod state;
mod world;

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use rules::{Fault, Rules};
use state::{Fingerprint, State};
use world::World;

/// What is explored: all histories of at most so many steps of each kind.
#[derive(Clone, Copy, Debug)]
struct Scope {
    /// Puts and removals of the key, at most [`state::MAX_OPERATIONS`].
    operations: usize,
    /// Scans, one at a time, each of which may be given up.
    scans: u64,
    /// Pages of the key alone, at any time and each perhaps lost, at most [`state::MAX_LOOKUPS`].
    lookups: usize,
    /// How often each event may come; once at least.
    copies: u8,
    /// By how much the stamp of a page may lie before its snapshot, in moments.
    lags: &'static [i64],
    /// By how much `eventTime` may lie before or behind the operation, in moments.
    skew: i64,
    /// Moments between two operations.
    pace: i64,
    /// Milliseconds of a moment: what the margin for tombstones amounts to.
    moment: i64,
    /// What is demanded.
    demand: Demand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// When every event has come and nothing is under way, the index equals the bucket.
    EndsEqual,
    /// That, and no write over a record takes it back to an older state of the bucket.
    NeverGoesBack,
    /// No event is applied once a later one has been, not even when the record is gone.
    EventsInOrder,
}

/// Each page of a scan, each look-up and each operation comes this much after the last, in moments.
const PACE: i64 = 10;

/// Exact event times, and stamps that can be earlier than those of pages listed long before.
///
/// The margin for tombstones counts for nothing here, which is the hardest case for exact clocks.
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

/// Clocks of S3 that differ by less than what stamps lie before their snapshots, and a margin for
/// tombstones of 10 moments.
const SKEWED: Scope = Scope {
    scans: 1,
    lags: &[5, 15],
    skew: 4,
    moment: 6_000,
    ..EXACT
};

/// Event times that contradict the sequencers: operations that follow each other faster than S3's
/// clocks agree.
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

/// Stamps that are their snapshots' times.
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
    /// Visits all that can follow; the error is the first history that breaks the demand, last step
    /// first.
    fn explore(&mut self, state: &State) -> Result<(), Vec<String>> {
        if !self.seen.insert(state.fingerprint()) {
            return Ok(());
        }
        if let Some(wrong) = self.world.what_is_wrong(state) {
            return Err(vec![wrong]);
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

/// Explores the scope; how many states there are, or the first history that breaks the demand.
fn check(scope: Scope, fault: Option<Fault>) -> Result<usize, String> {
    let mut states = 0;
    for operations in 1..=scope.operations {
        for contents in contents_of(operations) {
            for skews in skews_of(operations, scope.skew) {
                let world = World::new(scope, Rules { fault }, contents.clone(), skews);
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

/// What the operations leave behind: 0 for a removal, else the number of a content.
///
/// The first is a put; two contents are enough for equal and different ones, and which of them is
/// which makes no difference.
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

fn assert_caught(scope: Scope, fault: Fault) {
    match check(scope, Some(fault)) {
        Ok(states) => panic!("{fault:?} is not caught in {states} states of {scope:?}"),
        Err(history) => println!("{fault:?}:\n{history}"),
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
fn with_exact_stamps_a_record_never_goes_back() {
    assert_holds(EXACT_STAMPS);
}

#[test]
fn events_take_effect_in_their_order_even_where_their_times_are_not() {
    assert_holds(OUT_OF_ORDER);
}

#[test]
fn every_broken_rule_is_caught() {
    let with_lookup = Scope {
        lookups: 1,
        scans: 1,
        ..EXACT
    };
    for (fault, scope) in [
        (Fault::EventsIgnoreCompletedScans, EXACT),
        (Fault::EventsIgnoreListedAt, EXACT_STAMPS),
        (Fault::EventsIgnoreSequencers, EXACT),
        (Fault::EqualEventsDoNotAdvanceTheSequencer, EXACT),
        (Fault::StaleEventsLeaveNoSequencer, CONTRADICTING),
        (Fault::PagesOutrankEventsAppliedSince, CONTRADICTING),
        (Fault::EventTimesGoBack, CONTRADICTING),
        (Fault::RemovalsLeaveNoTombstone, EXACT),
        (Fault::PagesIgnoreCompletedScans, with_lookup),
        (Fault::PagesIgnoreTheRunningScan, OVERTAKING),
        (Fault::PagesIgnoreEventTimes, EXACT),
        (Fault::PagesIgnoreListedAt, with_lookup),
        (Fault::PagesDropTheSequencer, OUT_OF_ORDER),
        (Fault::PagesEraseWithoutTombstone, OUT_OF_ORDER),
        (Fault::ScansPurgeTheirOwnTombstones, EXACT),
        (Fault::ScansPurgeWithoutMargin, OUT_OF_ORDER),
        (Fault::ScansCompleteAsOfTheirEnd, with_lookup),
        (Fault::ScansStartBeforeTheLastOne, EXACT),
    ] {
        assert_caught(scope, fault);
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

/// What the rules do not promise: event times that contradict the sequencers by more than that, with a
/// page stamped between them, can leave an older content until the next scan.
#[test]
fn times_that_are_far_out_of_order_can_end_unequal() {
    let scope = Scope {
        operations: 2,
        demand: Demand::EndsEqual,
        ..OUT_OF_ORDER
    };
    assert!(check(scope, None).is_err());
}
