//! The ledger over the real engine, in memory: applies pages and compares the index with the bucket.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::core::query::{Query, Request};
use crate::core::replication::interval::KeyRange;
use crate::core::replication::listing::PageEntry;
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::rules::{RuleSelection, Rules};
use crate::index::Deadline;
use crate::index::tantivy::TantivyEngine;

type Bucket = BTreeMap<String, u64>;

const POLICY: CommitPolicy = CommitPolicy {
    max_changes: 3,
    interval: Duration::from_secs(3600),
    event_interval: Duration::from_secs(3600),
    finishes_merges: true,
};

fn source(prefix: &str, include: &[&str]) -> Arc<Source> {
    let paths = include.iter().map(ToString::to_string).collect();
    let include = (!include.is_empty()).then_some(RuleSelection::Paths(paths));
    Arc::new(Source {
        prefix: prefix.into(),
        rules: Rules::new(include, None, false).unwrap(),
        ..Source::new("photos", "bucket", "photos")
    })
}

fn object(version: u64) -> Object {
    Object {
        size: 10 + version,
        etag: ETag::parse(&format!("{version:032x}")),
        last_modified: Timestamp::from_millis(version as i64),
        storage_class: StorageClass::from_name(
            ["STANDARD", "GLACIER", "NEW"][version as usize % 3],
        ),
    }
}

fn ledger(dry_run: bool) -> Ledger<TantivyEngine> {
    Ledger::new(TantivyEngine::in_memory().unwrap(), POLICY, dry_run).unwrap()
}

fn begin(
    ledger: &mut Ledger<TantivyEngine>,
    source: &Arc<Source>,
    fresh: bool,
) -> (ScanPlan, Arc<ScanProgress>) {
    let progress = Arc::new(ScanProgress::default());
    let request = ScanRequest {
        source: Arc::clone(source),
        ranges_in_flight: 4,
        mode: ScanMode::requested(fresh),
        drift: None,
        queue: None,
        allow_empty: true,
        progress: Arc::clone(&progress),
    };
    (ledger.begin_scan(request).unwrap(), progress)
}

/// Lists the bucket into the ledger in pages of `per_page` keys. Returns `false` if it stopped after
/// `max_pages` pages, before the end.
fn list(
    ledger: &mut Ledger<TantivyEngine>,
    plan: &ScanPlan,
    source: &Source,
    bucket: &Bucket,
    per_page: usize,
    listed_at: i64,
    max_pages: usize,
) -> bool {
    let mut left = max_pages;
    for planned in &plan.ranges {
        let inside = planned.range.interval();
        let mut after = planned.range.after.clone();
        let keys: Vec<&String> = bucket.keys().filter(|key| inside.contains(key)).collect();
        let mut rest = inside;
        let mut pages = keys.chunks(per_page).peekable();
        loop {
            if left == 0 {
                return false;
            }
            left -= 1;
            let keys = pages.next().unwrap_or_default();
            let done = pages.peek().is_none();
            let last = keys.last().map(|key| key.to_string());
            let interval = match &last {
                Some(last) if !done => rest.up_to(last),
                _ => rest.clone(),
            };
            let entry = |key: &&String| PageEntry {
                key: key.to_string(),
                object: object(bucket[*key]),
            };
            let listed = keys.iter().map(entry);
            let admitted = listed.filter(|entry| source.admits(&entry.key, entry.object.size));
            let page = PageReport {
                source: plan.source,
                scan: plan.scan,
                interval,
                admitted: admitted.collect(),
                listed_at: Timestamp::from_millis(listed_at),
                listed: Some(KeyRange {
                    prefix: planned.range.prefix.clone(),
                    after,
                    until: last.clone().filter(|_| !done).or(planned
                        .range
                        .until
                        .clone()
                        .filter(|_| done)),
                }),
            };
            after = last.clone();
            ledger.apply_page(page).unwrap();
            if done {
                break;
            }
            rest = rest.after(&last.unwrap());
        }
    }
    true
}

/// Completes the scan and commits.
fn complete_scan<E: Engine>(
    ledger: &mut Ledger<E>,
    id: SourceId,
) -> Result<Option<Timestamp>, IndexError> {
    let as_of = ledger.complete_scan(id)?;
    ledger.commit()?;
    Ok(as_of)
}

fn scan(
    ledger: &mut Ledger<TantivyEngine>,
    source: &Arc<Source>,
    bucket: &Bucket,
    listed_at: i64,
) -> [u64; 3] {
    let (plan, progress) = begin(ledger, source, false);
    assert!(list(
        ledger,
        &plan,
        source,
        bucket,
        2,
        listed_at,
        usize::MAX
    ));
    complete_scan(ledger, plan.source).unwrap();
    counts(&progress)
}

