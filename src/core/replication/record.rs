//! What the index holds of one key: a live object or a tombstone, and the order of what was seen.
//!
//! A record is the whole memory of its key; there is no second place that remembers events.

use crate::core::replication::object::Object;
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::timestamp::Timestamp;

/// The record of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What is there, as of the newest observation.
    pub content: RecordContent,
    /// `eventTime` of the newest event applied, if any.
    pub event_time: Option<Timestamp>,
    /// Sequencer of the newest event applied, if any: a floor for the next.
    pub sequencer: Option<Sequencer>,
    /// Timestamp of the page that last wrote this record, if any.
    pub listed_at: Option<Timestamp>,
}

/// Whether there is an object under the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordContent {
    /// An asset; search finds it.
    Live {
        /// What S3 says of it.
        object: Object,
        /// When this index first saw an object under the key since it was last removed.
        first_seen: Timestamp,
    },
    /// A tombstone: removed, invisible to search, kept so that a late event finds its order.
    Removed {
        /// The number of the scan during or after which it was written.
        scan: u64,
    },
}

impl Record {
    /// The object, if the record is live.
    pub fn object(&self) -> Option<&Object> {
        match &self.content {
            RecordContent::Live { object, .. } => Some(object),
            RecordContent::Removed { .. } => None,
        }
    }

    /// When the object was first seen, if the record is live.
    pub fn first_seen(&self) -> Option<Timestamp> {
        match self.content {
            RecordContent::Live { first_seen, .. } => Some(first_seen),
            RecordContent::Removed { .. } => None,
        }
    }

    /// The stamp of the newest observation that wrote the record.
    pub fn observed_at(&self) -> Option<Timestamp> {
        self.event_time.max(self.listed_at)
    }
}
