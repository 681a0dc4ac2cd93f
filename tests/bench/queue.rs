//! A computed queue: it speaks the protocol of SQS, and stores only the state of each message, not its body.
//!
//! It delivers in order, and a message only once unless its visibility timeout ends. The caller checks
//! whether a message may be deleted.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use asset_indexer::core::replication::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::http_server::{self, Answer};

/// Time without progress after which the test fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Length of a receipt handle of AWS.
const RECEIPT_LENGTH: usize = 344;

/// The messages that a queue delivers.
pub struct Feed {
    /// Number of messages.
    pub count: u64,
    /// Time between two messages; zero sends all at once.
    pub interval: Duration,
    /// Computes the body of a message from its number and the time when it was sent.
    pub body: Box<dyn Fn(u64, Timestamp) -> String + Send + Sync>,
    /// Called with the numbers of messages before they are deleted.
    pub before_delete: BeforeDelete,
}

/// A check of the numbers of messages.
pub type BeforeDelete = Box<dyn Fn(&[u64]) + Send + Sync>;

/// A computed queue that listens until the process ends.
pub struct ComputedQueue {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    feed: Feed,
    state: Mutex<State>,
    changed: Condvar,
}

/// The state of a queue.
#[derive(Default)]
struct State {
    /// The time of the first message.
    started: Option<(Instant, SystemTime)>,
    /// The messages that have been received at least once.
    messages: Vec<Message>,
    /// Times at which messages become visible again, unless they are deleted or extended before. They are in
    /// order if all visibility timeouts are the same.
    returning: VecDeque<(Instant, u64)>,
    counts: Counts,
    last_deleted: Option<Instant>,
}

/// The state of a received message.
#[derive(Clone, Copy)]
struct Message {
    receives: u32,
    visible_again: Instant,
    deleted: Option<Instant>,
}

/// Counts of what the client did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Number of deliveries.
    pub received: u64,
    /// Number of deleted messages.
    pub deleted: u64,
    /// Number of deletions of messages that were already deleted.
    pub deleted_again: u64,
    /// Number of visibility extensions.
    pub extended: u64,
}

/// The result when all messages are deleted.
pub struct Emptied {
    /// Time from the first message to the last deletion.
    pub took: Duration,
    /// Time of each message from sending to deletion, in ascending order.
    pub lags: Vec<Duration>,
    pub counts: Counts,
}

