//! 128 bits that stand for everything that decides what can follow.
//!
//! Left out is what only judges a run.

use std::hash::Hasher;

use xxhash_rust::xxh3::xxh3_128;

use super::queue::Stage;
use super::world::{ID, World};
use crate::core::replication::object::Object;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::timestamp::Timestamp;
use crate::index::ledger::KeyEvent;

/// Stands between the parts, and for what is not there.
const NONE: i64 = i64::MIN;

pub(super) fn fingerprint(world: &World, received: &[u8], tally: [usize; 3]) -> u128 {
    let mut words = Words(Vec::with_capacity(1_024));
    words.put(world.now);
    for count in tally {
        words.put(count as i64);
    }
    for (message, received) in world.queue.messages.iter().zip(received) {
        words.put(i64::from(*received) * 2 + i64::from(message.settled));
        let time = match &*message.told {
            KeyEvent::Certain(event) => event.time,
            KeyEvent::Ambiguous(event) => event.time,
        };
        words.put(time.as_millis());
    }
    words.put(NONE);
    for delivery in &world.queue.deliveries {
        words.put(delivery.message as i64);
        words.stage(&delivery.stage);
    }
    words.put(NONE);
    words.scanner(world);
    words.state(world);
    for (key, record) in &world.ledger.engine.records {
        words.key(key);
        words.record(record);
    }
    words.put(NONE);
    for ((_, key), change) in world.ledger.pending.changes() {
        words.key(key);
        match &change.record {
            Some(record) => words.record(record),
            None => words.put(NONE),
        }
    }
    xxh3_128(&words.0)
}

/// A fingerprint is its own hash in a set.
#[derive(Default)]
pub(super) struct Itself(u64);

impl Hasher for Itself {
    fn write(&mut self, _: &[u8]) {}

    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = fingerprint as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

struct Words(Vec<u8>);

impl Words {
    fn put(&mut self, word: i64) {
        self.0.extend_from_slice(&word.to_le_bytes());
    }

    fn stamp(&mut self, stamp: Option<Timestamp>) {
        self.put(stamp.map_or(NONE, Timestamp::as_millis));
    }

    fn key(&mut self, key: &str) {
        self.0.extend_from_slice(key.as_bytes());
        self.0.push(0xff);
    }

    fn stage(&mut self, stage: &Stage) {
        match stage {
            Stage::WantsPage => self.put(0),
            Stage::Applied => self.put(1),
            Stage::Durable => self.put(2),
            Stage::Listed { listed, stamp } => {
                self.put(3);
                self.put(*stamp);
                self.object(listed.as_ref());
            }
        }
    }

    fn object(&mut self, object: Option<&Object>) {
        match object {
            None => self.put(NONE),
            Some(object) => {
                // Size and ETag are one in the model.
                self.put(object.size as i64);
                self.put(object.last_modified.as_millis());
            }
        }
    }

    fn record(&mut self, record: &Record) {
        match &record.content {
            // When it was first seen decides nothing.
            RecordContent::Live { object, .. } => self.object(Some(object)),
            RecordContent::Removed { scan } => {
                self.put(NONE);
                self.put(*scan as i64);
            }
        }
        self.stamp(record.event_time);
        self.stamp(record.listed_at);
        let digits = record.sequencer.as_ref().map(|it| it.digits());
        self.key(digits.unwrap_or_default());
    }

    fn scanner(&mut self, world: &World) {
        let Some(scanner) = &world.scanner else {
            self.put(NONE);
            return;
        };
        self.put(i64::from(scanner.has_start));
        for listing in &scanner.ranges {
            self.put(listing.next.as_ref().map_or(0, |_| 1));
            for page in &listing.on_the_way {
                self.stamp(Some(page.stamp));
                self.key(page.settled.as_deref().unwrap_or_default());
                self.put(i64::from(page.done));
                for entry in &page.admitted {
                    self.key(&entry.key);
                    self.object(Some(&entry.object));
                }
            }
            let next = listing.next.as_ref();
            let after = next.and_then(|next| next.start_after.as_deref());
            self.key(after.unwrap_or_default());
        }
    }

    /// What the last commit says of the Source, and what is pending of it.
    fn state(&mut self, world: &World) {
        let committed = world.ledger.engine.checkpoint.state(ID);
        for state in [Some(world.state()), committed].into_iter().flatten() {
            self.put(state.last_scan as i64);
            self.stamp(state.complete_as_of);
            self.stamp(state.newest_page);
            let Some(running) = &state.running else {
                self.put(NONE);
                continue;
            };
            self.stamp(running.started);
            for range in &running.ranges {
                self.put(i64::from(range.done));
                self.key(range.rest.after.as_deref().unwrap_or_default());
            }
        }
    }
}
