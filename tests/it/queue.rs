//! What every queue does: one suite for the queue in memory and for the one of the server, over HTTP.

mod computed;
mod failing;
mod fake;
mod real;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use asset_indexer::aws::queue::{MAX_WAIT, Message, Queue, ReceiptHandle};

use crate::fake_queue::FakeQueue;
use real::RealQueue;

/// Longer than any test takes by the clock on the wall.
const VISIBILITY: Duration = Duration::from_secs(600);

/// No wait at all: nothing there is an answer.
const AT_ONCE: Duration = Duration::ZERO;

/// No receipt was refused.
const NONE: [usize; 0] = [];

/// A queue that a test can do the other side of.
trait TestQueue: Queue {
    /// Puts a message into the queue.
    async fn send(&self, body: &str);

    /// Sees to it that the visibility of these messages has run out.
    async fn let_run_out(&self, messages: &[Message]);

    /// Waits until a `receive` waits for a message.
    async fn until_polled(&self);
}

impl TestQueue for FakeQueue {
    async fn send(&self, body: &str) {
        self.send_now(body);
    }

    async fn let_run_out(&self, _: &[Message]) {
        self.advance(VISIBILITY);
    }

    async fn until_polled(&self) {
        FakeQueue::until_polled(self, 1).await;
    }
}

/// Runs each case for both queues.
macro_rules! conformance {
    ($($case:ident)*) => {
        mod conformance_of_the_fake {
            $(#[tokio::test] async fn $case() {
                super::$case(crate::fake_queue::FakeQueue::new()).await;
            })*
        }
        mod conformance_of_sqs {
            $(#[tokio::test] async fn $case() {
                super::$case(super::RealQueue::create(stringify!($case)).await).await;
            })*
        }
    };
}

conformance! {
    what_was_sent_is_received_byte_for_byte
    no_more_is_received_than_asked_for
    an_unacknowledged_message_comes_again
    an_acknowledged_message_does_not_come_again
    a_refused_receipt_does_not_harm_the_others
    the_same_receipt_twice_in_one_batch
    more_receipts_than_a_batch_are_all_acknowledged
    a_message_extended_by_nothing_is_visible
    an_extended_message_stays_invisible
    a_stale_receipt_cannot_be_extended
    no_receipts_are_no_trouble
    the_attributes_count_what_is_visible_and_in_flight
    nothing_there_is_an_answer
    a_long_poll_ends_when_a_message_comes
}

async fn receive(queue: &impl Queue) -> Vec<Message> {
    let messages = queue.receive(10, AT_ONCE, VISIBILITY).await;
    messages.expect("the queue is there")
}

/// Receives the one message that is there.
async fn receive_one(queue: &impl Queue) -> Message {
    let messages = receive(queue).await;
    <[Message; 1]>::try_from(messages).expect("one message")[0].clone()
}

fn receipts(messages: &[Message]) -> Vec<ReceiptHandle> {
    messages
        .iter()
        .map(|message| message.receipt.clone())
        .collect()
}

async fn acknowledge(queue: &impl Queue, receipts: &[ReceiptHandle]) -> Vec<usize> {
    let refused = queue.acknowledge(receipts).await;
    let refused = refused.expect("the queue is there");
    assert!(refused.iter().all(|refused| refused.is_sender_fault));
    refused.into_iter().map(|refused| refused.index).collect()
}

async fn what_was_sent_is_received_byte_for_byte(queue: impl TestQueue) {
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
        assert_eq!(acknowledge(&queue, &[message.receipt]).await, NONE);
    }
}

async fn no_more_is_received_than_asked_for(queue: impl TestQueue) {
    let bodies: BTreeSet<String> = (0..15).map(|n| format!("body {n}")).collect();
    for body in &bodies {
        queue.send(body).await;
    }
    let mut received = BTreeSet::new();
    for (max, most) in [(1, 1), (0, 1), (3, 3), (255, 10), (10, 10)] {
        let messages = queue
            .receive(max, AT_ONCE, VISIBILITY)
            .await
            .expect("there");
        assert!(messages.len() <= most, "{max}: {}", messages.len());
        for message in messages {
            assert!(received.insert(message.body), "received twice");
        }
    }
    assert_eq!(received, bodies);
}

async fn an_unacknowledged_message_comes_again(queue: impl TestQueue) {
    queue.send("a").await;
    let mut earlier: Vec<Message> = Vec::new();
    for count in 1..=3 {
        let message = receive_one(&queue).await;
        assert_eq!(receive(&queue).await, [], "it is invisible");
        assert_eq!(message.receive_count, count);
        if let Some(first) = earlier.first() {
            assert_eq!(
                (&message.id, &message.body, message.sent),
                (&first.id, &first.body, first.sent)
            );
        }
        let is_new = |old: &Message| old.receipt != message.receipt;
        assert!(earlier.iter().all(is_new), "a receipt twice");
        queue.let_run_out(std::slice::from_ref(&message)).await;
        earlier.push(message);
    }
}

async fn an_acknowledged_message_does_not_come_again(queue: impl TestQueue) {
    for body in ["a", "b", "c"] {
        queue.send(body).await;
    }
    let messages = receive(&queue).await;
    assert_eq!(messages.len(), 3);
    let (kept, done): (Vec<Message>, Vec<Message>) = messages
        .into_iter()
        .partition(|message| message.body == "b");
    assert_eq!(acknowledge(&queue, &receipts(&done)).await, NONE);
    queue.let_run_out(&kept).await;
    assert_eq!(receive_one(&queue).await.body, "b");
}

