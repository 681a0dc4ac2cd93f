//! The messages of the queue in memory: their visibility, receipts and the planned disorder.
//!
//! It never waits. [`super::FakeQueue`] waits for messages.

use std::time::Duration;

use asset_indexer::aws::queue::{
    MAX_VISIBILITY, Message, QueueAttributes, ReceiptHandle, RedrivePolicy,
};
use asset_indexer::core::replication::timestamp::Timestamp;
use fastrand::Rng;

/// The initial time of the clock.
pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A queue with disorder misbehaves in one of this many deliveries and acknowledgements.
const MISBEHAVIOR_ONE_IN: usize = 6;

/// The behavior of a fake queue.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seed of the disorder. If `None`, messages are delivered in order and once, and stale receipts are
    /// refused.
    pub disorder: Option<u64>,
    pub retention: Duration,
    /// Maximum number of messages in flight. At the limit nothing is delivered.
    pub max_in_flight: usize,
    /// Number of receives after which a message becomes a dead letter.
    pub max_receive_count: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            disorder: None,
            retention: Duration::from_secs(4 * 24 * 60 * 60),
            max_in_flight: 120_000,
            max_receive_count: None,
        }
    }
}

/// The messages of a queue at the current time of its clock.
pub struct MessageStore {
    settings: Settings,
    rng: Option<Rng>,
    /// Time since [`START`].
    pub now: Duration,
    /// The number of the last message or receipt.
    last_number: u64,
    /// In the order in which they were sent.
    messages: Vec<StoredMessage>,
    pub acknowledged: Vec<String>,
    pub dead_letters: Vec<String>,
}

struct StoredMessage {
    id: String,
    body: String,
    sent: Duration,
    first_received: Option<Duration>,
    received: Duration,
    visible_at: Duration,
    receive_count: u32,
    /// The last receipt; empty before the first receive.
    receipt: String,
    /// Whether the message was acknowledged but is delivered again.
    was_acknowledged: bool,
}

impl MessageStore {
    pub fn new(settings: Settings) -> Self {
        Self {
            rng: settings.disorder.map(Rng::with_seed),
            settings,
            now: Duration::ZERO,
            last_number: 0,
            messages: Vec::new(),
            acknowledged: Vec::new(),
            dead_letters: Vec::new(),
        }
    }

    /// Adds a message and returns its id.
    pub fn add(&mut self, body: String) -> String {
        let id = format!("message-{}", self.number());
        self.messages.push(StoredMessage {
            id: id.clone(),
            body,
            sent: self.now,
            first_received: None,
            received: self.now,
            visible_at: self.now,
            receive_count: 0,
            receipt: String::new(),
            was_acknowledged: false,
        });
        id
    }

