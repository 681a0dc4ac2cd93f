//! Shrunk histories that failed once, and histories that show what the ordering rules do not promise.

use super::bucket::Operation::{self, Delete, Destroy, Put};
use super::bucket::Store;
use super::fault::Fault;
use super::random::run;
use super::step::Step::{self, *};
use super::world::{Setup, World};
use super::{JITTER, MIN_MARGIN, UNVERSIONED, VERSIONED};

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

/// Messages that are left at the end arrive in reverse order.
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
    let (key, margin) = (KEY, MIN_MARGIN);
    [
        Receive { key, event },
        LookUp { key, event, margin },
        ApplyLookUp { key, event },
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
            margin: MIN_MARGIN,
            max_keys: 9,
        },
        Arrive { range },
        Complete,
    ]
}

fn assert_passes(setup: Setup, history: &[&[Step]]) {
    let history = history.concat();
    if let Err(why) = run(setup, &history) {
        panic!("{history:?}\n{why}");
    }
}

fn assert_fails(setup: Setup, history: &[&[Step]], check: &str) {
    let failure = run(setup, &history.concat()).expect_err(check);
    assert!(failure.starts_with(check), "{failure}");
}

/// The creation of a version arrives after the look-up for the removal of this version. The page of the
/// look-up changed nothing, so without a floor nothing in the record shows that the creation is older.
#[test]
fn creation_arrives_after_the_look_up_for_the_removal_of_its_version() {
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
    assert_passes(in_milliseconds, &history);
    let without_floor = Setup {
        fault: Some(Fault::LookUpsLeaveNoFloor),
        ..in_milliseconds
    };
    assert_fails(without_floor, &history, "I3");
}

/// The newer of two events has the earlier time, and a page has a timestamp between them. The page already
/// shows what the newer event reports. The event was once skipped without writing its sequencer, and then the
/// older event was applied.
#[test]
fn page_between_two_events_with_swapped_times() {
    for second in [Put(2), Delete] {
        for early in [0, JITTER] {
            let operations = [
                operate(Put(1), JITTER),
                operate(second, -early),
                Pass(1_500),
            ];
            assert_passes(REVERSED, &[&operations, &scan()]);
            assert_passes(SETUP, &[&operations, &scan()]);
        }
    }
}

/// The same with the page of a look-up.
#[test]
fn look_up_between_two_events_with_swapped_times() {
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
        assert_passes(setup, &[&operations, &look_up(2)]);
    }
}

/// The older event was already applied over the page when the newer one arrives.
#[test]
fn older_event_is_applied_over_the_page_before_the_newer_one() {
    let operations = [operate(Put(1), 500), operate(Put(2), -500), Pass(1_200)];
    let received = [Receive { key: KEY, event: 1 }];
    assert_passes(SETUP, &[&operations, &scan(), &received]);
}

/// Not promised: the index may be wrong if a clock error exceeds the margin between a page's timestamp and
/// its snapshot.
#[test]
fn clock_errors_above_the_margin_can_make_the_index_wrong() {
    let late = [operate(Put(1), -MIN_MARGIN - 10)];
    let [begin, list, arrive, complete] = scan();
    let history = [&[begin, list][..], &late, &[arrive, complete]];
    assert_fails(SETUP, &history, "I3");
}

/// Not promised: an event that arrived while the rules did not admit its key was discarded. If an earlier
/// event arrives after the scan under the new rules, it is applied, and the index is wrong until the next
/// scan.
#[test]
fn event_discarded_by_other_rules_is_missing_until_the_next_scan() {
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
    assert_passes(SETUP, &[&history]);
    let mut world = World::new(SETUP);
    for step in history.iter().chain(&[Receive { key: KEY, event: 1 }]) {
        world.step(*step).unwrap();
    }
    assert_eq!(world.observe().len(), 1, "the removal is unknown");
    for step in scan() {
        world.step(step).unwrap();
    }
}
