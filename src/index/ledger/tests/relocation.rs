//! Moves: a Source gets another bucket or prefix.

use super::events::{attach, put, report};
use super::*;
use crate::core::replication::source_state::QueueId;

/// A ledger whose Source has the assets `a/1` and `b/1`, all of the bucket.
fn indexed_whole() -> Ledger<TantivyEngine> {
    let mut ledger = ledger(false);
    scan(&mut ledger, &source("", &[]), &old_bucket(), 1_000);
    ledger
}

fn old_bucket() -> Bucket {
    bucket(&[("a/1", 1), ("b/1", 1)])
}

fn old_assets() -> BTreeMap<String, Object> {
    admitted(&source("", &[]), &old_bucket())
}

/// Begins a scan. Returns its plan.
fn begin_allowing(
    ledger: &mut Ledger<TantivyEngine>,
    source: &Arc<Source>,
    allow_empty: bool,
) -> ScanPlan {
    let request = ScanRequest {
        source: Arc::clone(source),
        ranges_in_flight: 4,
        mode: ScanMode::Resume,
        drift: None,
        queue: None,
        allow_empty,
        progress: Arc::default(),
    };
    ledger.begin_scan(request).unwrap()
}

/// Scans a bucket without keys. Returns the result of completing the scan.
fn scan_nothing(
    ledger: &mut Ledger<TantivyEngine>,
    source: &Arc<Source>,
    allow_empty: bool,
) -> Result<Option<Timestamp>, IndexError> {
    let plan = begin_allowing(ledger, source, allow_empty);
    let nothing = Bucket::new();
    list(ledger, &plan, source, &nothing, 2, 2_000, usize::MAX);
    complete_scan(ledger, plan.source)
}

#[test]
fn former_assets_stay_until_a_page_has_an_asset() {
    let mut ledger = indexed_whole();
    // The first page of the new location shows only keys that the rules do not admit.
    let moved = source("c/", &["**/*.jpg"]);
    let now = bucket(&[("c/1", 1), ("c/2.jpg", 1), ("c/3", 1)]);
    let plan = begin_allowing(&mut ledger, &moved, false);
    assert!(!list(&mut ledger, &plan, &moved, &now, 1, 2_000, 1));
    ledger.commit().unwrap();
    assert_eq!(indexed(&ledger), old_assets());
    assert!(list(&mut ledger, &plan, &moved, &now, 1, 2_000, usize::MAX));
    complete_scan(&mut ledger, plan.source).unwrap();
    assert_eq!(indexed(&ledger), admitted(&moved, &now));
}

#[test]
fn pages_without_assets_count_as_listed_when_the_move_begins() {
    let mut ledger = indexed_whole();
    let moved = source("c/", &["/x/", "/y/"]);
    let now = bucket(&[("c/y/1", 1)]);
    let plan = begin_allowing(&mut ledger, &moved, false);
    assert_eq!(plan.ranges.len(), 2, "{plan:?}");
    assert!(list(&mut ledger, &plan, &moved, &now, 1, 2_000, usize::MAX));
    ledger.commit().unwrap();
    let state = ledger.state_of(plan.source).unwrap();
    let running = state.running.as_ref().unwrap();
    assert!(running.ranges.iter().all(|range| range.done), "{running:?}");
    assert_eq!(running.started, Some(Timestamp::from_millis(2_000)));
    complete_scan(&mut ledger, plan.source).unwrap();
    assert_eq!(indexed(&ledger), admitted(&moved, &now));
}

#[test]
fn location_without_assets_removes_the_former_ones_only_if_that_is_allowed() {
    let mut ledger = indexed_whole();
    let moved = source("typo/", &[]);
    for _ in 0..2 {
        let refused = scan_nothing(&mut ledger, &moved, false).unwrap_err();
        let text = refused.to_string();
        for words in ["\"photos\"", "\"typo/\"", "2 assets", "--allow-empty"] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(refused.is_about_one_source());
        ledger.commit().unwrap();
        assert_eq!(indexed(&ledger), old_assets());
    }
    // The former location is scanned as if nothing had happened.
    let (plan, _) = begin(&mut ledger, &source("", &[]), false);
    assert!(!plan.resumed);
    assert_eq!(
        scan(&mut ledger, &source("", &[]), &old_bucket(), 3_000),
        [0, 0, 0]
    );
    assert!(scan_nothing(&mut ledger, &moved, true).is_ok());
    assert!(indexed(&ledger).is_empty());
    // The location is adopted now, and nothing is left to keep.
    assert!(scan_nothing(&mut ledger, &moved, false).is_ok());
}

#[test]
fn location_without_assets_needs_no_permission_if_there_are_no_former_assets() {
    let mut ledger = ledger(false);
    scan(&mut ledger, &source("", &[]), &Bucket::new(), 1_000);
    assert!(scan_nothing(&mut ledger, &source("a/", &[]), false).is_ok());
}

#[test]
fn empty_bucket_at_an_unchanged_location_empties_the_index() {
    let mut ledger = indexed_whole();
    assert!(scan_nothing(&mut ledger, &source("", &[]), false).is_ok());
    assert!(indexed(&ledger).is_empty());
}

#[test]
fn rebuild_keeps_the_previous_index_if_the_new_location_has_no_asset() {
    let mut new = ledger(false);
    let old = indexed_whole();
    new.inherit(old.checkpoint.bindings_only());
    new.set_previous_index(old.engine).unwrap();
    let moved = source("typo/", &[]);
    let refused = scan_nothing(&mut new, &moved, false).unwrap_err();
    assert!(refused.to_string().contains("2 assets"), "{refused}");
    assert!(scan_nothing(&mut new, &moved, true).is_ok());
}

