//! The previous index: the index that a rebuild will replace.
//!
//! A rebuild takes two things from it: when each asset was first seen, and the records of disabled Sources,
//! which no scan fills. It takes nothing else, because it may run to repair what is wrong in the previous
//! index. It also asks where to split the listing: a wrong answer only makes the scan slower. Damage of the previous index does not make a rebuild fail.

use std::ops::Bound;

use super::heal::{healed, plausible_times};
use super::{CopiedRecords, Ledger, READ_CHUNK};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::listing::PageEntry;
use crate::core::replication::order::Decision;
use crate::core::replication::reconcile::merge_join;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::{SourceId, SourceState};
use crate::core::replication::timestamp::Timestamp;
use crate::index::{Engine, IndexError, KeyedRecord, RecordFilter};

/// The index that a rebuild will replace, opened for reading.
pub(super) struct PreviousIndex<E> {
    engine: E,
    checkpoint: Checkpoint,
}

/// When keys were first seen, ascending by key.
#[derive(Default)]
pub(super) struct FirstSeen(Vec<(String, Timestamp)>);

impl FirstSeen {
    /// If the decision writes an asset that has no record in this index, sets when it was first seen to the
    /// time in the previous index, if it has one.
    pub(super) fn keep_first_seen(&self, key: &str, old: Option<&Record>, decision: &mut Decision) {
        let Decision::Write(Record {
            content: RecordContent::Live { first_seen, .. },
            ..
        }) = decision
        else {
            return;
        };
        let found = self.0.binary_search_by(|(seen, _)| (**seen).cmp(key));
        if let (None, Ok(index)) = (old, found) {
            *first_seen = self.0[index].1;
        }
    }
}

impl<E: Engine> PreviousIndex<E> {
    /// The id of the Source in the previous index, if its records are from the same bucket and prefix.
    fn id_of(&self, state: &SourceState) -> Option<SourceId> {
        let previous = self.checkpoint.source(&state.name)?;
        let is_same = previous.origin == state.origin && previous.prefix == state.prefix;
        is_same.then_some(previous.id)
    }

    /// The number of assets of the Source with this name, from any bucket. 0 if they cannot be counted.
    pub(super) fn assets_of(&self, name: &str) -> u64 {
        let Some(state) = self.checkpoint.source(name) else {
            return 0;
        };
        self.engine.assets(state.id).unwrap_or_else(|error| {
            tracing::warn!(source = name, %error, "failed to count assets in the previous index");
            0
        })
    }

    /// The first records of the interval, without implausible times.
    fn read(
        &self,
        id: SourceId,
        interval: &KeyInterval,
        limit: usize,
    ) -> Result<Vec<KeyedRecord>, IndexError> {
        let times = plausible_times();
        let records = self.engine.read(id, interval, RecordFilter::All, limit)?;
        let healed = |(key, record)| (key, healed(times, record));
        Ok(records.into_iter().map(healed).collect())
    }

