//! One conformance suite for the queue in memory and for the queue of the server, over HTTP.

mod computed;
mod failing;
mod fake;
mod real;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use asset_indexer::aws::queue::{MAX_WAIT, Message, Queue, ReceiptHandle};

use crate::fake_queue::FakeQueue;
use real::RealQueue;

/// A visibility timeout that is longer than any test takes.
const VISIBILITY: Duration = Duration::from_secs(600);

/// The wait of a receive that returns immediately, also without messages.
const NO_WAIT: Duration = Duration::ZERO;

/// The result if no receipt is refused.
const NO_REFUSALS: [usize; 0] = [];

/// A queue that the test fills and observes.
trait TestQueue: Queue {
    /// Sends a message.
    async fn send(&self, body: &str);

    /// Makes the visibility timeout of these messages end.
    async fn expire(&self, messages: &[Message]);

    /// Waits until a `receive` waits for messages.
    async fn until_polled(&self);
}

impl TestQueue for FakeQueue {
    async fn send(&self, body: &str) {
        self.send_now(body);
    }

    async fn expire(&self, _: &[Message]) {
        self.advance(VISIBILITY);
    }

    async fn until_polled(&self) {
        FakeQueue::until_polled(self, 1).await;
    }
}

/// Defines a test of each case for both queues.
macro_rules! conformance {
    ($($case:ident)*) => {
        mod fake_conforms {
            $(#[tokio::test] async fn $case() {
                super::$case(crate::fake_queue::FakeQueue::new()).await;
            })*
        }
        mod sqs_conforms {
            $(#[tokio::test] async fn $case() {
                super::$case(super::RealQueue::create(stringify!($case)).await).await;
            })*
        }
    };
}

conformance! {
    receives_bodies_byte_for_byte
    receives_at_most_max_messages
    redelivers_unacknowledged_messages
    does_not_redeliver_acknowledged_messages
    refuses_single_receipts_of_a_batch
    accepts_the_same_receipt_twice_in_one_batch
    acknowledges_more_receipts_than_a_batch
    extending_by_zero_makes_a_message_visible
    extended_messages_stay_invisible
    refuses_to_extend_stale_receipts
    accepts_empty_batches
    attributes_count_visible_and_in_flight_messages
    receives_nothing_from_an_empty_queue
    long_poll_returns_when_a_message_arrives
}

async fn receive(queue: &impl Queue) -> Vec<Message> {
    let messages = queue.receive(10, NO_WAIT, VISIBILITY).await;
    messages.expect("the queue exists")
}

/// Receives the only visible message.
async fn receive_one(queue: &impl Queue) -> Message {
    let messages = receive(queue).await;
    <[Message; 1]>::try_from(messages).expect("one message is visible")[0].clone()
}

fn receipts(messages: &[Message]) -> Vec<ReceiptHandle> {
    messages
        .iter()
        .map(|message| message.receipt.clone())
        .collect()
}

async fn acknowledge(queue: &impl Queue, receipts: &[ReceiptHandle]) -> Vec<usize> {
    let refused = queue.acknowledge(receipts).await;
    let refused = refused.expect("the queue exists");
    assert!(refused.iter().all(|refused| refused.is_sender_fault));
    refused.into_iter().map(|refused| refused.index).collect()
}

async fn receives_bodies_byte_for_byte(queue: impl TestQueue) {
    let bodies = [
        "a",
        " a b ",
        "a\r\nb\n\tc\r",
        "<a href=\"x\">&amp;&lt;&#13;]]></a>",
        "{\"Records\":[{\"s3\":{\"object\":{\"key\":\"a+b%20c\\u0000\\\\\"}}}]}",
        "é 🌵 \u{2028}\u{feff}",
        &"x".repeat(64 << 10),
    ];
    for body in bodies {
        queue.send(body).await;
        let message = receive_one(&queue).await;
        assert_eq!(message.body, body);
        assert_eq!(message.receive_count, 1);
        assert!(
            !message.id.is_empty() && message.sent.is_some(),
            "{message:?}"
        );
        assert_eq!(acknowledge(&queue, &[message.receipt]).await, NO_REFUSALS);
    }
}

async fn receives_at_most_max_messages(queue: impl TestQueue) {
    let bodies: BTreeSet<String> = (0..15).map(|n| format!("body {n}")).collect();
    for body in &bodies {
        queue.send(body).await;
    }
    let mut received = BTreeSet::new();
    for (max, limit) in [(1, 1), (0, 1), (3, 3), (255, 10), (10, 10)] {
        let messages = queue
            .receive(max, NO_WAIT, VISIBILITY)
            .await
            .expect("the queue exists");
        assert!(messages.len() <= limit, "{max}: {}", messages.len());
        for message in messages {
            assert!(received.insert(message.body), "received twice");
        }
    }
    assert_eq!(received, bodies);
}

async fn redelivers_unacknowledged_messages(queue: impl TestQueue) {
    queue.send("a").await;
    let mut earlier: Vec<Message> = Vec::new();
    for count in 1..=3 {
        let message = receive_one(&queue).await;
        assert_eq!(receive(&queue).await, [], "the message is invisible");
        assert_eq!(message.receive_count, count);
        if let Some(first) = earlier.first() {
            assert_eq!(
                (&message.id, &message.body, message.sent),
                (&first.id, &first.body, first.sent)
            );
        }
        let is_new = |old: &Message| old.receipt != message.receipt;
        assert!(earlier.iter().all(is_new), "a receipt is used twice");
        queue.expire(std::slice::from_ref(&message)).await;
        earlier.push(message);
    }
}

