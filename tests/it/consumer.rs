//! The consumer of one queue, with a queue in memory whose clock the test moves, and an index on the disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asset_indexer::aws::bucket::LazyBucket;
use asset_indexer::aws::queue::{QueueErrorKind, QueueOperation};
use asset_indexer::concurrency::ConcurrencyLimit;
use asset_indexer::config::EventsConfig;
use asset_indexer::core::replication::interval::KeyInterval;
use asset_indexer::core::replication::source_state::{QueueId, SourceId};
use asset_indexer::core::source::Source;
use asset_indexer::index::ledger::{AttachRequest, CommitPolicy, Ledger};
use asset_indexer::index::tantivy::TantivyEngine;
use asset_indexer::index::writer::{self, IndexHandle, IndexThread};
use asset_indexer::index::{Engine, IndexError, RecordFilter};
use asset_indexer::ingest::consumer::handler::{FAILS_EVERY_TIME, Handler};
use asset_indexer::ingest::consumer::routes::{ActiveSource, SharedRoutes};
use asset_indexer::ingest::consumer::{Consumer, Permits, QueueState};
use asset_indexer::observe::quarantine::Quarantine;
use asset_indexer::observe::status::{QueueHealth, QueueStatus, SourceStatus, StatusBoard};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fake_queue::FakeQueue;

/// Maximum time to wait for a condition.
const DEADLINE: Duration = Duration::from_secs(60);

const LIMITS: EventsConfig = EventsConfig {
    receives_per_queue: 4,
    receives_in_flight: 4,
    messages_in_flight: 100,
    look_ups_in_flight: 1,
    visibility_timeout: Duration::from_secs(30),
    expected_within: Duration::ZERO,
};

/// Commits events soon.
const SOON: CommitPolicy = CommitPolicy {
    max_changes: 1_000,
    interval: Duration::from_secs(3600),
    event_interval: Duration::from_millis(20),
    finishes_merges: true,
};

/// A running consumer.
struct Running {
    folder: TempDir,
    queue: FakeQueue,
    source: Arc<SourceStatus>,
    board: Arc<QueueStatus>,
    index: IndexHandle,
    thread: IndexThread,
    stop: CancellationToken,
    task: JoinHandle<Result<(), IndexError>>,
}

impl Running {
    async fn start(queue: FakeQueue, policy: CommitPolicy) -> Self {
        let folder = TempDir::new().unwrap();
        let engine = TantivyEngine::open_or_create(&folder.path().join("index"), 0).unwrap();
        let ledger = Ledger::new(engine, policy, false).unwrap();
        let (index, thread) = writer::start(ledger).unwrap();
        let board = StatusBoard::new(folder.path().to_owned());
        let (source, queue_board) = (board.source("photos"), board.queue("queue"));
        let active = attach(&index, &source).await;
        let handler = Arc::new(Handler {
            routes: SharedRoutes::new([active]),
            index: index.clone(),
            rebuild_index: None,
            look_ups: ConcurrencyLimit::new(1),
            stop: CancellationToken::new(),
            queue: Arc::new(QueueState::new(Arc::clone(&queue_board))),
        });
        let consumer = Consumer::new(
            Arc::new(queue.clone()),
            handler,
            Arc::new(Quarantine::open(folder.path()).unwrap()),
            LIMITS,
            Permits::new(&LIMITS, 1),
        );
        let stop = CancellationToken::new();
        Self {
            folder,
            queue,
            source,
            board: queue_board,
            index,
            thread,
            task: tokio::spawn(consumer.run(stop.clone())),
            stop,
        }
    }

    /// Stops the consumer. Returns the keys of all assets in the index on the disk, with their sizes.
    async fn stop(self) -> (BTreeMap<String, u64>, TempDir) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
        drop(self.index);
        self.thread.join().await.unwrap();
        let engine = TantivyEngine::open_read_only(&self.folder.path().join("index")).unwrap();
        let everything = KeyInterval::everything();
        let records = engine.read(SourceId(0), &everything, RecordFilter::All, usize::MAX);
        let live = records
            .unwrap()
            .into_iter()
            .filter_map(|(key, record)| Some((key, record.object()?.size)));
        (live.collect(), self.folder)
    }
}

/// Attaches a Source whose keys cannot be looked up.
async fn attach(index: &IndexHandle, board: &Arc<SourceStatus>) -> Arc<ActiveSource> {
    let source = Arc::new(Source {
        region: Some("us-east-1".to_owned()),
        // No server listens there.
        endpoint_url: Some("http://127.0.0.1:1".to_owned()),
        ..Source::new("photos", "bucket", "photos")
    });
    let request = AttachRequest {
        source: Arc::clone(&source),
        former: None,
        tally: Arc::clone(&board.tally),
        ranges_in_flight: 1,
    };
    let id = index
        .attach(vec![request])
        .await
        .unwrap()
        .remove(0)
        .unwrap()
        .id;
    let bucket = Arc::new(LazyBucket::new(Arc::clone(&source), 1));
    Arc::new(ActiveSource::new(id, source, bucket, Arc::clone(board), 1))
}

/// Waits until the condition is true.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < DEADLINE, "never true: {what}");
        tokio::task::yield_now().await;
    }
}