fn counts(progress: &ScanProgress) -> [u64; 3] {
    [
        progress.added.get(),
        progress.changed.get(),
        progress.removed.get(),
    ]
}

fn indexed(ledger: &Ledger<TantivyEngine>) -> BTreeMap<String, Object> {
    let records = ledger
        .engine
        .read(
            SourceId(0),
            &KeyInterval::everything(),
            RecordFilter::All,
            usize::MAX,
        )
        .unwrap();
    let asset = |(key, record): KeyedRecord| Some((key, record.object()?.clone()));
    records.into_iter().filter_map(asset).collect()
}

fn admitted(source: &Source, bucket: &Bucket) -> BTreeMap<String, Object> {
    bucket
        .iter()
        .map(|(key, version)| (key.clone(), object(*version)))
        .filter(|(key, object)| source.admits(key, object.size))
        .collect()
}

fn bucket(keys: &[(&str, u64)]) -> Bucket {
    keys.iter()
        .map(|(key, version)| (key.to_string(), *version))
        .collect()
}

#[test]
fn second_scan_applies_the_changes_of_the_bucket() {
    let mut ledger = ledger(false);
    let source = source("", &[]);
    let first = bucket(&[("a", 1), ("b", 2), ("c/d", 3), ("c//é", 4), ("z", 5)]);
    assert_eq!(scan(&mut ledger, &source, &first, 1_000), [5, 0, 0]);
    assert_eq!(indexed(&ledger), admitted(&source, &first));
    let second = bucket(&[("a", 1), ("aa", 6), ("c/d", 9), ("c//é", 4)]);
    assert_eq!(scan(&mut ledger, &source, &second, 2_000), [1, 1, 2]);
    assert_eq!(indexed(&ledger), admitted(&source, &second));
    assert_eq!(scan(&mut ledger, &source, &second, 3_000), [0, 0, 0]);
}

#[test]
fn unfinished_scan_removes_only_covered_keys_and_resumes() {
    let mut ledger = ledger(false);
    let source = source("", &[]);
    let full = bucket(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1), ("f", 1)]);
    scan(&mut ledger, &source, &full, 1_000);
    let left = bucket(&[("b", 1), ("e", 1)]);
    let (plan, _) = begin(&mut ledger, &source, false);
    assert!(!list(&mut ledger, &plan, &source, &left, 1, 2_000, 1));
    assert!(complete_scan(&mut ledger, plan.source).is_err());
    assert_eq!(indexed(&ledger).len(), 6, "no commit yet");
    ledger.commit().unwrap();
    let keys: Vec<String> = indexed(&ledger).into_keys().collect();
    assert_eq!(keys, ["b", "c", "d", "e", "f"]);
    let (plan, _) = begin(&mut ledger, &source, false);
    assert!(plan.resumed && plan.started == Some(Timestamp::from_millis(2_000)));
    assert_eq!(plan.ranges[0].range.after.as_deref(), Some("b"));
    assert!(list(
        &mut ledger,
        &plan,
        &source,
        &left,
        1,
        2_500,
        usize::MAX
    ));
    complete_scan(&mut ledger, plan.source).unwrap();
    assert_eq!(indexed(&ledger), admitted(&source, &left));
    let (plan, _) = begin(&mut ledger, &source, false);
    assert!(!plan.resumed);
}

#[test]
fn page_of_a_discarded_scan_changes_nothing() {
    let mut ledger = ledger(false);
    let source = source("", &[]);
    let (old, _) = begin(&mut ledger, &source, false);
    begin(&mut ledger, &source, true);
    list(
        &mut ledger,
        &old,
        &source,
        &bucket(&[("a", 1)]),
        1,
        1_000,
        usize::MAX,
    );
    ledger.commit().unwrap();
    assert!(indexed(&ledger).is_empty());
}

