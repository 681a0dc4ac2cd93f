//! The writer thread over an index in a folder: when it answers events.

use std::fs;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use super::*;
use crate::core::replication::interval::{KeyInterval, KeyRange};
use crate::core::replication::listing::PageEntry;
use crate::core::replication::object::{Object, StorageClass};
use crate::core::replication::order::{AmbiguousEvent, CertainEvent};
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::sequencer::Sequencer;
use crate::core::source::Source;
use crate::index::RecordFilter;
use crate::index::commit_counters::CommitCounters;
use crate::index::ledger::{CommitPolicy, KeyEvent};
use crate::index::tantivy::{MIN_WRITER_MEMORY, TantivyEngine};

/// No commit becomes due during a test.
const NEVER: Duration = Duration::from_secs(24 * 3600);

struct TestWriter {
    folder: tempfile::TempDir,
    commits: Arc<CommitCounters>,
    index: IndexHandle,
    source: SourceId,
}

impl TestWriter {
    /// Starts a writer thread that commits events after `event_interval`, with one attached Source.
    async fn start(event_interval: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = TantivyEngine::open_or_create(folder.path(), MIN_WRITER_MEMORY).unwrap();
        let policy = CommitPolicy {
            max_changes: 1_000,
            interval: NEVER,
            event_interval,
            finishes_merges: false,
        };
        let mut ledger = Ledger::new(engine, policy, false).unwrap();
        let commits = Arc::<CommitCounters>::default();
        ledger.set_commit_counters(Arc::clone(&commits));
        let (index, _) = start(ledger).unwrap();
        let request = AttachRequest {
            source: Arc::new(Source::new("photos", "bucket", "photos")),
            former: None,
            tally: Arc::default(),
            ranges_in_flight: 1,
        };
        Self {
            source: index.attach_single(request).await.unwrap().id,
            index,
            commits,
            folder,
        }
    }

    /// Begins the scan of another Source, and lists its only key, `k`.
    async fn list(&self, name: &str) -> SourceId {
        let plan = self.index.begin_scan(scan_of(name)).await.unwrap();
        let entry = PageEntry {
            key: "k".to_owned(),
            object: object(1),
        };
        let page = page(&plan, vec![entry], 1_000);
        self.index.report_page(page).await.unwrap();
        plan.source
    }

    /// The number of commits so far.
    fn commits(&self) -> u64 {
        let buckets = self.commits.took.buckets();
        buckets.into_iter().map(|(_, count)| count).sum()
    }

    fn report(&self, event: KeyEvent) -> Vec<EventReport> {
        vec![EventReport {
            source: self.source,
            key: "k".to_owned(),
            event,
        }]
    }

    /// Waits until the thread has handled all earlier requests.
    async fn catch_up(&self) {
        self.index.state(self.source).await.unwrap();
    }

    /// Whether the thread answers without further requests.
    async fn answers<F: Future>(&self, mut answer: Pin<&mut F>) -> bool {
        if is_waiting(answer.as_mut()) {
            self.catch_up().await;
            !is_waiting(answer)
        } else {
            true
        }
    }

    /// Whether the last commit has a record of the key.
    fn is_durable(&self) -> bool {
        self.is_durable_of(self.source)
    }

    /// The same for another Source.
    fn is_durable_of(&self, source: SourceId) -> bool {
        let engine = TantivyEngine::open_read_only(self.folder.path()).unwrap();
        engine.get(source, &["k"]).unwrap()[0].is_some()
    }

    /// Makes the next commit fail, even for root: a folder has the name of the file that a commit replaces.
    fn make_commits_fail(&self) {
        let meta = self.folder.path().join("meta.json");
        fs::remove_file(&meta).unwrap();
        fs::create_dir_all(meta.join("full")).unwrap();
    }
}

fn object(time: i64) -> Object {
    Object {
        size: 1,
        etag: None,
        last_modified: Timestamp::from_millis(time),
        storage_class: StorageClass::from_name("STANDARD"),
    }
}

fn created(time: i64) -> KeyEvent {
    let object = object(time);
    let time = object.last_modified;
    KeyEvent::Certain(CertainEvent {
        object: Some(object),
        time,
        sequencer: Sequencer::parse(&format!("{:016x}", time.as_millis())).unwrap(),
    })
}

