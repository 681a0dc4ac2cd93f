//! A queue whose messages are computed: it speaks the protocol of SQS, and holds of a message only what
//! became of it.
//!
//! It is an orderly queue: nothing comes twice unless its visibility runs out. What is right to delete
//! is not known here.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use asset_indexer::core::replication::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::http_server::{self, Answer};

/// How long a client may do nothing before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a receipt handle of AWS is.
const RECEIPT_LENGTH: usize = 344;

/// What a queue delivers.
pub struct Feed {
    /// How many messages.
    pub count: u64,
    /// The time between two of them; zero: all at once.
    pub every: Duration,
    /// The body of a message, by its number and when it was sent.
    pub body: Box<dyn Fn(u64, Timestamp) -> String + Send + Sync>,
    /// Called with the numbers of the messages of a request to delete, before they are.
    pub before_delete: BeforeDelete,
}

/// Looks at the numbers of messages.
pub type BeforeDelete = Box<dyn Fn(&[u64]) + Send + Sync>;

/// A queue that listens until the process ends.
pub struct ComputedQueue {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    feed: Feed,
    state: Mutex<State>,
    changed: Condvar,
}

/// What has happened so far.
#[derive(Default)]
struct State {
    /// When the first message was sent.
    begun: Option<(Instant, SystemTime)>,
    /// Of those that have been received at all.
    messages: Vec<Message>,
    /// When which message comes again, unless it has been deleted or extended by then; ascending,
    /// as long as all are taken for as long.
    returning: VecDeque<(Instant, u64)>,
    counts: Counts,
    last_deleted: Option<Instant>,
}

/// What became of a message.
#[derive(Clone, Copy)]
struct Message {
    receives: u32,
    visible_again: Instant,
    deleted: Option<Instant>,
}

/// What the client did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Deliveries.
    pub received: u64,
    /// Messages.
    pub deleted: u64,
    /// Deletions of what was deleted.
    pub deleted_again: u64,
    /// Extensions.
    pub extended: u64,
}

/// How a queue was emptied.
pub struct Emptied {
    /// From the first message to the last deletion.
    pub took: Duration,
    /// Of each message, from when it was sent until it was deleted; ascending.
    pub lags: Vec<Duration>,
    pub counts: Counts,
}

impl ComputedQueue {
    /// An empty queue.
    pub fn start(feed: Feed) -> Self {
        let shared = Arc::new(Shared {
            feed,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        let address = http_server::start(move |head, body| serving.answer(head, body));
        Self { address, shared }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}/000000000000/computed", self.address)
    }

    /// Sends the messages, the first one now.
    pub fn begin(&self) {
        self.shared.lock().begun = Some((Instant::now(), SystemTime::now()));
        self.shared.changed.notify_all();
    }

    /// Waits until all messages are deleted.
    pub fn wait_until_empty(&self) -> Emptied {
        let shared = &self.shared;
        let mut state = shared.lock();
        while state.counts.deleted < shared.feed.count {
            let (next, waited) = shared
                .changed
                .wait_timeout(state, PATIENCE)
                .expect("no thread panics with the lock");
            state = next;
            assert!(!waited.timed_out(), "stuck: {:?}", state.counts);
        }
        let (begun, _) = state.begun.expect("what is deleted was sent");
        let lag = |(number, message): (usize, &Message)| {
            let deleted = message.deleted.expect("all are");
            deleted - shared.feed.sent(begun, number as u64)
        };
        let mut lags: Vec<_> = state.messages.iter().enumerate().map(lag).collect();
        lags.sort_unstable();
        Emptied {
            took: state.last_deleted.expect("all are") - begun,
            lags,
            counts: state.counts,
        }
    }
}

impl Feed {
    /// When a message was sent.
    fn sent(&self, begun: Instant, number: u64) -> Instant {
        begun + self.every.mul_f64(number as f64)
    }

