//! What leaves the index without a listing: records that the configuration has made wrong.

use std::sync::Arc;

use super::{Ledger, Scan};
use crate::core::counters::ScanProgress;
use crate::core::replication::checkpoint::StaleRecords;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::record::Record;
use crate::core::replication::source_state::{FollowedUntil, SourceId, SourceState};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;
use crate::index::{Engine, IndexError, RecordFilter};

impl<E: Engine> Ledger<E> {
    /// Removes the records of Sources that are not among `names`; their subdomains stay bound.
    pub fn forget_others(&mut self, names: &[String]) -> Result<(), IndexError> {
        let is_gone = |state: &&SourceState| !names.contains(&state.name);
        let gone: Vec<SourceId> = self
            .checkpoint
            .sources
            .iter()
            .filter(is_gone)
            .map(|state| state.id)
            .collect();
        for id in gone {
            if self.state(id)?.last_scan == 0 {
                continue;
            }
            self.erase_listed(id, None, |_, _| true)?;
        }
        self.commit()
    }

    /// Removes what a Source's present configuration has made wrong. Gives what is still known of the
    /// others, for whoever finishes the change.
    pub(super) fn sweep(
        &mut self,
        id: SourceId,
        scan: &Scan,
        wrong: StaleRecords,
    ) -> Result<Known, IndexError> {
        if wrong == StaleRecords::None {
            return Ok(Known::default());
        }
        self.erase_listed(id, Some(&scan.progress), |key, record| {
            is_stale_record(&scan.source, wrong, key, record)
        })
    }

    /// Removes the records that `is_wrong` names, without a trace; the last of them are pending.
    ///
    /// From the first commit on nothing counts as known of the Source: a crash could leave what is
    /// erased missing under the old configuration, which may come back.
    fn erase_listed(
        &mut self,
        id: SourceId,
        progress: Option<&Arc<ScanProgress>>,
        is_wrong: impl Fn(&str, &Record) -> bool,
    ) -> Result<Known, IndexError> {
        let state = self.state(id)?;
        let was_running = state.running.take().is_some();
        let known = Known {
            complete_as_of: state.complete_as_of.take(),
            partial_as_of: state.partial_as_of.take(),
            followed: state.followed.take(),
        };
        self.checkpoint_changed |= was_running || known != Known::default();
        self.erase(id, RecordFilter::All, progress, is_wrong)?;
        Ok(known)
    }

    /// Removes such records that `is_wrong` names, without a trace; the last of them are pending.
    pub(super) fn erase(
        &mut self,
        id: SourceId,
        filter: RecordFilter,
        progress: Option<&Arc<ScanProgress>>,
        is_wrong: impl Fn(&str, &Record) -> bool,
    ) -> Result<(), IndexError> {
        let counted = self.counted(id, progress);
        let mut rest = KeyInterval::everything();
        loop {
            let (indexed, last_read) = self.read(id, &rest, filter)?;
            for (key, record) in &indexed {
                if is_wrong(key, record) {
                    self.pending.put(id, key, None, true);
                    counted.count(record.object().is_some(), false);
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

/// What was known of a Source before records were erased.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    complete_as_of: Option<Timestamp>,
    partial_as_of: Option<Timestamp>,
    followed: Option<FollowedUntil>,
}

impl Known {
    /// Lets it be known again, with the commit in which the last of them are erased.
    pub(super) fn give_back(self, state: &mut SourceState) {
        state.complete_as_of = self.complete_as_of;
        state.partial_as_of = self.partial_as_of;
        state.followed = self.followed;
    }
}

/// Whether the Source's configuration has made the record wrong.
pub(super) fn is_stale_record(
    source: &Source,
    stale_records: StaleRecords,
    key: &str,
    record: &Record,
) -> bool {
    match stale_records {
        StaleRecords::None => false,
        StaleRecords::Everything => true,
        StaleRecords::NotAdmitted => {
            // A tombstone has no size; 1 asks whether a key that is no folder marker is admitted.
            let size = record.object().map_or(1, |object| object.size);
            !source.admits(key, size)
        }
    }
}