impl ComputedQueue {
    /// Starts a queue, which is empty until [`Self::begin`].
    pub fn start(feed: Feed) -> Self {
        let shared = Arc::new(Shared {
            feed,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let server = Arc::clone(&shared);
        let address = http_server::start(move |head, body| server.answer(head, body));
        Self { address, shared }
    }

    /// The URL of the queue.
    pub fn url(&self) -> String {
        format!("http://{}/000000000000/computed", self.address)
    }

    /// Sends the messages, the first one now.
    pub fn begin(&self) {
        self.shared.lock().started = Some((Instant::now(), SystemTime::now()));
        self.shared.changed.notify_all();
    }

    /// Waits until all messages are deleted.
    pub fn wait_until_empty(&self) -> Emptied {
        let shared = &self.shared;
        let mut state = shared.lock();
        while state.counts.deleted < shared.feed.count {
            let (next, waited) = shared
                .changed
                .wait_timeout(state, TIMEOUT)
                .expect("no thread panics with the lock");
            state = next;
            assert!(!waited.timed_out(), "stuck: {:?}", state.counts);
        }
        let (started, _) = state.started.expect("messages were sent");
        let lag = |(number, message): (usize, &Message)| {
            let deleted = message.deleted.expect("all messages are deleted");
            deleted - shared.feed.sent(started, number as u64)
        };
        let mut lags: Vec<_> = state.messages.iter().enumerate().map(lag).collect();
        lags.sort_unstable();
        Emptied {
            took: state.last_deleted.expect("all messages are deleted") - started,
            lags,
            counts: state.counts,
        }
    }
}

impl Feed {
    /// The time when a message is sent.
    fn sent(&self, started: Instant, number: u64) -> Instant {
        started + self.interval.mul_f64(number as f64)
    }

    /// Number of messages sent so far.
    fn sent_by(&self, started: Instant, now: Instant) -> u64 {
        if self.interval.is_zero() {
            return self.count;
        }
        let after_first = (now - started).as_nanos() / self.interval.as_nanos();
        self.count.min(after_first as u64 + 1)
    }
}

impl State {
    /// Receives up to `max` messages, which become visible again at `visible_again`. Returns their numbers.
    fn take(&mut self, feed: &Feed, max: usize, now: Instant, visible_again: Instant) -> Vec<u64> {
        let mut taken = Vec::with_capacity(max);
        while taken.len() < max
            && let Some((due, number)) = self.returning.front().copied()
            && due <= now
        {
            self.returning.pop_front();
            let message = &mut self.messages[number as usize];
            if message.deleted.is_none() && message.visible_again <= now {
                message.receives += 1;
                message.visible_again = visible_again;
                taken.push(number);
            }
        }
        let sent = self
            .started
            .map_or(0, |(started, _)| feed.sent_by(started, now));
        while taken.len() < max && (self.messages.len() as u64) < sent {
            taken.push(self.messages.len() as u64);
            self.messages.push(Message {
                receives: 1,
                visible_again,
                deleted: None,
            });
        }
        let returning = taken.iter().map(|number| (visible_again, *number));
        self.returning.extend(returning);
        self.counts.received += taken.len() as u64;
        taken
    }

    /// The next time at which a message may become visible.
    fn next_change(&self, feed: &Feed) -> Option<Instant> {
        let next = self.messages.len() as u64;
        let sent = self.started.filter(|_| next < feed.count);
        let sent = sent.map(|(started, _)| feed.sent(started, next));
        let returns = self.returning.front().map(|(due, _)| *due);
        sent.into_iter().chain(returns).min()
    }

    fn delete(&mut self, number: u64) {
        let now = Instant::now();
        let deleted = &mut self.messages[number as usize].deleted;
        if deleted.is_some() {
            self.counts.deleted_again += 1;
            return;
        }
        *deleted = Some(now);
        self.last_deleted = Some(now);
        self.counts.deleted += 1;
    }

    fn extend(&mut self, number: u64, visible_again: Instant) {
        self.messages[number as usize].visible_again = visible_again;
        self.returning.push_back((visible_again, number));
        self.counts.extended += 1;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with the lock")
    }

    fn answer(&self, head: &str, body: &str) -> Answer {
        let request: Value = serde_json::from_str(body).expect("a request is JSON");
        let action = http_server::header(head, "x-amz-target").unwrap_or_default();
        let body = match action.trim_start_matches("AmazonSQS.") {
            "ReceiveMessage" => self.receive(&request),
            "DeleteMessageBatch" => {
                let numbers = numbers(&request);
                (self.feed.before_delete)(&numbers);
                let mut state = self.lock();
                numbers.iter().for_each(|number| state.delete(*number));
                self.changed.notify_all();
                all_done(&request)
            }
            "ChangeMessageVisibilityBatch" => {
                let mut state = self.lock();
                let entries = request["Entries"].as_array().expect("a batch has entries");
                for (entry, number) in entries.iter().zip(numbers(&request)) {
                    let visible_again = Instant::now() + seconds(&entry["VisibilityTimeout"]);
                    state.extend(number, visible_again);
                }
                all_done(&request)
            }
            "GetQueueAttributes" => self.attributes(),
            other => panic!("the computed queue does not support {other:?}"),
        };
        Answer {
            status: "200 OK",
            headers: "Content-Type: application/x-amz-json-1.0\r\n\
                      x-amzn-RequestId: 5a7e1b7c-0000-4000-8000-000000000000\r\n",
            body: body.to_string().into_bytes(),
        }
    }

    fn receive(&self, request: &Value) -> Value {
        let max = request["MaxNumberOfMessages"].as_u64().unwrap_or(1) as usize;
        let visibility = seconds(&request["VisibilityTimeout"]);
        let deadline = Instant::now() + seconds(&request["WaitTimeSeconds"]);
        let mut state = self.lock();
        let taken = loop {
            let now = Instant::now();
            let taken = state.take(&self.feed, max, now, now + visibility);
            if !taken.is_empty() || now >= deadline {
                break taken;
            }
            let next = state.next_change(&self.feed);
            let pause = next.map_or(deadline, |next| next.min(deadline)) - now;
            let waited = self.changed.wait_timeout(state, pause);
            (state, _) = waited.expect("no thread panics with the lock");
        };
        let Some((started, started_at)) = state.started else {
            return json!({});
        };
        let receives = taken
            .iter()
            .map(|number| state.messages[*number as usize].receives);
        let receives: Vec<u32> = receives.collect();
        drop(state);
        let message = |(number, receives): (&u64, u32)| {
            let sent = started_at + (self.feed.sent(started, *number) - started);
            let sent = sent
                .duration_since(UNIX_EPOCH)
                .expect("the time is after 1970");
            let sent = Timestamp::from_millis(sent.as_millis() as i64);
            json!({
                "MessageId": format!("00000000-0000-4000-8000-{number:012x}"),
                "ReceiptHandle": format!("{number}-{receives}-{:A<RECEIPT_LENGTH$}", ""),
                "Body": (self.feed.body)(*number, sent),
                "Attributes": {
                    "SentTimestamp": sent.as_millis().to_string(),
                    "ApproximateReceiveCount": receives.to_string(),
                },
            })
        };
        json!({"Messages": taken.iter().zip(receives).map(message).collect::<Vec<_>>()})
    }

    fn attributes(&self) -> Value {
        let state = self.lock();
        let now = Instant::now();
        let sent = state
            .started
            .map_or(0, |(started, _)| self.feed.sent_by(started, now));
        let received = state.messages.len() as u64;
        json!({"Attributes": {
            "QueueArn": "arn:aws:sqs:us-east-1:000000000000:computed",
            "ApproximateNumberOfMessages": (sent - received).to_string(),
            "ApproximateNumberOfMessagesNotVisible": (received - state.counts.deleted).to_string(),
        }})
    }
}

/// The numbers of the messages in a batch. A receipt begins with the number of its message.
fn numbers(request: &Value) -> Vec<u64> {
    let number = |entry: &Value| {
        let receipt = entry["ReceiptHandle"].as_str()?;
        receipt.split('-').next()?.parse().ok()
    };
    let entries = request["Entries"].as_array().expect("a batch has entries");
    let numbers = entries
        .iter()
        .map(|entry| number(entry).expect("the receipt is one of ours"));
    numbers.collect()
}

/// The response to a batch if every entry succeeded.
fn all_done(request: &Value) -> Value {
    let entries = request["Entries"].as_array().expect("a batch has entries");
    let done: Vec<_> = entries
        .iter()
        .map(|entry| json!({"Id": entry["Id"]}))
        .collect();
    json!({"Successful": done, "Failed": []})
}

fn seconds(value: &Value) -> Duration {
    Duration::from_secs(value.as_u64().unwrap_or(0))
}
