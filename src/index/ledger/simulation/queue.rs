//! A queue that delivers at least once: any message that was sent, at any time and any number of times.
//!
//! It never forgets a message. An acknowledged message may be delivered again.

use std::sync::Arc;

use crate::core::replication::object::Object;
use crate::index::ledger::KeyEvent;

/// An event that was sent.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) key: &'static str,
    /// The number of the event among the events of its key, from 1.
    pub(super) event: u64,
    pub(super) payload: Arc<KeyEvent>,
    /// When it was sent. It cannot be received earlier.
    pub(super) sent: i64,
    /// Whether it was acknowledged or lost, so that it need not be delivered again.
    pub(super) settled: bool,
    pub(super) lost: bool,
}

/// A received message that is not acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    /// The index of the message.
    pub(super) message: usize,
    pub(super) stage: Stage,
}

/// The state of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its key must be listed.
    NeedsLookUp,
    /// Its key was listed, and the page is in flight.
    Listed {
        listed: Option<Object>,
        listed_at: i64,
    },
    /// It was applied, but not committed.
    Applied,
    /// Its effect is durable. It may be acknowledged.
    Durable,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pub(super) messages: Vec<Message>,
    pub(super) deliveries: Vec<Delivery>,
}

impl Queue {
    pub(super) fn send(&mut self, key: &'static str, payload: KeyEvent, sent: i64) {
        let event = 1 + self.messages.iter().filter(|sent| sent.key == key).count() as u64;
        self.messages.push(Message {
            key,
            event,
            payload: Arc::new(payload),
            sent,
            settled: false,
            lost: false,
        });
    }

    /// The index of the message with this event of the key.
    pub(super) fn index_of(&self, key: &str, event: u64) -> Option<usize> {
        let is_match = |message: &Message| message.key == key && message.event == event;
        self.messages.iter().position(is_match)
    }

    /// The first delivery of the message with a matching stage.
    pub(super) fn delivery(
        &self,
        message: usize,
        matches: impl Fn(&Stage) -> bool,
    ) -> Option<usize> {
        let is_match = |it: &Delivery| it.message == message && matches(&it.stage);
        self.deliveries.iter().position(is_match)
    }

    /// Whether every message was acknowledged or lost, and none is being handled again.
    pub(super) fn is_at_rest(&self) -> bool {
        self.deliveries.is_empty() && self.messages.iter().all(|message| message.settled)
    }
}
