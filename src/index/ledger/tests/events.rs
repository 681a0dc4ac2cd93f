//! The ledger with attached Sources: events, look-ups, new rules and drift.

use super::*;
use crate::core::replication::order::{AmbiguousEvent, CertainEvent, SkipReason};
use crate::core::replication::source_state::{FollowedUntil, QueueId};
use crate::index::tally::Tally;

pub(super) fn attach(
    ledger: &mut Ledger<TantivyEngine>,
    source: &Arc<Source>,
) -> (Attachment, Arc<Tally>) {
    attach_after(ledger, source, None)
}

fn attach_after(
    ledger: &mut Ledger<TantivyEngine>,
    source: &Arc<Source>,
    former: Option<&Arc<Source>>,
) -> (Attachment, Arc<Tally>) {
    let tally = Arc::new(Tally::default());
    let request = AttachRequest {
        source: Arc::clone(source),
        former: former.cloned(),
        tally: Arc::clone(&tally),
        ranges_in_flight: 4,
    };
    (ledger.attach_single(request).unwrap(), tally)
}

pub(super) fn put(version: u64, time: i64) -> KeyEvent {
    certain(Some(object(version)), time)
}

pub(super) fn removed(time: i64) -> KeyEvent {
    certain(None, time)
}

fn certain(object: Option<Object>, time: i64) -> KeyEvent {
    KeyEvent::Certain(CertainEvent {
        object,
        time: Timestamp::from_millis(time),
        sequencer: Sequencer::parse(&format!("{time:016x}")).unwrap(),
    })
}

pub(super) fn report(
    ledger: &mut Ledger<TantivyEngine>,
    id: SourceId,
    key: &str,
    event: KeyEvent,
) -> EventOutcome {
    let report = EventReport {
        source: id,
        key: key.to_owned(),
        event,
    };
    ledger.apply_event(report).unwrap()
}

fn look_up(
    ledger: &mut Ledger<TantivyEngine>,
    id: SourceId,
    listed: Option<u64>,
    listed_at: i64,
    event: &AmbiguousEvent,
) -> EventOutcome {
    let report = LookUpReport {
        source: id,
        key: "k".to_owned(),
        listed: listed.map(object),
        listed_at: Timestamp::from_millis(listed_at),
        event: event.clone(),
    };
    ledger.apply_look_up(report).unwrap()
}

#[test]
fn events_are_applied_in_their_order_with_and_without_commits() {
    for commit_between in [false, true] {
        let mut ledger = ledger(false);
        let photos = source("", &[]);
        let (attached, tally) = attach(&mut ledger, &photos);
        let id = attached.id;
        let mut apply = |key: &str, event: KeyEvent, want: EventOutcome, assets: u64| {
            assert_eq!(report(&mut ledger, id, key, event), want, "{key}");
            assert_eq!(tally.assets(), assets, "{key}");
            if commit_between {
                ledger.commit().unwrap();
                assert!(ledger.is_clean());
            }
        };
        let known = EventOutcome::Stale(SkipReason::SequencerNotAbove);
        apply("a", put(1, 10), EventOutcome::Written, 1);
        apply("b", put(2, 11), EventOutcome::Written, 2);
        apply("a", removed(13), EventOutcome::Written, 1);
        apply("a", put(5, 12), known, 1);
        apply("a", removed(13), known, 1);
        apply("never", removed(20), EventOutcome::Written, 1);
        apply("never", put(3, 19), known, 1);
        apply("b", put(4, 21), EventOutcome::Written, 1);
        ledger.commit().unwrap();
        assert_eq!(indexed(&ledger), [("b".to_owned(), object(4))].into());
    }
}

