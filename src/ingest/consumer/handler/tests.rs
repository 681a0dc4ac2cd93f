//! Messages over an index in a folder: when they are done.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use super::*;
use crate::aws::bucket::LazyBucket;
use crate::aws::queue::ReceiptHandle;
use crate::core::source::Source;
use crate::index::ledger::{AttachRequest, CommitPolicy, Ledger};
use crate::index::tantivy::{MIN_WRITER_MEMORY, TantivyEngine};
use crate::index::writer;
use crate::observe::status::StatusBoard;

/// No commit becomes due during a test.
const COMMIT_ON_REQUEST: CommitPolicy = CommitPolicy {
    max_changes: 1_000,
    interval: Duration::from_secs(24 * 3600),
    event_interval: Duration::from_secs(24 * 3600),
    finishes_merges: false,
};

/// An index with one attached Source, and its folder.
struct TestIndex {
    folder: tempfile::TempDir,
    handle: IndexHandle,
    active: Arc<ActiveSource>,
}

impl TestIndex {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let engine = TantivyEngine::open_or_create(&path, MIN_WRITER_MEMORY).unwrap();
        let ledger = Ledger::new(engine, COMMIT_ON_REQUEST, false).unwrap();
        let (handle, _) = writer::start(ledger).unwrap();
        let board = StatusBoard::new(folder.path().to_owned()).source("photos");
        let source = Arc::new(Source {
            region: Some("us-east-1".to_owned()),
            // No server listens there: nothing is looked up in these tests.
            endpoint_url: Some("http://127.0.0.1:1".to_owned()),
            ..Source::new("photos", "bucket", "photos")
        });
        let request = AttachRequest {
            source: Arc::clone(&source),
            former: None,
            tally: Arc::clone(&board.tally),
            ranges_in_flight: 1,
        };
        let id = handle.attach(request).await.unwrap().id;
        let bucket = Arc::new(LazyBucket::new(Arc::clone(&source), 1));
        let active = Arc::new(ActiveSource::new(id, source, bucket, board, 1));
        Self {
            folder,
            handle,
            active,
        }
    }

    fn handler(&self, rebuild: Option<&Self>) -> Handler {
        let board = StatusBoard::new(self.folder.path().to_owned());
        Handler {
            routes: Routes::new([Arc::clone(&self.active)]),
            index: self.handle.clone(),
            rebuild_index: rebuild.map(|rebuild| rebuild.handle.clone()),
            look_ups: ConcurrencyLimit::new(1),
            stop: CancellationToken::new(),
            queue: Arc::new(QueueState::new(board.queue("queue"))),
        }
    }

    /// Waits until the writer thread has handled all earlier requests.
    async fn catch_up(&self) {
        self.handle.state(self.active.id).await.unwrap();
    }

    /// Commits, and waits until the writer thread has sent the answers that waited for it.
    async fn commit(&self) {
        self.handle.finish_compaction().await.unwrap();
        self.catch_up().await;
    }
}

/// The message of a creation.
fn message() -> Message {
    let body = r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put",
        "eventTime":"2026-01-01T00:00:01.000Z","s3":{"bucket":{"name":"bucket"},
        "object":{"key":"k","sequencer":"0055AED6DCD90281E6","size":7,"eTag":"e7"}}}]}"#;
    Message {
        id: "id".to_owned(),
        receipt: ReceiptHandle("receipt".to_owned()),
        body: body.to_owned(),
        sent: None,
        receive_count: 1,
    }
}

/// Polls the future once, and returns whether it is not ready yet.
fn is_waiting<F: Future>(future: Pin<&mut F>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    future.poll(&mut context).is_pending()
}

#[tokio::test]
async fn message_is_done_after_its_commit() {
    let index = TestIndex::new().await;
    let (handler, message) = (index.handler(None), message());
    let mut outcome = pin!(handler.handle(&message));
    assert!(is_waiting(outcome.as_mut()));
    index.catch_up().await;
    assert!(is_waiting(outcome.as_mut()));
    index.commit().await;
    assert_eq!(outcome.await.unwrap(), MessageOutcome::Done);
}

#[tokio::test]
async fn message_is_done_after_the_commits_of_both_indexes_during_a_rebuild() {
    for current_first in [true, false] {
        let (current, rebuild) = (TestIndex::new().await, TestIndex::new().await);
        let (handler, message) = (current.handler(Some(&rebuild)), message());
        let mut outcome = pin!(handler.handle(&message));
        assert!(is_waiting(outcome.as_mut()));
        let (first, second) = if current_first {
            (&current, &rebuild)
        } else {
            (&rebuild, &current)
        };
        first.commit().await;
        second.catch_up().await;
        assert!(is_waiting(outcome.as_mut()), "{current_first}");
        second.commit().await;
        assert_eq!(outcome.await.unwrap(), MessageOutcome::Done);
    }
}
