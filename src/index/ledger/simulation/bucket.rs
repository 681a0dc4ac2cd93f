//! A bucket as S3 has it, with or without versions, and what it tells of each operation.

use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::order::{AmbiguousEvent, CertainEvent};
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::timestamp::Timestamp;
use crate::index::ledger::KeyEvent;

/// What the store is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Store {
    /// Whether the bucket keeps versions.
    pub(super) versioned: bool,
    /// Whether its events have sequencers.
    pub(super) sequencers: bool,
    /// Whether those of lifecycle rules have one too.
    pub(super) lifecycle_sequencers: bool,
    /// Whether its listings tell whole seconds.
    pub(super) whole_seconds: bool,
}

/// One thing that is done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Puts an object of that content.
    Put(u64),
    /// Removes it, or puts a delete marker over it.
    Delete,
    /// Destroys the version, or the delete marker, that is so many below the newest.
    Destroy { below: usize },
    /// As `Delete`, by a lifecycle rule: the time of its event tells nothing, and it is sent so many
    /// milliseconds later.
    Expire { sent: i64 },
}

/// A version, or a delete marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Version {
    /// The number of the content; `None` for a delete marker.
    pub(super) content: Option<u64>,
    /// When it was put, in milliseconds.
    pub(super) put: i64,
}

/// What a bucket holds under one key.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// The newest is the last; at most one without versions.
    pub(super) versions: Vec<Version>,
    /// How many operations the key has seen that are told of.
    pub(super) events: u64,
}

/// Every key that was ever written.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) store: Store,
    /// Ascending.
    pub(super) keys: Vec<(&'static str, History)>,
}

impl Bucket {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            keys: Vec::new(),
        }
    }

    /// Does it, if it can be done, and says what the event tells and when it is sent.
    ///
    /// `skew` is by how much the event's time is off.
    pub(super) fn operate(
        &mut self,
        key: &'static str,
        operation: Operation,
        now: i64,
        skew: i64,
    ) -> Option<(KeyEvent, i64)> {
        let store = self.store;
        let history = self.history(key);
        let versions = &mut history.versions;
        let time = now + skew;
        let put = |content| Version { content, put: now };
        match operation {
            Operation::Put(_) if !store.versioned => versions.clear(),
            Operation::Destroy { below } if below < versions.len() => {
                versions.remove(versions.len() - 1 - below);
            }
            Operation::Destroy { .. } => return None,
            Operation::Expire { .. } if newest(versions).is_none() => return None,
            Operation::Delete | Operation::Expire { .. } if !store.versioned => versions.clear(),
            Operation::Delete | Operation::Expire { .. } => versions.push(put(None)),
            Operation::Put(_) => {}
        }
        if let Operation::Put(content) = operation {
            versions.push(put(Some(content)));
        }
        history.events += 1;
        let is_lifecycle = matches!(operation, Operation::Expire { .. });
        let has_sequencer = store.sequencers && (store.lifecycle_sequencers || !is_lifecycle);
        let sequencer = has_sequencer.then(|| sequencer(history.events));
        let certain = |object| match &sequencer {
            Some(sequencer) => KeyEvent::Certain(CertainEvent {
                object,
                time: Timestamp::from_millis(time),
                sequencer: sequencer.clone(),
            }),
            None => ambiguous(time, None),
        };
        Some(match operation {
            Operation::Put(content) => (certain(Some(object(content, time))), now),
            Operation::Delete if !store.versioned => (certain(None), now),
            Operation::Expire { sent } => (ambiguous(now + sent, sequencer.clone()), now + sent),
            Operation::Delete | Operation::Destroy { .. } => (ambiguous(time, sequencer), now),
        })
    }

    fn history(&mut self, key: &'static str) -> &mut History {
        let place = match self.keys.binary_search_by(|(it, _)| it.cmp(&key)) {
            Ok(place) => place,
            Err(place) => {
                self.keys.insert(place, (key, History::default()));
                place
            }
        };
        &mut self.keys[place].1
    }

    /// Every key that was ever written, ascending.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|(key, _)| *key)
    }

    /// What a listing shows under the key now.
    pub(super) fn listed(&self, key: &str) -> Option<Object> {
        let (content, put) = newest(&self.keys.iter().find(|(it, _)| *it == key)?.1.versions)?;
        let put = if self.store.whole_seconds {
            put.div_euclid(1_000) * 1_000
        } else {
            put
        };
        Some(object(content, put))
    }
}

fn newest(versions: &[Version]) -> Option<(u64, i64)> {
    let newest = versions.last()?;
    Some((newest.content?, newest.put))
}

fn ambiguous(time: i64, sequencer: Option<Sequencer>) -> KeyEvent {
    KeyEvent::Ambiguous(AmbiguousEvent {
        time: Timestamp::from_millis(time),
        sequencer,
    })
}

pub(super) fn sequencer(number: u64) -> Sequencer {
    let digits = format!("{:02x}", number * 3);
    Sequencer::parse(&digits).expect("two digits of hex are a sequencer")
}

/// An object of that content: its size and ETag tell it from others.
fn object(content: u64, last_modified: i64) -> Object {
    Object {
        size: content + 1,
        etag: Some(ETag::Hex {
            bits: content.into(),
            parts: 0,
        }),
        last_modified: Timestamp::from_millis(last_modified),
        storage_class: StorageClass::Standard,
    }
}
