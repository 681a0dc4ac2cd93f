//! What a queue that cannot be used is said to be, and that no secret is in it.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use asset_indexer::aws::queue::{Queue, QueueError, QueueErrorKind as Kind, ReceiptHandle};

use super::real::{missing, open, root};
use super::{AT_ONCE, VISIBILITY};
use crate::server::{self, AccessKey};

/// Does everything that can be done with a queue, and gives what it fails with.
async fn failures(url: &str, key: &AccessKey) -> [QueueError; 4] {
    let (queue, _secret) = open(url, key).await;
    let receipts = [ReceiptHandle("any".to_owned())];
    let errors = [
        queue.receive(1, AT_ONCE, VISIBILITY).await.map(drop),
        queue.acknowledge(&receipts).await.map(drop),
        queue.extend(&receipts, Duration::ZERO).await.map(drop),
        queue.attributes().await.map(drop),
    ];
    errors.map(|result| result.expect_err("it cannot be used"))
}

#[track_caller]
fn assert_all(errors: &[QueueError], kind: Kind, url: &str, key: &AccessKey) {
    for error in errors {
        assert_eq!(error.kind, kind, "{error}");
        let text = error.to_string();
        assert!(text.contains(url), "{text}");
        assert!(
            !format!("{error:?}{text}").contains(&key.secret),
            "a secret"
        );
    }
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_missing() {
    let url = missing(server::shared());
    let key = AccessKey {
        secret: "unspoken".to_owned(),
        ..root()
    };
    assert_all(&failures(&url, &key).await, Kind::NoSuchQueue, &url, &key);
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_unreachable() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let url = format!("http://{address}/1/queue");
    let key = AccessKey {
        secret: "unspoken".to_owned(),
        ..root()
    };
    assert_all(&failures(&url, &key).await, Kind::Connection, &url, &key);
}

#[tokio::test]
async fn a_user_without_rights_is_told_which() {
    let server = server::shared_with_rights();
    let url = server.create_queue("guarded");
    let key = server.create_user("queue-nobody", &[]);
    let errors = failures(&url, &key).await;
    assert_all(&errors, Kind::AccessDenied, &url, &key);
    for (error, right) in errors.iter().zip([
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
    ]) {
        assert!(error.to_string().contains(right), "{error}");
    }
}

#[tokio::test]
async fn keys_that_are_wrong_are_told_from_missing_rights() {
    let server = server::shared_with_rights();
    let url = server.create_queue("guarded-too");
    let right = server.create_user("queue-mistaken", &["sqs:*"]);
    let unknown = AccessKey {
        id: "AKIAUNKNOWNUNKNOWN12".to_owned(),
        secret: "unknownunknownunknownunknown12345".to_owned(),
    };
    let wrong = AccessKey {
        secret: "wrongwrongwrongwrongwrongwrongwrong".to_owned(),
        ..right
    };
    for key in [unknown, wrong] {
        assert_all(&failures(&url, &key).await, Kind::NoCredentials, &url, &key);
    }
}

#[tokio::test]
async fn the_rights_that_are_named_are_enough() {
    let server = server::shared_with_rights();
    let url = server.create_queue("guarded-well");
    let rights = [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
        // AWS has no rights of these names: there the single ones allow the batches.
        "sqs:DeleteMessageBatch",
        "sqs:ChangeMessageVisibilityBatch",
    ];
    let key = server.create_user("queue-reader", &rights);
    let (queue, _secret) = open(&url, &key).await;
    server.send_message(&url, "a");
    let messages = queue
        .receive(1, AT_ONCE, VISIBILITY)
        .await
        .expect("allowed");
    let receipts = super::receipts(&messages);
    assert_eq!(queue.extend(&receipts, VISIBILITY).await, Ok(vec![]));
    assert_eq!(queue.acknowledge(&receipts).await, Ok(vec![]));
    assert_eq!(queue.attributes().await.expect("allowed").in_flight, 0);
}
