//! A queue of its own for each test, filled, counted and emptied with the AWS SDK.
//!
//! Nothing of the crate's own code is in it, so that what it counts is a yardstick.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};

use crate::s3::wait;
use crate::server::S3Server;

/// How long a queue may take to hold what it should.
const DEADLINE: Duration = Duration::from_secs(90);

/// How long to wait between two looks at its counts.
const POLL: Duration = Duration::from_millis(50);

/// The most messages of one request.
const MAX_BATCH: usize = 10;

/// A queue that no other test uses.
pub struct Sqs {
    pub url: String,
    client: Client,
}

/// What a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Messages that a receiver would get.
    pub visible: u32,
    /// Messages that were received and not deleted.
    pub in_flight: u32,
}

impl Sqs {
    /// Makes a new, empty queue.
    pub fn create(server: &S3Server) -> Self {
        let planned = Self::planned(server);
        planned.come_to_be(server);
        planned
    }

    /// A queue that is not there yet, with the address that it will have.
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

    /// Makes a planned queue.
    pub fn come_to_be(&self, server: &S3Server) {
        let url = server.create_queue(self.name());
        assert!(url.ends_with(self.name()), "{url}");
    }

    /// Deletes the queue with all that is in it.
    pub fn remove(&self) {
        wait(self.client.delete_queue().queue_url(&self.url).send()).expect("it is there");
    }

    /// Deletes the queue and makes it anew. Its age has whole seconds (and on AWS a minute must pass
    /// between the two), so that this is done until it is another's.
    pub fn make_anew(&self, server: &S3Server) {
        let (before, deadline) = (self.created(), Instant::now() + DEADLINE);
        while self.created() == before {
            assert!(Instant::now() < deadline, "it stays as old as it was");
            thread::park_timeout(POLL);
            self.remove();
            self.come_to_be(server);
        }
    }

    /// When it was created.
    fn created(&self) -> String {
        let name = QueueAttributeName::CreatedTimestamp;
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = wait(request.attribute_names(name.clone()).send()).expect("it is there");
        let attributes = answer.attributes.expect("it was asked for");
        attributes[&name].clone()
    }

    fn name(&self) -> &str {
        self.url.rsplit('/').next().expect("split yields one part")
    }

    /// Its name for a bucket's notifications.
    pub fn arn(&self) -> String {
        format!("arn:aws:sqs:us-east-1:000000000000:{}", self.name())
    }

    /// Sends messages, in this order.
    pub fn send<B: AsRef<str>>(&self, bodies: &[B]) {
        for batch in bodies.chunks(MAX_BATCH) {
            let entry = |(id, body): (usize, &B)| {
                let entry = SendMessageBatchRequestEntry::builder().id(id.to_string());
                let entry = entry.message_body(body.as_ref()).build();
                entry.expect("it has an id and a body")
            };
            let entries = batch.iter().enumerate().map(entry).collect();
            let request = self.client.send_message_batch().queue_url(&self.url);
            let answer = wait(request.set_entries(Some(entries)).send()).expect("send");
            assert!(answer.failed().is_empty(), "{answer:?}");
        }
    }

    /// Takes that many messages out of the queue, as soon as they have come; gives their bodies.
    pub fn take(&self, count: usize) -> Vec<String> {
        let mut bodies = Vec::new();
        while bodies.len() < count {
            self.wait_for("a message to take", |counts| counts.visible > 0);
            let request = self.client.receive_message().queue_url(&self.url);
            let most = (count - bodies.len()).min(MAX_BATCH) as i32;
            let received = wait(request.max_number_of_messages(most).send()).expect("receive");
            for message in received.messages.unwrap_or_default() {
                let request = self.client.delete_message().queue_url(&self.url);
                let receipt = message.receipt_handle.expect("it has a receipt");
                wait(request.receipt_handle(receipt).send()).expect("delete");
                bodies.push(message.body.expect("it has a body"));
            }
        }
        bodies
    }

    /// Gives the request of a receiver that is gone, which the server still holds open, something to
    /// take: else it would take the next messages, and they would come only after their visibility.
    ///
    /// Where there is no such request, the next receiver gets a test event.
    pub fn end_left_request(&self) {
        /// The server looks for messages ten times a second.
        const LOOKS: usize = 20;
        self.send(&[r#"{"Event":"s3:TestEvent"}"#]);
        for _ in 0..LOOKS {
            if self.counts().visible == 0 {
                return;
            }
            thread::park_timeout(POLL);
        }
    }

    /// What it holds now.
    pub fn counts(&self) -> Counts {
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let request = request.attribute_names(QueueAttributeName::All);
        let answer = wait(request.send()).expect("the queue is there");
        let count = |name| {
            let attributes = answer.attributes().expect("they were asked for");
            attributes[&name].parse().expect("a number")
        };
        Counts {
            visible: count(QueueAttributeName::ApproximateNumberOfMessages),
            in_flight: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        }
    }

    /// Waits until it holds what it should.
    #[track_caller]
    pub fn wait_for(&self, what: &str, is_there: impl Fn(Counts) -> bool) -> Counts {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let counts = self.counts();
            if is_there(counts) {
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
