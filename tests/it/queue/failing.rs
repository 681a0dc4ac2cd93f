//! Tests the errors of a queue that cannot be used: their kind and text, and that they contain no secret.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use asset_indexer::aws::queue::{Queue, QueueError, QueueErrorKind as Kind, ReceiptHandle};

use super::real::{missing, open, root};
use super::{NO_WAIT, VISIBILITY};
use crate::server::{self, AccessKey};

/// Calls every operation of a queue and returns their errors.
async fn errors(url: &str, key: &AccessKey) -> [QueueError; 4] {
    let (queue, _secret) = open(url, key).await;
    let receipts = [ReceiptHandle("any".to_owned())];
    let errors = [
        queue.receive(1, NO_WAIT, VISIBILITY).await.map(drop),
        queue.acknowledge(&receipts).await.map(drop),
        queue.extend(&receipts, Duration::ZERO).await.map(drop),
        queue.attributes().await.map(drop),
    ];
    errors.map(|result| result.expect_err("the queue cannot be used"))
}

#[track_caller]
fn assert_all(errors: &[QueueError], kind: Kind, url: &str, key: &AccessKey) {
    for error in errors {
        assert_eq!(error.kind, kind, "{error}");
        let text = error.to_string();
        assert!(text.contains(url), "{text}");
        assert!(
            !format!("{error:?}{text}").contains(&key.secret),
            "the error contains the secret"
        );
    }
}

#[tokio::test]
async fn missing_queue_is_reported() {
    let url = missing(server::shared());
    let key = AccessKey {
        secret: "unspoken".to_owned(),
        ..root()
    };
    assert_all(&errors(&url, &key).await, Kind::NoSuchQueue, &url, &key);
}

#[tokio::test]
async fn refused_connection_is_reported() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let url = format!("http://{address}/1/queue");
    let key = AccessKey {
        secret: "unspoken".to_owned(),
        ..root()
    };
    assert_all(&errors(&url, &key).await, Kind::Connection, &url, &key);
}

#[tokio::test]
async fn denied_access_names_the_missing_permission() {
    let server = server::shared_with_rights();
    let url = server.create_queue("guarded");
    let key = server.create_user("queue-nobody", &[]);
    let errors = errors(&url, &key).await;
    assert_all(&errors, Kind::AccessDenied, &url, &key);
    for (error, action) in errors.iter().zip([
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
    ]) {
        assert!(error.to_string().contains(action), "{error}");
    }
}

#[tokio::test]
async fn wrong_access_keys_differ_from_missing_permissions() {
    let server = server::shared_with_rights();
    let url = server.create_queue("guarded-too");
    let valid = server.create_user("queue-mistaken", &["sqs:*"]);
    let unknown = AccessKey {
        id: "AKIAUNKNOWNUNKNOWN12".to_owned(),
        secret: "unknownunknownunknownunknown12345".to_owned(),
    };
    let wrong = AccessKey {
        secret: "wrongwrongwrongwrongwrongwrongwrong".to_owned(),
        ..valid
    };
    for key in [unknown, wrong] {
        assert_all(&errors(&url, &key).await, Kind::NoCredentials, &url, &key);
    }
}

#[tokio::test]
async fn named_permissions_are_sufficient() {
    let server = server::shared_with_rights();
    let url = server.create_queue("guarded-well");
    let actions = [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
        // The server requires these actions for batches. AWS has no such actions: the single actions allow
        // batches.
        "sqs:DeleteMessageBatch",
        "sqs:ChangeMessageVisibilityBatch",
    ];
    let key = server.create_user("queue-reader", &actions);
    let (queue, _secret) = open(&url, &key).await;
    server.send_message(&url, "a");
    let messages = queue
        .receive(1, NO_WAIT, VISIBILITY)
        .await
        .expect("allowed");
    let receipts = super::receipts(&messages);
    assert_eq!(queue.extend(&receipts, VISIBILITY).await, Ok(vec![]));
    assert_eq!(queue.acknowledge(&receipts).await, Ok(vec![]));
    assert_eq!(queue.attributes().await.expect("allowed").in_flight, 0);
}
