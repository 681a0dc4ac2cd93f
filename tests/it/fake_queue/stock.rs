//! The messages of the queue in memory: which are visible, and what goes wrong with them.
//!
//! Nothing in here waits; who waits for a message is [`super::FakeQueue`].

use std::time::Duration;

use asset_indexer::aws::queue::{
    MAX_VISIBILITY, Message, QueueAttributes, ReceiptHandle, RedrivePolicy,
};
use asset_indexer::core::replication::timestamp::Timestamp;
use fastrand::Rng;

/// What its clock shows when it is made.
pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// One in so many deliveries and acknowledgements goes wrong in a disorderly queue.
const DISORDER_ONE_IN: usize = 6;

/// What a fake queue is like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seed of what goes wrong; `None`: messages come once, in order, and stale receipts are refused.
    pub disorder: Option<u64>,
    pub retention: Duration,
    /// How many messages can be in flight before nothing more is given.
    pub max_in_flight: usize,
    /// How often a message is received before it becomes a dead letter.
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

/// The messages of a queue, at one moment of its clock.
pub struct Stock {
    settings: Settings,
    chance: Option<Rng>,
    /// Since [`START`].
    pub now: Duration,
    /// What the next message or receipt is numbered.
    next: u64,
    /// In the order in which they were sent.
    messages: Vec<Held>,
    pub acknowledged: Vec<String>,
    pub dead_letters: Vec<String>,
}

struct Held {
    id: String,
    body: String,
    sent: Duration,
    received: Duration,
    visible_at: Duration,
    receive_count: u32,
    /// The latest; empty before the first.
    receipt: String,
    /// It was acknowledged, and comes once more all the same.
    is_ghost: bool,
}

impl Stock {
    pub fn new(settings: Settings) -> Self {
        Self {
            chance: settings.disorder.map(Rng::with_seed),
            settings,
            now: Duration::ZERO,
            next: 0,
            messages: Vec::new(),
            acknowledged: Vec::new(),
            dead_letters: Vec::new(),
        }
    }

    /// Takes a message in; gives its id.
    pub fn add(&mut self, body: String) -> String {
        let id = format!("message-{}", self.number());
        self.messages.push(Held {
            id: id.clone(),
            body,
            sent: self.now,
            received: self.now,
            visible_at: self.now,
            receive_count: 0,
            receipt: String::new(),
            is_ghost: false,
        });
        id
    }

    /// Moves the clock, and drops what is too old.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
        let (now, retention) = (self.now, self.settings.retention);
        self.messages.retain(|held| held.sent + retention > now);
    }

    /// The bodies of all messages.
    pub fn left(&self) -> Vec<String> {
        self.messages.iter().map(|held| held.body.clone()).collect()
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
        let millis = i64::try_from(at.as_millis()).expect("no test takes that long");
        Timestamp::from_millis(START.as_millis() + millis)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Whether something goes wrong this time.
    fn mishap(&mut self) -> bool {
        let chance = self.chance.as_mut();
        chance.is_some_and(|chance| chance.usize(..DISORDER_ONE_IN) == 0)
    }

    fn in_flight(&self) -> usize {
        let in_flight = |held: &&Held| held.visible_at > self.now;
        self.messages.iter().filter(in_flight).count()
    }

    /// Moves away what was received too often.
    fn bury(&mut self) {
        let Some(max) = self.settings.max_receive_count else {
            return;
        };
        let now = self.now;
        let is_dead = |held: &mut Held| held.visible_at <= now && held.receive_count >= max;
        let dead = self.messages.extract_if(.., is_dead);
        self.dead_letters.extend(dead.map(|held| held.body));
    }

    /// Receives what is visible, up to `max` deliveries.
    pub fn hand_out(&mut self, max: usize, visibility: Duration) -> Vec<Message> {
        self.bury();
        let now = self.now;
        let visible = |(_, held): &(usize, &Held)| held.visible_at <= now;
        let places = self.messages.iter().enumerate().filter(visible);
        let places = places.map(|(place, _)| place);
        let places: Vec<usize> = match &mut self.chance {
            None => places.take(max).collect(),
            Some(chance) => {
                let mut places: Vec<usize> = places.collect();
                chance.shuffle(&mut places);
                places
            }
        };
        let limit = self.settings.max_in_flight;
        // Counting costs, and tests with many messages receive often.
        let room = if self.messages.len() > limit {
            limit.saturating_sub(self.in_flight())
        } else {
            max
        };
        let mut messages = Vec::new();
        for place in places.into_iter().take(max.min(room)) {
            messages.push(self.deliver(place, visibility));
            if self.mishap() && messages.len() < max {
                messages.push(self.deliver(place, visibility));
            } else if self.mishap() {
                self.messages[place].visible_at = now;
            }
            if messages.len() >= max {
                break;
            }
        }
        messages
    }

    fn deliver(&mut self, place: usize, visibility: Duration) -> Message {
        let receipt = format!("receipt-{}", self.number());
        let sent = self.stamp(self.messages[place].sent);
        let held = &mut self.messages[place];
        held.receipt.clone_from(&receipt);
        held.received = self.now;
        held.visible_at = self.now + visibility;
        held.receive_count += 1;
        Message {
            id: held.id.clone(),
            receipt: ReceiptHandle(receipt),
            body: held.body.clone(),
            sent: Some(sent),
            receive_count: held.receive_count,
        }
    }

    /// The place of the message that this is the latest receipt of.
    fn place_of(&self, receipt: &str) -> Option<usize> {
        self.messages
            .iter()
            .position(|held| held.receive_count > 0 && held.receipt == receipt)
    }

    /// What becomes of a receipt that is not the latest of any message.
    fn stale(&mut self) -> Result<(), &'static str> {
        if self.mishap() {
            Ok(())
        } else {
            Err("ReceiptHandleIsInvalid")
        }
    }

    /// Deletes the message that this is the latest receipt of.
    pub fn acknowledge(&mut self, receipt: &str) -> Result<(), &'static str> {
        let Some(place) = self.place_of(receipt) else {
            return self.stale();
        };
        self.acknowledged.push(self.messages[place].body.clone());
        let (now, comes_again) = (self.now, self.mishap());
        let held = &mut self.messages[place];
        if comes_again && !held.is_ghost {
            held.is_ghost = true;
            held.visible_at = now;
        } else {
            self.messages.remove(place);
        }
        Ok(())
    }

    /// Makes the message that this is the latest receipt of invisible from now on.
    pub fn extend(&mut self, receipt: &str, visibility: Duration) -> Result<(), &'static str> {
        let Some(place) = self.place_of(receipt) else {
            return self.stale();
        };
        let held = &mut self.messages[place];
        if held.visible_at <= self.now {
            return Err("MessageNotInflight");
        }
        let visible_at = self.now + visibility;
        if visible_at > held.received + MAX_VISIBILITY {
            return Err("InvalidParameterValue");
        }
        held.visible_at = visible_at;
        Ok(())
    }
}