async fn a_refused_receipt_does_not_harm_the_others(queue: impl TestQueue) {
    queue.send("a").await;
    let old = receive_one(&queue).await;
    queue.let_run_out(std::slice::from_ref(&old)).await;
    queue.send("b").await;
    let mut new = receive(&queue).await;
    new.sort_by(|one, other| one.body.cmp(&other.body));
    let [a, b] = &new[..] else {
        panic!("two messages: {new:?}");
    };
    let garbage = ReceiptHandle("no receipt at all".to_owned());
    let batch = [garbage, old.receipt, b.receipt.clone()];
    assert_eq!(acknowledge(&queue, &batch).await, [0, 1]);
    queue.let_run_out(std::slice::from_ref(a)).await;
    assert_eq!(receive_one(&queue).await.body, "a");
}

async fn the_same_receipt_twice_in_one_batch(queue: impl TestQueue) {
    queue.send("a").await;
    let message = receive_one(&queue).await;
    let batch = [message.receipt.clone(), message.receipt.clone()];
    let refused = acknowledge(&queue, &batch).await;
    assert!(!refused.contains(&0), "the first is accepted: {refused:?}");
    let attributes = queue.attributes().await.expect("there");
    assert_eq!((attributes.visible, attributes.in_flight), (0, 0));
    // Again, when the message is gone: a refusal at the most.
    acknowledge(&queue, &batch).await;
}

async fn more_receipts_than_a_batch_are_all_acknowledged(queue: impl TestQueue) {
    let mut messages = Vec::new();
    for n in 0..23 {
        queue.send(&format!("body {n}")).await;
        messages.push(receive_one(&queue).await);
    }
    let mut batch = receipts(&messages);
    let garbage = ReceiptHandle("no receipt at all".to_owned());
    batch.insert(11, garbage);
    let refused = queue.extend(&batch, VISIBILITY).await.expect("there");
    let places: Vec<usize> = refused.iter().map(|refused| refused.index).collect();
    assert_eq!(places, [11]);
    assert_eq!(acknowledge(&queue, &batch).await, [11]);
    let attributes = queue.attributes().await.expect("there");
    assert_eq!((attributes.visible, attributes.in_flight), (0, 0));
}

async fn a_message_extended_by_nothing_is_visible(queue: impl TestQueue) {
    queue.send("a").await;
    let message = receive_one(&queue).await;
    let refused = queue.extend(&[message.receipt], Duration::ZERO).await;
    assert_eq!(refused, Ok(vec![]));
    assert_eq!(receive_one(&queue).await.receive_count, 2);
}

async fn an_extended_message_stays_invisible(queue: impl TestQueue) {
    queue.send("a").await;
    let message = receive_one(&queue).await;
    let batch = [message.receipt];
    assert_eq!(queue.extend(&batch, VISIBILITY * 2).await, Ok(vec![]));
    assert_eq!(receive(&queue).await, []);
    assert_eq!(
        acknowledge(&queue, &batch).await,
        NONE,
        "the receipt is still good"
    );
}

async fn a_stale_receipt_cannot_be_extended(queue: impl TestQueue) {
    queue.send("a").await;
    let old = receive_one(&queue).await;
    queue.let_run_out(std::slice::from_ref(&old)).await;
    let new = receive_one(&queue).await;
    let refused = queue.extend(&[old.receipt], Duration::ZERO).await;
    assert_eq!(refused.expect("there").len(), 1);
    assert_eq!(receive(&queue).await, [], "it is invisible");
    assert_eq!(acknowledge(&queue, &[new.receipt]).await, NONE);
}

async fn no_receipts_are_no_trouble(queue: impl TestQueue) {
    assert_eq!(queue.acknowledge(&[]).await, Ok(vec![]));
    assert_eq!(queue.extend(&[], VISIBILITY).await, Ok(vec![]));
}

async fn the_attributes_count_what_is_visible_and_in_flight(queue: impl TestQueue) {
    for n in 0..5 {
        queue.send(&format!("body {n}")).await;
    }
    let taken = queue.receive(2, AT_ONCE, VISIBILITY).await.expect("there");
    assert_eq!(taken.len(), 2);
    let attributes = queue.attributes().await.expect("there");
    let counts = (attributes.visible, attributes.in_flight, attributes.delayed);
    assert_eq!(counts, (3, 2, 0));
    assert_eq!(attributes.retention, Duration::from_secs(4 * 24 * 60 * 60));
    assert_eq!(attributes.visibility, Duration::from_secs(30));
    assert_eq!(attributes.redrive, None);
    assert!(attributes.arn.starts_with("arn:aws:sqs:"), "{attributes:?}");
}

async fn nothing_there_is_an_answer(queue: impl TestQueue) {
    assert_eq!(receive(&queue).await, []);
}

async fn a_long_poll_ends_when_a_message_comes(queue: impl TestQueue) {
    let began = Instant::now();
    let (messages, ()) = tokio::join!(queue.receive(10, MAX_WAIT, VISIBILITY), async {
        queue.until_polled().await;
        queue.send("a").await;
    });
    assert_eq!(messages.expect("there")[0].body, "a");
    assert!(began.elapsed() < MAX_WAIT / 2, "it waited to the end");
}