#[test]
fn ambiguous_event_is_settled_by_a_later_page() {
    let mut ledger = ledger(false);
    let (attached, tally) = attach(&mut ledger, &source("", &[]));
    let id = attached.id;
    report(&mut ledger, id, "k", put(1, 10));
    let event = AmbiguousEvent {
        time: Timestamp::from_millis(30),
        sequencer: Sequencer::parse("30"),
    };
    let ambiguous = KeyEvent::Ambiguous(event.clone());
    assert_eq!(
        report(&mut ledger, id, "k", ambiguous.clone()),
        EventOutcome::NeedsLookUp
    );
    assert_eq!(
        look_up(&mut ledger, id, None, 30, &event),
        EventOutcome::NeedsLookUp
    );
    assert_eq!(
        tally.assets(),
        0,
        "the page is applied although it is too old to settle the event"
    );
    assert_eq!(
        look_up(&mut ledger, id, Some(1), 31, &event),
        EventOutcome::Written
    );
    assert_eq!(tally.assets(), 1);
    let stale = EventOutcome::Stale(SkipReason::NotNewer);
    assert_eq!(report(&mut ledger, id, "k", ambiguous), stale);
    assert_eq!(report(&mut ledger, id, "k", removed(25)), stale);
}

#[test]
fn new_rules_remove_excluded_keys_immediately_and_list_only_added_ones() {
    let mut ledger = ledger(false);
    let old = source("", &["/a/", "/b/"]);
    let bucket: Bucket = [("a/1", 1), ("b/1", 2), ("c/1", 3)]
        .map(|(key, version)| (key.to_owned(), version))
        .into();
    let (first, _) = attach(&mut ledger, &old);
    scan(&mut ledger, &old, &bucket, 100);
    let complete = ledger.state(first.id).unwrap().complete_as_of;
    let new = source("", &["/a/", "/c/"]);
    let (attached, tally) = attach_after(&mut ledger, &new, Some(&old));
    assert_eq!(tally.assets(), 1);
    assert_eq!(indexed(&ledger), [("a/1".to_owned(), object(1))].into());
    let running = attached.state.running.unwrap();
    assert!(running.partial);
    let listed: Vec<&str> = running.ranges.iter().map(|r| &*r.rest.prefix).collect();
    assert_eq!(listed, ["c/"]);
    let request = ScanRequest {
        source: Arc::clone(&new),
        ranges_in_flight: 4,
        mode: ScanMode::Partial,
        drift: None,
        queue: None,
        allow_empty: false,
        progress: Arc::default(),
    };
    let plan = ledger.begin_scan(request).unwrap();
    assert!(plan.resumed);
    assert!(list(&mut ledger, &plan, &new, &bucket, 2, 200, usize::MAX));
    assert_eq!(complete_scan(&mut ledger, attached.id).unwrap(), complete);
    assert_eq!(indexed(&ledger).len(), 2);
    assert_eq!(tally.assets(), 2);
}

#[test]
fn new_rules_cause_a_full_scan_if_the_old_ones_are_unknown_or_unscanned() {
    for known in [false, true] {
        let mut ledger = ledger(false);
        let old = source("", &["/a/"]);
        attach(&mut ledger, &old);
        let new = source("", &["/a/", "/c/"]);
        // The scan under the old rules never ran.
        let (attached, _) = attach_after(&mut ledger, &new, known.then_some(&old));
        let running = attached.state.running.unwrap();
        assert!(!running.partial);
        assert_eq!(running.ranges.len(), 2);
    }
}

#[test]
fn events_of_a_new_bucket_wait_for_its_first_page() {
    let mut ledger = ledger(false);
    let old = source("", &[]);
    let bucket: Bucket = [("a".to_owned(), 1)].into();
    attach(&mut ledger, &old);
    scan(&mut ledger, &old, &bucket, 100);
    let new = Arc::new(Source {
        bucket: "other".into(),
        ..(*old).clone()
    });
    let (attached, tally) = attach(&mut ledger, &new);
    assert!(attached.is_moving);
    // So a scan is due.
    assert_eq!(ledger.state_of(attached.id).unwrap().complete_as_of, None);
    assert_eq!(
        report(&mut ledger, attached.id, "b", put(2, 500)),
        EventOutcome::NotYet
    );
    let (plan, _) = begin(&mut ledger, &new, false);
    assert!(list(&mut ledger, &plan, &new, &bucket, 2, 400, 1));
    assert_eq!(
        report(&mut ledger, attached.id, "b", put(2, 500)),
        EventOutcome::Written
    );
    complete_scan(&mut ledger, attached.id).unwrap();
    assert_eq!(tally.assets(), 2);
}