fn scan_of(name: &str) -> ScanRequest {
    ScanRequest {
        source: Arc::new(Source::new(name, "bucket", name)),
        ranges_in_flight: 1,
        mode: ScanMode::Resume,
        drift: None,
        queue: None,
        allow_empty: false,
        progress: Arc::default(),
    }
}

fn page(plan: &ScanPlan, admitted: Vec<PageEntry>, listed_at: i64) -> PageReport {
    PageReport {
        source: plan.source,
        scan: plan.scan,
        interval: KeyInterval::everything(),
        admitted,
        listed_at: Timestamp::from_millis(listed_at),
        listed: Some(KeyRange::under("")),
    }
}

/// Polls the future once, and returns whether it is not ready yet.
fn is_waiting<F: Future>(future: Pin<&mut F>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    future.poll(&mut context).is_pending()
}

#[tokio::test]
async fn event_is_answered_after_its_commit() {
    let writer = TestWriter::start(NEVER).await;
    let report = writer.report(created(20));
    let mut answer = pin!(writer.index.apply_events(report));
    assert!(is_waiting(answer.as_mut()));
    writer.catch_up().await;
    assert!(is_waiting(answer.as_mut()) && !writer.is_durable());
    writer.index.finish_compaction().await.unwrap();
    assert_eq!(answer.await.unwrap(), [EventOutcome::Written]);
    assert!(writer.is_durable());
}

#[tokio::test]
async fn stale_event_is_answered_after_the_commit_of_the_newer_one() {
    let writer = TestWriter::start(NEVER).await;
    let (newer, older) = (writer.report(created(20)), writer.report(created(10)));
    let mut newer = pin!(writer.index.apply_events(newer));
    let mut older = pin!(writer.index.apply_events(older));
    assert!(is_waiting(newer.as_mut()) && is_waiting(older.as_mut()));
    writer.catch_up().await;
    assert!(is_waiting(older.as_mut()) && !writer.is_durable());
    writer.index.finish_compaction().await.unwrap();
    assert!(matches!(older.await.unwrap()[..], [EventOutcome::Stale(_)]));
    assert!(writer.is_durable());
}

#[tokio::test]
async fn event_and_later_requests_get_the_error_of_a_failed_commit() {
    let writer = TestWriter::start(NEVER).await;
    let report = writer.report(created(20));
    let mut answer = pin!(writer.index.apply_events(report.clone()));
    assert!(is_waiting(answer.as_mut()));
    writer.catch_up().await;
    writer.make_commits_fail();
    let error = writer.index.finish_compaction().await.unwrap_err();
    let (answer, later) = (answer.await, writer.index.apply_events(report).await);
    assert_eq!(answer.unwrap_err().to_string(), error.to_string());
    assert_eq!(later.unwrap_err().to_string(), error.to_string());
}

#[tokio::test]
async fn event_is_committed_after_the_event_interval() {
    let writer = TestWriter::start(Duration::ZERO).await;
    let report = writer.report(created(20));
    let answer = pin!(writer.index.apply_events(report));
    assert!(writer.answers(answer).await && writer.is_durable());
}

#[tokio::test]
async fn event_that_needs_a_look_up_is_answered_without_a_commit() {
    let writer = TestWriter::start(NEVER).await;
    let report = writer.report(KeyEvent::Ambiguous(AmbiguousEvent {
        time: Timestamp::from_millis(20),
        sequencer: None,
    }));
    let answer = pin!(writer.index.apply_events(report));
    assert!(writer.answers(answer).await);
}

#[tokio::test]
async fn complete_scans_share_a_commit_and_are_answered_after_it() {
    let writer = TestWriter::start(NEVER).await;
    let before = writer.commits();
    let (a, b) = (writer.list("a").await, writer.list("b").await);
    let mut first = pin!(writer.index.complete_scan(a, CommitTiming::Shared));
    assert!(!writer.answers(first.as_mut()).await && !writer.is_durable_of(a));
    let second = writer.index.complete_scan(b, CommitTiming::Immediate).await;
    let as_of = Some(Timestamp::from_millis(1_000));
    assert_eq!((first.await.unwrap(), second.unwrap()), (as_of, as_of));
    assert!(writer.is_durable_of(a) && writer.is_durable_of(b));
    assert_eq!(writer.commits() - before, 1);
}

