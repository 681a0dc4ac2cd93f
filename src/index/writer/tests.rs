//! The writer thread over an index in a folder: when it answers events.

use std::fs;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use super::*;
use crate::core::replication::object::{Object, StorageClass};
use crate::core::replication::order::{AmbiguousEvent, CertainEvent};
use crate::core::replication::sequencer::Sequencer;
use crate::core::source::Source;
use crate::index::ledger::{CommitPolicy, KeyEvent};
use crate::index::tantivy::{MIN_WRITER_MEMORY, TantivyEngine};

/// No commit becomes due during a test.
const NEVER: Duration = Duration::from_secs(24 * 3600);

struct TestWriter {
    folder: tempfile::TempDir,
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
        let (index, _) = start(Ledger::new(engine, policy, false).unwrap()).unwrap();
        let request = AttachRequest {
            source: Arc::new(Source::new("photos", "bucket", "photos")),
            former: None,
            tally: Arc::default(),
            ranges_in_flight: 1,
        };
        Self {
            source: index.attach(request).await.unwrap().id,
            index,
            folder,
        }
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
        let engine = TantivyEngine::open_read_only(self.folder.path()).unwrap();
        engine.get(self.source, &["k"]).unwrap()[0].is_some()
    }

    /// Makes the next commit fail, even for root: a folder has the name of the file that a commit replaces.
    fn make_commits_fail(&self) {
        let meta = self.folder.path().join("meta.json");
        fs::remove_file(&meta).unwrap();
        fs::create_dir_all(meta.join("full")).unwrap();
    }
}

fn created(time: i64) -> KeyEvent {
    let time = Timestamp::from_millis(time);
    KeyEvent::Certain(CertainEvent {
        object: Some(Object {
            size: 1,
            etag: None,
            last_modified: time,
            storage_class: StorageClass::from_name("STANDARD"),
        }),
        time,
        sequencer: Sequencer::parse(&format!("{:016x}", time.as_millis())).unwrap(),
    })
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
