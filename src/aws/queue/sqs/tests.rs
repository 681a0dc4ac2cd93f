//! Requests and decoded responses, with a server that plays recorded responses in order.
//!
//! The integration tests check the behavior of a queue on a real server.

mod server;

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use self::server::Server;
use super::*;
use crate::aws::queue::QueueErrorKind as Kind;
use crate::core::source::{Credentials, SecretPlace};

/// A receive response without messages.
const NO_MESSAGES: &str = "{}";

/// Events from this queue, with a secret file in the folder.
fn events(folder: &tempfile::TempDir, queue_url: &str) -> Events {
    let path = folder.path().join("secret");
    std::fs::write(&path, "secretsecret").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    Events {
        queue_url: queue_url.to_owned(),
        region: None,
        credentials: Credentials::AccessKey {
            access_key_id: "AKIAEXAMPLE".into(),
            secret: SecretPlace::File(path),
        },
    }
}

/// A queue on a server that plays these responses, and the folder with its secret.
async fn playing(responses: &[(u16, &str)]) -> (Server, SqsQueue, tempfile::TempDir) {
    let server = Server::playing(responses);
    let folder = tempfile::tempdir().unwrap();
    let events = events(&folder, &server.queue_url());
    let queue = SqsQueue::open(&events, Some("eu-west-1"), None)
        .await
        .unwrap();
    (server, queue, folder)
}