#[tokio::test]
async fn sources_that_are_attached_together_share_a_commit() {
    let writer = TestWriter::start(NEVER).await;
    let before = writer.commits();
    let request = |name: &str, subdomain: &str| AttachRequest {
        source: Arc::new(Source::new(name, "bucket", subdomain)),
        former: None,
        tally: Arc::default(),
        ranges_in_flight: 1,
    };
    // One subdomain belongs to another Source. The others do not notice.
    let requests = vec![request("a", "a"), request("b", "a"), request("c", "c")];
    let attached = writer.index.attach(requests).await.unwrap();
    let are_attached: Vec<bool> = attached.iter().map(Result::is_ok).collect();
    assert_eq!(are_attached, [true, false, true]);
    assert_eq!(writer.commits() - before, 1);
    // Nobody receives their events, so that is nothing new.
    for attached in attached.into_iter().flatten() {
        writer.index.mark_events_lost(attached.id).await.unwrap();
    }
    assert_eq!(writer.commits() - before, 1);
}

#[tokio::test]
async fn complete_scan_is_committed_after_the_event_interval() {
    let writer = TestWriter::start(Duration::ZERO).await;
    let source = writer.list("a").await;
    let completed = pin!(writer.index.complete_scan(source, CommitTiming::Shared));
    assert!(writer.answers(completed).await && writer.is_durable_of(source));
}

#[tokio::test]
async fn complete_scans_get_the_error_of_a_failed_commit() {
    let writer = TestWriter::start(NEVER).await;
    let (a, b) = (writer.list("a").await, writer.list("b").await);
    let mut first = pin!(writer.index.complete_scan(a, CommitTiming::Shared));
    assert!(!writer.answers(first.as_mut()).await);
    writer.make_commits_fail();
    let second = writer.index.complete_scan(b, CommitTiming::Immediate);
    assert!(second.await.is_err() && first.await.is_err());
}

#[test]
fn events_are_applied_between_the_parts_of_a_large_removal() {
    /// More records than three parts of a page remove.
    const RECORDS: usize = 13_000;
    let policy = CommitPolicy {
        max_changes: usize::MAX,
        interval: NEVER,
        event_interval: NEVER,
        finishes_merges: false,
    };
    let folder = tempfile::tempdir().unwrap();
    let engine = TantivyEngine::open_or_create(folder.path(), MIN_WRITER_MEMORY).unwrap();
    let mut ledger = Ledger::new(engine, policy, false).unwrap();
    let plan = ledger.begin_scan(scan_of("photos")).unwrap();
    let entry = |number: usize| PageEntry {
        key: format!("{number:06}"),
        object: object(1),
    };
    let all = page(&plan, (0..RECORDS).map(entry).collect(), 1_000);
    ledger.apply_page(all).unwrap();
    ledger.commit().unwrap();

    let event = |key: &str, time| EventReport {
        source: plan.source,
        key: key.to_owned(),
        event: created(time),
    };
    let reports = vec![event("000000", 3_000), event("012999", 3_000)];
    let (sender, receiver) = mpsc::channel(4);
    let (reply, _answer) = oneshot::channel();
    assert!(
        sender
            .try_send(Request::Page(page(&plan, Vec::new(), 2_000)))
            .is_ok()
    );
    assert!(sender.try_send(Request::Events(reports, reply)).is_ok());
    let mut inbox = Inbox::new(receiver);
    let mut waiting = CommitWaiters::default();
    let nothing = page(&plan, Vec::new(), 2_000);
    apply_page(&mut ledger, nothing, &mut inbox, &mut waiting).unwrap();
    assert_eq!(waiting.replies.len(), 1, "the events were applied");
    ledger.commit().unwrap();
    let engine = TantivyEngine::open_read_only(folder.path()).unwrap();
    let everything = KeyInterval::everything();
    let left = engine.read(plan.source, &everything, RecordFilter::All, 9);
    let keys: Vec<String> = left.unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(
        keys,
        ["000000", "012999"],
        "the events are newer than the page"
    );
}