#[test]
fn changed_rules_or_prefix_discard_the_scan_and_the_stale_records() {
    let mut ledger = ledger(false);
    let all = bucket(&[
        ("p/a.jpg", 1),
        ("p/b.png", 1),
        ("q/c.jpg", 1),
        ("p/d/e.jpg", 1),
    ]);
    let whole = source("", &[]);
    scan(&mut ledger, &whole, &all, 1_000);
    let (plan, _) = begin(&mut ledger, &whole, false);
    list(&mut ledger, &plan, &whole, &all, 1, 1_500, 2);
    let jpegs = source("", &["**/*.jpg"]);
    let (plan, progress) = begin(&mut ledger, &jpegs, false);
    assert!(!plan.resumed && counts(&progress) == [0, 0, 1]);
    assert_eq!(indexed(&ledger), admitted(&jpegs, &all));
    let folder = source("p/", &[]);
    let (plan, progress) = begin(&mut ledger, &folder, false);
    ledger.commit().unwrap();
    assert_eq!(
        indexed(&ledger),
        admitted(&jpegs, &all),
        "no page has arrived"
    );
    let (back, _) = begin(&mut ledger, &jpegs, false);
    assert!(back.resumed, "the old scan can be resumed");
    let (again, progress_again) = begin(&mut ledger, &folder, false);
    assert_eq!((again, counts(&progress)), (plan.clone(), [0, 0, 0]));
    list(&mut ledger, &plan, &folder, &all, 9, 2_000, usize::MAX);
    complete_scan(&mut ledger, plan.source).unwrap();
    assert_eq!(counts(&progress_again), [3, 0, 3]);
    assert_eq!(indexed(&ledger), admitted(&folder, &all));
}

#[test]
fn interrupted_removal_of_stale_records_discards_the_scan_even_if_the_old_rules_return() {
    let mut ledger = ledger(false);
    let (all, some) = (source("", &[]), source("", &["b"]));
    let bucket = bucket(&[("a/1", 1), ("a/2", 2), ("a/3", 3), ("b/1", 1)]);
    scan(&mut ledger, &all, &bucket, 10);
    let (plan, _) = begin(&mut ledger, &all, false);
    assert!(!list(&mut ledger, &plan, &all, &bucket, 3, 20, 1));
    let interrupted = Scan::new(some, Arc::default());
    let stale = StaleRecords::NotAdmitted;
    ledger
        .remove_stale_records(plan.source, &interrupted, stale)
        .unwrap();
    let (plan, _) = begin(&mut ledger, &all, false);
    assert!(!plan.resumed);
    assert!(list(&mut ledger, &plan, &all, &bucket, 3, 30, usize::MAX));
    complete_scan(&mut ledger, plan.source).unwrap();
    assert_eq!(indexed(&ledger), admitted(&all, &bucket));
}

#[test]
fn dry_run_counts_but_writes_nothing() {
    let mut real = ledger(false);
    let whole = source("", &[]);
    let first = bucket(&[("a.jpg", 1), ("b.jpg", 2), ("c.png", 3), ("d.png", 3)]);
    scan(&mut real, &whole, &first, 1_000);
    let mut dry = Ledger::new(real.engine, POLICY, true).unwrap();
    let jpegs = source("", &["*.jpg"]);
    let second = bucket(&[("a.jpg", 7), ("c.png", 3), ("x.jpg", 1)]);
    assert_eq!(scan(&mut dry, &jpegs, &second, 2_000), [1, 1, 3]);
    assert_eq!(indexed(&dry), admitted(&whole, &first));
}

#[test]
fn source_removed_from_the_configuration_loses_its_records_but_keeps_its_subdomain() {
    let mut ledger = ledger(false);
    let photos = source("", &[]);
    scan(&mut ledger, &photos, &bucket(&[("a", 1)]), 1_000);
    let removed = ledger
        .remove_unconfigured(&[Arc::new(Source::new("other", "bucket", "other"))])
        .unwrap();
    let name = "photos".to_owned();
    assert_eq!(removed, [UnconfiguredSource { name, assets: 1 }]);
    assert!(indexed(&ledger).is_empty());
    assert_eq!(ledger.remove_unconfigured(&[]).unwrap(), []);
    let other = Arc::new(Source::new("other", "bucket", "photos"));
    let request = ScanRequest {
        source: other,
        ranges_in_flight: 1,
        mode: ScanMode::Resume,
        drift: None,
        queue: None,
        allow_empty: false,
        progress: Arc::default(),
    };
    assert!(matches!(
        ledger.begin_scan(request),
        Err(IndexError::Binding(_))
    ));
    assert_eq!(
        scan(&mut ledger, &photos, &bucket(&[("a", 1)]), 2_000),
        [1, 0, 0]
    );
}

#[test]
fn known_bucket_is_split_into_ranges_of_about_equal_size() {
    let mut ledger = ledger(false);
    ledger.policy.max_changes = 100_000;
    let source = source("", &[]);
    let many: Bucket = (0..9_000).map(|n| (format!("k/{n:05}"), 1)).collect();
    let (plan, _) = begin(&mut ledger, &source, false);
    assert_eq!(plan.ranges.len(), 1);
    list(&mut ledger, &plan, &source, &many, 1_000, 1_000, usize::MAX);
    complete_scan(&mut ledger, plan.source).unwrap();
    let (plan, progress) = begin(&mut ledger, &source, false);
    assert_eq!(plan.ranges.len(), 4);
    assert_eq!(progress.expected.get(), 9_000);
    for planned in &plan.ranges {
        let inside = planned.range.interval();
        let keys = many.keys().filter(|key| inside.contains(key)).count();
        assert!((2_000..2_500).contains(&keys), "{keys} in {planned:?}");
    }
    let emptied = Bucket::new();
    assert!(list(
        &mut ledger,
        &plan,
        &source,
        &emptied,
        1_000,
        2_000,
        usize::MAX
    ));
    complete_scan(&mut ledger, plan.source).unwrap();
    assert_eq!(progress.removed.get(), 9_000);
    assert!(indexed(&ledger).is_empty());
}