#[test]
fn checkpoint_says_until_when_a_source_is_followed() {
    let mut ledger = ledger(false);
    let photos = source("", &[]);
    let (attached, _) = attach(&mut ledger, &photos);
    assert_eq!(attached.state.followed, None);
    let queue = QueueId {
        url: "queue".into(),
        created: Some(7),
    };
    ledger.follow(attached.id, &queue).unwrap();
    let followed = |ledger: &Ledger<TantivyEngine>| -> Option<FollowedUntil> {
        let checkpoint = ledger.engine.checkpoint().unwrap();
        checkpoint.source("photos").unwrap().followed.clone()
    };
    let begun = followed(&ledger).unwrap();
    assert_eq!(begun.queue, queue);
    report(&mut ledger, attached.id, "k", put(1, 10));
    ledger.commit().unwrap();
    assert!(followed(&ledger).unwrap().until_millis >= begun.until_millis);
    ledger.note_wired(&[attached.id], "queue").unwrap();
    ledger.commit().unwrap();
    let checkpoint = ledger.engine.checkpoint().unwrap();
    let wired = &checkpoint.source("photos").unwrap().wired_queue;
    assert_eq!(wired.as_deref(), Some("queue"));
    ledger.detach("photos").unwrap();
    assert_eq!(followed(&ledger), None);
}

#[test]
fn scan_counts_as_drift_what_no_event_reported() {
    let mut ledger = ledger(false);
    let photos = source("", &[]);
    let bucket: Bucket = [("late".to_owned(), 1), ("lost".to_owned(), 2)].into();
    let (attached, tally) = attach(&mut ledger, &photos);
    report(&mut ledger, attached.id, "gone", put(7, 10));
    let request = ScanRequest {
        source: Arc::clone(&photos),
        ranges_in_flight: 4,
        mode: ScanMode::Resume,
        drift: Some(MeasureDrift {
            grace: Duration::ZERO,
        }),
        queue: None,
        allow_empty: false,
        progress: Arc::default(),
    };
    let plan = ledger.begin_scan(request).unwrap();
    assert!(list(
        &mut ledger,
        &plan,
        &photos,
        &bucket,
        9,
        100,
        usize::MAX
    ));
    complete_scan(&mut ledger, attached.id).unwrap();
    report(&mut ledger, attached.id, "late", put(1, 99));
    ledger.measure_drift();
    let drift = tally.drift().unwrap();
    assert_eq!((drift.missing, drift.stale, drift.left_over), (1, 0, 1));
}