    /// Reads when the previous index first saw each entry. Leaves out entries that are not assets there. The
    /// entries must be ascending by key.
    fn first_seen(&self, id: SourceId, mut entries: &[PageEntry]) -> Result<FirstSeen, IndexError> {
        let mut seen = FirstSeen::default();
        // The loop ends, because each turn reads past at least one entry.
        while let (Some(first), Some(last)) = (entries.first(), entries.last()) {
            let interval = KeyInterval {
                lower: Bound::Included(first.key.clone()),
                upper: Bound::Included(last.key.clone()),
            };
            let records = self.read(id, &interval, READ_CHUNK)?;
            merge_join(entries, &records, |pair| {
                let first_seen = pair.indexed.and_then(Record::first_seen);
                if let (Some(_), Some(time)) = (pair.listed, first_seen) {
                    seen.0.push((pair.key.to_owned(), time));
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

    /// When the key was first seen, if it is an asset in the previous index.
    fn first_seen_of(&self, id: SourceId, key: &str) -> Result<FirstSeen, IndexError> {
        let interval = KeyInterval {
            lower: Bound::Included(key.to_owned()),
            upper: Bound::Included(key.to_owned()),
        };
        let records = self.read(id, &interval, 1)?;
        let first_seen = |(key, record): (String, Record)| Some((key, record.first_seen()?));
        Ok(FirstSeen(
            records.into_iter().filter_map(first_seen).collect(),
        ))
    }
}

impl<E: Engine> Ledger<E> {
    /// Sets the previous index. From now on, if an asset is new in this index but the previous index has it,
    /// it keeps the time at which the previous index first saw it.
    ///
    /// The ledger only reads the previous index.
    pub fn set_previous_index(&mut self, previous: E) -> Result<(), IndexError> {
        self.previous = Some(PreviousIndex {
            checkpoint: previous.checkpoint()?,
            engine: previous,
        });
        Ok(())
    }

    /// Copies the records of a disabled Source from the previous index, unchanged, because no scan fills it.
    /// Commits.
    ///
    /// When the Source is enabled again, a scan is due, as after any rebuild.
    pub fn copy_records(&mut self, name: &str) -> Result<(), IndexError> {
        let Some(id) = self.checkpoint.source(name).map(|state| state.id) else {
            return Ok(());
        };
        let mut rest = Some(KeyInterval::everything());
        while let Some(interval) = rest {
            let next = |previous: &PreviousIndex<E>, previous_id| {
                let records =
                    previous
                        .engine
                        .read(previous_id, &interval, RecordFilter::All, READ_CHUNK)?;
                Ok(Some(CopiedRecords::new(id, &interval, records, READ_CHUNK)))
            };
            // Without a readable previous index, the records stay as they are.
            let Some((copied, after)) = self.read_previous(id, next)? else {
                break;
            };
            self.replace_records(copied)?;
            rest = after;
        }
        self.commit()
    }

    /// Reads when the previous index first saw each entry. Leaves out entries that are not assets there. The
    /// entries must be ascending by key.
    pub(super) fn previous_first_seen(
        &mut self,
        id: SourceId,
        entries: &[PageEntry],
    ) -> Result<FirstSeen, IndexError> {
        self.read_previous(id, |previous, id| previous.first_seen(id, entries))
    }

    /// When the key was first seen, if it is an asset in the previous index.
    pub(super) fn previous_first_seen_of_key(
        &mut self,
        id: SourceId,
        key: &str,
    ) -> Result<FirstSeen, IndexError> {
        self.read_previous(id, |previous, id| previous.first_seen_of(id, key))
    }

    /// Whether a scan of the Source was complete in the previous index, in the same bucket and prefix.
    pub(super) fn is_in_previous(&self, id: SourceId) -> bool {
        let (Some(previous), Some(state)) = (&self.previous, self.checkpoint.state(id)) else {
            return false;
        };
        let theirs = previous.checkpoint.source(&state.name);
        previous.id_of(state).is_some() && theirs.is_some_and(|it| it.complete_as_of.is_some())
    }

    /// About how many records of the interval the previous index has.
    pub(super) fn previous_estimate(
        &mut self,
        id: SourceId,
        interval: &KeyInterval,
    ) -> Result<u64, IndexError> {
        // A wrong estimate does no harm. Reading the records shows damage.
        self.read_previous(id, |previous, id| {
            Ok(previous.engine.estimate(id, interval).unwrap_or_default())
        })
    }

    /// See [`Engine::split_points`].
    pub(super) fn previous_split_points(
        &mut self,
        id: SourceId,
        interval: &KeyInterval,
        parts: usize,
    ) -> Result<Vec<String>, IndexError> {
        self.read_previous(id, |previous, id| {
            let points = previous.engine.split_points(id, interval, parts);
            Ok(points.unwrap_or_default())
        })
    }

    /// Calls `read` with the previous index and the id of a Source in it. Returns the default if there is no
    /// previous index or it does not hold the Source. If the previous index is damaged, it is no longer used.
    fn read_previous<T: Default>(
        &mut self,
        id: SourceId,
        read: impl FnOnce(&PreviousIndex<E>, SourceId) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let (Some(previous), Some(state)) = (&self.previous, self.checkpoint.state(id)) else {
            return Ok(T::default());
        };
        let Some(previous_id) = previous.id_of(state) else {
            return Ok(T::default());
        };
        match read(previous, previous_id) {
            Err(error) if error.is_damage() => {
                tracing::warn!(%error, "the previous index is damaged; the remaining assets count as new");
                self.previous = None;
                Ok(T::default())
            }
            result => result,
        }
    }
}
