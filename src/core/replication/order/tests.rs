//! One test per rule. The model and the ledger's simulation test whole histories.

use super::*;
use crate::core::replication::object::{ETag, StorageClass};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn object(etag: &str) -> Object {
    Object {
        size: 1,
        etag: ETag::parse(etag),
        last_modified: at(0),
        storage_class: StorageClass::Standard,
    }
}

fn event(object: Option<Object>, time: i64, sequencer: &str) -> CertainEvent {
    CertainEvent {
        object,
        time: at(time),
        sequencer: Sequencer::parse(sequencer).unwrap(),
    }
}

fn clock(as_of: i64, scan: u64) -> ScanWatermarks {
    ScanWatermarks {
        complete_as_of: Some(at(as_of)),
        scanning_since: None,
        scan,
    }
}

fn written(decision: Decision) -> Record {
    match decision {
        Decision::Write(record) => record,
        other => panic!("nothing was written: {other:?}"),
    }
}

fn page(
    record: Option<&Record>,
    listed: Option<&Object>,
    listed_at: i64,
    c: &ScanWatermarks,
) -> Decision {
    decide_page(record, listed, at(listed_at), c, |_| true)
}

#[test]
fn event_older_than_the_completed_scan_is_skipped_only_without_a_record() {
    let put = event(Some(object("a")), 97_999, "2");
    let watermarks = clock(100_000, 1);
    assert_eq!(
        decide_event(None, &put, &watermarks),
        Decision::Keep(SkipReason::BeforeScan)
    );
    let known = written(decide_event(None, &event(None, 100_000, "1"), &watermarks));
    let applied = written(decide_event(Some(&known), &put, &watermarks));
    assert_eq!(applied.object(), Some(&object("a")));
    assert_eq!(applied.event_time, Some(at(100_000)), "it does not go back");
}

#[test]
fn event_older_than_the_page_of_the_record_is_skipped() {
    let watermarks = ScanWatermarks::default();
    let listed = written(page(None, Some(&object("a")), 5_000, &watermarks));
    assert_eq!(
        decide_event(Some(&listed), &event(None, 2_999, "9"), &watermarks),
        Decision::Keep(SkipReason::NotNewer)
    );
}

#[test]
fn stale_event_that_can_be_overtaken_leaves_its_sequencer() {
    let complete = clock(5_000, 1);
    let listed = written(page(None, Some(&object("a")), 5_000, &complete));
    let removed = event(None, 3_000, "9");
    for record in [None, Some(&listed)] {
        let floor = written(decide_event(record, &removed, &complete));
        assert_eq!(floor.object(), record.and_then(Record::object));
        let before = event(Some(object("b")), 5_000, "8");
        for late in [&before, &removed] {
            let decision = decide_event(Some(&floor), late, &complete);
            assert!(matches!(decision, Decision::Keep(_)), "{decision:?}");
        }
        let looked_up = ambiguous(3_000, "9");
        let settled = decide_ambiguous(record, &looked_up, &complete);
        assert_eq!(settled, Some(Decision::Write(floor)));
    }
}

#[test]
fn sequencer_orders_events_even_if_a_page_is_later_than_both() {
    let watermarks = ScanWatermarks::default();
    let listed = written(page(None, Some(&object("b")), 5_000, &watermarks));
    let overtaking = event(Some(object("a")), 5_001, "8");
    let overtaking = written(decide_event(Some(&listed), &overtaking, &watermarks));
    let newer = event(Some(object("b")), 4_999, "9");
    let newer = written(decide_event(Some(&overtaking), &newer, &watermarks));
    assert_eq!(newer.object(), Some(&object("b")));
    assert_eq!(newer.event_time, Some(at(5_001)));
}

