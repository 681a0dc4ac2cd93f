//! A new queue for each test, filled, counted and emptied with the AWS SDK.
//!
//! Tests rely on its counts, so it uses no code of the crate.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};

use crate::s3::wait;
use crate::server::S3Server;

/// Maximum time to wait for the expected messages.
const DEADLINE: Duration = Duration::from_secs(90);

/// Time between two requests for the counts.
const POLL: Duration = Duration::from_millis(50);

/// Maximum number of messages in one request.
const MAX_BATCH: usize = 10;

/// A queue that no other test uses.
pub struct Sqs {
    pub url: String,
    client: Client,
}

/// Number of messages in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Messages that can be received.
    pub visible: u32,
    /// Messages that were received but not deleted.
    pub in_flight: u32,
}

impl Sqs {
    /// Creates an empty queue.
    pub fn create(server: &S3Server) -> Self {
        let queue = Self::planned(server);
        queue.create_planned(server);
        queue
    }

    /// Creates an empty FIFO queue.
    pub fn create_fifo(server: &S3Server) -> Self {
        let mut queue = Self::planned(server);
        queue.url += ".fifo";
        let attributes = [("FifoQueue", "true"), ("ContentBasedDeduplication", "true")];
        server.create_queue_with(queue.name(), &attributes);
        queue
    }

    /// Sends messages of a group to a FIFO queue, in this order.
    pub fn send_to_group(&self, group: &str, bodies: &[String]) {
        for body in bodies {
            let request = self.client.send_message().queue_url(&self.url);
            let request = request.message_group_id(group).message_body(body);
            wait(request.send()).expect("send");
        }
    }

    /// A queue that does not exist yet, with its future URL.
    pub fn planned(server: &S3Server) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("events-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .region(Region::new("us-east-1"))
            .endpoint_url(server.endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self {
            url: format!("{}/000000000000/{name}", server.endpoint()),
            client: Client::from_conf(config),
        }
    }

    /// Creates a planned queue.
    pub fn create_planned(&self, server: &S3Server) {
        let url = server.create_queue(self.name());
        assert!(url.ends_with(self.name()), "{url}");
    }

    /// Deletes the queue and all its messages.
    pub fn remove(&self) {
        wait(self.client.delete_queue().queue_url(&self.url).send()).expect("the queue exists");
    }

    /// Deletes the queue and creates it again. Creation times have whole seconds (and AWS requires a minute
    /// between the two), so this is repeated until the queue has another creation time.
    pub fn recreate(&self, server: &S3Server) {
        let (before, deadline) = (self.created(), Instant::now() + DEADLINE);
        while self.created() == before {
            assert!(
                Instant::now() < deadline,
                "the creation time does not change"
            );
            thread::park_timeout(POLL);
            self.remove();
            self.create_planned(server);
        }
    }

    /// The creation time, as the server writes it.
    fn created(&self) -> String {
        let name = QueueAttributeName::CreatedTimestamp;
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = wait(request.attribute_names(name.clone()).send()).expect("the queue exists");
        let attributes = answer.attributes.expect("the attribute was requested");
        attributes[&name].clone()
    }

    fn name(&self) -> &str {
        self.url.rsplit('/').next().expect("split yields one part")
    }

    /// The ARN for the notifications of a bucket.
    pub fn arn(&self) -> String {
        format!("arn:aws:sqs:us-east-1:000000000000:{}", self.name())
    }

    /// Sends messages, in this order.
    pub fn send<B: AsRef<str>>(&self, bodies: &[B]) {
        for batch in bodies.chunks(MAX_BATCH) {
            let entry = |(id, body): (usize, &B)| {
                let entry = SendMessageBatchRequestEntry::builder().id(id.to_string());
                let entry = entry.message_body(body.as_ref()).build();
                entry.expect("the entry has an id and a body")
            };
            let entries = batch.iter().enumerate().map(entry).collect();
            let request = self.client.send_message_batch().queue_url(&self.url);
            let answer = wait(request.set_entries(Some(entries)).send()).expect("send");
            assert!(answer.failed().is_empty(), "{answer:?}");
        }
    }

    /// Waits for this number of messages, deletes them and returns their bodies.
    pub fn take(&self, count: usize) -> Vec<String> {
        let mut bodies = Vec::new();
        while bodies.len() < count {
            self.wait_for("a message to take", |counts| counts.visible > 0);
            let request = self.client.receive_message().queue_url(&self.url);
            let max = (count - bodies.len()).min(MAX_BATCH) as i32;
            let received = wait(request.max_number_of_messages(max).send()).expect("receive");
            for message in received.messages.unwrap_or_default() {
                let request = self.client.delete_message().queue_url(&self.url);
                let receipt = message.receipt_handle.expect("a message has a receipt");
                wait(request.receipt_handle(receipt).send()).expect("delete");
                bodies.push(message.body.expect("a message has a body"));
            }
        }
        bodies
    }

    /// Receives and deletes messages until it is told to stop, as another program would.
    pub fn consume_until(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            let request = self.client.receive_message().queue_url(&self.url);
            let received = wait(request.wait_time_seconds(1).send()).expect("receive");
            for message in received.messages.unwrap_or_default() {
                let request = self.client.delete_message().queue_url(&self.url);
                let receipt = message.receipt_handle.expect("a message has a receipt");
                wait(request.receipt_handle(receipt).send()).expect("delete");
            }
        }
    }

    /// Ends the long poll of a consumer that no longer exists, by sending it a test event. The server still
    /// holds that request open: it would take the next messages, which would be redelivered only after their
    /// visibility timeout.
    ///
    /// If there is no such request, the next consumer receives the test event.
    pub fn end_abandoned_poll(&self) {
        /// Number of checks. The server looks for messages ten times a second.
        const CHECKS: usize = 20;
        self.send(&[r#"{"Event":"s3:TestEvent"}"#]);
        for _ in 0..CHECKS {
            if self.counts().visible == 0 {
                return;
            }
            thread::park_timeout(POLL);
        }
    }

    /// The current number of messages.
    pub fn counts(&self) -> Counts {
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let request = request.attribute_names(QueueAttributeName::All);
        let answer = wait(request.send()).expect("the queue exists");
        let count = |name| {
            let attributes = answer.attributes().expect("the attributes were requested");
            attributes[&name].parse().expect("a number")
        };
        Counts {
            visible: count(QueueAttributeName::ApproximateNumberOfMessages),
            in_flight: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        }
    }

    /// Waits until the counts match a condition.
    #[track_caller]
    pub fn wait_for(&self, what: &str, matches: impl Fn(Counts) -> bool) -> Counts {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let counts = self.counts();
            if matches(counts) {
                return counts;
            }
            assert!(Instant::now() < deadline, "no {what}: {counts:?}");
            thread::park_timeout(POLL);
        }
    }

    /// Waits until every message is acknowledged.
    #[track_caller]
    pub fn wait_until_empty(&self) {
        self.wait_for("empty queue", |counts| {
            counts.visible == 0 && counts.in_flight == 0
        });
    }
}
