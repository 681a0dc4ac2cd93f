//! A queue that delivers at least once: any message that was sent, at any time, any number of times.
//!
//! It never forgets a message: one that is acknowledged may come once more.

use std::sync::Arc;

use crate::core::replication::object::Object;
use crate::index::ledger::KeyEvent;

/// An event that was sent.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) key: &'static str,
    /// Which event of its key it is, from 1.
    pub(super) event: u64,
    pub(super) told: Arc<KeyEvent>,
    /// When it was sent; it cannot come before.
    pub(super) sent: i64,
    /// Whether it need not come any more: it was acknowledged, or is lost.
    pub(super) settled: bool,
    pub(super) lost: bool,
}

/// A message that was received and is worked on.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    /// Its place among the messages.
    pub(super) message: usize,
    pub(super) stage: Stage,
}

/// How far a delivery is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its key is to be listed.
    WantsPage,
    /// Its key was listed, and the page is on its way.
    Listed { listed: Option<Object>, stamp: i64 },
    /// It was applied, and the commit is outstanding.
    Applied,
    /// Its effect is durable: it may be acknowledged.
    Durable,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pub(super) messages: Vec<Message>,
    pub(super) deliveries: Vec<Delivery>,
}

impl Queue {
    pub(super) fn send(&mut self, key: &'static str, told: KeyEvent, sent: i64) {
        let event = 1 + self.messages.iter().filter(|sent| sent.key == key).count() as u64;
        self.messages.push(Message {
            key,
            event,
            told: Arc::new(told),
            sent,
            settled: false,
            lost: false,
        });
    }

    /// The place of that event of the key among the messages.
    pub(super) fn place(&self, key: &str, event: u64) -> Option<usize> {
        let is_it = |message: &Message| message.key == key && message.event == event;
        self.messages.iter().position(is_it)
    }

    /// The first delivery of the message that is at such a stage.
    pub(super) fn delivery(&self, message: usize, is_at: impl Fn(&Stage) -> bool) -> Option<usize> {
        let is_it = |it: &Delivery| it.message == message && is_at(&it.stage);
        self.deliveries.iter().position(is_it)
    }

    /// Whether every message was acknowledged, and none is worked on again.
    pub(super) fn is_at_rest(&self) -> bool {
        self.deliveries.is_empty() && self.messages.iter().all(|message| message.settled)
    }
}
