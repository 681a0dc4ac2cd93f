//! An engine in memory whose commits fail when they are told to.
//!
//! It keeps the contract of [`Engine`] for one Source and nothing else: no search, no files. A sorted
//! list is faster here than a tree, which is large where it is nearly empty.

use std::sync::Arc;

use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::record::Record;
use crate::core::replication::source_state::SourceId;
use crate::index::{Changes, Engine, IndexError, KeyedRecord, RecordFilter};

/// What becomes of the next commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fate {
    #[default]
    Succeeds,
    /// Nothing of it is durable.
    FailsBefore,
    /// All of it is durable, and nobody hears of it.
    FailsAfter,
}

/// What the last commit left.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryEngine {
    /// Ascending by key.
    pub(super) records: Vec<KeyedRecord>,
    pub(super) checkpoint: Arc<Checkpoint>,
    pub(super) fate: Fate,
    /// How many commits are durable.
    pub(super) commits: u64,
}

/// A record counts as so many, so that a scan of a few keys is cut into ranges.
const WEIGHT: u64 = 1_000;

impl MemoryEngine {
    fn within<'a>(&'a self, interval: &'a KeyInterval) -> impl Iterator<Item = &'a KeyedRecord> {
        let records = self.records.iter();
        records.filter(|(key, _)| interval.contains(key))
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.records.binary_search_by(|(it, _)| (**it).cmp(key))
    }

    /// What the last commit holds of the key.
    pub(super) fn record(&self, key: &str) -> Option<&Record> {
        self.place(key).ok().map(|place| &self.records[place].1)
    }
}

impl Engine for MemoryEngine {
    fn checkpoint(&self) -> Result<Checkpoint, IndexError> {
        Ok((*self.checkpoint).clone())
    }

    fn read(
        &self,
        _: SourceId,
        interval: &KeyInterval,
        filter: RecordFilter,
        limit: usize,
    ) -> Result<Vec<KeyedRecord>, IndexError> {
        let wanted =
            |(_, record): &&KeyedRecord| filter == RecordFilter::All || record.object().is_none();
        let found = self.within(interval).filter(wanted).take(limit);
        Ok(found.cloned().collect())
    }

    fn get(&self, _: SourceId, keys: &[&str]) -> Result<Vec<Option<Record>>, IndexError> {
        Ok(keys.iter().map(|key| self.record(key).cloned()).collect())
    }

    fn assets(&self, _: SourceId) -> Result<u64, IndexError> {
        let live = self.records.iter().filter(|(_, it)| it.object().is_some());
        Ok(live.count() as u64)
    }

    fn estimate(&self, _: SourceId, interval: &KeyInterval) -> Result<u64, IndexError> {
        Ok(self.within(interval).count() as u64 * WEIGHT)
    }

    fn split_points(
        &self,
        _: SourceId,
        interval: &KeyInterval,
        parts: usize,
    ) -> Result<Vec<String>, IndexError> {
        let keys: Vec<&String> = self.within(interval).map(|(key, _)| key).collect();
        let points = (1..parts).map(|part| keys.len() * part / parts);
        let points = points.filter(|point| *point > 0);
        Ok(points.map(|point| keys[point - 1].clone()).collect())
    }

    fn commit(&mut self, changes: &Changes, checkpoint: &Checkpoint) -> Result<(), IndexError> {
        let fate = std::mem::take(&mut self.fate);
        let lost = || std::io::Error::other("the power went");
        if fate == Fate::FailsBefore {
            return Err(IndexError::engine("commit")(lost()));
        }
        for ((_, key), change) in changes {
            let place = self.place(key);
            assert_eq!(
                change.replaces,
                place.is_ok(),
                "{key:?}: what a commit replaces is what the last one left"
            );
            match (place, change.record.clone()) {
                (Ok(place), Some(record)) => self.records[place].1 = record,
                (Ok(place), None) => drop(self.records.remove(place)),
                (Err(place), Some(record)) => self.records.insert(place, (key.clone(), record)),
                (Err(_), None) => {}
            }
        }
        self.checkpoint = Arc::new(checkpoint.clone());
        self.commits += 1;
        match fate {
            Fate::FailsAfter => Err(IndexError::engine("commit")(lost())),
            Fate::Succeeds | Fate::FailsBefore => Ok(()),
        }
    }

    fn close(self) -> Result<(), IndexError> {
        Ok(())
    }
}
