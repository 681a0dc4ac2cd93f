//! A 128-bit fingerprint of everything in a world that decides what can happen next.
//!
//! It leaves out what only the checks use.

use std::hash::Hasher;

use xxhash_rust::xxh3::xxh3_128;

use super::queue::Stage;
use super::world::{ID, World};
use crate::core::replication::interval::KeyRange;
use crate::core::replication::object::Object;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::timestamp::Timestamp;
use crate::index::ledger::KeyEvent;

/// Separates the parts, and stands for a missing value.
const NONE: i64 = i64::MIN;

pub(super) fn fingerprint(world: &World, received: &[u8], counts: [usize; 3]) -> u128 {
    let mut encoder = Encoder(Vec::with_capacity(1_024));
    encoder.put(world.now);
    for count in counts {
        encoder.put(count as i64);
    }
    for (message, received) in world.queue.messages.iter().zip(received) {
        encoder.put(i64::from(*received) * 2 + i64::from(message.settled));
        let time = match &*message.payload {
            KeyEvent::Certain(event) => event.time,
            KeyEvent::Ambiguous(event) => event.time,
        };
        encoder.put(time.as_millis());
    }
    encoder.put(NONE);
    for delivery in &world.queue.deliveries {
        encoder.put(delivery.message as i64);
        encoder.stage(&delivery.stage);
    }
    encoder.put(NONE);
    encoder.scanner(world);
    encoder.state(world);
    for (key, record) in &world.ledger.engine.records {
        encoder.key(key);
        encoder.record(record);
    }
    encoder.put(NONE);
    for ((_, key), change) in world.ledger.pending.changes() {
        encoder.key(key);
        match &change.record {
            Some(record) => encoder.record(record),
            None => encoder.put(NONE),
        }
    }
    xxh3_128(&encoder.0)
}

/// A hasher that returns the fingerprint itself, for a set of fingerprints.
#[derive(Default)]
pub(super) struct FingerprintHasher(u64);

impl Hasher for FingerprintHasher {
    fn write(&mut self, _: &[u8]) {}

    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = fingerprint as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

struct Encoder(Vec<u8>);

impl Encoder {
    fn put(&mut self, word: i64) {
        self.0.extend_from_slice(&word.to_le_bytes());
    }

    fn listed_at(&mut self, listed_at: Option<Timestamp>) {
        self.put(listed_at.map_or(NONE, Timestamp::as_millis));
    }

    fn key(&mut self, key: &str) {
        self.0.extend_from_slice(key.as_bytes());
        self.0.push(0xff);
    }

    fn stage(&mut self, stage: &Stage) {
        match stage {
            Stage::NeedsLookUp => self.put(0),
            Stage::Applied => self.put(1),
            Stage::Durable => self.put(2),
            Stage::Listed { listed, listed_at } => {
                self.put(3);
                self.put(*listed_at);
                self.object(listed.as_ref());
            }
        }
    }

    fn object(&mut self, object: Option<&Object>) {
        match object {
            None => self.put(NONE),
            Some(object) => {
                // In the model, size and ETag depend on each other.
                self.put(object.size as i64);
                self.put(object.last_modified.as_millis());
            }
        }
    }

    fn record(&mut self, record: &Record) {
        match &record.content {
            // `first_seen` decides nothing.
            RecordContent::Live { object, .. } => self.object(Some(object)),
            RecordContent::Removed { scan } => {
                self.put(NONE);
                self.put(*scan as i64);
            }
        }
        self.listed_at(record.event_time);
        self.listed_at(record.listed_at);
        let digits = record.sequencer.as_ref().map(|it| it.digits());
        self.key(&digits.unwrap_or_default());
    }

    fn scanner(&mut self, world: &World) {
        let Some(scanner) = &world.scanner else {
            self.put(NONE);
            return;
        };
        self.put(i64::from(scanner.has_start));
        for listing in &scanner.ranges {
            self.put(listing.next.as_ref().map_or(0, |_| 1));
            for page in &listing.in_flight {
                self.listed_at(Some(page.listed_at));
                self.range(page.listed.as_ref());
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

    /// The committed and the pending state of the Source.
    fn state(&mut self, world: &World) {
        let committed = world.ledger.engine.checkpoint.state(ID);
        for state in [Some(world.state()), committed].into_iter().flatten() {
            self.put(state.last_scan as i64);
            self.listed_at(state.complete_as_of);
            self.listed_at(state.newest_page);
            let Some(running) = &state.running else {
                self.put(NONE);
                continue;
            };
            self.listed_at(running.started);
            for range in &running.ranges {
                self.put(i64::from(range.done));
                self.range(Some(&range.rest));
            }
        }
    }

    fn range(&mut self, range: Option<&KeyRange>) {
        let Some(range) = range else {
            self.put(NONE);
            return;
        };
        for end in [&range.after, &range.until] {
            self.put(i64::from(end.is_some()));
            self.key(end.as_deref().unwrap_or_default());
        }
    }
}
