//! All verdicts.

use super::*;
use crate::search::explain::explanation::{
    BucketLocation, IndexedContent, ObjectDetails, RecordDetails, ScanDetails,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + 1_000 * seconds)
}

fn object(etag: &str) -> ObjectDetails {
    ObjectDetails {
        size: 1,
        etag: Some(etag.to_owned()),
        last_modified: at(0),
        storage_class: "STANDARD".to_owned(),
    }
}

fn present(etag: &str) -> BucketState {
    BucketState::Present(object(etag))
}

fn live(etag: &str) -> IndexedContent {
    IndexedContent::Live {
        object: object(etag),
        first_seen: at(1),
    }
}

const TOMBSTONE: IndexedContent = IndexedContent::Tombstone { scan: 1 };

fn known(content: Option<IndexedContent>) -> IndexedSource {
    let record = |content| RecordDetails {
        content,
        event_time: None,
        sequencer: None,
        listed_at: Some(at(2)),
    };
    IndexedSource {
        complete_as_of: Some(at(3)),
        scan_due_by: Some(at(4)),
        scan: None,
        other_location: None,
        other_rules: false,
        look_alike: None,
        record: content.map(record),
    }
}

/// The facts about an admitted key of an enabled Source with events.
fn explanation(bucket: BucketState, index: IndexState) -> Explanation {
    Explanation {
        source: "assets".to_owned(),
        enabled: true,
        has_events: true,
        prefix: "shop/".to_owned(),
        key: "shop/a.jpg".to_owned(),
        path: Some("/a.jpg".to_owned()),
        url: Some("https://shop.example/a.jpg".to_owned()),
        admitted: true,
        rule: "admitted: no rule excludes it".to_owned(),
        near_miss: None,
        bucket,
        index,
    }
}

fn verdict_of(bucket: BucketState, content: Option<IndexedContent>) -> Verdict {
    verdict(&explanation(
        bucket,
        IndexState::Known(Box::new(known(content))),
    ))
}

fn unreadable() -> IndexState {
    IndexState::Failed {
        error: "damaged".to_owned(),
    }
}

fn refused() -> BucketState {
    BucketState::Failed {
        error: "access denied".to_owned(),
    }
}

fn next_event() -> NextUpdate {
    NextUpdate::EventOrScan {
        due_by: Some(at(4)),
    }
}

#[test]
fn verdict_depends_on_bucket_and_index() {
    use BucketState::{Absent, NotLookedUp};
    let not_in_index = |removed| Verdict::NotInIndex { removed };
    for (bucket, content, want) in [
        (present("a"), Some(live("a")), Verdict::Matches),
        (
            present("b"),
            Some(live("a")),
            Verdict::Differs(next_event()),
        ),
        (Absent, Some(live("a")), Verdict::Gone(next_event())),
        (NotLookedUp, Some(live("a")), Verdict::Unchecked),
        (refused(), Some(live("a")), Verdict::Unchecked),
        (
            present("a"),
            Some(TOMBSTONE),
            Verdict::MarkedRemoved(next_event()),
        ),
        (Absent, Some(TOMBSTONE), Verdict::NotInBucket),
        (NotLookedUp, Some(TOMBSTONE), not_in_index(true)),
        (refused(), Some(TOMBSTONE), not_in_index(true)),
        (present("a"), None, Verdict::NotIndexedYet(next_event())),
        (Absent, None, Verdict::NotInBucket),
        (NotLookedUp, None, not_in_index(false)),
        (refused(), None, not_in_index(false)),
    ] {
        let found = matches!(content, Some(IndexedContent::Live { .. }));
        let verdict = verdict_of(bucket.clone(), content.clone());
        assert_eq!(verdict, want, "{bucket:?} {content:?}");
        assert_eq!(verdict.is_searchable(), Some(found), "{verdict:?}");
    }
}

