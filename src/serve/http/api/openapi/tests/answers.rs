//! Tests that the document describes the parts of answers that rarely occur, such as the status of a failing queue.
//!
//! The integration tests check all responses of the running program.

use serde_json::json;

use super::super::check::check_value;
use super::{document, schema_ref};
use crate::core::replication::object::StorageClass;
use crate::core::replication::timestamp::Timestamp;
use crate::observe::status::report::StatusReport;
use crate::observe::status::sample;
use crate::search::explain::explanation::{
    BucketLocation, BucketState, Explanation, IndexState, IndexedContent, IndexedSource,
    ObjectDetails, RecordDetails, ScanDetails,
};
use crate::serve::source_drafts::{
    IndexCounts, JudgedPath, ListedCounts, PathRule, Preview, Setup, TestFinding, TestReport,
    TestVerdict,
};

/// Checks an answer against the schema with this name.
#[track_caller]
fn check(schema: &str, answer: &impl serde::Serialize) {
    let value = serde_json::to_value(answer).unwrap();
    let checked = check_value(&document(), &schema_ref(schema), &value);
    assert_eq!(checked, Ok(()), "{value:#}");
}

#[test]
fn status_is_described() {
    check("Status", &StatusReport::of(&sample::board(), Some(1)));
    check("Status", &StatusReport::of(&sample::empty_board(), None));
}

#[test]
fn every_state_of_an_explanation_is_described() {
    let time = Timestamp::from_millis(1);
    let object = || ObjectDetails {
        size: 1,
        etag: None,
        last_modified: time,
        storage_class: StorageClass::Standard.name().to_owned(),
    };
    let record = |content| RecordDetails {
        content,
        event_time: Some(time),
        sequencer: None,
        listed_at: None,
    };
    let known = |record| {
        IndexState::Known(Box::new(IndexedSource {
            complete_as_of: Some(time),
            scan_due_by: None,
            scan: Some(ScanDetails {
                number: 1,
                started: Some(time),
                has_key_ahead: true,
            }),
            other_location: Some(BucketLocation {
                origin: "o".into(),
                prefix: String::new(),
            }),
            other_rules: true,
            record,
            look_alike: None,
        }))
    };
    let live = IndexedContent::Live {
        object: object(),
        first_seen: time,
    };
    let error = || "e".to_owned();
    for (bucket, index) in [
        (BucketState::NotLookedUp, IndexState::NoIndex),
        (BucketState::Absent, IndexState::UnknownSource),
        (
            BucketState::Failed { error: error() },
            IndexState::Failed { error: error() },
        ),
        (BucketState::Present(object()), known(None)),
        (BucketState::Absent, known(Some(record(live)))),
        (
            BucketState::Absent,
            known(Some(record(IndexedContent::Tombstone { scan: 1 }))),
        ),
    ] {
        let facts = Explanation {
            source: "s".into(),
            enabled: true,
            has_events: true,
            prefix: "p/".into(),
            key: "p/k".into(),
            path: Some("/k".into()),
            url: None,
            admitted: true,
            rule: "r".into(),
            near_miss: Some("n".into()),
            bucket,
            index,
        };
        check("Facts", &facts);
    }
}

#[test]
fn answers_to_drafts_are_described() {
    for (verdict, some) in [
        (TestVerdict::Ok, None),
        (TestVerdict::Warning, Some("x".to_owned())),
        (TestVerdict::Failure, None),
        (TestVerdict::Skipped, None),
    ] {
        let finding = TestFinding {
            verdict,
            subject: "bucket".into(),
            text: "t".into(),
            remedy: some.clone(),
            commands: vec!["c".into()],
            pointer: some,
        };
        let report = TestReport {
            ok: true,
            findings: vec![finding],
            took_ms: 1,
        };
        check("SourceTest", &json!({ "data": report }));
    }
    let rule = || PathRule {
        path: "/a".into(),
        rule: "r".into(),
    };
    let preview = Preview {
        index: Some(IndexCounts {
            admitted: 1,
            rejected: 1,
            total: 2,
            is_complete: true,
        }),
        listed: Some(ListedCounts {
            admitted: 1,
            rejected: 1,
            keys: 2,
            is_complete: false,
        }),
        listed_error: Some("e".into()),
        admitted: vec![rule()],
        rejected: vec![rule()],
        paths: vec![JudgedPath {
            path: "/a".into(),
            admitted: true,
            rule: "r".into(),
        }],
        address: Some("a".into()),
    };
    check("SourcePreview", &json!({ "data": preview }));
    let setup = Setup {
        iam_policy: json!({ "Version": "2012-10-17" }),
        queue_script: "s".into(),
    };
    check("SourceSetup", &json!({ "data": setup }));
}
