//! What leaves the index without a listing: records that the configuration has made wrong.

use std::sync::Arc;

use super::{Ledger, Scan};
use crate::index::progress::Progress;
use crate::index::{Engine, IndexError, Which};
use crate::source::Source;
use crate::sync::checkpoint::Leftovers;
use crate::sync::interval::KeyInterval;
use crate::sync::record::Record;
use crate::sync::source_state::{SourceId, SourceState};

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
            let state = self.state(id)?;
            let was_listed = state.running.is_some() || state.complete_as_of.is_some();
            (state.running, state.complete_as_of) = (None, None);
            state.followed = None;
            self.checkpoint_changed |= was_listed;
        }
        self.commit()
    }

    /// Removes what a Source's present configuration has made wrong.
    pub(super) fn sweep(
        &mut self,
        id: SourceId,
        scan: &Scan,
        wrong: Leftovers,
    ) -> Result<(), IndexError> {
        if wrong == Leftovers::None {
            return Ok(());
        }
        self.erase_listed(id, Some(&scan.progress), |key, record| {
            is_left_over(&scan.source, wrong, key, record)
        })
    }

    /// Removes the records that `is_wrong` names, without a trace, and commits.
    fn erase_listed(
        &mut self,
        id: SourceId,
        progress: Option<&Arc<Progress>>,
        is_wrong: impl Fn(&str, &Record) -> bool,
    ) -> Result<(), IndexError> {
        // A scan that goes on would take for settled what is erased here.
        self.checkpoint_changed |= self.state(id)?.running.take().is_some();
        self.erase(id, Which::All, progress, is_wrong)?;
        self.commit()
    }

    /// Removes such records that `is_wrong` names, without a trace; the last of them are pending.
    pub(super) fn erase(
        &mut self,
        id: SourceId,
        which: Which,
        progress: Option<&Arc<Progress>>,
        is_wrong: impl Fn(&str, &Record) -> bool,
    ) -> Result<(), IndexError> {
        let counted = self.counted(id, progress);
        let mut rest = KeyInterval::everything();
        loop {
            let (indexed, last_read) = self.read(id, &rest, which)?;
            for (key, record) in &indexed {
                if is_wrong(key, record) {
                    self.pending.put(id, key, None, true);
                    counted.count(record.object().is_some(), false);
                }
            }
            let Some(last) = last_read else {
                return Ok(());
            };
            rest = rest.behind(&last);
            self.commit_if_full()?;
        }
    }
}

/// Whether the Source's configuration has made the record wrong.
pub(super) fn is_left_over(
    source: &Source,
    leftovers: Leftovers,
    key: &str,
    record: &Record,
) -> bool {
    match leftovers {
        Leftovers::None => false,
        Leftovers::Everything => true,
        Leftovers::NotAdmitted => {
            // A tombstone has no size; 1 asks whether a key that is no folder marker is admitted.
            let size = record.object().map_or(1, |object| object.size);
            !source.admits(key, size)
        }
    }
}
