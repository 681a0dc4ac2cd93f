//! Notices that another consumer receives from the same queue: a second daemon, a function, or a person at a console.
//! Each of them then gets only a part of the events.
//!
//! SQS does not say who receives, so messages serve as marks. Now and then the consumer *releases* a message whose
//! effects are committed: it makes the message visible again instead of acknowledging it. Without another consumer,
//! the message comes back, and is acknowledged then. If it does not come back, another consumer has it. Conversely, a
//! message that was delivered before, but not here, was delivered to another consumer.
//!
//! It needs no permission that receiving does not need. It sends no requests. It notices nothing if the other consumer
//! takes every message, because then nothing arrives that could be released.

use std::collections::hash_map::RandomState;
use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use crate::aws::queue::{MAX_BATCH, MAX_WAIT, Message, QueueAttributes};
use crate::core::replication::timestamp::Timestamp;

/// The text of the problem.
pub(super) const PROBLEM: &str = "another consumer receives from the queue, so events are missing here; give each \
                                  daemon a queue of its own, and stop all other consumers";

/// How long after the start, and after a failed receive, nothing is concluded. The queue may still hold a receive
/// open whose answer will not arrive here, and deliver messages to it.
const SETTLE_TIME: Duration = MAX_WAIT.saturating_add(Duration::from_secs(5));

/// The time between two releases: until there are [`MAX_SIGNS`] signs or if another consumer is suspected, and later.
const FIRST_RELEASES: Duration = Duration::from_secs(5);
const LATER_RELEASES: Duration = Duration::from_secs(60);

/// How long to wait for a released message while other messages arrive.
const LOST_AFTER: Duration = Duration::from_secs(10);

/// The minimum number of receives in that time. Each must have started after the release.
const RECEIVES_BEFORE_LOST: u32 = 3;

/// The minimum number of receives after which the redrive policy moves a message. A release causes one more receive,
/// which must not be the last one.
const MIN_MAX_RECEIVES: u32 = 3;

/// The number of signs that count, from the latest one back.
const MAX_SIGNS: usize = 10;

/// The number of signs of another consumer that prove it. A single one can be an accident, such as a lost response.
const PROOF: usize = 3;

/// The maximum number of deliveries to remember.
const MAX_KNOWN: usize = 4_096;

/// The sign that a message gives about the consumers of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// A released message came back.
    CameBack,
    /// A message was delivered to another consumer.
    Elsewhere,
}

/// A successful receive.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReceiveFacts {
    /// When its request was sent.
    pub sent: Instant,
    /// How long it waited for the first message, at most.
    pub wait: Duration,
    /// The number of messages.
    pub messages: usize,
}

/// Decides which messages to release, and whether another consumer receives from the queue.
#[derive(Debug)]
pub(super) struct SharingDetector {
    /// Nothing is concluded before this time.
    settled_at: Instant,
    /// Every delivery since then, by the queue's clock, went to this consumer or to another one. `None` until settled.
    complete_since: Option<Timestamp>,
    known: KnownDeliveries,
    release: Option<Release>,
    /// The last released message that did not come back yet.
    lost: Option<String>,
    next_release: Instant,
    signs: VecDeque<Sign>,
    /// See [`take_elsewhere`](Self::take_elsewhere).
    elsewhere: u64,
    is_shared: bool,
}

/// A message that was released.
#[derive(Debug)]
struct Release {
    id: String,
    /// When the queue confirmed that it is visible.
    visible_since: Option<Instant>,
    /// The number of receives that started after that.
    receives: u32,
}

impl SharingDetector {
    /// A detector for a consumer that starts now. `is_shared` is the result of an earlier session.
    pub(super) fn new(is_shared: bool, now: Instant) -> Self {
        let settled_at = now + SETTLE_TIME;
        Self {
            settled_at,
            complete_since: None,
            known: KnownDeliveries::default(),
            release: None,
            lost: None,
            next_release: settled_at,
            signs: VecDeque::new(),
            elsewhere: 0,
            is_shared,
        }
    }

    /// Whether another consumer receives from the queue.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// The number of messages that went to another consumer since the last call, as far as that was noticed.
    pub(super) fn take_elsewhere(&mut self) -> u64 {
        std::mem::take(&mut self.elsewhere)
    }

    /// Records a delivery. Returns whether it is a released message that came back: its effects are committed.
    pub(super) fn on_delivery(&mut self, message: &Message, now: Instant) -> bool {
        if message.id.is_empty() {
            return false;
        }
        let is_known = self.known.contains(&message.id);
        let is_first = message.receive_count <= 1;
        if is_first && now >= self.settled_at && self.complete_since.is_none() {
            self.complete_since = message.first_received;
        }
        let forgotten = self.known.add(&message.id, message.first_received);
        if let (Some(since), Some(forgotten)) = (&mut self.complete_since, forgotten) {
            *since = forgotten.max(*since);
        }
        if self.release.as_ref().is_some_and(|it| it.id == message.id) {
            self.end_release(Sign::CameBack, now);
            return true;
        }
        if self.lost.as_ref() == Some(&message.id) {
            self.lost = None;
            self.take_back();
            return true;
        }
        let is_after = |since: Timestamp| message.first_received.is_some_and(|first| first > since);
        if !is_first && !is_known && self.complete_since.is_some_and(is_after) {
            self.add(Sign::Elsewhere);
        }
        false
    }

