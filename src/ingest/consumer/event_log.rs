//! What became of an event, told in the log: one constant message for each event and Source.
//!
//! At debug, because it names keys. Nothing is decided or counted here.

use super::look_up::LookUpError;
use crate::core::replication::notification::{EventMeaning, ObjectEvent};
use crate::core::replication::order::SkipReason;
use crate::index::ledger::Applied;

/// Tells of an event that is of no concern to this Source, or to any.
pub(super) fn tell_passed_over(source: Option<&str>, event: &ObjectEvent, became: &'static str) {
    tell(source, &event.key, &event.name, became, false);
}

/// Tells what became of an event, which may have been known only after its key was listed alone.
pub(super) fn tell(
    source: Option<&str>,
    key: &str,
    event: &str,
    became: &'static str,
    looked_up: bool,
) {
    tracing::debug!(source, key, event, became, looked_up, "an event came");
}

/// Why an event is of no concern to anybody, where its meaning says so.
pub(super) fn of_no_concern(meaning: &EventMeaning) -> Option<&'static str> {
    match meaning {
        EventMeaning::Irrelevant => Some("passed over: it changes nothing that is indexed"),
        EventMeaning::Unknown => Some("passed over: its kind is not known"),
        EventMeaning::Certain(_) | EventMeaning::LookUp(_) => None,
    }
}

/// What became of an event that the index has decided on.
pub(super) fn of_applied(applied: Applied) -> &'static str {
    match applied {
        Applied::Written => "written",
        Applied::Stale(SkipReason::Unchanged) => "stale: the index says the same",
        Applied::Stale(SkipReason::Absent) => "stale: there is nothing to remove",
        Applied::Stale(SkipReason::BeforeScan) => "stale: a scan since then has listed its key",
        Applied::Stale(SkipReason::NotNewer) => "stale: not newer than what the index has",
        Applied::Stale(SkipReason::SequencerNotAbove) => {
            "stale: a duplicate, or a later one came first"
        }
        Applied::LookUp => "its key is to be listed: it comes again",
        Applied::NotYet => "the Source is not ready for it: it comes again",
    }
}

/// What became of an event whose key could not be listed.
pub(super) fn of_failed(error: &LookUpError) -> &'static str {
    match error {
        LookUpError::NotYet => of_applied(Applied::NotYet),
        LookUpError::Resting => "not looked up, as another key could not be: it comes again",
        _ => "its key cannot be looked up: it comes again",
    }
}