#[test]
fn dry_run_of_a_move_counts_the_former_assets_as_removed_only_if_the_move_would_begin() {
    let old = indexed_whole();
    let mut dry = Ledger::new(old.engine, POLICY, true).unwrap();
    let typo = source("typo/", &[]);
    assert!(scan_nothing(&mut dry, &typo, false).is_err());
    let folder = source("a/", &[]);
    assert_eq!(scan(&mut dry, &folder, &old_bucket(), 2_000), [1, 0, 2]);
    assert_eq!(indexed(&dry), old_assets());
}

#[test]
fn events_wait_until_the_move_begins() {
    let mut ledger = ledger(false);
    let (attached, _) = attach(&mut ledger, &source("", &[]));
    scan(&mut ledger, &source("", &[]), &old_bucket(), 1_000);
    let moved = source("c/", &[]);
    let (again, tally) = attach(&mut ledger, &moved);
    assert_eq!((again.id, again.is_moving), (attached.id, true));
    assert_eq!(tally.assets(), 2);
    scan_nothing(&mut ledger, &moved, false).unwrap_err();
    let outcome = report(&mut ledger, again.id, "c/1", put(1, 2_500));
    assert_eq!(outcome, EventOutcome::NotYet);
    assert_eq!(ledger.state_of(again.id).unwrap().complete_as_of, None);
    let now = bucket(&[("c/1", 1)]);
    scan(&mut ledger, &moved, &now, 3_000);
    assert_eq!(
        (indexed(&ledger), tally.assets()),
        (admitted(&moved, &now), 1)
    );
}

#[test]
fn event_that_was_given_up_while_it_waited_for_the_move_makes_another_scan_due() {
    let queue = QueueId {
        url: "queue".to_owned(),
        created: None,
    };
    for (given_up, is_followed) in [(None, true), (Some(1_999), true), (Some(2_001), false)] {
        let mut ledger = indexed_whole();
        let moved = source("c/", &["**/*.jpg"]);
        let (attached, _) = attach(&mut ledger, &moved);
        let request = ScanRequest {
            source: Arc::clone(&moved),
            ranges_in_flight: 4,
            mode: ScanMode::Fresh,
            drift: None,
            queue: Some(queue.clone()),
            allow_empty: false,
            progress: Arc::default(),
        };
        let plan = ledger.begin_scan(request).unwrap();
        let now = bucket(&[("c/1", 1), ("c/2.jpg", 1)]);
        assert!(!list(&mut ledger, &plan, &moved, &now, 1, 2_000, 1));
        if let Some(time) = given_up {
            let outcome = report(&mut ledger, attached.id, "c/0.jpg", put(1, time));
            assert_eq!(outcome, EventOutcome::NotYet);
            let time = Timestamp::from_millis(time);
            ledger.give_up_waiting_event(attached.id, time).unwrap();
        }
        assert!(list(&mut ledger, &plan, &moved, &now, 1, 2_000, usize::MAX));
        complete_scan(&mut ledger, plan.source).unwrap();
        // Another Source that the same message concerns may still be moving.
        let late = Timestamp::from_millis(9_000);
        ledger.give_up_waiting_event(attached.id, late).unwrap();
        let state = ledger.state_of(plan.source).unwrap();
        assert_eq!(state.followed.is_some(), is_followed, "{given_up:?}");
    }
}

#[test]
fn crash_before_the_new_location_is_adopted_forgets_that_the_former_one_was_complete() {
    let mut ledger = indexed_whole();
    let moved = source("a/", &[]);
    let plan = begin_allowing(&mut ledger, &moved, false);
    // The removals are committed. The process ends before the Source has its new location.
    let scan_of_it = Scan::new(Arc::clone(&moved), Arc::default());
    ledger
        .remove_stale_records(plan.source, &scan_of_it, StaleRecords::Everything)
        .unwrap();
    ledger.commit().unwrap();
    let mut ledger = Ledger::new(ledger.engine, POLICY, false).unwrap();
    let state = ledger.state(plan.source).unwrap();
    assert_eq!((&*state.prefix, state.complete_as_of), ("", None));
    scan(&mut ledger, &moved, &old_bucket(), 3_000);
    assert_eq!(indexed(&ledger), admitted(&moved, &old_bucket()));
}

#[test]
fn pages_that_arrive_after_the_source_is_attached_again_change_nothing() {
    let mut ledger = indexed_whole();
    let first = source("c/", &[]);
    attach(&mut ledger, &first);
    let plan = begin_allowing(&mut ledger, &first, false);
    let second = source("d/", &[]);
    attach(&mut ledger, &second);
    // A page of the first new location. It must not begin the move there.
    let late = bucket(&[("c/1", 1)]);
    list(&mut ledger, &plan, &first, &late, 1, 2_000, usize::MAX);
    ledger.commit().unwrap();
    assert_eq!(indexed(&ledger), old_assets());
    assert!(ledger.is_moving(plan.source));
}

#[test]
fn attaching_again_counts_assets_that_are_not_committed_yet() {
    let mut ledger = ledger(false);
    let source = source("", &[]);
    let plan = begin_allowing(&mut ledger, &source, false);
    list(
        &mut ledger,
        &plan,
        &source,
        &old_bucket(),
        1_000,
        1_000,
        usize::MAX,
    );
    assert!(!ledger.is_clean());
    let tally = Arc::new(Tally::default());
    let request = AttachRequest {
        source,
        former: None,
        tally: Arc::clone(&tally),
        ranges_in_flight: 4,
    };
    ledger.attach_single(request).unwrap();
    assert_eq!(tally.assets(), 2);
}