#[test]
fn tombstone_is_hidden_from_search_and_purged_by_a_scan_a_minute_later() {
    let mut ledger = ledger(false);
    let source = source("", &[]);
    let bucket = bucket(&[("a", 1), ("c", 2)]);
    scan(&mut ledger, &source, &bucket, 1_000);
    let tombstone = Record {
        content: RecordContent::Removed { scan: 1 },
        event_time: Some(Timestamp::from_millis(1_200)),
        sequencer: Sequencer::parse("0055AED6DCD90281E5"),
        listed_at: Some(Timestamp::from_millis(1_000)),
    };
    ledger
        .pending
        .put(SourceId(0), "b", Some(tombstone.clone()), false);
    ledger.commit().unwrap();
    let everything = KeyInterval::everything();
    let read = |ledger: &Ledger<TantivyEngine>, filter| {
        ledger
            .engine
            .read(SourceId(0), &everything, filter, 9)
            .unwrap()
    };
    let tombstones = [("b".to_owned(), tombstone)];
    assert_eq!(read(&ledger, RecordFilter::Tombstones), tombstones);
    let keys: Vec<String> = read(&ledger, RecordFilter::All)
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(keys, ["a", "b", "c"]);
    for query in ["", "-nothing", "folder:/"] {
        let query = Query::parse(query, Timestamp::from_millis(0)).unwrap();
        let request = Request::new(query);
        let page = ledger
            .engine
            .search(
                &[&crate::core::source::SearchSource::from(&*source)],
                &request,
                &Deadline::never(),
            )
            .unwrap();
        assert_eq!(page.total.value, 2);
        let keys: Vec<String> = page.hits.into_iter().map(|hit| hit.key).collect();
        assert_eq!(keys, ["a", "c"]);
    }
    assert_eq!(scan(&mut ledger, &source, &bucket, 61_200), [0, 0, 0]);
    assert_eq!(
        read(&ledger, RecordFilter::Tombstones),
        tombstones,
        "not more than a minute older"
    );
    assert_eq!(scan(&mut ledger, &source, &bucket, 61_201), [0, 0, 0]);
    assert!(read(&ledger, RecordFilter::Tombstones).is_empty());
    assert_eq!(indexed(&ledger), admitted(&source, &bucket));
}

fn any_bucket() -> impl Strategy<Value = Bucket> {
    prop::collection::btree_map("[ab/é]{1,4}(\\.jpg)?", 0..4_u64, 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bucket changes between scans, and some scans are interrupted and resumed. After each complete scan
    /// the index equals the admitted keys.
    #[test]
    fn index_equals_the_bucket_after_each_complete_scan(
        steps in prop::collection::vec((any_bucket(), 1..6_usize, 0..12_usize, 0..3_usize), 1..5)
    ) {
        let mut ledger = ledger(false);
        let sources = [source("", &[]), source("a/", &[]), source("", &["**/*.jpg", "/b"])];
        for (step, (bucket, per_page, max_pages, chosen)) in steps.iter().enumerate() {
            let (source, listed_at) = (&sources[*chosen], 10_000 * (step as i64 + 1));
            let (plan, _) = begin(&mut ledger, source, true);
            if list(&mut ledger, &plan, source, bucket, *per_page, listed_at, *max_pages) {
                complete_scan(&mut ledger, plan.source).unwrap();
            } else {
                ledger.commit().unwrap();
                // A scan of a new prefix can be resumed once it has shown an asset.
                let is_moving = ledger.scans[&plan.source].relocation.is_some();
                let (plan, _) = begin(&mut ledger, source, false);
                prop_assert!(plan.resumed || is_moving || *max_pages == 0);
                list(&mut ledger, &plan, source, bucket, *per_page, listed_at + 1, usize::MAX);
                complete_scan(&mut ledger, plan.source).unwrap();
            }
            prop_assert_eq!(indexed(&ledger), admitted(source, bucket));
        }
    }
}

mod clock;
mod events;
mod heal;
mod pages;
mod partial_scan;
mod rebuild;
mod relocation;
mod removals;