#[test]
fn forged_sequencer_does_not_hide_a_key_after_the_next_scan() {
    let forged = "f".repeat(64);
    let margin = SEQUENCER_MARGIN.as_millis() as i64;
    for time in [0, 1_000] {
        let forged = event(Some(object("x")), time, &forged);
        let known = written(decide_event(None, &forged, &ScanWatermarks::default()));
        let genuine = event(Some(object("b")), 9_000 + margin + 1, "9");
        let before_scan = decide_event(Some(&known), &genuine, &ScanWatermarks::default());
        assert_eq!(before_scan, Decision::Keep(SkipReason::SequencerNotAbove));

        // The scan lists another object, the same object, or none.
        let complete = clock(9_000, 1);
        let of_page = written(page(Some(&known), Some(&object("a")), 9_000, &complete));
        let tombstone = written(page(Some(&known), None, 9_000, &complete));
        for record in [&of_page, &known, &tombstone] {
            let decision = decide_event(Some(record), &genuine, &complete);
            let healed = written(decision);
            assert_eq!(healed.object(), Some(&object("b")));
            assert_eq!(healed.sequencer, Sequencer::parse("9"));
            // Sooner, the key is looked up, whether the event is certain or ambiguous.
            for soon in [9_001, 9_000 + margin] {
                let soon = ambiguous(soon, "9");
                let sequencer = soon.sequencer.as_ref();
                let (record, time) = (Some(record), soon.time);
                assert!(contradicts_sequencers(record, time, sequencer, &complete));
                assert_eq!(decide_ambiguous(record, &soon, &complete), None);
                let listed = object("b");
                let settled = decide_look_up(
                    record,
                    Some(&listed),
                    time.plus(CLOCK_DISAGREEMENT),
                    &soon,
                    &complete,
                );
                let (looked_up, is_settled) = settled;
                assert_eq!(written(looked_up).object(), Some(&listed));
                assert!(is_settled);
            }
        }
    }
}

#[test]
fn redelivered_and_late_events_need_no_look_up() {
    let contradicts = |record: &Record, event: &CertainEvent, watermarks: &ScanWatermarks| {
        let sequencer = Some(&event.sequencer);
        contradicts_sequencers(Some(record), event.time, sequencer, watermarks)
    };
    let nothing = ScanWatermarks::default();
    let (first, second) = (
        event(Some(object("a")), 10, "1"),
        event(Some(object("b")), 20, "2"),
    );
    let record = written(decide_event(None, &second, &nothing));
    let listed = written(page(Some(&record), Some(&object("c")), 30, &nothing));
    for event in [&first, &second] {
        assert!(!contradicts(&record, event, &nothing));
        assert!(!contradicts(&record, event, &clock(30, 1)));
        assert!(!contradicts(&listed, event, &nothing));
    }
    let next = event(Some(object("d")), 40, "3");
    assert!(!contradicts(&listed, &next, &nothing));
}

#[test]
fn removal_with_a_time_in_the_past_does_not_hide_a_key_after_the_next_page() {
    let forged = event(None, 0, &"f".repeat(64));
    let hidden = written(decide_event(None, &forged, &ScanWatermarks::default()));
    let listed = written(page(
        Some(&hidden),
        Some(&object("a")),
        1_000,
        &ScanWatermarks::default(),
    ));
    assert_eq!(listed.object(), Some(&object("a")));
    let again = decide_event(Some(&listed), &forged, &ScanWatermarks::default());
    assert_eq!(again, Decision::Keep(SkipReason::NotNewer));
}

fn ambiguous(time: i64, sequencer: &str) -> AmbiguousEvent {
    AmbiguousEvent {
        time: at(time),
        sequencer: Sequencer::parse(sequencer),
    }
}

#[test]
fn late_creation_of_a_removed_version_is_skipped() {
    let watermarks = ScanWatermarks::default();
    let first = written(decide_event(
        None,
        &event(Some(object("a")), 1, "1"),
        &watermarks,
    ));
    let second = event(Some(object("b")), 50, "2");
    for (record, listed) in [(Some(&first), Some(object("a"))), (None, None)] {
        let removal = ambiguous(60, "3");
        let (looked_up, settled) =
            decide_look_up(record, listed.as_ref(), at(61), &removal, &watermarks);
        assert!(settled, "{listed:?}");
        let looked_up = written(looked_up);
        assert_eq!(looked_up.object(), listed.as_ref());
        // Because of its sequencer, even if S3's clocks disagree about its time.
        let late = CertainEvent {
            time: at(70),
            ..second.clone()
        };
        assert_eq!(
            decide_event(Some(&looked_up), &late, &watermarks),
            Decision::Keep(SkipReason::SequencerNotAbove)
        );
    }
}

