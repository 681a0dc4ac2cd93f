//! Stale records: removes the records that a change of the configuration made wrong, without a listing.

use std::sync::Arc;

use super::{Ledger, Scan};
use crate::core::counters::ScanProgress;
use crate::core::replication::checkpoint::StaleRecords;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::record::Record;
use crate::core::replication::source_state::{FollowedUntil, SourceId, SourceState};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;
use crate::index::large_removals::is_large_removal;
use crate::index::{Engine, IndexError, RecordFilter};

impl<E: Engine> Ledger<E> {
    /// Removes the stale records of a Source. Returns what was known about the Source. The caller restores it
    /// after it has adopted the new configuration.
    pub(super) fn remove_stale_records(
        &mut self,
        id: SourceId,
        scan: &Scan,
        stale: StaleRecords,
    ) -> Result<SavedState, IndexError> {
        if stale == StaleRecords::None {
            return Ok(SavedState::default());
        }
        let progress = &scan.progress;
        let (of, before) = (self.engine.assets(id)?, progress.removed.get());
        let saved = self.erase_and_forget(id, Some(progress), |key, record| {
            is_stale_record(&scan.source, stale, key, record)
        })?;
        let removed = progress.removed.get() - before;
        progress.assets_before.raise_to(of);
        if is_large_removal(removed, of) {
            progress.lost_at_once.raise_to(removed);
        }
        if stale == StaleRecords::NotAdmitted {
            progress.excluded.add(removed);
            self.announce_new_rules(&scan.source.name, removed, of);
        }
        Ok(saved)
    }

    /// Removes the records for which `is_stale` is true, and leaves no tombstones. The last removals are
    /// pending.
    ///
    /// The first commit already says that nothing is known about the Source. Otherwise, if the process
    /// crashed and the old configuration came back, the index would claim to be complete without the removed
    /// records. Returns what was known before.
    pub(super) fn erase_and_forget(
        &mut self,
        id: SourceId,
        progress: Option<&Arc<ScanProgress>>,
        is_stale: impl Fn(&str, &Record) -> bool,
    ) -> Result<SavedState, IndexError> {
        let state = self.state(id)?;
        let was_running = state.running.take().is_some();
        let saved = SavedState {
            complete_as_of: state.complete_as_of.take(),
            partial_as_of: state.partial_as_of.take(),
            followed: state.followed.take(),
        };
        self.checkpoint_changed |= was_running || saved != SavedState::default();
        self.erase(id, RecordFilter::All, progress, is_stale)?;
        Ok(saved)
    }

    /// Removes the records that pass the filter and for which `should_erase` is true, and leaves no
    /// tombstones. The last removals are pending.
    pub(super) fn erase(
        &mut self,
        id: SourceId,
        filter: RecordFilter,
        progress: Option<&Arc<ScanProgress>>,
        should_erase: impl Fn(&str, &Record) -> bool,
    ) -> Result<(), IndexError> {
        let counters = self.change_counters(id, progress);
        let mut rest = KeyInterval::everything();
        loop {
            let (indexed, last_read) = self.read(id, &rest, filter)?;
            for (key, record) in &indexed {
                if should_erase(key, record) {
                    self.pending.put(id, key, None, true);
                    counters.count(record.object().is_some(), false);
                }
            }
            let Some(last) = last_read else {
                return Ok(());
            };
            rest = rest.after(&last);
            self.commit_if_full()?;
        }
    }
}

/// The parts of a Source's state that are reset while its stale records are removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SavedState {
    complete_as_of: Option<Timestamp>,
    partial_as_of: Option<Timestamp>,
    followed: Option<FollowedUntil>,
}

impl SavedState {
    /// Restores the state. It becomes durable in the commit that also holds the last removals.
    pub(super) fn restore(self, state: &mut SourceState) {
        state.complete_as_of = self.complete_as_of;
        state.partial_as_of = self.partial_as_of;
        state.followed = self.followed;
    }
}

/// Whether a record is stale.
pub(super) fn is_stale_record(
    source: &Source,
    stale: StaleRecords,
    key: &str,
    record: &Record,
) -> bool {
    match stale {
        StaleRecords::None => false,
        StaleRecords::Everything => true,
        StaleRecords::NotAdmitted => {
            // A tombstone has no size. With size 1 the key is not taken for a folder marker.
            let size = record.object().map_or(1, |object| object.size);
            !source.admits(key, size)
        }
    }
}
