//! Tests that the queue of the events benchmark counts correctly what a client does.

use std::time::Duration;

use asset_indexer::aws::queue::{Message, Queue};

use super::real::{open, root};
use super::{NO_WAIT, receipts};
use crate::computed_queue::{ComputedQueue, Feed};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn computed_queue_counts_redeliveries_and_repeated_deletions() {
    let computed = ComputedQueue::start(Feed {
        count: 30,
        interval: Duration::ZERO,
        body: Box::new(|number, _| format!("body {number}")),
        before_delete: Box::new(|numbers| assert!(numbers.len() <= 10)),
    });
    let (queue, _secret) = open(&computed.url(), &root()).await;
    let queue = &queue;
    let receive = async |wait, visibility| queue.receive(10, wait, visibility).await.unwrap();
    assert_eq!(receive(NO_WAIT, LONG).await, [], "no message is sent yet");
    computed.begin();
    let first = receive(NO_WAIT, SECOND).await;
    assert_eq!((first.len(), first[3].body.as_str()), (10, "body 3"));
    queue.extend(&receipts(&first[..4]), LONG).await.unwrap();
    let others = [receive(NO_WAIT, LONG).await, receive(NO_WAIT, LONG).await].concat();
    assert_eq!(others.len(), 20);
    let again = receive(5 * SECOND, LONG).await;
    let bodies = |messages: &[Message]| -> Vec<String> {
        messages
            .iter()
            .map(|message| message.body.clone())
            .collect()
    };
    assert_eq!(bodies(&again), bodies(&first[4..]));
    assert!(again.iter().all(|message| message.receive_count == 2));
    for batch in [&others[..], &again, &again[..2], &first[..4]] {
        assert_eq!(queue.acknowledge(&receipts(batch)).await.unwrap(), []);
    }
    let emptied = computed.wait_until_empty();
    let counts = emptied.counts;
    assert_eq!((counts.received, counts.deleted), (36, 30));
    assert_eq!((counts.deleted_again, counts.extended), (2, 4));
    assert_eq!((emptied.lags.len(), emptied.lags[29]), (30, emptied.took));
}
