//! The messages that were received and are not acknowledged yet: which receipt handle is the latest,
//! and until when nobody else gets them.
//!
//! It asks nobody for anything; whoever holds it extends and acknowledges.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::aws::queue::{MAX_VISIBILITY, Message, ReceiptHandle};

/// The messages in hand, by what names a message across its deliveries.
#[derive(Debug, Default)]
pub struct InFlight {
    messages: HashMap<String, InFlightMessage>,
}

#[derive(Debug)]
struct InFlightMessage {
    receipt: ReceiptHandle,
    received: Instant,
    invisible_until: Instant,
}

/// What names a message across its deliveries.
pub fn name_of(message: &Message) -> String {
    if !message.id.is_empty() {
        message.id.clone()
    } else {
        message.receipt.0.clone()
    }
}

impl InFlight {
    /// Takes a message in hand. `false`: it is there already and was delivered once more; its latest
    /// receipt handle is kept, and this delivery needs no handling.
    pub fn take(&mut self, message: &Message, visibility: Duration, now: Instant) -> bool {
        let held = InFlightMessage {
            receipt: message.receipt.clone(),
            received: now,
            invisible_until: now + visibility,
        };
        self.messages.insert(name_of(message), held).is_none()
    }

    /// Lets go of a message; gives its latest receipt handle.
    pub fn release(&mut self, name: &str) -> Option<ReceiptHandle> {
        self.messages.remove(name).map(|held| held.receipt)
    }

    /// The messages that come again before `horizon` unless their visibility is extended.
    ///
    /// Those that were received so long ago that no queue extends them are let go of: they come again.
    pub fn due(&mut self, visibility: Duration, now: Instant) -> Vec<ReceiptHandle> {
        self.messages
            .retain(|_, held| now + visibility < held.received + MAX_VISIBILITY);
        // Half of the time is left for the requests that extend it.
        let horizon = now + visibility / 2;
        let mut due = Vec::new();
        for held in self.messages.values_mut() {
            if held.invisible_until <= horizon {
                held.invisible_until = now + visibility;
                due.push(held.receipt.clone());
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VISIBILITY: Duration = Duration::from_secs(60);

    fn message(id: &str, receipt: &str) -> Message {
        Message {
            id: id.into(),
            receipt: ReceiptHandle(receipt.into()),
            body: String::new(),
            sent: None,
            receive_count: 1,
        }
    }

    fn receipts(due: Vec<ReceiptHandle>) -> Vec<String> {
        let mut receipts: Vec<String> = due.into_iter().map(|receipt| receipt.0).collect();
        receipts.sort();
        receipts
    }

    #[test]
    fn a_second_delivery_only_brings_a_later_receipt() {
        let (mut in_flight, now) = (InFlight::default(), Instant::now());
        assert!(in_flight.take(&message("a", "1"), VISIBILITY, now));
        assert!(!in_flight.take(&message("a", "2"), VISIBILITY, now));
        assert!(in_flight.take(&message("", "3"), VISIBILITY, now));
        assert!(in_flight.take(&message("", "4"), VISIBILITY, now));
        assert_eq!(in_flight.messages.len(), 3);
        assert_eq!(in_flight.release("a"), Some(ReceiptHandle("2".into())));
        assert_eq!(in_flight.release("a"), None);
    }

    #[test]
    fn visibility_is_extended_at_half_time_and_once() {
        let (mut in_flight, now) = (InFlight::default(), Instant::now());
        let seconds = Duration::from_secs;
        in_flight.take(&message("a", "a"), VISIBILITY, now);
        in_flight.take(&message("b", "b"), VISIBILITY, now + seconds(20));
        assert!(in_flight.due(VISIBILITY, now + seconds(29)).is_empty());
        let due = in_flight.due(VISIBILITY, now + seconds(30));
        assert_eq!(receipts(due), ["a"]);
        let due = in_flight.due(VISIBILITY, now + seconds(59));
        assert_eq!(receipts(due), ["b"]);
        let due = in_flight.due(VISIBILITY, now + seconds(60));
        assert_eq!(receipts(due), ["a"]);
    }

    #[test]
    fn what_no_queue_extends_any_more_is_let_go_of() {
        let (mut in_flight, now) = (InFlight::default(), Instant::now());
        in_flight.take(&message("a", "a"), VISIBILITY, now);
        let late = now + MAX_VISIBILITY - VISIBILITY;
        assert!(in_flight.due(VISIBILITY, late).is_empty());
        assert!(in_flight.messages.is_empty());
    }
}
