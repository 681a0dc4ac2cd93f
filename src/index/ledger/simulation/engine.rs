//! An engine in memory whose commits fail when they are told to.
//!
//! It keeps the contract of [`Engine`] and nothing else: no search, no files.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::index::{Changes, Engine, IndexError, Keyed, Which, bounds_within};
use crate::sync::checkpoint::Checkpoint;
use crate::sync::interval::KeyInterval;
use crate::sync::record::Record;
use crate::sync::source_state::SourceId;

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
    pub(super) records: BTreeMap<(SourceId, String), Record>,
    pub(super) checkpoint: Arc<Checkpoint>,
    pub(super) fate: Fate,
    /// How many commits are durable.
    pub(super) commits: u64,
}

/// A record counts as so many, so that a scan of a few keys is cut into ranges.
const WEIGHT: u64 = 1_000;

impl MemoryEngine {
    fn within(
        &self,
        source: SourceId,
        interval: &KeyInterval,
    ) -> impl Iterator<Item = (&String, &Record)> {
        let bounds = bounds_within(source, interval, |source, key| (source, key.to_owned()));
        let is_empty = interval.is_empty();
        let found = (!is_empty).then(|| self.records.range(bounds));
        found
            .into_iter()
            .flatten()
            .map(|((_, key), record)| (key, record))
    }
}

impl Engine for MemoryEngine {
    fn checkpoint(&self) -> Result<Checkpoint, IndexError> {
        Ok((*self.checkpoint).clone())
    }

    fn read(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        which: Which,
        limit: usize,
    ) -> Result<Vec<Keyed>, IndexError> {
        let records = self.within(source, interval);
        let wanted = |record: &Record| which == Which::All || record.object().is_none();
        let found = records.filter(|(_, record)| wanted(record)).take(limit);
        Ok(found
            .map(|(key, record)| (key.clone(), record.clone()))
            .collect())
    }

    fn get(&self, source: SourceId, keys: &[&str]) -> Result<Vec<Option<Record>>, IndexError> {
        let get = |key: &&str| self.records.get(&(source, key.to_string())).cloned();
        Ok(keys.iter().map(get).collect())
    }

    fn assets(&self, source: SourceId) -> Result<u64, IndexError> {
        let everything = KeyInterval::everything();
        let records = self.within(source, &everything);
        Ok(records
            .filter(|(_, record)| record.object().is_some())
            .count() as u64)
    }

    fn estimate(&self, source: SourceId, interval: &KeyInterval) -> Result<u64, IndexError> {
        Ok(self.within(source, interval).count() as u64 * WEIGHT)
    }

    fn split_points(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        parts: usize,
    ) -> Result<Vec<String>, IndexError> {
        let keys: Vec<&String> = self.within(source, interval).map(|(key, _)| key).collect();
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
        for (place, change) in changes {
            assert_eq!(
                change.replaces,
                self.records.contains_key(place),
                "{place:?}: what a commit replaces is what the last one left"
            );
            match &change.record {
                Some(record) => self.records.insert(place.clone(), record.clone()),
                None => self.records.remove(place),
            };
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
