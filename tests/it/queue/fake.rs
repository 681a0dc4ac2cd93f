//! Tests what only the queue in memory can do: its clock, planned failures and disorder.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use asset_indexer::aws::queue::{
    MAX_VISIBILITY, MAX_WAIT, Queue, QueueErrorKind, QueueOperation, ReceiptHandle,
};
use asset_indexer::core::replication::timestamp::Timestamp;

use super::{NO_WAIT, VISIBILITY, receipts, receive, receive_one};
use crate::fake_queue::{FakeQueue, START, Settings};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn visibility_timeout_ends_on_the_second() {
    let queue = FakeQueue::new();
    queue.advance(SECOND);
    queue.send_now("a");
    let message = receive_one(&queue).await;
    assert_eq!(
        message.sent,
        Some(Timestamp::from_millis(START.as_millis() + 1000))
    );
    queue.advance(VISIBILITY - SECOND);
    assert_eq!(receive(&queue).await, []);
    let batch = [message.receipt];
    assert_eq!(queue.extend(&batch, SECOND * 2).await, Ok(vec![]));
    queue.advance(SECOND);
    assert_eq!(receive(&queue).await, [], "extended");
    queue.advance(SECOND);
    let refused = queue.extend(&batch, SECOND).await.unwrap();
    assert_eq!(refused[0].code, "MessageNotInflight");
    assert_eq!(receive_one(&queue).await.receive_count, 2);
}

#[tokio::test]
async fn visibility_cannot_exceed_the_limit() {
    let queue = FakeQueue::new();
    queue.send_now("a");
    let message = queue.receive(1, NO_WAIT, MAX_VISIBILITY).await.unwrap();
    queue.advance(SECOND);
    let batch = receipts(&message);
    let refused = queue.extend(&batch, MAX_VISIBILITY).await.unwrap();
    assert_eq!(refused[0].code, "InvalidParameterValue");
    let left = MAX_VISIBILITY - SECOND;
    assert_eq!(queue.extend(&batch, left).await, Ok(vec![]));
}

#[tokio::test]
async fn receive_waits_for_the_clock_of_the_test() {
    let queue = FakeQueue::new();
    let (received, ()) = tokio::join!(queue.receive(1, MAX_WAIT, VISIBILITY), async {
        queue.until_polled(1).await;
        queue.advance(MAX_WAIT - SECOND);
        queue.until_polled(1).await;
        queue.advance(SECOND);
    });
    assert_eq!(received, Ok(vec![]));
}