#[test]
fn look_up_that_may_be_older_than_its_event_does_not_settle_it() {
    let watermarks = ScanWatermarks::default();
    let known = written(decide_event(
        None,
        &event(Some(object("a")), 1, "1"),
        &watermarks,
    ));
    for (listed_at, settles) in [(59, false), (60, false), (61, true)] {
        let removal = ambiguous(60, "3");
        let (decision, settled) =
            decide_look_up(Some(&known), None, at(listed_at), &removal, &watermarks);
        assert_eq!(settled, settles, "{listed_at}");
        assert_eq!(written(decision).object(), None);
    }
    let newer = written(decide_event(
        Some(&known),
        &event(None, 70, "4"),
        &watermarks,
    ));
    let (kept, settled) =
        decide_look_up(Some(&newer), None, at(65), &ambiguous(60, "5"), &watermarks);
    assert_eq!(
        (kept, settled),
        (Decision::Keep(SkipReason::NotNewer), false)
    );
}

#[test]
fn settled_event_needs_no_look_up_when_redelivered() {
    let watermarks = ScanWatermarks::default();
    let (decision, _) = decide_look_up(None, None, at(61), &ambiguous(60, "3"), &watermarks);
    let record = written(decision);
    for (time, sequencer, needed) in [(60, "3", false), (60, "", false), (61, "4", true)] {
        let decision = decide_ambiguous(Some(&record), &ambiguous(time, sequencer), &watermarks);
        assert_eq!(
            decision.is_none(),
            needed,
            "{time} {sequencer}: {decision:?}"
        );
    }
}

#[test]
fn sequencer_advances_even_if_the_content_is_the_same() {
    let first = written(decide_event(
        None,
        &event(Some(object("a")), 1, "1"),
        &ScanWatermarks::default(),
    ));
    let second = written(decide_event(
        Some(&first),
        &event(Some(object("a")), 2, "3"),
        &ScanWatermarks::default(),
    ));
    assert_eq!(second.sequencer, Sequencer::parse("3"));
    assert_eq!(second.first_seen(), Some(at(1)));
    assert_eq!(
        decide_event(
            Some(&second),
            &event(None, 2, "2"),
            &ScanWatermarks::default()
        ),
        Decision::Keep(SkipReason::SequencerNotAbove)
    );
}

#[test]
fn removal_of_an_unknown_key_writes_a_tombstone() {
    let tombstone = written(decide_event(None, &event(None, 5, "1"), &clock(1, 3)));
    assert_eq!(tombstone.content, RecordContent::Removed { scan: 3 });
}

#[test]
fn page_entry_that_equals_the_record_writes_nothing() {
    let record = written(page(
        None,
        Some(&object("a")),
        1,
        &ScanWatermarks::default(),
    ));
    assert_eq!(
        page(
            Some(&record),
            Some(&object("a")),
            2,
            &ScanWatermarks::default()
        ),
        Decision::Keep(SkipReason::Unchanged)
    );
}