/// The message of an event: a creation with this size, or a removal if `size` is `None`.
fn message(key: &str, number: u32, size: Option<u64>) -> String {
    let (name, object) = match size {
        Some(size) => (
            "ObjectCreated:Put",
            format!(r#","size":{size},"eTag":"e{size}""#),
        ),
        None => ("ObjectRemoved:Delete", String::new()),
    };
    let second = number % 60;
    format!(
        r#"{{"Records":[{{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"{name}",
        "eventTime":"2026-01-01T00:00:{second:02}.000Z","s3":{{"bucket":{{"name":"bucket"}},
        "object":{{"key":"{key}","sequencer":"{number:016X}"{object}}}}}}}]}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledges_only_after_the_commit() {
    let by_count = CommitPolicy {
        max_changes: 3,
        event_interval: Duration::from_secs(3600),
        ..SOON
    };
    let running = Running::start(FakeQueue::new(), by_count).await;
    let queue = running.queue.clone();
    for number in [1, 2] {
        queue.send_now(message(&format!("{number}.jpg"), number, Some(7)));
    }
    until("two are applied", || running.source.tally.assets() == 2).await;
    // A duplicate of an uncommitted message must wait too.
    queue.send_now(message("2.jpg", 2, Some(7)));
    until("all are received", || {
        running.board.counters.received.get() == 3
    })
    .await;
    assert!(queue.acknowledged().is_empty());
    queue.send_now(message("3.jpg", 3, Some(7)));
    until("all are acknowledged", || queue.acknowledged().len() == 4).await;
    let (live, _folder) = running.stop().await;
    assert_eq!(live.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn last_event_of_a_key_wins_in_any_order_and_with_duplicates() {
    for seed in 0..12 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut expected = BTreeMap::new();
        let mut messages = Vec::new();
        for number in 1..=200 {
            let key = format!("{}.jpg", dice.u32(0..15));
            let size = dice.bool().then(|| dice.u64(1..1000));
            messages.push(message(&key, number, size));
            match size {
                Some(size) => expected.insert(key, size),
                None => expected.remove(&key),
            };
        }
        dice.shuffle(&mut messages);
        let queue = FakeQueue::disorderly(seed);
        let running = Running::start(queue.clone(), SOON).await;
        messages
            .into_iter()
            .for_each(|message| drop(queue.send_now(message)));
        let began = Instant::now();
        while !queue.remaining().is_empty() {
            assert!(
                began.elapsed() < DEADLINE,
                "{seed}: {:?}",
                queue.remaining()
            );
            queue.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
        let (live, _folder) = running.stop().await;
        assert_eq!(live, expected, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_failed_receives_and_refused_receipts() {
    let running = Running::start(FakeQueue::new(), SOON).await;
    let (queue, board) = (running.queue.clone(), Arc::clone(&running.board));
    until("the consumer receives", || {
        board.health() == QueueHealth::Receiving
    })
    .await;
    queue.fail_next(QueueOperation::Receive, QueueErrorKind::Connection);
    until("receiving fails", || {
        matches!(board.health(), QueueHealth::Failing(_))
    })
    .await;
    queue.refuse_next(3);
    queue.fail_next(QueueOperation::Acknowledge, QueueErrorKind::Throttled);
    for number in 1..=5 {
        queue.send_now(message(&format!("{number}.jpg"), number, Some(7)));
    }
    until("all messages are acknowledged", || {
        queue.remaining().is_empty()
    })
    .await;
    assert_eq!(board.health(), QueueHealth::Receiving);
    assert_eq!(running.stop().await.0.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantines_unreadable_messages_without_delaying_others() {
    let running = Running::start(FakeQueue::new(), SOON).await;
    let queue = running.queue.clone();
    for number in 1..=40 {
        queue.send_now(format!("rubbish {number}"));
        queue.send_now(message(&format!("{number}.jpg"), number, Some(7)));
    }
    until("the readable messages are acknowledged", || {
        queue.acknowledged().len() == 40
    })
    .await;
    assert!(
        queue
            .remaining()
            .iter()
            .all(|body| body.starts_with("rubbish"))
    );
    assert_eq!(queue.remaining().len(), 40);
    let quarantine = Quarantine::open(running.folder.path()).unwrap();
    until("all unreadable messages are quarantined", || {
        let entries = quarantine.list();
        entries.is_ok_and(|entries| entries.len() == 40)
    })
    .await;
    assert_eq!(running.stop().await.0.len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeatedly_failed_look_up_makes_a_scan_due() {
    let running = Running::start(FakeQueue::new(), SOON).await;
    let (queue, index) = (running.queue.clone(), running.index.clone());
    let id = SourceId(0);
    let followed = QueueId {
        url: "queue".to_owned(),
        created: None,
    };
    index.follow(id, followed).await.unwrap();
    let removal_of_a_version =
        message("a.jpg", 1, None).replace(r#""key":"a.jpg""#, r#""key":"a.jpg","versionId":"v1""#);
    queue.send_now(removal_of_a_version);
    let failed = &running.board.counters.failed;
    until("handling has failed once", || failed.get() == 1).await;
    assert!(index.state(id).await.unwrap().followed.is_some());
    for times in 2..=u64::from(FAILS_EVERY_TIME) + 1 {
        let mut advanced: Option<Instant> = None;
        until("handling has failed again", || {
            // Longer than the longest delay of a redelivery. Again if the request for the delay came later.
            if advanced.is_none_or(|at| at.elapsed() > Duration::from_millis(200)) {
                queue.advance(Duration::from_secs(1000));
                advanced = Some(Instant::now());
            }
            failed.get() >= times
        })
        .await;
    }
    assert_eq!(index.state(id).await.unwrap().followed, None);
    assert!(queue.acknowledged().is_empty());
    drop(index);
    running.stop().await;
}
