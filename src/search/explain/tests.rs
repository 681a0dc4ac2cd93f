//! Facts from a fake bucket and from an index in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::explanation::IndexedContent;
use super::*;
use crate::aws::bucket::{AttemptError, BucketError, BucketErrorKind};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyRange;
use crate::core::replication::listing::{ContinuationToken, ListingPage, PageEntry, PageRequest};
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::source_state::SourceIdentity;
use crate::core::replication::timestamp::Timestamp;
use crate::index::tantivy::TantivyEngine;
use crate::index::{Change, Changes};

/// Returns these pages, the last one first: keys, and whether more pages follow.
struct Pages(Mutex<Vec<(Vec<&'static str>, bool)>>);

fn object(size: u64) -> Object {
    Object {
        size,
        etag: ETag::parse("e"),
        last_modified: Timestamp::from_millis(5),
        storage_class: StorageClass::Standard,
    }
}

impl Lister for Pages {
    async fn list(&self, request: &PageRequest) -> Result<ListingPage, BucketError> {
        assert_eq!((&*request.prefix, request.max_keys), ("a", 1));
        let page = self.0.lock().unwrap().pop();
        let (keys, more) = page.ok_or_else(|| BucketError {
            operation: "list bucket \"photos\"".to_owned(),
            action: "s3:ListBucket",
            cause: AttemptError::new(BucketErrorKind::AccessDenied, ""),
            attempts: 1,
        })?;
        let entry = |key: &str| PageEntry {
            key: key.to_owned(),
            object: object(7),
        };
        Ok(ListingPage {
            entries: keys.into_iter().map(entry).collect(),
            unusable: Vec::new(),
            next: more.then(|| ContinuationToken("t".to_owned())),
            listed_at: Timestamp::from_millis(9),
        })
    }
}

fn look_up(mut pages: Vec<(Vec<&'static str>, bool)>) -> BucketState {
    pages.reverse();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let pages = Pages(Mutex::new(pages));
    runtime.unwrap().block_on(bucket_state(&pages, "a"))
}

#[test]
fn look_up_passes_empty_pages_and_ignores_other_keys() {
    let present = BucketState::Present((&object(7)).into());
    for (pages, want) in [
        (vec![(vec!["a"], true)], present.clone()),
        (vec![(vec![], true), (vec!["a"], false)], present),
        (vec![(vec![], false)], BucketState::Absent),
        (vec![(vec!["a/b"], true)], BucketState::Absent),
        (
            vec![(vec![], true), (vec!["a0"], false)],
            BucketState::Absent,
        ),
    ] {
        assert_eq!(look_up(pages.clone()), want, "{pages:?}");
    }
}

#[test]
fn failed_listing_is_not_reported_as_absent() {
    for (pages, says) in [
        (vec![], "failed to list bucket \"photos\": access denied"),
        (vec![(vec![], true)], "access denied"),
        (vec![(vec!["b"], false)], "prefix"),
    ] {
        let BucketState::Failed { error } = look_up(pages) else {
            panic!("not a failure: {says}");
        };
        assert!(error.contains(says), "{error}");
    }
}

fn source() -> Source {
    let mut source = Source::new("assets", "photos", "shop");
    source.prefix = "shop/".to_owned();
    source
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// An index with `shop/a`, a tombstone of `shop/b`, and a running scan that continues after `shop/m`.
fn engine() -> TantivyEngine {
    let source = source();
    let mut checkpoint = Checkpoint::default();
    let (id, _) = checkpoint
        .register(&SourceIdentity {
            name: &source.name,
            subdomain: &source.subdomain,
            origin: &source.origin(),
            prefix: &source.prefix,
            scope: &source.admission_fingerprint(),
        })
        .unwrap();
    let state = checkpoint.state_mut(id).unwrap();
    state.begin_scan(vec![KeyRange::under("shop/")]);
    state.complete_as_of = Some(Timestamp::from_millis(1_000));
    let running = state.running.as_mut().unwrap();
    running.advance(&KeyRange {
        until: Some("shop/m".to_owned()),
        ..KeyRange::under("shop/")
    });
    let record = |content| Record {
        content,
        event_time: Some(Timestamp::from_millis(3)),
        sequencer: Sequencer::parse("00A1"),
        listed_at: None,
    };
    let live = RecordContent::Live {
        object: object(7),
        first_seen: Timestamp::from_millis(2),
    };
    let records = [
        ("shop/a", live),
        ("shop/b", RecordContent::Removed { scan: 1 }),
    ];
    let change = |(key, content): (&str, RecordContent)| {
        let change = Change {
            record: Some(record(content)),
            replaces: false,
        };
        ((id, key.to_owned()), change)
    };
    let changes: Changes = BTreeMap::from(records.map(change));
    let mut engine = TantivyEngine::in_memory().unwrap();
    engine.commit(&changes, &checkpoint).unwrap();
    engine
}

fn known(source: &Source, key: &str) -> IndexedSource {
    match index_state(&engine(), source, key, DAY, &Deadline::never()).unwrap() {
        IndexState::Known(known) => *known,
        other => panic!("{other:?}"),
    }
}

#[test]
fn index_state_has_record_and_scan() {
    let a = known(&source(), "shop/a");
    assert_eq!(a.live(), Some(&(&object(7)).into()));
    let record = a.record.unwrap();
    assert_eq!(record.sequencer.as_deref(), Some("00a1"));
    assert_eq!(record.event_time, Some(Timestamp::from_millis(3)));
    assert_eq!(a.scan_due_by, Some(Timestamp::from_millis(86_401_000)));
    assert!(!a.scan.unwrap().has_key_ahead);
    assert!(a.other_location.is_none() && !a.other_rules);
    let b = known(&source(), "shop/b").record.unwrap();
    assert_eq!(b.content, IndexedContent::Tombstone { scan: 1 });
    let z = known(&source(), "shop/z");
    assert!(z.record.is_none() && z.scan.unwrap().has_key_ahead);
}

#[test]
fn changed_source_differs_from_new_source() {
    let mut moved = source();
    moved.bucket = "pictures".to_owned();
    let place = known(&moved, "shop/a").other_location.unwrap();
    assert_eq!(place.origin, "aws/photos");
    let mut with_markers = source();
    with_markers.folder_markers = true;
    assert!(known(&with_markers, "shop/a").other_rules);
    let other = Source::new("other", "photos", "shop");
    let index = index_state(&engine(), &other, "shop/a", DAY, &Deadline::never()).unwrap();
    assert_eq!(index, IndexState::UnknownSource);
}

#[test]
fn asset_of_the_former_prefix_has_its_path_there() {
    let mut moved = source();
    moved.prefix = "elsewhere/".to_owned();
    for (key, path) in [
        ("shop/a", Some("/a")),
        ("shop/b", None),
        ("elsewhere/c", Some("/c")),
    ] {
        let index = IndexState::Known(Box::new(known(&moved, key)));
        let explanation = explain(&moved, key, BucketState::NotLookedUp, index);
        assert_eq!(explanation.path.as_deref(), path, "{key}");
        let is_found = verdict(&explanation).is_searchable();
        assert_eq!(is_found, Some(key == "shop/a"), "{key}");
    }
}

#[test]
fn folder_marker_depends_on_known_size() {
    let present = |size| BucketState::Present((&object(size)).into());
    for (key, bucket, admitted) in [
        ("shop/a/", present(0), false),
        ("shop/a/", present(1), true),
        ("shop/a/", BucketState::NotLookedUp, false),
        ("shop/a", present(0), true),
        ("shop/a", BucketState::Absent, true),
        ("a", BucketState::NotLookedUp, false),
    ] {
        let explanation = explain(&source(), key, bucket.clone(), IndexState::NoIndex);
        assert_eq!(explanation.admitted, admitted, "{key} {bucket:?}");
        assert_eq!(explanation.path.is_some(), key.starts_with("shop/"));
    }
}