#[test]
fn page_with_nearly_the_time_of_the_event_writes_nothing() {
    let at_time = |millis| Object {
        last_modified: at(millis),
        ..object("a")
    };
    let watermarks = ScanWatermarks::default();
    let put = event(Some(at_time(10_999)), 10_999, "5");
    let by_event = written(decide_event(None, &put, &watermarks));
    let by_page = written(page(None, Some(&at_time(10_999)), 20_000, &watermarks));
    for (millis, is_same) in [
        (8_998, false),
        (8_999, true),
        (10_000, true),
        (10_999, true),
        (12_999, true),
        (13_000, false),
    ] {
        let listed = at_time(millis);
        let decision = page(Some(&by_event), Some(&listed), 30_000, &watermarks);
        assert_eq!(
            decision == Decision::Keep(SkipReason::Unchanged),
            is_same,
            "{millis}"
        );
        let decision = page(Some(&by_page), Some(&listed), 30_000, &watermarks);
        let is_equal = millis == 10_999;
        assert_eq!(
            decision == Decision::Keep(SkipReason::Unchanged),
            is_equal,
            "{millis}"
        );
    }
    for other in [
        Object {
            size: 99,
            ..at_time(10_000)
        },
        Object {
            etag: None,
            ..at_time(10_000)
        },
        Object {
            storage_class: StorageClass::from_name("GLACIER"),
            ..at_time(10_000)
        },
    ] {
        let changed = written(page(Some(&by_event), Some(&other), 30_000, &watermarks));
        assert_eq!(changed.object(), Some(&other));
    }
}

#[test]
fn page_keeps_the_sequencer_as_a_floor() {
    let record = written(decide_event(
        None,
        &event(Some(object("a")), 1, "5"),
        &ScanWatermarks::default(),
    ));
    let changed = written(page(
        Some(&record),
        Some(&object("b")),
        2,
        &ScanWatermarks::default(),
    ));
    assert_eq!(changed.sequencer, Sequencer::parse("5"));
    assert_eq!(
        (changed.event_time, changed.listed_at),
        (Some(at(1)), Some(at(2)))
    );
    let gone = written(page(Some(&changed), None, 3, &clock(0, 7)));
    assert_eq!(gone.content, RecordContent::Removed { scan: 7 });
    assert_eq!(gone.sequencer, Sequencer::parse("5"));
}

#[test]
fn stale_page_changes_nothing() {
    let record = written(decide_event(
        None,
        &event(Some(object("a")), 10, "5"),
        &ScanWatermarks::default(),
    ));
    assert_eq!(
        page(Some(&record), None, 10, &ScanWatermarks::default()),
        Decision::Keep(SkipReason::NotNewer)
    );
    assert_eq!(
        page(None, Some(&object("a")), 10, &clock(11, 1)),
        Decision::Keep(SkipReason::BeforeScan)
    );
    let scanning = ScanWatermarks {
        scanning_since: Some(at(11)),
        ..clock(5, 2)
    };
    assert_eq!(
        page(None, Some(&object("a")), 10, &scanning),
        Decision::Keep(SkipReason::BeforeScan)
    );
    written(page(None, Some(&object("a")), 11, &scanning));
}

#[test]
fn unlisted_key_leaves_a_tombstone_only_after_an_event_and_if_admitted() {
    let listed = written(page(
        None,
        Some(&object("a")),
        1,
        &ScanWatermarks::default(),
    ));
    assert_eq!(
        page(Some(&listed), None, 2, &ScanWatermarks::default()),
        Decision::Erase
    );
    let known = written(decide_event(
        None,
        &event(Some(object("a")), 1, "1"),
        &ScanWatermarks::default(),
    ));
    assert!(matches!(
        page(Some(&known), None, 2, &ScanWatermarks::default()),
        Decision::Write(_)
    ));
    assert_eq!(
        decide_page(
            Some(&known),
            None,
            at(2),
            &ScanWatermarks::default(),
            |_| { false }
        ),
        Decision::Erase
    );
}

#[test]
fn tombstone_is_purged_if_a_minute_older_than_the_scan() {
    let tombstone = written(decide_event(None, &event(None, 1_000, "1"), &clock(0, 4)));
    for (as_of, scan, purged) in [
        (61_001, 5, true),
        (61_000, 5, false),
        (61_001, 4, false),
        (0, 5, false),
    ] {
        assert_eq!(
            is_purgeable(&tombstone, &clock(as_of, scan)),
            purged,
            "{as_of} {scan}"
        );
    }
    let live = written(page(
        None,
        Some(&object("a")),
        1,
        &ScanWatermarks::default(),
    ));
    assert!(!is_purgeable(&live, &clock(100_000, 9)));
}