#[test]
fn every_listed_field_can_differ() {
    let changes: [fn(&mut ObjectDetails); 4] = [
        |object| object.size = 2,
        |object| object.etag = None,
        |object| object.last_modified = at(9),
        |object| object.storage_class = "GLACIER".to_owned(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut object = object("a");
        change(&mut object);
        let verdict = verdict_of(BucketState::Present(object), Some(live("a")));
        assert_eq!(verdict, Verdict::Differs(next_event()), "{index}");
    }
}

#[test]
fn fields_that_events_do_not_report_may_differ() {
    type Change = fn(&mut ObjectDetails);
    let changes: [(Change, bool); 4] = [
        (|object| object.size = 2, false),
        (|object| object.etag = None, false),
        (|object| object.last_modified = at(9), true),
        (|object| object.storage_class = "GLACIER".to_owned(), true),
    ];
    for (index, (change, may_differ)) in changes.into_iter().enumerate() {
        let mut object = object("a");
        change(&mut object);
        let mut known = known(Some(live("a")));
        if let Some(record) = &mut known.record {
            record.event_time = Some(at(5));
        }
        let verdict = super::verdict(&explanation(
            BucketState::Present(object),
            IndexState::Known(Box::new(known)),
        ));
        let due_by = Some(at(4));
        let want = if may_differ {
            Verdict::MatchesEvent(NextUpdate::Scan { due_by })
        } else {
            Verdict::Differs(next_event())
        };
        assert_eq!(verdict, want, "{index}");
    }
}

#[test]
fn missing_index_or_source_finds_nothing() {
    for (index, want) in [
        (IndexState::NoIndex, Verdict::NoIndex),
        (IndexState::UnknownSource, Verdict::NeverScanned),
    ] {
        for bucket in [present("a"), BucketState::NotLookedUp, refused()] {
            assert_eq!(verdict(&explanation(bucket, index.clone())), want);
        }
        let verdict = super::verdict(&explanation(BucketState::Absent, index));
        assert_eq!(verdict, Verdict::NotInBucket);
    }
    let verdict = super::verdict(&explanation(present("a"), unreadable()));
    assert_eq!(
        (verdict.is_searchable(), verdict),
        (None, Verdict::IndexUnreadable)
    );
}

#[test]
fn only_assets_of_the_former_bucket_are_found_until_the_new_one_has_an_asset() {
    for (content, is_found) in [
        (None, false),
        (Some(TOMBSTONE), false),
        (Some(live("a")), true),
    ] {
        let mut known = known(content);
        known.other_location = Some(BucketLocation {
            origin: "aws/old".to_owned(),
            prefix: String::new(),
        });
        let mut explanation = explanation(present("a"), IndexState::Known(Box::new(known)));
        let (moved, absent) = if is_found {
            (Verdict::AtFormerLocation, Verdict::AtFormerLocation)
        } else {
            (Verdict::SourceMoved, Verdict::NotInBucket)
        };
        assert_eq!(verdict(&explanation), moved);
        assert_eq!(moved.is_searchable(), Some(is_found));
        explanation.bucket = BucketState::Absent;
        assert_eq!(verdict(&explanation), absent);
    }
}

#[test]
fn configuration_is_the_first_reason() {
    let cases = [
        (present("a"), IndexState::NoIndex),
        (BucketState::Absent, IndexState::UnknownSource),
        (
            BucketState::NotLookedUp,
            IndexState::Known(Box::new(known(None))),
        ),
    ];
    for (bucket, index) in cases {
        let mut explanation = explanation(bucket, index);
        explanation.admitted = false;
        explanation.rule = "not admitted: excluded by the rule \"a.jpg\"".to_owned();
        assert_eq!(
            verdict(&explanation),
            Verdict::NotAdmitted(explanation.rule.clone())
        );
        explanation.path = None;
        assert_eq!(
            verdict(&explanation),
            Verdict::OutsidePrefix("shop/".to_owned())
        );
        explanation.enabled = false;
        assert_eq!(verdict(&explanation), Verdict::Disabled);
        explanation.index = unreadable();
        assert_eq!(verdict(&explanation), Verdict::Disabled);
    }
}

#[test]
fn changed_rules_do_not_hide_indexed_keys() {
    for bucket in [present("a"), BucketState::Absent, BucketState::NotLookedUp] {
        let mut explanation =
            explanation(bucket, IndexState::Known(Box::new(known(Some(live("a"))))));
        explanation.admitted = false;
        let verdict = super::verdict(&explanation);
        assert_eq!(verdict, Verdict::NoLongerAdmitted(explanation.rule.clone()));
        assert_eq!(verdict.is_searchable(), Some(true));
    }
}

#[test]
fn next_update_depends_on_scan_rules_and_events() {
    let scan = |has_key_ahead| {
        Some(ScanDetails {
            number: 2,
            started: None,
            has_key_ahead,
        })
    };
    let due_by = Some(at(4));
    for (scan, other_rules, has_events, want) in [
        (scan(true), true, true, NextUpdate::RunningScan),
        (scan(true), false, false, NextUpdate::RunningScan),
        (scan(false), true, true, NextUpdate::NewRules),
        (None, true, false, NextUpdate::NewRules),
        (scan(false), false, true, NextUpdate::EventOrScan { due_by }),
        (None, false, true, NextUpdate::EventOrScan { due_by }),
        (None, false, false, NextUpdate::Scan { due_by }),
    ] {
        let mut known = known(None);
        (known.scan, known.other_rules) = (scan, other_rules);
        let mut explanation = explanation(present("a"), IndexState::Known(Box::new(known)));
        explanation.has_events = has_events;
        assert_eq!(verdict(&explanation), Verdict::NotIndexedYet(want));
    }
}

#[test]
fn verdicts_are_sentences() {
    let scan = NextUpdate::Scan {
        due_by: Some(at(4)),
    };
    for (verdict, text) in [
        (
            Verdict::Matches,
            "searchable, and the index matches the bucket",
        ),
        (
            Verdict::Gone(NextUpdate::RunningScan),
            "searchable, but no longer in the bucket; the running scan removes it",
        ),
        (
            Verdict::NotIndexedYet(scan),
            "not searchable: it is in the bucket, but not in the index yet; the next scan (due by \
             2026-09-21T14:13:24Z if the daemon is running) adds it",
        ),
        (
            Verdict::IndexUnreadable,
            "unknown: the index cannot be read",
        ),
    ] {
        assert_eq!(verdict.to_string(), text);
    }
}