#[test]
fn crash_during_removal_of_records_leaves_nothing_known_of_the_source() {
    for removed in [false, true] {
        let mut ledger = ledger(false);
        let all = source("", &[]);
        let bucket = bucket(&[("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)]);
        let (attached, _) = attach(&mut ledger, &all);
        scan(&mut ledger, &all, &bucket, 100);
        let queue = QueueId {
            url: "queue".into(),
            created: None,
        };
        ledger.follow(attached.id, &queue).unwrap();
        if removed {
            ledger.remove_unconfigured(&[]).unwrap();
        } else {
            let none = source("", &["x"]);
            let scan = Scan::new(none, Arc::default());
            ledger
                .remove_stale_records(attached.id, &scan, StaleRecords::NotAdmitted)
                .unwrap();
            // As in the middle of a long removal, when the process is killed.
            ledger.commit().unwrap();
        }
        let state = ledger.engine.checkpoint().unwrap();
        let state = state.source("photos").unwrap();
        assert_eq!(
            (state.complete_as_of, &state.followed),
            (None, &None),
            "{removed}"
        );
    }
}

#[test]
fn source_that_is_removed_before_its_first_scan_leaves_no_records_of_events() {
    let mut ledger = ledger(false);
    let (attached, _) = attach(&mut ledger, &source("", &[]));
    report(&mut ledger, attached.id, "a", put(1, 10));
    ledger.commit().unwrap();
    assert_eq!(indexed(&ledger).len(), 1);
    let removed = ledger.remove_unconfigured(&[]).unwrap();
    let name = "photos".to_owned();
    assert_eq!(removed, [UnconfiguredSource { name, assets: 1 }]);
    assert!(indexed(&ledger).is_empty());
}

#[test]
fn event_from_before_new_rules_is_looked_up_if_the_key_has_no_record() {
    let mut ledger = ledger(false);
    let (old, new) = (source("", &["/a/"]), source("", &["/a/", "/b/"]));
    let bucket: Bucket = [("a/1".to_owned(), 1)].into();
    attach(&mut ledger, &old);
    scan(&mut ledger, &old, &bucket, 10_000);
    let (attached, _) = attach_after(&mut ledger, &new, Some(&old));
    let request = ScanRequest {
        source: Arc::clone(&new),
        ranges_in_flight: 4,
        mode: ScanMode::Partial,
        drift: None,
        queue: None,
        allow_empty: false,
        progress: Arc::default(),
    };
    let plan = ledger.begin_scan(request).unwrap();
    assert!(list(
        &mut ledger,
        &plan,
        &new,
        &bucket,
        2,
        50_000,
        usize::MAX
    ));
    complete_scan(&mut ledger, attached.id).unwrap();
    // The event of its removal arrived while the key was not admitted.
    for (key, time, want) in [
        ("b/ghost", 30_000, EventOutcome::NeedsLookUp),
        ("b/new", 60_000, EventOutcome::Written),
    ] {
        assert_eq!(report(&mut ledger, attached.id, key, put(1, time)), want);
    }
    scan(&mut ledger, &new, &bucket, 70_000);
    let late = report(&mut ledger, attached.id, "b/ghost", put(1, 30_000));
    assert_eq!(late, EventOutcome::Stale(SkipReason::BeforeScan));
}

#[test]
fn event_right_after_the_scan_that_ends_a_forged_sequencer_is_looked_up() {
    let mut ledger = ledger(false);
    let photos = source("", &[]);
    let (attached, _) = attach(&mut ledger, &photos);
    let id = attached.id;
    let forged = KeyEvent::Certain(CertainEvent {
        object: Some(object(1)),
        time: Timestamp::from_millis(1_000),
        sequencer: Sequencer::parse(&"f".repeat(64)).unwrap(),
    });
    let outcome = report(&mut ledger, id, "k", forged);
    assert_eq!(outcome, EventOutcome::Written);
    scan(&mut ledger, &photos, &bucket(&[("k", 2)]), 2_000);
    ledger.commit().unwrap();
    let genuine = put(3, 2_001);
    let event = genuine.to_ambiguous();
    for _ in 0..2 {
        let outcome = report(&mut ledger, id, "k", genuine.clone());
        assert_eq!(outcome, EventOutcome::NeedsLookUp);
        ledger = Ledger::new(ledger.engine, POLICY, false).unwrap();
        attach(&mut ledger, &photos);
    }
    let outcome = look_up(&mut ledger, id, Some(3), 2_002, &event);
    assert_eq!(outcome, EventOutcome::Written);
    ledger.commit().unwrap();
    assert_eq!(indexed(&ledger)["k"], object(3));
    // Delivered again, it is older than the page of the look-up.
    let outcome = report(&mut ledger, id, "k", genuine);
    assert_eq!(outcome, EventOutcome::Stale(SkipReason::NotNewer));
}
