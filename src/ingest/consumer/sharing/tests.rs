//! The signs that the detector takes for another consumer, and those that it must not.

use super::*;
use crate::aws::queue::{ReceiptHandle, RedrivePolicy};

const SECOND: Duration = Duration::from_secs(1);

/// A consumer of a queue whose clock is at 0 when the test begins.
struct Test {
    detector: SharingDetector,
    start: Instant,
    /// The time since the start.
    elapsed: Duration,
    number: u32,
}

impl Test {
    /// A detector that has just started.
    fn new() -> Self {
        let start = Instant::now();
        Self {
            detector: SharingDetector::new(false, start),
            start,
            elapsed: Duration::ZERO,
            number: 0,
        }
    }

    /// A detector that may conclude something.
    fn settled() -> Self {
        let mut test = Self::new();
        test.advance(SETTLE_TIME);
        test.receive_new();
        test
    }

    fn now(&self) -> Instant {
        self.start + self.elapsed
    }

    fn advance(&mut self, by: Duration) {
        self.elapsed += by;
    }

    fn message(&self, id: &str, receive_count: u32) -> Message {
        Message {
            id: id.to_owned(),
            receipt: ReceiptHandle(id.to_owned()),
            body: String::new(),
            sent: None,
            first_received: Some(self.queue_time()),
            receive_count,
        }
    }

    fn queue_time(&self) -> Timestamp {
        Timestamp::from_millis(self.elapsed.as_millis() as i64)
    }

    /// Receives a new message.
    fn receive_new(&mut self) -> Message {
        self.advance(SECOND);
        self.number += 1;
        let message = self.message(&self.number.to_string(), 1);
        assert!(!self.detector.on_delivery(&message, self.now()));
        self.on_receive(1, false);
        message
    }

    /// Receives a message that someone received before.
    fn receive_again(&mut self, message: &Message) -> bool {
        self.advance(SECOND);
        let again = Message {
            receive_count: message.receive_count + 1,
            ..message.clone()
        };
        let came_back = self.detector.on_delivery(&again, self.now());
        self.on_receive(1, false);
        came_back
    }

    /// Records a receive that started just now. Returns whether a released message is lost.
    fn on_receive(&mut self, messages: usize, waits: bool) -> bool {
        let facts = ReceiveFacts {
            sent: self.now(),
            wait: if waits { MAX_WAIT } else { Duration::ZERO },
            messages,
        };
        self.detector.on_receive(facts, Some(0), self.now())
    }

    /// Receives new messages until one is released. It is visible then.
    fn release(&mut self) -> Message {
        for _ in 0..1_000 {
            let message = self.receive_new();
            let now = self.now();
            if self
                .detector
                .release(&message, Some(&attributes(None)), now)
            {
                self.detector.on_released(&message.id, true, now);
                return message;
            }
        }
        panic!("no message is released");
    }
}

fn attributes(max_receive_count: Option<u32>) -> QueueAttributes {
    QueueAttributes {
        visible: 0,
        in_flight: 0,
        delayed: 0,
        retention: SECOND,
        visibility: SECOND,
        max_message_bytes: 0,
        redrive: max_receive_count.map(|max_receive_count| RedrivePolicy {
            dead_letter_arn: String::new(),
            max_receive_count,
        }),
        arn: String::new(),
        created: None,
    }
}

#[test]
fn only_consumer_gets_every_released_message_back() {
    let mut test = Test::settled();
    for _ in 0..50 {
        let released = test.release();
        assert!(test.receive_again(&released));
        // A message that comes back later does not count as released.
        assert!(!test.receive_again(&released));
        assert!(!test.on_receive(0, true));
    }
    assert_eq!(test.detector.signs.len(), MAX_SIGNS);
    assert!(!test.detector.is_shared());
}

#[test]
fn released_messages_that_do_not_come_back_prove_another_consumer() {
    let mut test = Test::settled();
    for number in 1..=PROOF {
        test.release();
        assert!(test.on_receive(0, true));
        assert_eq!(test.detector.is_shared(), number == PROOF);
    }
}

#[test]
fn released_message_is_lost_after_a_while_under_load() {
    let mut test = Test::settled();
    test.release();
    let since = test.elapsed;
    while test.elapsed < since + LOST_AFTER - SECOND {
        test.receive_new();
        assert!(test.detector.release.is_some());
    }
    test.receive_new();
    assert_eq!(test.detector.signs, [Sign::Elsewhere]);
}

