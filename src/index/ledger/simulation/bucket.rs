//! A bucket like one of S3, with or without versions, and the event that each operation causes.

use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::order::{AmbiguousEvent, CertainEvent};
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::timestamp::Timestamp;
use crate::index::ledger::KeyEvent;

/// The properties of a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Store {
    /// Whether the bucket keeps versions.
    pub(super) versioned: bool,
    /// Whether its events have sequencers.
    pub(super) sequencers: bool,
    /// Whether events of lifecycle rules have sequencers too.
    pub(super) lifecycle_sequencers: bool,
    /// Whether its listings show `LastModified` in whole seconds.
    pub(super) whole_seconds: bool,
}

/// An operation on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Puts an object with this content.
    Put(u64),
    /// Removes the object, or puts a delete marker above it.
    Delete,
    /// Destroys the version or delete marker that is `below` positions below the newest.
    Destroy { below: usize },
    /// Like `Delete`, but by a lifecycle rule: the time of the event is unusable, and the event is sent
    /// `sent` milliseconds later.
    Expire { sent: i64 },
}

/// A version or a delete marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Version {
    /// The number of the content; `None` for a delete marker.
    pub(super) content: Option<u64>,
    /// When it was put, in milliseconds.
    pub(super) put: i64,
}

/// The versions of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// In order of creation. At most one if the bucket keeps no versions.
    pub(super) versions: Vec<Version>,
    /// Number of events that the key has caused.
    pub(super) events: u64,
}

/// A bucket with all keys that were ever written.
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

    /// Performs the operation, if it is possible. Returns the event and the time at which it is sent.
    ///
    /// `skew` is the error of the event's time.
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
        let version = |content| Version { content, put: now };
        match operation {
            Operation::Put(_) if !store.versioned => versions.clear(),
            Operation::Destroy { below } if below < versions.len() => {
                versions.remove(versions.len() - 1 - below);
            }
            Operation::Destroy { .. } => return None,
            Operation::Expire { .. } if newest(versions).is_none() => return None,
            Operation::Delete | Operation::Expire { .. } if !store.versioned => versions.clear(),
            Operation::Delete | Operation::Expire { .. } => versions.push(version(None)),
            Operation::Put(_) => {}
        }
        if let Operation::Put(content) = operation {
            versions.push(version(Some(content)));
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
        let index = match self.keys.binary_search_by(|(it, _)| it.cmp(&key)) {
            Ok(index) => index,
            Err(index) => {
                self.keys.insert(index, (key, History::default()));
                index
            }
        };
        &mut self.keys[index].1
    }

    /// Every key that was ever written, ascending.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|(key, _)| *key)
    }

    /// Returns the object that a listing shows under the key now.
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

/// An object with this content. Each content has its own size and ETag.
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
