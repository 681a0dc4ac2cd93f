//! The record of one key in the index: a live object or a tombstone, and when it was observed.
//!
//! A record is everything that the index knows about its key. Events are not stored anywhere else.

use crate::core::replication::object::Object;
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::timestamp::Timestamp;

/// The record of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The object or tombstone, as of the newest observation.
    pub content: RecordContent,
    /// The latest `eventTime` of all applied events, if any.
    pub event_time: Option<Timestamp>,
    /// The sequencer that the next event must be above, if any.
    pub sequencer: Option<Sequencer>,
    /// The timestamp of the page that last wrote this record, if any.
    pub listed_at: Option<Timestamp>,
}

/// Whether there is an object under the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordContent {
    /// An asset. Searches find it.
    Live {
        /// The object.
        object: Object,
        /// When the index first saw an object under the key since the key was last removed.
        first_seen: Timestamp,
    },
    /// A tombstone: the object was removed. It is kept to order events that arrive late.
    Removed {
        /// The number of the scan that ran when the tombstone was written, or of the last scan before that.
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

    /// The time of the newest event or page that wrote the record.
    pub fn observed_at(&self) -> Option<Timestamp> {
        self.event_time.max(self.listed_at)
    }
}
