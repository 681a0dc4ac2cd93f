//! Histories that broke a rule once, cut down, and those that show what the rules do not promise.

use super::bucket::Operation::{self, Delete, Destroy, Put};
use super::bucket::Store;
use super::fault::Fault;
use super::random::run;
use super::step::Step::{self, *};
use super::world::{Setup, World};
use super::{JITTER, LEAST_MARGIN, UNVERSIONED, VERSIONED};

const SETUP: Setup = Setup {
    store: UNVERSIONED,
    max_changes: 1_000,
    newest_first: false,
    fault: None,
};

const VERSIONS: Setup = Setup {
    store: VERSIONED,
    ..SETUP
};

/// What is left at the end comes in reverse.
const REVERSED: Setup = Setup {
    newest_first: true,
    ..SETUP
};

const KEY: &str = "a/1";

fn operate(operation: Operation, skew: i64) -> Step {
    Operate {
        key: KEY,
        operation,
        skew,
    }
}

/// The steps that apply an ambiguous event of the key.
fn look_up(event: u64) -> [Step; 4] {
    let (key, margin) = (KEY, LEAST_MARGIN);
    [
        Receive { key, event },
        LookUp { key, event, margin },
        Decide { key, event },
        Commit,
    ]
}

/// The steps of a scan in one page.
fn scan() -> [Step; 4] {
    let range = 0;
    [
        Begin {
            fresh: true,
            ranges: 1,
        },
        List {
            range,
            margin: LEAST_MARGIN,
            most: 9,
        },
        Arrive { range },
        Complete,
    ]
}

fn assert_holds(setup: Setup, history: &[&[Step]]) {
    let history = history.concat();
    if let Err(why) = run(setup, &history) {
        panic!("{history:?}\n{why}");
    }
}

fn assert_breaks(setup: Setup, history: &[&[Step]], what: &str) {
    let why = run(setup, &history.concat()).expect_err(what);
    assert!(why.starts_with(what), "{why}");
}

/// The creation comes after the removal of its version was looked up; the page that was looked up
/// found nothing to change, and left nothing that the creation is older than.
#[test]
fn a_creation_that_comes_after_its_version_was_removed() {
    let history = [
        &[
            operate(Put(1), 0),
            operate(Put(2), 0),
            operate(Destroy { below: 0 }, 0),
            Pass(5_000),
            Receive { key: KEY, event: 1 },
        ],
        &look_up(3)[..],
    ];
    let in_milliseconds = Setup {
        store: Store {
            whole_seconds: false,
            ..VERSIONED
        },
        ..SETUP
    };
    assert_holds(in_milliseconds, &history);
    let no_floor = Setup {
        fault: Some(Fault::LookUpsLeaveNoFloor),
        ..in_milliseconds
    };
    assert_breaks(no_floor, &history, "I3");
}

/// The newer of two events has the earlier time; a page with a stamp between them has told what it
/// tells, and it was dropped without a trace, so that the older one was applied.
#[test]
fn a_page_between_two_events_whose_times_are_the_wrong_way_round() {
    for second in [Put(2), Delete] {
        for early in [0, JITTER] {
            let operations = [
                operate(Put(1), JITTER),
                operate(second, -early),
                Pass(1_500),
            ];
            assert_holds(REVERSED, &[&operations, &scan()]);
            assert_holds(SETUP, &[&operations, &scan()]);
        }
    }
}

/// That again with the page of a look-up.
#[test]
fn a_look_up_between_two_events_whose_times_are_the_wrong_way_round() {
    let operations = [
        operate(Put(1), 0),
        operate(Delete, -300),
        operate(Put(1), 300),
        operate(Destroy { below: 0 }, 0),
        Pass(1_200),
    ];
    for setup in [
        VERSIONS,
        Setup {
            newest_first: true,
            ..VERSIONS
        },
    ] {
        assert_holds(setup, &[&operations, &look_up(2)]);
    }
}

/// The older event was applied over the page already when the newer one comes.
#[test]
fn the_older_event_was_applied_over_the_page() {
    let operations = [operate(Put(1), 500), operate(Put(2), -500), Pass(1_200)];
    let received = [Receive { key: KEY, event: 1 }];
    assert_holds(SETUP, &[&operations, &scan(), &received]);
}

/// What the rules do not promise: a clock that is off by more than a stamp lies before its snapshot.
#[test]
fn clocks_that_are_off_by_more_than_the_margin_can_break_it() {
    let late = [operate(Put(1), -LEAST_MARGIN - 10)];
    let [begin, list, arrive, complete] = scan();
    let history = [&[begin, list][..], &late, &[arrive, complete]];
    assert_breaks(SETUP, &history, "I3");
}

/// What the rules do not promise: an event that came while the rules did not admit its key was thrown
/// away. Where one from before it comes only after the scan by the new rules, it is believed, until
/// the next scan.
#[test]
fn what_other_rules_threw_away_is_missed_until_the_next_scan() {
    let history = [
        &[
            operate(Put(1), 0),
            operate(Delete, 0),
            NewRules {
                rules: 2,
                knows_former: true,
            },
            Receive { key: KEY, event: 2 },
            NewRules {
                rules: 0,
                knows_former: true,
            },
            Begin {
                fresh: false,
                ranges: 1,
            },
        ][..],
        &scan()[1..],
    ]
    .concat();
    assert_holds(SETUP, &[&history]);
    let mut world = World::new(SETUP);
    for step in history.iter().chain(&[Receive { key: KEY, event: 1 }]) {
        world.step(*step).unwrap();
    }
    assert_eq!(world.observe().len(), 1, "the removal is not known");
    for step in scan() {
        world.step(step).unwrap();
    }
}
