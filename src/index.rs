//! The index: stores records, tombstones and the checkpoint, and makes them durable in one commit.
//!
//! One thread owns the writer ([`writer`]). It passes pages and events to the [`ledger`], which applies the
//! ordering rules of [`crate::core::replication::order`] and writes to an [`Engine`]. This room does not
//! decide which Sources exist or what is listed. Only [`tantivy`] knows the types of the engine in use.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::pin::Pin;

use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::record::Record;
use crate::core::replication::source_state::SourceId;

pub(crate) mod commit_counters;
pub mod current;
pub mod deadline;
pub mod directory;
pub(crate) mod disk;
pub mod error;
pub(crate) mod export;
pub mod files;
pub(crate) mod histogram;
pub(crate) mod info;
pub(crate) mod large_removals;
pub mod ledger;
pub(crate) mod merge_health;
pub(crate) mod new_generation;
pub(crate) mod pending;
pub(crate) mod tally;
pub mod tantivy;
pub mod writer;

pub use deadline::Deadline;
pub use error::IndexError;

/// A key with its record.
pub type KeyedRecord = (String, Record);

/// The changes of one commit, by Source and key.
pub type Changes = BTreeMap<(SourceId, String), Change>;

/// The change of one key in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The new record. `None` removes the record of the key and leaves no tombstone.
    pub record: Option<Record>,
    /// Whether the last commit holds a record of the key, which this change replaces or removes.
    pub replaces: bool,
}

/// A merge that runs in the background. The future waits for its end. Dropping the future does not stop it.
pub type Compaction = Pin<Box<dyn Future<Output = Result<(), IndexError>> + Send>>;

/// Which records to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordFilter {
    /// Assets and tombstones.
    All,
    /// Only tombstones.
    Tombstones,
}

/// A store of records, sorted by Source and key. It holds at most one record for each key of a Source.
///
/// Keys are opaque UTF-8. The engine compares them byte by byte and returns them unchanged.
///
/// Every read sees exactly the last successful commit. Changes are never visible before their commit, and
/// nothing of a failed commit is. A Source that has no records reads as empty, even if the checkpoint does
/// not list it.
///
/// Only one thread at a time uses an engine. Methods may block on file I/O.
///
/// # Errors
///
/// A method that finds the storage damaged returns an error for which [`IndexError::is_damage`] is true. It
/// never returns fewer records instead: the ledger would write them again or take them for removed. After any
/// error the caller stops using the engine, and may open the index again.
pub trait Engine: Send + 'static {
    /// The checkpoint of the last commit. [`Checkpoint::default`] for a new index.
    fn checkpoint(&self) -> Result<Checkpoint, IndexError>;

    /// The first `limit` records of the interval that pass the filter, ascending by key.
    ///
    /// Fewer than `limit` records mean that the interval holds no more. An empty interval holds none.
    /// `limit` is at least 1 and may be `usize::MAX`.
    fn read(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        filter: RecordFilter,
        limit: usize,
    ) -> Result<Vec<KeyedRecord>, IndexError>;

    /// The records of these keys, one entry for each key and in the order of `keys`. `None` if the key has no
    /// record. The keys may be in any order.
    fn get(&self, source: SourceId, keys: &[&str]) -> Result<Vec<Option<Record>>, IndexError>;

    /// The exact number of the Source's assets, without tombstones. May read all records of the Source.
    fn assets(&self, source: SourceId) -> Result<u64, IndexError>;

    /// The approximate number of records in the interval, tombstones included.
    ///
    /// It may be too high, and need not be close. It is above 0 if the interval holds a record, and 0 if the
    /// interval is empty. It must be fast compared to reading the interval.
    fn estimate(&self, source: SourceId, interval: &KeyInterval) -> Result<u64, IndexError>;

    /// At most `parts - 1` ascending keys that cut the interval into parts with about equally many records.
    ///
    /// Each part ends with its key. The keys lie in the interval, but need not have a record any more. The
    /// result may be empty, for example if the interval holds few records. `parts` is at least 1.
    fn split_points(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        parts: usize,
    ) -> Result<Vec<String>, IndexError>;

    /// Makes the changes and the checkpoint durable, all of them or none.
    ///
    /// After `Ok`, they survive `kill -9` and a power failure, and every read sees them. `changes` may be
    /// empty. Then only the checkpoint changes. The engine may rely on [`Change::replaces`] being correct,
    /// and on a state in `checkpoint` for every Source of `changes`.
    ///
    /// # Errors
    ///
    /// After an error the commit is durable as a whole or not at all, and the caller does not know which. It
    /// must open the index again before it writes. An engine that was opened only for reading returns an
    /// error.
    fn commit(&mut self, changes: &Changes, checkpoint: &Checkpoint) -> Result<(), IndexError>;

    /// Starts to merge all records of the last commit and to drop what was deleted, to save space.
    ///
    /// The merge runs in the background and does not change what reads return. Commits may continue
    /// meanwhile. The files from before the merge are released by the first commit after it. An engine that
    /// has nothing to merge returns a future that is ready, as this default does.
    ///
    /// # Errors
    ///
    /// The future may fail if another background merge takes the same records. Then call this again.
    fn compact(&mut self) -> Result<Compaction, IndexError> {
        Ok(Box::pin(async { Ok(()) }))
    }

    /// Waits for background work and ends it. Commits do not depend on it: an engine that is only dropped, or
    /// killed, loses no commit.
    fn close(self) -> Result<(), IndexError>;
}

/// The bounds of an interval within one Source. `position` maps a Source and a key to a value of the same
/// order.
fn bounds_within<T>(
    source: SourceId,
    interval: &KeyInterval,
    position: impl Fn(SourceId, &str) -> T,
) -> (Bound<T>, Bound<T>) {
    let lower = match &interval.lower {
        Bound::Unbounded => Bound::Included(position(source, "")),
        bound => bound.as_ref().map(|key| position(source, key)),
    };
    let upper = match (&interval.upper, source.0.checked_add(1)) {
        (Bound::Unbounded, Some(next)) => Bound::Excluded(position(SourceId(next), "")),
        (Bound::Unbounded, None) => Bound::Unbounded,
        (bound, _) => bound.as_ref().map(|key| position(source, key)),
    };
    (lower, upper)
}