    /// How many have been sent.
    fn sent_by(&self, begun: Instant, now: Instant) -> u64 {
        if self.every.is_zero() {
            return self.count;
        }
        let behind_first = (now - begun).as_nanos() / self.every.as_nanos();
        self.count.min(behind_first as u64 + 1)
    }
}

impl State {
    /// Takes out up to `max` messages, which come again at `visible_again`; gives their numbers.
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
        let sent = self.begun.map_or(0, |(begun, _)| feed.sent_by(begun, now));
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

    /// When there may be more to take.
    fn next_change(&self, feed: &Feed) -> Option<Instant> {
        let next = self.messages.len() as u64;
        let sent = self.begun.filter(|_| next < feed.count);
        let sent = sent.map(|(begun, _)| feed.sent(begun, next));
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
                let entries = request["Entries"].as_array().expect("a batch has some");
                for (entry, number) in entries.iter().zip(numbers(&request)) {
                    let visible_again = Instant::now() + seconds(&entry["VisibilityTimeout"]);
                    state.extend(number, visible_again);
                }
                all_done(&request)
            }
            "GetQueueAttributes" => self.attributes(),
            other => panic!("{other:?} is not known here"),
        };
        Answer {
            status: "200 OK",
            headers: "Content-Type: application/x-amz-json-1.0\r\n\
                      x-amzn-RequestId: 5a7e1b7c-0000-4000-8000-000000000000\r\n",
            body: body.to_string(),
        }
    }

    fn receive(&self, request: &Value) -> Value {
        let max = request["MaxNumberOfMessages"].as_u64().unwrap_or(1) as usize;
        let visibility = seconds(&request["VisibilityTimeout"]);
        let give_up = Instant::now() + seconds(&request["WaitTimeSeconds"]);
        let mut state = self.lock();
        let taken = loop {
            let now = Instant::now();
            let taken = state.take(&self.feed, max, now, now + visibility);
            if !taken.is_empty() || now >= give_up {
                break taken;
            }
            let next = state.next_change(&self.feed);
            let pause = next.map_or(give_up, |next| next.min(give_up)) - now;
            let waited = self.changed.wait_timeout(state, pause);
            (state, _) = waited.expect("no thread panics with the lock");
        };
        let Some((begun, begun_at)) = state.begun else {
            return json!({});
        };
        let receives = taken
            .iter()
            .map(|number| state.messages[*number as usize].receives);
        let receives: Vec<u32> = receives.collect();
        drop(state);
        let message = |(number, receives): (&u64, u32)| {
            let sent = begun_at + (self.feed.sent(begun, *number) - begun);
            let sent = sent.duration_since(UNIX_EPOCH).expect("it is later");
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
            .begun
            .map_or(0, |(begun, _)| self.feed.sent_by(begun, now));
        let received = state.messages.len() as u64;
        json!({"Attributes": {
            "QueueArn": "arn:aws:sqs:us-east-1:000000000000:computed",
            "ApproximateNumberOfMessages": (sent - received).to_string(),
            "ApproximateNumberOfMessagesNotVisible": (received - state.counts.deleted).to_string(),
        }})
    }
}

/// The numbers of a batch's messages, which their receipts begin with.
fn numbers(request: &Value) -> Vec<u64> {
    let number = |entry: &Value| {
        let receipt = entry["ReceiptHandle"].as_str()?;
        receipt.split('-').next()?.parse().ok()
    };
    let entries = request["Entries"].as_array().expect("a batch has some");
    let numbers = entries
        .iter()
        .map(|it| number(it).expect("our own receipt"));
    numbers.collect()
}

/// The answer to a batch of which every entry is done.
fn all_done(request: &Value) -> Value {
    let entries = request["Entries"].as_array().expect("a batch has some");
    let done: Vec<_> = entries.iter().map(|it| json!({"Id": it["Id"]})).collect();
    json!({"Successful": done, "Failed": []})
}

fn seconds(value: &Value) -> Duration {
    Duration::from_secs(value.as_u64().unwrap_or(0))
}
