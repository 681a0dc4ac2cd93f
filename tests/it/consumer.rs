//! The loop of one queue, over a queue in memory that the test moves and an index on the disk.

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
use asset_indexer::index::{Engine, IndexError, Which};
use asset_indexer::ingest::consumer::handler::{FAILS_EVERY_TIME, Handler};
use asset_indexer::ingest::consumer::routes::{ActiveSource, Routes};
use asset_indexer::ingest::consumer::{Consumer, Permits, QueueState};
use asset_indexer::observe::quarantine::Quarantine;
use asset_indexer::observe::status::{QueueHealth, QueueStatus, SourceStatus, StatusBoard};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fake_queue::FakeQueue;

/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(60);

const LIMITS: EventsConfig = EventsConfig {
    receives_per_queue: 4,
    receives_in_flight: 4,
    messages_in_flight: 100,
    look_ups_in_flight: 1,
    visibility_timeout: Duration::from_secs(30),
    expected_within: Duration::ZERO,
};

/// Commits soon.
const SOON: CommitPolicy = CommitPolicy {
    max_changes: 1_000,
    interval: Duration::from_secs(3600),
    event_interval: Duration::from_millis(20),
    finishes_merges: true,
};

/// A consumer that runs.
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
        let follower = follow(&index, &source).await;
        let handler = Arc::new(Handler {
            routes: Routes::new([follower]),
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

    /// Stops in good order; gives the live keys with their sizes, as the disk has them.
    async fn stop(self) -> (BTreeMap<String, u64>, TempDir) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
        drop(self.index);
        self.thread.join().await.unwrap();
        let engine = TantivyEngine::open_read_only(&self.folder.path().join("index")).unwrap();
        let everything = KeyInterval::everything();
        let records = engine.read(SourceId(0), &everything, Which::All, usize::MAX);
        let live = records
            .unwrap()
            .into_iter()
            .filter_map(|(key, record)| Some((key, record.object()?.size)));
        (live.collect(), self.folder)
    }
}

async fn follow(index: &IndexHandle, board: &Arc<SourceStatus>) -> Arc<ActiveSource> {
    let source = Arc::new(Source {
        region: Some("us-east-1".to_owned()),
        // Nobody listens there: no key can be looked up.
        endpoint_url: Some("http://127.0.0.1:1".to_owned()),
        ..Source::new("photos", "bucket", "photos")
    });
    let request = AttachRequest {
        source: Arc::clone(&source),
        former: None,
        tally: Arc::clone(&board.tally),
        ranges_in_flight: 1,
    };
    let id = index.attach(request).await.unwrap().id;
    let bucket = Arc::new(LazyBucket::new(Arc::clone(&source), 1));
    Arc::new(ActiveSource::new(id, source, bucket, Arc::clone(board), 1))
}

/// Waits until it is so, which other threads see to.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "it never came that {what}");
        tokio::task::yield_now().await;
    }
}

/// The message of an event: a creation with that size, or a removal.
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
async fn nothing_is_acknowledged_before_the_commit_that_holds_it() {
    let never = CommitPolicy {
        max_changes: 3,
        event_interval: Duration::from_secs(3600),
        ..SOON
    };
    let running = Running::start(FakeQueue::new(), never).await;
    let queue = running.queue.clone();
    for number in [1, 2] {
        queue.send_now(message(&format!("{number}.jpg"), number, Some(7)));
    }
    until("two are applied", || running.source.tally.assets() == 2).await;
    // A duplicate of what is not committed yet must wait as well.
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
async fn whatever_the_order_and_however_often_the_last_event_of_a_key_counts() {
    for seed in 0..12 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut want = BTreeMap::new();
        let mut messages = Vec::new();
        for number in 1..=200 {
            let key = format!("{}.jpg", dice.u32(0..15));
            let size = dice.bool().then(|| dice.u64(1..1000));
            messages.push(message(&key, number, size));
            match size {
                Some(size) => want.insert(key, size),
                None => want.remove(&key),
            };
        }
        dice.shuffle(&mut messages);
        let queue = FakeQueue::disorderly(seed);
        let running = Running::start(queue.clone(), SOON).await;
        messages
            .into_iter()
            .for_each(|message| drop(queue.send_now(message)));
        let began = Instant::now();
        while !queue.left().is_empty() {
            assert!(began.elapsed() < DEADLINE, "{seed}: {:?}", queue.left());
            queue.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
        let (live, _folder) = running.stop().await;
        assert_eq!(live, want, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_fails_is_tried_again_and_refused_receipts_too() {
    let running = Running::start(FakeQueue::new(), SOON).await;
    let (queue, board) = (running.queue.clone(), Arc::clone(&running.board));
    until("it receives", || board.health() == QueueHealth::Receiving).await;
    queue.fail_next(QueueOperation::Receive, QueueErrorKind::Connection);
    until("it fails", || {
        matches!(board.health(), QueueHealth::Failing(_))
    })
    .await;
    queue.refuse_next(3);
    queue.fail_next(QueueOperation::Acknowledge, QueueErrorKind::Throttled);
    for number in 1..=5 {
        queue.send_now(message(&format!("{number}.jpg"), number, Some(7)));
    }
    until("all is acknowledged", || queue.left().is_empty()).await;
    assert_eq!(board.health(), QueueHealth::Receiving);
    assert_eq!(running.stop().await.0.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_is_kept_and_not_acknowledged_and_holds_nothing_up() {
    let running = Running::start(FakeQueue::new(), SOON).await;
    let queue = running.queue.clone();
    for number in 1..=40 {
        queue.send_now(format!("rubbish {number}"));
        queue.send_now(message(&format!("{number}.jpg"), number, Some(7)));
    }
    until("the good ones are done", || {
        queue.acknowledged().len() == 40
    })
    .await;
    assert!(queue.left().iter().all(|body| body.starts_with("rubbish")));
    assert_eq!(queue.left().len(), 40);
    let quarantine = Quarantine::open(running.folder.path()).unwrap();
    until("it is kept", || {
        let kept = quarantine.list();
        kept.is_ok_and(|kept| kept.len() == 40)
    })
    .await;
    assert_eq!(running.stop().await.0.len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_looked_up_makes_a_scan_due_before_the_queue_gives_it_up() {
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
    until("its handling has failed once", || failed.get() == 1).await;
    assert!(index.state(id).await.unwrap().followed.is_some());
    for times in 2..=u64::from(FAILS_EVERY_TIME) + 1 {
        let mut advanced: Option<Instant> = None;
        until("its handling has failed each time", || {
            // Beyond the longest rest; once more where the request for that rest came after it.
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
