//! Forgets times that a wrong clock left in the index; see [`PlausibleTimes`].
//!
//! States are healed when a ledger opens, and records when they are read. The next scan writes healed records.

use super::Ledger;
use super::attach::now_millis;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::order::{Decision, SkipReason};
use crate::core::replication::plausible::PlausibleTimes;
use crate::core::replication::record::Record;
use crate::core::replication::timestamp::Timestamp;

/// The times that are plausible now.
pub(super) fn plausible_times() -> PlausibleTimes {
    PlausibleTimes::at(Timestamp::from_millis(now_millis()))
}

/// Returns the record without implausible times.
pub(super) fn healed(times: PlausibleTimes, record: Record) -> Record {
    times.heal_record(&record).unwrap_or(record)
}

/// Makes the decision about an unchanged record write it if its times were healed.
pub(super) fn write_healed(decision: &mut Decision, healed: Option<&Record>, listed_at: Timestamp) {
    if let (Decision::Keep(SkipReason::Unchanged), Some(healed)) = (&*decision, healed) {
        *decision = Decision::Write(Record {
            listed_at: Some(listed_at),
            ..healed.clone()
        });
    }
}

impl<E> Ledger<E> {
    /// Forgets the implausible times of all Sources.
    pub(super) fn heal_states(&mut self) {
        let times = plausible_times();
        let Checkpoint { sources } = &mut self.checkpoint;
        for state in sources {
            if times.heal_state(state) {
                self.checkpoint_changed = true;
                tracing::warn!(
                    source = state.name,
                    "times in the index are in the future; forgetting them, the next scan repairs the records"
                );
            }
        }
    }
}
