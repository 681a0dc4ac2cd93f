//! An engine in memory whose commits fail on request.
//!
//! It implements [`Engine`] for one Source, without search and files. A sorted list is faster here than a
//! tree, because there are few records.

use std::sync::Arc;

use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::record::Record;
use crate::core::replication::source_state::SourceId;
use crate::index::{Changes, Engine, IndexError, KeyedRecord, RecordFilter};

/// Whether the next commit succeeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum NextCommit {
    #[default]
    Succeeds,
    /// It fails, and nothing of it is durable.
    FailsBefore,
    /// It fails, but all of it is durable.
    FailsAfter,
}

/// The records and the checkpoint of the last commit.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryEngine {
    /// Ascending by key.
    pub(super) records: Vec<KeyedRecord>,
    pub(super) checkpoint: Arc<Checkpoint>,
    pub(super) next_commit: NextCommit,
    /// Number of durable commits.
    pub(super) commits: u64,
}

/// Number of records that the estimate counts for each key, so that a scan of a few keys is split into
/// ranges.
const RECORDS_PER_KEY: u64 = 1_000;

impl MemoryEngine {
    fn within<'a>(&'a self, interval: &'a KeyInterval) -> impl Iterator<Item = &'a KeyedRecord> {
        let records = self.records.iter();
        records.filter(|(key, _)| interval.contains(key))
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.records.binary_search_by(|(it, _)| (**it).cmp(key))
    }

    /// The committed record of the key.
    pub(super) fn record(&self, key: &str) -> Option<&Record> {
        self.find(key).ok().map(|index| &self.records[index].1)
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
        let passes =
            |(_, record): &&KeyedRecord| filter == RecordFilter::All || record.object().is_none();
        let found = self.within(interval).filter(passes).take(limit);
        Ok(found.cloned().collect())
    }

    fn get(&self, _: SourceId, keys: &[&str]) -> Result<Vec<Option<Record>>, IndexError> {
        Ok(keys.iter().map(|key| self.record(key).cloned()).collect())
    }

    fn assets(&self, _: SourceId) -> Result<u64, IndexError> {
        let records = self.records.iter();
        let assets = records.filter(|(_, record)| record.object().is_some());
        Ok(assets.count() as u64)
    }

    fn estimate(&self, _: SourceId, interval: &KeyInterval) -> Result<u64, IndexError> {
        Ok(self.within(interval).count() as u64 * RECORDS_PER_KEY)
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
        let next_commit = std::mem::take(&mut self.next_commit);
        let failure = || std::io::Error::other("the simulation requested a failure");
        if next_commit == NextCommit::FailsBefore {
            return Err(IndexError::engine("commit")(failure()));
        }
        for ((_, key), change) in changes {
            let found = self.find(key);
            assert_eq!(
                change.replaces,
                found.is_ok(),
                "{key:?}: `replaces` contradicts the last commit"
            );
            match (found, change.record.clone()) {
                (Ok(index), Some(record)) => self.records[index].1 = record,
                (Ok(index), None) => drop(self.records.remove(index)),
                (Err(index), Some(record)) => self.records.insert(index, (key.clone(), record)),
                (Err(_), None) => {}
            }
        }
        self.checkpoint = Arc::new(checkpoint.clone());
        self.commits += 1;
        match next_commit {
            NextCommit::FailsAfter => Err(IndexError::engine("commit")(failure())),
            NextCommit::Succeeds | NextCommit::FailsBefore => Ok(()),
        }
    }

    fn close(self) -> Result<(), IndexError> {
        Ok(())
    }
}