    /// Records a receive after its deliveries. `visible` is the number of messages in the queue, if known.
    /// Returns whether a released message did not come back.
    pub(super) fn on_receive(
        &mut self,
        receive: ReceiveFacts,
        visible: Option<u64>,
        now: Instant,
    ) -> bool {
        let Some(release) = &mut self.release else {
            return false;
        };
        let Some(since) = release.visible_since.filter(|since| receive.sent >= *since) else {
            return false;
        };
        release.receives += 1;
        // A receive that waits asks all servers of SQS, so it would have found the message.
        let found_nothing = receive.messages == 0 && !receive.wait.is_zero();
        // With many messages in the queue, it may just not have been its turn.
        let had_its_turn = visible.is_some_and(|visible| visible < MAX_BATCH as u64)
            && release.receives >= RECEIVES_BEFORE_LOST
            && now.saturating_duration_since(since) >= LOST_AFTER;
        if !found_nothing && !had_its_turn {
            return false;
        }
        self.lost = Some(std::mem::take(&mut release.id));
        self.end_release(Sign::Elsewhere, now);
        true
    }

    /// Records a failed receive: the queue may have delivered messages that did not arrive.
    pub(super) fn on_receive_failed(&mut self, now: Instant) {
        self.settled_at = now + SETTLE_TIME;
        self.complete_since = None;
        self.release = None;
        self.lost = None;
    }

    /// Whether to release this message, whose effects are committed, instead of acknowledging it. If so, the caller
    /// must call [`on_released`](Self::on_released).
    pub(super) fn release(
        &mut self,
        message: &Message,
        attributes: Option<&QueueAttributes>,
        now: Instant,
    ) -> bool {
        // If the attributes cannot be read, the redrive policy is unknown.
        let can_return = attributes.is_some_and(|attributes| {
            let redrive = attributes.redrive.as_ref();
            redrive.is_none_or(|redrive| redrive.max_receive_count >= MIN_MAX_RECEIVES)
        });
        let is_due = self.release.is_none() && now >= self.next_release.max(self.settled_at);
        let releases = is_due && can_return && message.receive_count <= 1 && !message.id.is_empty();
        if releases {
            self.release = Some(Release {
                id: message.id.clone(),
                visible_since: None,
                receives: 0,
            });
        }
        releases
    }

    /// Records whether the queue has made the released message visible.
    pub(super) fn on_released(&mut self, id: &str, is_visible: bool, now: Instant) {
        match &mut self.release {
            Some(release) if release.id == id && is_visible => release.visible_since = Some(now),
            Some(release) if release.id == id => {
                self.release = None;
                self.next_release = now + LATER_RELEASES;
            }
            // It came back already.
            _ => {}
        }
    }

    fn end_release(&mut self, sign: Sign, now: Instant) {
        self.release = None;
        self.add(sign);
        let is_suspected = self.signs.contains(&Sign::Elsewhere) && !self.is_shared;
        let is_new = self.signs.len() < MAX_SIGNS && !self.is_shared;
        let pause = if is_suspected || is_new {
            FIRST_RELEASES
        } else {
            LATER_RELEASES
        };
        self.next_release = now + pause;
    }

    fn add(&mut self, sign: Sign) {
        if self.signs.len() == MAX_SIGNS {
            self.signs.pop_front();
        }
        self.elsewhere += u64::from(sign == Sign::Elsewhere);
        self.signs.push_back(sign);
        self.decide();
    }

    /// A message that seemed lost came back after all.
    fn take_back(&mut self) {
        let signs = self.signs.iter_mut().rev();
        if let Some(sign) = { signs }.find(|sign| **sign == Sign::Elsewhere) {
            *sign = Sign::CameBack;
        }
        self.decide();
    }

    /// Between none and [`PROOF`] signs of another consumer, the result stays.
    fn decide(&mut self) {
        let elsewhere = self.signs.iter().filter(|sign| **sign == Sign::Elsewhere);
        match elsewhere.count() {
            0 if self.signs.len() == MAX_SIGNS => self.is_shared = false,
            PROOF.. => self.is_shared = true,
            _ => {}
        }
    }
}

/// The last messages that were delivered here, by a hash of their ids. A collision hides a sign, which is harmless.
#[derive(Debug, Default)]
struct KnownDeliveries {
    hasher: RandomState,
    ids: HashSet<u64>,
    /// From the oldest, with the time of the first delivery by the queue's clock.
    order: VecDeque<(u64, Option<Timestamp>)>,
}

impl KnownDeliveries {
    fn contains(&self, id: &str) -> bool {
        self.ids.contains(&self.hasher.hash_one(id))
    }

    /// Adds a delivery. If another one is forgotten for it, returns the time of that one.
    fn add(&mut self, id: &str, first_received: Option<Timestamp>) -> Option<Timestamp> {
        let id = self.hasher.hash_one(id);
        if !self.ids.insert(id) {
            return None;
        }
        self.order.push_back((id, first_received));
        if self.order.len() <= MAX_KNOWN {
            return None;
        }
        let (oldest, first_received) = self.order.pop_front()?;
        self.ids.remove(&oldest);
        first_received
    }
}

#[cfg(test)]
mod tests;