#[test]
fn released_message_is_not_lost_behind_a_backlog() {
    let mut test = Test::settled();
    test.release();
    test.advance(LOST_AFTER * 10);
    for visible in [Some(MAX_BATCH as u64), None] {
        let facts = ReceiveFacts {
            sent: test.now(),
            wait: MAX_WAIT,
            messages: MAX_BATCH,
        };
        for _ in 0..RECEIVES_BEFORE_LOST {
            assert!(!test.detector.on_receive(facts, visible, test.now()));
        }
    }
}

#[test]
fn receive_that_began_before_the_release_proves_nothing() {
    let mut test = Test::settled();
    let sent = test.now();
    test.release();
    let facts = ReceiveFacts {
        sent,
        wait: MAX_WAIT,
        messages: 0,
    };
    assert!(!test.detector.on_receive(facts, Some(0), test.now()));
    // One that does not wait asks only some servers.
    assert!(!test.on_receive(0, false));
}

#[test]
fn message_that_comes_back_late_takes_its_sign_back() {
    let mut test = Test::settled();
    let released = test.release();
    assert!(test.on_receive(0, true));
    assert!(test.receive_again(&released));
    assert_eq!(test.detector.signs, [Sign::CameBack]);
}

#[test]
fn deliveries_of_unknown_messages_prove_another_consumer() {
    let mut test = Test::settled();
    for number in 1..=PROOF {
        test.advance(SECOND);
        let theirs = test.message(&format!("theirs {number}"), 1);
        assert!(!test.receive_again(&theirs));
        assert_eq!(test.detector.is_shared(), number == PROOF);
    }
}

#[test]
fn redeliveries_of_our_own_and_of_an_earlier_process_prove_nothing() {
    let mut test = Test::new();
    let of_killed: Vec<Message> = (0..20)
        .map(|number| test.message(&format!("killed {number}"), 1))
        .collect();
    let own = test.receive_new();
    test.advance(SETTLE_TIME);
    // It was open when the process was killed, and took a message until now.
    let of_open_receive = test.message("open receive", 1);
    test.receive_new();
    for message in of_killed.iter().chain([&own, &of_open_receive]) {
        assert!(!test.receive_again(message));
    }
    assert!(test.detector.signs.is_empty());
}

#[test]
fn nothing_is_concluded_after_a_failed_receive() {
    let mut test = Test::settled();
    let released = test.release();
    let lost = test.message("lost with the response", 1);
    test.detector.on_receive_failed(test.now());
    assert!(!test.on_receive(0, true));
    assert!(!test.receive_again(&released));
    assert!(!test.receive_again(&lost));
    let message = test.receive_new();
    let now = test.now();
    assert!(
        !test
            .detector
            .release(&message, Some(&attributes(None)), now)
    );
    test.advance(SETTLE_TIME);
    test.receive_new();
    assert!(!test.receive_again(&lost));
    assert!(test.detector.signs.is_empty());
}

#[test]
fn releases_only_messages_that_may_be_received_again() {
    for (attributes, receive_count, id, releases) in [
        (Some(attributes(None)), 1, "a", true),
        (Some(attributes(Some(MIN_MAX_RECEIVES))), 1, "a", true),
        (Some(attributes(Some(MIN_MAX_RECEIVES - 1))), 1, "a", false),
        (None, 1, "a", false),
        (Some(attributes(None)), 2, "a", false),
        (Some(attributes(None)), 1, "", false),
    ] {
        let mut test = Test::settled();
        let message = test.message(id, receive_count);
        let now = test.now();
        let released = test.detector.release(&message, attributes.as_ref(), now);
        assert_eq!(released, releases, "{attributes:?} {receive_count} {id:?}");
    }
}

#[test]
fn release_that_the_queue_refused_proves_nothing() {
    let mut test = Test::settled();
    let message = test.receive_new();
    let now = test.now();
    assert!(
        test.detector
            .release(&message, Some(&attributes(None)), now)
    );
    test.detector.on_released(&message.id, false, now);
    assert!(!test.on_receive(0, true));
    assert!(test.detector.signs.is_empty());
}

#[test]
fn result_stays_until_no_sign_is_left() {
    let mut test = Test::settled();
    test.detector.is_shared = true;
    test.release();
    assert!(test.on_receive(0, true));
    for number in 1..=MAX_SIGNS {
        let released = test.release();
        assert!(test.receive_again(&released));
        assert_eq!(test.detector.is_shared(), number < MAX_SIGNS, "{number}");
    }
}

#[test]
fn forgotten_deliveries_prove_nothing() {
    let mut test = Test::settled();
    let first = test.receive_new();
    for _ in 0..MAX_KNOWN {
        test.receive_new();
    }
    assert!(!test.detector.known.contains(&first.id));
    assert!(!test.receive_again(&first));
    assert!(test.detector.signs.is_empty());
}
