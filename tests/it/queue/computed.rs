//! The queue of the benchmark of events counts what a client does, so that the benchmark can be believed.

use std::time::Duration;

use asset_indexer::aws::queue::{Message, Queue};

use super::real::{open, root};
use super::{AT_ONCE, receipts};
use crate::computed_queue::{ComputedQueue, Feed};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn the_computed_queue_counts_what_comes_twice_and_what_is_deleted_twice() {
    let computed = ComputedQueue::start(Feed {
        count: 30,
        every: Duration::ZERO,
        body: Box::new(|number, _| format!("body {number}")),
        before_delete: Box::new(|numbers| assert!(numbers.len() <= 10)),
    });
    let (queue, _secret) = open(&computed.url(), &root()).await;
    let queue = &queue;
    let receive = async |wait, visibility| queue.receive(10, wait, visibility).await.unwrap();
    assert_eq!(receive(AT_ONCE, LONG).await, [], "nothing is sent yet");
    computed.begin();
    let first = receive(AT_ONCE, SECOND).await;
    assert_eq!((first.len(), first[3].body.as_str()), (10, "body 3"));
    queue.extend(&receipts(&first[..4]), LONG).await.unwrap();
    let others = [receive(AT_ONCE, LONG).await, receive(AT_ONCE, LONG).await].concat();
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