#[tokio::test]
async fn dropped_receive_no_longer_counts_as_waiting() {
    let queue = FakeQueue::new();
    tokio::select! {
        _ = queue.receive(1, MAX_WAIT, VISIBILITY) => panic!("the queue is empty"),
        () = queue.until_polled(1) => {}
    }
    tokio::select! {
        biased;
        () = queue.until_polled(1) => panic!("no receive waits"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn message_that_becomes_visible_wakes_a_receive() {
    let queue = FakeQueue::new();
    queue.send_now("a");
    let first = receive_one(&queue).await;
    let (second, ()) = tokio::join!(queue.receive(1, MAX_WAIT, VISIBILITY), async {
        queue.until_polled(1).await;
        let refused = queue.extend(&[first.receipt], Duration::ZERO).await;
        assert_eq!(refused, Ok(vec![]));
    });
    assert_eq!(second.unwrap()[0].receive_count, 2);
}

#[tokio::test]
async fn planned_failures_happen_once_each() {
    let queue = FakeQueue::new();
    queue.send_now("a");
    let message = receive_one(&queue).await;
    let batch = [message.receipt];
    for operation in [
        QueueOperation::Acknowledge,
        QueueOperation::Extend,
        QueueOperation::Receive,
    ] {
        queue.fail_next(operation, QueueErrorKind::Throttled);
    }
    let failed = queue.receive(1, NO_WAIT, VISIBILITY).await.unwrap_err();
    assert_eq!(failed.kind, QueueErrorKind::Throttled);
    assert!(queue.extend(&batch, VISIBILITY).await.is_err());
    assert!(queue.acknowledge(&batch).await.is_err());
    assert_eq!(queue.remaining(), ["a"], "a failed call does nothing");
    queue.refuse_next(1);
    let refused = queue.acknowledge(&batch).await.unwrap();
    assert!(refused.len() == 1 && !refused[0].is_sender_fault);
    assert_eq!(queue.remaining(), ["a"], "a refused receipt does nothing");
    assert_eq!(queue.acknowledge(&batch).await, Ok(vec![]));
    assert_eq!(
        (queue.remaining(), queue.acknowledged()),
        (vec![], vec!["a".into()])
    );
}

#[tokio::test]
async fn planned_failure_ends_a_waiting_receive() {
    let queue = FakeQueue::new();
    let (received, ()) = tokio::join!(queue.receive(1, MAX_WAIT, VISIBILITY), async {
        queue.until_polled(1).await;
        queue.fail_next(QueueOperation::Receive, QueueErrorKind::Connection);
    });
    assert_eq!(received.unwrap_err().kind, QueueErrorKind::Connection);
}

#[tokio::test]
async fn messages_are_dropped_after_the_retention() {
    let queue = FakeQueue::with(Settings {
        retention: SECOND * 60,
        ..Settings::default()
    });
    queue.send_now("old");
    queue.advance(SECOND * 59);
    queue.send_now("new");
    queue.advance(SECOND);
    assert_eq!(queue.remaining(), ["new"]);
}

#[tokio::test]
async fn in_flight_limit_stops_deliveries() {
    let queue = FakeQueue::with(Settings {
        max_in_flight: 3,
        ..Settings::default()
    });
    for n in 0..5 {
        queue.send_now(n.to_string());
    }
    let messages = receive(&queue).await;
    assert_eq!(messages.len(), 3);
    assert_eq!(receive(&queue).await, []);
    queue.acknowledge(&receipts(&messages[..1])).await.unwrap();
    assert_eq!(receive(&queue).await.len(), 1);
}

#[tokio::test]
async fn messages_received_too_often_become_dead_letters() {
    let queue = FakeQueue::with(Settings {
        max_receive_count: Some(2),
        ..Settings::default()
    });
    queue.send_now("poison");
    for _ in 0..2 {
        receive_one(&queue).await;
        queue.advance(VISIBILITY);
    }
    assert_eq!(receive(&queue).await, []);
    assert_eq!(
        (queue.remaining(), queue.dead_letters()),
        (vec![], vec!["poison".into()])
    );
}

/// The deliveries to a consumer in order: body, receive count, and number of refusals.
type History = Vec<(String, u32, usize)>;

/// Receives and acknowledges until the queue is empty.
async fn drain(seed: u64) -> (FakeQueue, History) {
    let queue = FakeQueue::disorderly(seed);
    for n in 0..100 {
        queue.send_now(n.to_string());
    }
    let mut history = History::new();
    // Almost every round deletes a message.
    for _ in 0..1000 {
        let messages = receive(&queue).await;
        if messages.is_empty() && queue.remaining().is_empty() {
            return (queue, history);
        }
        let refused = queue.acknowledge(&receipts(&messages)).await.unwrap();
        for message in messages {
            history.push((message.body, message.receive_count, refused.len()));
        }
        queue.advance(VISIBILITY);
    }
    panic!("seed {seed}: {} messages are left", queue.remaining().len());
}

#[tokio::test]
async fn disorder_loses_nothing_and_is_reproducible() {
    let sent: BTreeSet<String> = (0..100).map(|n| n.to_string()).collect();
    for seed in 0..20 {
        let (queue, history) = drain(seed).await;
        let seen: BTreeSet<String> = history.iter().map(|(body, ..)| body.clone()).collect();
        assert_eq!(seen, sent, "seed {seed}");
        assert_eq!(
            BTreeSet::from_iter(queue.acknowledged()),
            sent,
            "seed {seed}"
        );
        assert_eq!(drain(seed).await.1, history, "seed {seed}");
        assert_ne!(drain(seed + 1).await.1, history, "seed {seed}");
    }
}

#[tokio::test]
async fn disorder_includes_everything_that_sqs_may_do() {
    let (mut reordered, mut duplicated, mut redelivered, mut silent) = (0, 0, 0, 0);
    for seed in 0..20 {
        let queue = FakeQueue::disorderly(seed);
        for n in 0..10 {
            queue.send_now(n.to_string());
        }
        let messages = receive(&queue).await;
        let bodies: Vec<&String> = messages.iter().map(|message| &message.body).collect();
        reordered += usize::from(!bodies.is_sorted());
        let mut counts = BTreeMap::new();
        for body in bodies {
            *counts.entry(body).or_insert(0) += 1;
        }
        duplicated += usize::from(counts.values().any(|&count| count > 1));
        queue.acknowledge(&receipts(&messages)).await.unwrap();
        let acknowledged = queue.acknowledged();
        redelivered += usize::from(
            queue
                .remaining()
                .iter()
                .any(|left| acknowledged.contains(left)),
        );
        let invalid = [ReceiptHandle("not a receipt".to_owned())];
        silent += usize::from(queue.acknowledge(&invalid).await.unwrap().is_empty());
    }
    for (count, what) in [
        (reordered, "reordered"),
        (duplicated, "twice in one response"),
        (redelivered, "redelivered after it was acknowledged"),
        (silent, "accepted a stale receipt"),
    ] {
        assert!((1..=20).contains(&count), "{what}: {count} of 20");
    }
}
