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
        let id = handle.attach_single(request).await.unwrap().id;
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
            routes: SharedRoutes::new([Arc::clone(&self.active)]),
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
        first_received: None,
        receive_count: 1,
    }
}

/// Polls the future once, and returns whether it is not ready yet.
fn is_waiting<F: Future>(future: Pin<&mut F>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    future.poll(&mut context).is_pending()
}

#[tokio::test]
async fn record_of_cloudtrail_does_not_show_that_the_bucket_sends_events() {
    let index = TestIndex::new().await;
    let handler = index.handler(None);
    let body = r#"{"source":"aws.s3","detail-type":"AWS API Call via CloudTrail","detail":{
        "eventName":"PutObject","requestParameters":{"bucketName":"bucket","key":"k"}}}"#;
    let record = Message {
        body: body.to_owned(),
        ..message()
    };
    let outcome = handler.handle(&record).await.unwrap();
    assert_eq!(outcome, MessageOutcome::Done);
    assert_eq!(handler.queue.board().counters.cloudtrail.get(), 1);
    assert!(!handler.queue.board().is_wired());
}

#[tokio::test]
async fn event_that_has_waited_for_a_move_for_many_deliveries_is_given_up() {
    let index = TestIndex::new().await;
    let moved = Arc::new(Source {
        prefix: "elsewhere/".to_owned(),
        ..(*index.active.source).clone()
    });
    let request = AttachRequest {
        source: moved,
        former: None,
        tally: Arc::default(),
        ranges_in_flight: 1,
    };
    assert!(index.handle.attach_single(request).await.unwrap().is_moving);
    for (receive_count, is_stopping, losses) in [(4, false, 0), (5, true, 0), (5, false, 1)] {
        let handler = index.handler(None);
        if is_stopping {
            handler.stop.cancel();
        }
        let message = Message {
            receive_count,
            ..message()
        };
        let outcome = handler.handle(&message).await.unwrap();
        assert_eq!(outcome, MessageOutcome::NotYet);
        assert_eq!(handler.queue.losses(), losses, "{receive_count}");
    }
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

impl TestIndex {
    /// The Source again, as a new configuration begins it.
    fn begun_again(&self) -> Arc<ActiveSource> {
        let ActiveSource {
            id, source, board, ..
        } = &*self.active;
        let bucket = Arc::new(LazyBucket::new(Arc::clone(source), 1));
        Arc::new(ActiveSource::new(
            *id,
            Arc::clone(source),
            bucket,
            Arc::clone(board),
            1,
        ))
    }
}

#[tokio::test]
async fn message_of_a_source_that_ends_is_handled_with_the_next_routes() {
    let index = TestIndex::new().await;
    let (handler, message) = (index.handler(None), message());
    let mut outcome = pin!(handler.handle(&message));
    assert!(is_waiting(outcome.as_mut()));
    let mut ended = pin!(index.active.end());
    assert!(is_waiting(ended.as_mut()), "the message is being handled");
    // It was applied, and waits for its commit. It is handled again instead.
    assert!(is_waiting(outcome.as_mut()));
    ended.await;
    index.commit().await;
    assert!(is_waiting(outcome.as_mut()), "it waits for the next routes");
    handler.routes.replace([index.begun_again()]);
    assert!(is_waiting(outcome.as_mut()));
    index.catch_up().await;
    index.commit().await;
    assert_eq!(outcome.await.unwrap(), MessageOutcome::Done);
}

#[tokio::test]
async fn message_of_a_source_that_was_removed_is_done() {
    let index = TestIndex::new().await;
    let (handler, message) = (index.handler(None), message());
    index.active.end().await;
    let mut outcome = pin!(handler.handle(&message));
    assert!(is_waiting(outcome.as_mut()));
    handler.routes.replace([]);
    assert_eq!(outcome.await.unwrap(), MessageOutcome::Done);
    assert_eq!(handler.queue.board().counters.unrouted.get(), 1);
}

#[tokio::test]
async fn message_of_a_closed_queue_is_handled_with_the_last_routes_and_waits_for_no_others() {
    for ends_again in [false, true] {
        let index = TestIndex::new().await;
        let (handler, message) = (index.handler(None), message());
        index.active.end().await;
        let mut outcome = pin!(handler.handle(&message));
        assert!(is_waiting(outcome.as_mut()));
        let again = index.begun_again();
        handler.routes.replace([Arc::clone(&again)]);
        handler.stop.cancel();
        assert!(is_waiting(outcome.as_mut()), "it waits for its commit");
        let expected = if ends_again {
            again.refuse_work();
            MessageOutcome::NotYet
        } else {
            index.catch_up().await;
            index.commit().await;
            MessageOutcome::Done
        };
        assert_eq!(outcome.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn message_of_a_source_that_ends_is_delivered_again_if_the_session_ends() {
    let index = TestIndex::new().await;
    let handler = index.handler(None);
    index.active.refuse_work();
    handler.stop.cancel();
    let outcome = handler.handle(&message()).await.unwrap();
    assert_eq!(outcome, MessageOutcome::NotYet);
}
