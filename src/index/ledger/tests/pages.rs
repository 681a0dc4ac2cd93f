//! Pages over more records than the ledger reads at once.

use super::events::{attach, put, report};
use super::*;
use crate::core::replication::source_state::SourceState;
use crate::index::Changes;

/// The real engine. It remembers its commits: whether the only range of the scan was done, and the number of
/// assets.
struct RecordingEngine {
    engine: TantivyEngine,
    commits: Vec<(bool, u64)>,
}

impl Engine for RecordingEngine {
    fn checkpoint(&self) -> Result<Checkpoint, IndexError> {
        self.engine.checkpoint()
    }

    fn read(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        filter: RecordFilter,
        limit: usize,
    ) -> Result<Vec<KeyedRecord>, IndexError> {
        self.engine.read(source, interval, filter, limit)
    }

    fn get(&self, source: SourceId, keys: &[&str]) -> Result<Vec<Option<Record>>, IndexError> {
        self.engine.get(source, keys)
    }

    fn assets(&self, source: SourceId) -> Result<u64, IndexError> {
        self.engine.assets(source)
    }

    fn estimate(&self, source: SourceId, interval: &KeyInterval) -> Result<u64, IndexError> {
        self.engine.estimate(source, interval)
    }

    fn split_points(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        parts: usize,
    ) -> Result<Vec<String>, IndexError> {
        self.engine.split_points(source, interval, parts)
    }

    fn commit(&mut self, changes: &Changes, checkpoint: &Checkpoint) -> Result<(), IndexError> {
        self.engine.commit(changes, checkpoint)?;
        let state: Option<&SourceState> = checkpoint.state(SourceId(0));
        let running = state.and_then(|state| state.running.as_ref());
        let is_done = running.is_some_and(|scan| scan.ranges[0].done);
        self.commits
            .push((is_done, self.engine.assets(SourceId(0))?));
        Ok(())
    }

    fn close(self) -> Result<(), IndexError> {
        self.engine.close()
    }
}

/// A bucket with 500 keys more than the ledger reads at once.
fn large_bucket() -> Bucket {
    let keys = 0..READ_CHUNK + 500;
    keys.map(|n| (format!("k/{n:05}"), 1)).collect()
}

/// Begins a scan with a single range.
fn begin_in_one_range<E: Engine>(ledger: &mut Ledger<E>, source: &Arc<Source>) -> ScanPlan {
    let request = ScanRequest {
        source: Arc::clone(source),
        ranges_in_flight: 1,
        mode: ScanMode::Fresh,
        drift: None,
        queue: None,
        allow_empty: false,
        progress: Arc::default(),
    };
    let plan = ledger.begin_scan(request).unwrap();
    assert_eq!(plan.ranges.len(), 1);
    plan
}

/// A page that lists the whole bucket.
fn whole_page(plan: &ScanPlan, bucket: &Bucket, listed_at: i64) -> PageReport {
    let entry = |(key, version): (&String, &u64)| PageEntry {
        key: key.clone(),
        object: object(*version),
    };
    PageReport {
        source: plan.source,
        scan: plan.scan,
        interval: KeyInterval::everything(),
        admitted: bucket.iter().map(entry).collect(),
        listed_at: Timestamp::from_millis(listed_at),
        listed: Some(KeyRange::under("")),
    }
}

#[test]
fn commit_in_the_middle_of_a_page_does_not_claim_its_rest() {
    let engine = RecordingEngine {
        engine: TantivyEngine::in_memory().unwrap(),
        commits: Vec::new(),
    };
    let policy = CommitPolicy {
        max_changes: 1_000,
        ..POLICY
    };
    let mut ledger = Ledger::new(engine, policy, false).unwrap();
    let source = source("", &[]);
    let plan = begin_in_one_range(&mut ledger, &source);
    let page = whole_page(&plan, &large_bucket(), 1_000);
    ledger.apply_page(page).unwrap();
    complete_scan(&mut ledger, plan.source).unwrap();
    let plan = begin_in_one_range(&mut ledger, &source);
    ledger.engine.commits.clear();
    let emptied = whole_page(&plan, &Bucket::new(), 2_000);
    ledger.apply_page(emptied).unwrap();
    ledger.commit().unwrap();
    assert_eq!(ledger.engine.commits, [(false, 500), (true, 0)]);
}

#[test]
fn pending_record_after_the_last_record_read_is_not_taken_for_removed() {
    let mut ledger = ledger(false);
    ledger.policy.max_changes = 100_000;
    let source = source("", &[]);
    let (attached, _) = attach(&mut ledger, &source);
    let mut bucket = large_bucket();
    let plan = begin_in_one_range(&mut ledger, &source);
    let page = whole_page(&plan, &bucket, 1_000);
    ledger.apply_page(page).unwrap();
    complete_scan(&mut ledger, plan.source).unwrap();
    let plan = begin_in_one_range(&mut ledger, &source);
    let created = report(&mut ledger, attached.id, "z", put(1, 1_500));
    assert_eq!(created, EventOutcome::Written);
    bucket.insert("z".to_owned(), 1);
    let page = whole_page(&plan, &bucket, 2_000);
    ledger.apply_page(page).unwrap();
    complete_scan(&mut ledger, plan.source).unwrap();
    assert_eq!(indexed(&ledger), admitted(&source, &bucket));
}
