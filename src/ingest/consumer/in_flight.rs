//! The messages in flight: received and not acknowledged yet, each with its latest receipt handle and the
//! end of its visibility timeout.
//!
//! It sends no requests. The consumer extends visibility and acknowledges.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::aws::queue::{MAX_VISIBILITY, Message, ReceiptHandle};

/// The messages in flight, by [`name_of`].
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

/// Identifies a message across its deliveries: its id, or the receipt handle if it has no id.
pub fn name_of(message: &Message) -> String {
    if !message.id.is_empty() {
        message.id.clone()
    } else {
        message.receipt.0.clone()
    }
}

impl InFlight {
    /// Adds a message. Returns `false` if it is in flight already and was delivered again: then only its
    /// receipt handle is updated, and this delivery needs no handling.
    pub fn add(&mut self, message: &Message, visibility: Duration, now: Instant) -> bool {
        let added = InFlightMessage {
            receipt: message.receipt.clone(),
            received: now,
            invisible_until: now + visibility,
        };
        self.messages.insert(name_of(message), added).is_none()
    }

    /// Removes a message and returns its latest receipt handle.
    pub fn remove(&mut self, name: &str) -> Option<ReceiptHandle> {
        self.messages.remove(name).map(|message| message.receipt)
    }

    /// The messages whose visibility the caller must extend by `visibility` now. They count as extended.
    ///
    /// Messages whose visibility can no longer be extended, because of [`MAX_VISIBILITY`], are removed.
    /// The queue redelivers them.
    pub fn due_for_extension(&mut self, visibility: Duration, now: Instant) -> Vec<ReceiptHandle> {
        self.messages
            .retain(|_, message| now + visibility < message.received + MAX_VISIBILITY);
        // Extend at half time, which leaves the other half for the request.
        let horizon = now + visibility / 2;
        let mut due = Vec::new();
        for message in self.messages.values_mut() {
            if message.invisible_until <= horizon {
                message.invisible_until = now + visibility;
                due.push(message.receipt.clone());
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
            first_received: None,
            receive_count: 1,
        }
    }

    fn receipts(due: Vec<ReceiptHandle>) -> Vec<String> {
        let mut receipts: Vec<String> = due.into_iter().map(|receipt| receipt.0).collect();
        receipts.sort();
        receipts
    }

    #[test]
    fn second_delivery_only_updates_the_receipt() {
        let (mut in_flight, now) = (InFlight::default(), Instant::now());
        assert!(in_flight.add(&message("a", "1"), VISIBILITY, now));
        assert!(!in_flight.add(&message("a", "2"), VISIBILITY, now));
        assert!(in_flight.add(&message("", "3"), VISIBILITY, now));
        assert!(in_flight.add(&message("", "4"), VISIBILITY, now));
        assert_eq!(in_flight.messages.len(), 3);
        assert_eq!(in_flight.remove("a"), Some(ReceiptHandle("2".into())));
        assert_eq!(in_flight.remove("a"), None);
    }

    #[test]
    fn visibility_is_extended_once_at_half_time() {
        let (mut in_flight, now) = (InFlight::default(), Instant::now());
        let seconds = Duration::from_secs;
        in_flight.add(&message("a", "a"), VISIBILITY, now);
        in_flight.add(&message("b", "b"), VISIBILITY, now + seconds(20));
        assert!(
            in_flight
                .due_for_extension(VISIBILITY, now + seconds(29))
                .is_empty()
        );
        let due = in_flight.due_for_extension(VISIBILITY, now + seconds(30));
        assert_eq!(receipts(due), ["a"]);
        let due = in_flight.due_for_extension(VISIBILITY, now + seconds(59));
        assert_eq!(receipts(due), ["b"]);
        let due = in_flight.due_for_extension(VISIBILITY, now + seconds(60));
        assert_eq!(receipts(due), ["a"]);
    }

    #[test]
    fn message_past_the_maximum_visibility_is_removed() {
        let (mut in_flight, now) = (InFlight::default(), Instant::now());
        in_flight.add(&message("a", "a"), VISIBILITY, now);
        let late = now + MAX_VISIBILITY - VISIBILITY;
        assert!(in_flight.due_for_extension(VISIBILITY, late).is_empty());
        assert!(in_flight.messages.is_empty());
    }
}