    /// Moves the clock forward, and drops messages at the end of the retention.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
        let (now, retention) = (self.now, self.settings.retention);
        self.messages
            .retain(|message| message.sent + retention > now);
    }

    /// The bodies of all messages.
    pub fn remaining(&self) -> Vec<String> {
        self.messages
            .iter()
            .map(|message| message.body.clone())
            .collect()
    }

    pub fn attributes(&self) -> QueueAttributes {
        let in_flight = self.in_flight();
        let redrive = self.settings.max_receive_count.map(|count| RedrivePolicy {
            dead_letter_arn: "arn:aws:sqs:us-east-1:000000000000:dead-letters".to_owned(),
            max_receive_count: count,
        });
        QueueAttributes {
            visible: (self.messages.len() - in_flight) as u64,
            in_flight: in_flight as u64,
            delayed: 0,
            retention: self.settings.retention,
            visibility: Duration::from_secs(30),
            max_message_bytes: 1 << 20,
            redrive,
            arn: "arn:aws:sqs:us-east-1:000000000000:queue".to_owned(),
            created: None,
        }
    }

    fn stamp(&self, at: Duration) -> Timestamp {
        let millis = i64::try_from(at.as_millis()).expect("no test moves the clock that far");
        Timestamp::from_millis(START.as_millis() + millis)
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Whether the queue misbehaves this time.
    fn misbehaves(&mut self) -> bool {
        let rng = self.rng.as_mut();
        rng.is_some_and(|rng| rng.usize(..MISBEHAVIOR_ONE_IN) == 0)
    }

    fn in_flight(&self) -> usize {
        let in_flight = |message: &&StoredMessage| message.visible_at > self.now;
        self.messages.iter().filter(in_flight).count()
    }

    /// Moves messages that were received too often to the dead letters.
    fn move_dead_letters(&mut self) {
        let Some(max) = self.settings.max_receive_count else {
            return;
        };
        let now = self.now;
        let is_dead =
            |message: &mut StoredMessage| message.visible_at <= now && message.receive_count >= max;
        let dead = self.messages.extract_if(.., is_dead);
        self.dead_letters.extend(dead.map(|message| message.body));
    }

    /// Delivers visible messages, at most `max` deliveries.
    pub fn receive(&mut self, max: usize, visibility: Duration) -> Vec<Message> {
        self.move_dead_letters();
        let now = self.now;
        let visible = |(_, message): &(usize, &StoredMessage)| message.visible_at <= now;
        let indexes = self.messages.iter().enumerate().filter(visible);
        let indexes = indexes.map(|(index, _)| index);
        let indexes: Vec<usize> = match &mut self.rng {
            None => indexes.take(max).collect(),
            Some(rng) => {
                let mut indexes: Vec<usize> = indexes.collect();
                rng.shuffle(&mut indexes);
                indexes
            }
        };
        let limit = self.settings.max_in_flight;
        // Count only if necessary: counting is slow, and tests with many messages receive often.
        let room = if self.messages.len() > limit {
            limit.saturating_sub(self.in_flight())
        } else {
            max
        };
        let mut messages = Vec::new();
        for index in indexes.into_iter().take(max.min(room)) {
            messages.push(self.deliver(index, visibility));
            if self.misbehaves() && messages.len() < max {
                messages.push(self.deliver(index, visibility));
            } else if self.misbehaves() {
                self.messages[index].visible_at = now;
            }
            if messages.len() >= max {
                break;
            }
        }
        messages
    }

    fn deliver(&mut self, index: usize, visibility: Duration) -> Message {
        let receipt = format!("receipt-{}", self.number());
        let sent = self.stamp(self.messages[index].sent);
        let now = self.now;
        let first = *self.messages[index].first_received.get_or_insert(now);
        let first_received = self.stamp(first);
        let message = &mut self.messages[index];
        message.receipt.clone_from(&receipt);
        message.received = self.now;
        message.visible_at = self.now + visibility;
        message.receive_count += 1;
        Message {
            id: message.id.clone(),
            receipt: ReceiptHandle(receipt),
            body: message.body.clone(),
            sent: Some(sent),
            first_received: Some(first_received),
            receive_count: message.receive_count,
        }
    }

    /// The index of the message whose last receipt this is.
    fn index_of(&self, receipt: &str) -> Option<usize> {
        self.messages
            .iter()
            .position(|message| message.receive_count > 0 && message.receipt == receipt)
    }

    /// The result for a receipt that is not the last receipt of any message.
    fn stale(&mut self) -> Result<(), &'static str> {
        if self.misbehaves() {
            Ok(())
        } else {
            Err("ReceiptHandleIsInvalid")
        }
    }

    /// Deletes the message whose last receipt this is.
    pub fn acknowledge(&mut self, receipt: &str) -> Result<(), &'static str> {
        let Some(index) = self.index_of(receipt) else {
            return self.stale();
        };
        self.acknowledged.push(self.messages[index].body.clone());
        let (now, redeliver) = (self.now, self.misbehaves());
        let message = &mut self.messages[index];
        if redeliver && !message.was_acknowledged {
            message.was_acknowledged = true;
            message.visible_at = now;
        } else {
            self.messages.remove(index);
        }
        Ok(())
    }

    /// Sets the visibility timeout of the message whose last receipt this is, starting now.
    pub fn extend(&mut self, receipt: &str, visibility: Duration) -> Result<(), &'static str> {
        let Some(index) = self.index_of(receipt) else {
            return self.stale();
        };
        let message = &mut self.messages[index];
        if message.visible_at <= self.now {
            return Err("MessageNotInflight");
        }
        let visible_at = self.now + visibility;
        if visible_at > message.received + MAX_VISIBILITY {
            return Err("InvalidParameterValue");
        }
        message.visible_at = visible_at;
        Ok(())
    }
}
