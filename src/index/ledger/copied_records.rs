//! Copies of a Source from another index: its state, and its records interval by interval.
//!
//! A rebuild needs them for a Source that no scan fills. This module does not read the other index.

use super::heal::{healed, plausible_times};
use super::{Ledger, RecordFilter};
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::{SourceId, SourceState};
use crate::index::{Engine, IndexError, KeyedRecord};

/// All records of an interval of a Source.
#[derive(Debug)]
pub struct CopiedRecords {
    source: SourceId,
    interval: KeyInterval,
    /// Ascending by key.
    records: Vec<KeyedRecord>,
}

impl CopiedRecords {
    /// What a read of the interval has found, and the interval that is left to read. `records` are the first `limit`
    /// of it.
    pub(crate) fn new(
        source: SourceId,
        interval: &KeyInterval,
        records: Vec<KeyedRecord>,
        limit: usize,
    ) -> (Self, Option<KeyInterval>) {
        let last = records.last().filter(|_| records.len() >= limit);
        let (read, rest) = match last {
            Some((last, _)) => (interval.up_to(last), Some(interval.after(last))),
            None => (interval.clone(), None),
        };
        let copied = Self {
            source,
            interval: read,
            records,
        };
        (copied, rest)
    }
}

impl<E: Engine> Ledger<E> {
    /// The names of the Sources that this index knows and that are not attached.
    pub fn detached(&self) -> Vec<String> {
        let detached = |state: &&SourceState| !self.tallies.contains_key(&state.id);
        let states = self.checkpoint.sources.iter().filter(detached);
        states.map(|state| state.name.clone()).collect()
    }

    /// Takes over the state of a detached Source from another index, without what it says about scans and events. The
    /// caller then replaces all records of the Source.
    ///
    /// # Errors
    ///
    /// If the Source has another id here.
    pub fn take_over(&mut self, state: &SourceState) -> Result<(), IndexError> {
        let ours = self.state(state.id)?;
        if ours.name != state.name {
            return Err(IndexError::Damaged {
                what: format!("Source {:?} has two numbers in it", state.name),
            });
        }
        *ours = state.binding_only();
        self.forget_running(state.id);
        self.moving.remove(&state.id);
        self.checkpoint_changed = true;
        self.heal_states();
        Ok(())
    }

    /// Makes the records of an interval equal to those of another index.
    pub fn replace_records(&mut self, copied: CopiedRecords) -> Result<(), IndexError> {
        let (id, times) = (copied.source, plausible_times());
        let records = copied.records.into_iter();
        let mut records = records
            .map(|(key, record)| (key, healed(times, record)))
            .peekable();
        let mut rest = copied.interval;
        loop {
            let (present, last_read) = self.read(id, &rest, RecordFilter::All)?;
            for (known, old) in present {
                while let Some((key, record)) = records.next_if(|(key, _)| *key < known) {
                    self.pending.put(id, &key, Some(record), false);
                }
                let new = records.next_if(|(key, _)| *key == known);
                let new = new.map(|(_, record)| record);
                if new.as_ref() != Some(&old) {
                    self.pending.put(id, &known, new, true);
                }
            }
            self.commit_if_full()?;
            match last_read {
                Some(last) => rest = rest.after(&last),
                None => break,
            }
        }
        for (key, record) in records {
            self.pending.put(id, &key, Some(record), false);
        }
        self.commit_if_full()
    }
}
