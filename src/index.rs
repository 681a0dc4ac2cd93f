//! The index: where records, tombstones and the checkpoint become durable in one commit.
//!
//! One thread owns the writer ([`writer`]); it applies what the scans report by the rules of
//! [`crate::core::replication::order`] ([`ledger`]) to an [`Engine`]. Which Sources there are and what is listed
//! is decided elsewhere. Only [`tantivy`] knows the engine's own types.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::pin::Pin;

use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::record::Record;
use crate::core::replication::source_state::SourceId;

pub mod current;
pub mod deadline;
pub mod directory;
pub(crate) mod disk;
pub mod error;
pub(crate) mod export;
pub(crate) mod histogram;
pub(crate) mod info;
pub mod ledger;
pub(crate) mod new_generation;
pub(crate) mod pending;
pub(crate) mod progress;
pub(crate) mod tally;
pub mod tantivy;
pub mod writer;

pub use deadline::Deadline;
pub use error::IndexError;

/// A key with its record.
pub type KeyedRecord = (String, Record);

/// What one commit does, by Source and key.
pub type Changes = BTreeMap<(SourceId, String), Change>;

/// What becomes of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The new record; `None` where it goes without a trace.
    pub record: Option<Record>,
    /// Whether the last commit holds a record of the key, which must go.
    pub replaces: bool,
}

/// A merge that goes on by itself; ends with it, and does not end it when it is dropped.
pub type Compaction = Pin<Box<dyn Future<Output = Result<(), IndexError>> + Send>>;

/// Which records are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordFilter {
    /// Live ones and tombstones.
    All,
    /// Tombstones alone.
    Tombstones,
}

/// A store of records that are sorted by Source and key.
///
/// All reads see the last commit of this engine and nothing of a commit that failed. One thread
/// uses it, so no method waits for another.
pub trait Engine: Send + 'static {
    /// The checkpoint of the last commit; the default one for a new index.
    fn checkpoint(&self) -> Result<Checkpoint, IndexError>;

    /// The first `limit` such records of the interval, ascending by key.
    ///
    /// Fewer than `limit` means that the interval holds no more.
    fn read(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        filter: RecordFilter,
        limit: usize,
    ) -> Result<Vec<KeyedRecord>, IndexError>;

    /// The records of these keys, in their order; `None` where there is none.
    fn get(&self, source: SourceId, keys: &[&str]) -> Result<Vec<Option<Record>>, IndexError>;

    /// How many of the Source's records are live.
    fn assets(&self, source: SourceId) -> Result<u64, IndexError>;

    /// About how many records the interval holds.
    fn estimate(&self, source: SourceId, interval: &KeyInterval) -> Result<u64, IndexError>;

    /// Up to `parts - 1` ascending keys that cut the interval into about equally many records.
    fn split_points(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        parts: usize,
    ) -> Result<Vec<String>, IndexError>;

    /// Makes the changes and the checkpoint durable, both or neither.
    ///
    /// After an error the engine must be opened anew before it is written to again.
    fn commit(&mut self, changes: &Changes, checkpoint: &Checkpoint) -> Result<(), IndexError>;

    /// Begins to put all records of the last commit together and to leave out what is deleted; nothing
    /// that is read changes by it.
    ///
    /// It can fail where something else puts records together meanwhile: then it may be begun again.
    fn compact(&mut self) -> Result<Compaction, IndexError> {
        Ok(Box::pin(async { Ok(()) }))
    }

    /// Ends background work in good order; nothing that was committed depends on it.
    fn close(self) -> Result<(), IndexError>;
}

/// The two ends of an interval within one Source, as `place` orders Sources and keys.
fn bounds_within<T>(
    source: SourceId,
    interval: &KeyInterval,
    place: impl Fn(SourceId, &str) -> T,
) -> (Bound<T>, Bound<T>) {
    let lower = match &interval.lower {
        Bound::Unbounded => Bound::Included(place(source, "")),
        bound => bound.as_ref().map(|key| place(source, key)),
    };
    let upper = match (&interval.upper, source.0.checked_add(1)) {
        (Bound::Unbounded, Some(next)) => Bound::Excluded(place(SourceId(next), "")),
        (Bound::Unbounded, None) => Bound::Unbounded,
        (bound, _) => bound.as_ref().map(|key| place(source, key)),
    };
    (lower, upper)
}
