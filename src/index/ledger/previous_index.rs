//! The index that a rebuild is to take the place of: since when each of its assets has been there, and the
//! records of those Sources that no scan fills, because they are disabled.
//!
//! Nothing else is taken from it, because a rebuild is there to mend what is wrong in it; and damage of it
//! does not make a rebuild fail.

use std::ops::Bound;

use super::{Ledger, READ_CHUNK};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::listing::PageEntry;
use crate::core::replication::order::Decision;
use crate::core::replication::reconcile::merge_join;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::{SourceId, SourceState};
use crate::core::replication::timestamp::Timestamp;
use crate::index::{Engine, IndexError, RecordFilter};

/// An index that is only read.
pub(super) struct PreviousIndex<E> {
    engine: E,
    checkpoint: Checkpoint,
}

/// When keys were first seen, ascending by key.
#[derive(Default)]
pub(super) struct FirstSeen(Vec<(String, Timestamp)>);

impl FirstSeen {
    /// Lets a key that is new in this index keep when it was first seen.
    pub(super) fn carry_to(&self, key: &str, old: Option<&Record>, decision: &mut Decision) {
        let Decision::Write(Record {
            content: RecordContent::Live { first_seen, .. },
            ..
        }) = decision
        else {
            return;
        };
        let place = self.0.binary_search_by(|(seen, _)| (**seen).cmp(key));
        if let (None, Ok(place)) = (old, place) {
            *first_seen = self.0[place].1;
        }
    }
}

impl<E: Engine> PreviousIndex<E> {
    /// The number that the Source has there, if the records are of the same bucket and folder.
    fn number_of(&self, state: &SourceState) -> Option<SourceId> {
        let theirs = self.checkpoint.source(&state.name)?;
        let is_same = theirs.origin == state.origin && theirs.prefix == state.prefix;
        is_same.then_some(theirs.id)
    }

    /// When those of the ascending entries were first seen that are live there.
    fn first_seen(&self, id: SourceId, mut entries: &[PageEntry]) -> Result<FirstSeen, IndexError> {
        let mut seen = FirstSeen::default();
        // Each turn has read past one entry at the least.
        while let (Some(first), Some(last)) = (entries.first(), entries.last()) {
            let interval = KeyInterval {
                lower: Bound::Included(first.key.clone()),
                upper: Bound::Included(last.key.clone()),
            };
            let records = self
                .engine
                .read(id, &interval, RecordFilter::All, READ_CHUNK)?;
            merge_join(entries, &records, |pair| {
                let there = pair.indexed.and_then(Record::first_seen);
                if let (Some(_), Some(stamp)) = (pair.listed, there) {
                    seen.0.push((pair.key.to_owned(), stamp));
                }
                Ok::<(), IndexError>(())
            })?;
            let is_full = records.len() >= READ_CHUNK;
            let Some((last_read, _)) = records.last().filter(|_| is_full) else {
                break;
            };
            entries = &entries[entries.partition_point(|entry| entry.key <= *last_read)..];
        }
        Ok(seen)
    }

    /// When the key was first seen, if it is live there.
    fn first_seen_of(&self, id: SourceId, key: &str) -> Result<FirstSeen, IndexError> {
        let interval = KeyInterval {
            lower: Bound::Included(key.to_owned()),
            upper: Bound::Included(key.to_owned()),
        };
        let records = self.engine.read(id, &interval, RecordFilter::All, 1)?;
        let stamped = |(key, record): (String, Record)| Some((key, record.first_seen()?));
        Ok(FirstSeen(records.into_iter().filter_map(stamped).collect()))
    }
}

impl<E: Engine> Ledger<E> {
    /// Has what is live in that index, and new in this one, keep when it was first seen.
    ///
    /// Of it only the checkpoint and [`Engine::read`] are used.
    pub fn set_previous_index(&mut self, previous: E) -> Result<(), IndexError> {
        self.previous = Some(PreviousIndex {
            checkpoint: previous.checkpoint()?,
            engine: previous,
        });
        Ok(())
    }

    /// Takes over the records of a Source that no scan will fill, as they are: they wait until it is enabled
    /// again. A scan is due then as after any rebuild.
    pub fn copy_records(&mut self, name: &str) -> Result<(), IndexError> {
        let Some(id) = self.checkpoint.source(name).map(|state| state.id) else {
            return Ok(());
        };
        let mut rest = KeyInterval::everything();
        loop {
            let next = |previous: &PreviousIndex<E>, theirs| {
                previous
                    .engine
                    .read(theirs, &rest, RecordFilter::All, READ_CHUNK)
            };
            let records = self.ask_previous(id, next)?;
            let Some((last, _)) = records.last() else {
                return self.commit();
            };
            let (seen, behind) = (rest.up_to(last), Bound::Excluded(last.clone()));
            // A rebuild that goes on has some of them.
            let (ours, _) = self.read(id, &seen, RecordFilter::All)?;
            for (key, record) in records {
                let known = ours.binary_search_by(|(there, _)| there.cmp(&key)).is_ok();
                self.pending.put(id, &key, Some(record), known);
            }
            self.commit_if_full()?;
            rest.lower = behind;
        }
    }

    /// When those of the ascending entries were first seen that the predecessor has.
    pub(super) fn first_seen_before(
        &mut self,
        id: SourceId,
        entries: &[PageEntry],
    ) -> Result<FirstSeen, IndexError> {
        self.ask_previous(id, |previous, id| previous.first_seen(id, entries))
    }

    /// When the key was first seen, if the predecessor has it.
    pub(super) fn key_first_seen_before(
        &mut self,
        id: SourceId,
        key: &str,
    ) -> Result<FirstSeen, IndexError> {
        self.ask_previous(id, |previous, id| previous.first_seen_of(id, key))
    }

    /// What the predecessor answers of the Source; nothing where it does not have it.
    fn ask_previous<T: Default>(
        &mut self,
        id: SourceId,
        ask: impl FnOnce(&PreviousIndex<E>, SourceId) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let (Some(previous), Some(state)) = (&self.previous, self.checkpoint.state(id)) else {
            return Ok(T::default());
        };
        let Some(theirs) = previous.number_of(state) else {
            return Ok(T::default());
        };
        match ask(previous, theirs) {
            Err(error) if error.is_damage() => {
                tracing::warn!(%error, "the index before is damaged; what comes now counts as new");
                self.previous = None;
                Ok(T::default())
            }
            answer => answer,
        }
    }
}