async fn does_not_redeliver_acknowledged_messages(queue: impl TestQueue) {
    for body in ["a", "b", "c"] {
        queue.send(body).await;
    }
    let messages = receive(&queue).await;
    assert_eq!(messages.len(), 3);
    let (kept, done): (Vec<Message>, Vec<Message>) = messages
        .into_iter()
        .partition(|message| message.body == "b");
    assert_eq!(acknowledge(&queue, &receipts(&done)).await, NO_REFUSALS);
    queue.expire(&kept).await;
    assert_eq!(receive_one(&queue).await.body, "b");
}

async fn refuses_single_receipts_of_a_batch(queue: impl TestQueue) {
    queue.send("a").await;
    let old = receive_one(&queue).await;
    queue.expire(std::slice::from_ref(&old)).await;
    queue.send("b").await;
    let mut new = receive(&queue).await;
    new.sort_by(|one, other| one.body.cmp(&other.body));
    let [a, b] = &new[..] else {
        panic!("expected two messages: {new:?}");
    };
    let invalid = ReceiptHandle("not a receipt".to_owned());
    let batch = [invalid, old.receipt, b.receipt.clone()];
    assert_eq!(acknowledge(&queue, &batch).await, [0, 1]);
    queue.expire(std::slice::from_ref(a)).await;
    assert_eq!(receive_one(&queue).await.body, "a");
}

async fn accepts_the_same_receipt_twice_in_one_batch(queue: impl TestQueue) {
    queue.send("a").await;
    let message = receive_one(&queue).await;
    let batch = [message.receipt.clone(), message.receipt.clone()];
    let refused = acknowledge(&queue, &batch).await;
    assert!(
        !refused.contains(&0),
        "the first receipt is accepted: {refused:?}"
    );
    let attributes = queue.attributes().await.expect("the queue exists");
    assert_eq!((attributes.visible, attributes.in_flight), (0, 0));
    // After the message is deleted, the queue may refuse the receipts, but the call does not fail.
    acknowledge(&queue, &batch).await;
}

async fn acknowledges_more_receipts_than_a_batch(queue: impl TestQueue) {
    let mut messages = Vec::new();
    for n in 0..23 {
        queue.send(&format!("body {n}")).await;
        messages.push(receive_one(&queue).await);
    }
    let mut batch = receipts(&messages);
    let invalid = ReceiptHandle("not a receipt".to_owned());
    batch.insert(11, invalid);
    let refused = queue
        .extend(&batch, VISIBILITY)
        .await
        .expect("the queue exists");
    let indexes: Vec<usize> = refused.iter().map(|refused| refused.index).collect();
    assert_eq!(indexes, [11]);
    assert_eq!(acknowledge(&queue, &batch).await, [11]);
    let attributes = queue.attributes().await.expect("the queue exists");
    assert_eq!((attributes.visible, attributes.in_flight), (0, 0));
}

async fn extending_by_zero_makes_a_message_visible(queue: impl TestQueue) {
    queue.send("a").await;
    let message = receive_one(&queue).await;
    let refused = queue.extend(&[message.receipt], Duration::ZERO).await;
    assert_eq!(refused, Ok(vec![]));
    assert_eq!(receive_one(&queue).await.receive_count, 2);
}

async fn extended_messages_stay_invisible(queue: impl TestQueue) {
    queue.send("a").await;
    let message = receive_one(&queue).await;
    let batch = [message.receipt];
    assert_eq!(queue.extend(&batch, VISIBILITY * 2).await, Ok(vec![]));
    assert_eq!(receive(&queue).await, []);
    assert_eq!(
        acknowledge(&queue, &batch).await,
        NO_REFUSALS,
        "the receipt is still valid"
    );
}

async fn refuses_to_extend_stale_receipts(queue: impl TestQueue) {
    queue.send("a").await;
    let old = receive_one(&queue).await;
    queue.expire(std::slice::from_ref(&old)).await;
    let new = receive_one(&queue).await;
    let refused = queue.extend(&[old.receipt], Duration::ZERO).await;
    assert_eq!(refused.expect("the queue exists").len(), 1);
    assert_eq!(receive(&queue).await, [], "the message is invisible");
    assert_eq!(acknowledge(&queue, &[new.receipt]).await, NO_REFUSALS);
}

async fn accepts_empty_batches(queue: impl TestQueue) {
    assert_eq!(queue.acknowledge(&[]).await, Ok(vec![]));
    assert_eq!(queue.extend(&[], VISIBILITY).await, Ok(vec![]));
}

async fn attributes_count_visible_and_in_flight_messages(queue: impl TestQueue) {
    for n in 0..5 {
        queue.send(&format!("body {n}")).await;
    }
    let received = queue
        .receive(2, NO_WAIT, VISIBILITY)
        .await
        .expect("the queue exists");
    assert_eq!(received.len(), 2);
    let attributes = queue.attributes().await.expect("the queue exists");
    let counts = (attributes.visible, attributes.in_flight, attributes.delayed);
    assert_eq!(counts, (3, 2, 0));
    assert_eq!(attributes.retention, Duration::from_secs(4 * 24 * 60 * 60));
    assert_eq!(attributes.visibility, Duration::from_secs(30));
    assert_eq!(attributes.redrive, None);
    assert!(attributes.arn.starts_with("arn:aws:sqs:"), "{attributes:?}");
}

async fn receives_nothing_from_an_empty_queue(queue: impl TestQueue) {
    assert_eq!(receive(&queue).await, []);
}

async fn long_poll_returns_when_a_message_arrives(queue: impl TestQueue) {
    let started = Instant::now();
    let (messages, ()) = tokio::join!(queue.receive(10, MAX_WAIT, VISIBILITY), async {
        queue.until_polled().await;
        queue.send("a").await;
    });
    assert_eq!(messages.expect("the queue exists")[0].body, "a");
    assert!(started.elapsed() < MAX_WAIT / 2, "the poll waited too long");
}