fn receipts(count: usize) -> Vec<ReceiptHandle> {
    (0..count).map(|n| ReceiptHandle(format!("r{n}"))).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn receive_clamps_its_parameters() {
    let half = Duration::from_millis(500);
    for (max, wait, visibility, sent) in [
        (10, seconds(20), seconds(60), (10, 20, 60)),
        (1, Duration::ZERO, Duration::ZERO, (1, 0, 0)),
        (0, half, half, (1, 1, 1)),
        (255, seconds(3600), Duration::MAX, (10, 20, 43_200)),
    ] {
        let (server, queue, _secret) = playing(&[(200, NO_MESSAGES)]).await;
        assert_eq!(queue.receive(max, wait, visibility).await, Ok(vec![]));
        let [request] = &server.requests()[..] else {
            panic!("one request");
        };
        let want = json!({
            "QueueUrl": queue.url(),
            "MaxNumberOfMessages": sent.0,
            "WaitTimeSeconds": sent.1,
            "VisibilityTimeout": sent.2,
            "MessageSystemAttributeNames": [
                "SentTimestamp",
                "ApproximateReceiveCount",
                "ApproximateFirstReceiveTimestamp",
            ],
        });
        assert_eq!(request.body, want);
        assert!(request.head.contains("/eu-west-1/sqs/"), "{request:?}");
    }
}

#[tokio::test]
async fn decodes_messages_with_missing_fields() {
    let response = json!({ "Messages": [
        { "MessageId": "m", "ReceiptHandle": "r", "Body": "a\r\n<é>&amp;",
          "Attributes": { "SentTimestamp": "1700000000123", "ApproximateReceiveCount": "3",
                          "ApproximateFirstReceiveTimestamp": "1700000000456" } },
        { "MessageId": "without a receipt", "Body": "b" },
        { "ReceiptHandle": "s" },
    ]});
    let (_server, queue, _secret) = playing(&[(200, &response.to_string())]).await;
    let messages = queue.receive(10, Duration::ZERO, seconds(30)).await;
    let want = [
        Message {
            id: "m".into(),
            receipt: ReceiptHandle("r".into()),
            body: "a\r\n<é>&amp;".into(),
            sent: Some(Timestamp::from_millis(1_700_000_000_123)),
            first_received: Some(Timestamp::from_millis(1_700_000_000_456)),
            receive_count: 3,
        },
        Message {
            id: String::new(),
            receipt: ReceiptHandle("s".into()),
            body: String::new(),
            sent: None,
            first_received: None,
            receive_count: 1,
        },
    ];
    assert_eq!(messages.unwrap(), want);
}

#[tokio::test]
async fn messages_without_receipts_are_an_error() {
    let response = r#"{"Messages":[{"MessageId":"m","Body":"b"}]}"#;
    let (_server, queue, _secret) = playing(&[(200, response)]).await;
    let error = queue.receive(10, Duration::ZERO, seconds(30)).await;
    assert_eq!(error.unwrap_err().kind, Kind::Refused);
}

#[tokio::test]
async fn receive_is_not_retried_and_other_requests_are() {
    let failures = [(500, "{}"); 5];
    let (server, queue, _secret) = playing(&failures).await;
    let error = queue.receive(1, Duration::ZERO, seconds(30)).await;
    assert_eq!(error.unwrap_err().kind, Kind::Unavailable);
    assert_eq!(server.requests().len(), 1);

    let (server, queue, _secret) = playing(&failures).await;
    let error = queue.acknowledge(&receipts(1)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert_eq!(error.operation, QueueOperation::Acknowledge);
    assert_eq!(server.requests().len(), ATTEMPTS as usize);

    let recovering = [
        (500, "{}"),
        (200, r#"{"Successful":[{"Id":"0"}],"Failed":[]}"#),
    ];
    let (server, queue, _secret) = playing(&recovering).await;
    assert_eq!(queue.extend(&receipts(1), seconds(30)).await, Ok(vec![]));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn returns_receipts_that_are_not_reported_as_successful() {
    let first: Vec<_> = (0..10).map(|id| json!({ "Id": id.to_string() })).collect();
    let first = json!({ "Successful": first, "Failed": [] }).to_string();
    let second = json!({
        "Successful": [{ "Id": "0" }],
        "Failed": [{ "Id": "2", "Code": "InternalError", "SenderFault": false },
                   { "Id": "7", "Code": "UnknownId", "SenderFault": true }],
    });
    let responses = [(200, first.as_str()), (200, &second.to_string())];
    let (server, queue, _secret) = playing(&responses).await;
    let refused = queue.acknowledge(&receipts(13)).await.unwrap();
    let refusal = |index, code: &str| RefusedReceipt {
        index,
        code: code.into(),
        is_sender_fault: false,
    };
    assert_eq!(
        refused,
        [refusal(11, UNANSWERED), refusal(12, "InternalError")]
    );
    let requests = server.requests();
    let entries = |n: usize| requests[n].body["Entries"].as_array().unwrap();
    assert_eq!((entries(0).len(), entries(1).len()), (10, 3));
    assert_eq!(entries(1)[2], json!({ "Id": "2", "ReceiptHandle": "r12" }));
}

#[tokio::test]
async fn sends_no_request_without_receipts() {
    let (server, queue, _secret) = playing(&[(500, "{}")]).await;
    assert_eq!(queue.acknowledge(&[]).await, Ok(vec![]));
    assert_eq!(queue.extend(&[], Duration::ZERO).await, Ok(vec![]));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn classifies_responses_that_are_not_sqs() {
    // The SDK reads an empty body as an empty object.
    for (status, body, want) in [
        (200, "<html>", Err(Kind::Connection)),
        (200, "{\"Messages\":[", Err(Kind::Connection)),
        (200, "", Ok(vec![])),
        (404, "<html>", Err(Kind::Refused)),
        (403, "<html>", Err(Kind::AccessDenied)),
        (502, "<html>", Err(Kind::Unavailable)),
    ] {
        let (_server, queue, _secret) = playing(&[(status, body)]).await;
        let response = queue.receive(1, Duration::ZERO, seconds(30)).await;
        assert_eq!(
            response.map_err(|error| error.kind),
            want,
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn unreadable_secret_fails_before_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let events = events(&folder, "https://sqs.eu-west-1.amazonaws.com/1/q");
    std::fs::remove_file(folder.path().join("secret")).unwrap();
    let error = SqsQueue::open(&events, None, None).await.unwrap_err();
    assert_eq!(error.kind, Kind::NoCredentials);
    assert_eq!(error.operation, QueueOperation::Open);
    let text = error.to_string();
    assert!(
        text.contains("secret") && !text.contains("secretsecret"),
        "{text}"
    );
}

#[tokio::test]
async fn debug_output_has_no_secret() {
    let (_server, queue, _secret) = playing(&[]).await;
    assert!(!format!("{queue:?}").contains("secretsecret"));
}

#[test]
fn region_comes_from_the_configuration_then_the_url_then_the_bucket() {
    let ours = "https://sqs.eu-west-1.amazonaws.com/1/q";
    let other = "http://127.0.0.1:4566/1/q";
    for (configured, url, bucket, want) in [
        (
            Some("eu-north-1"),
            ours,
            Some("us-west-2"),
            Some("eu-north-1"),
        ),
        (None, ours, Some("us-west-2"), Some("eu-west-1")),
        (None, other, Some("us-west-2"), Some("us-west-2")),
        (None, other, None, None),
    ] {
        let events = Events {
            queue_url: url.into(),
            region: configured.map(str::to_owned),
            credentials: Credentials::DefaultChain,
        };
        let region = known_region(&events, bucket);
        assert_eq!(region.as_deref(), want, "{url}");
    }
    assert_eq!(origin(other), "http://127.0.0.1:4566");
}
