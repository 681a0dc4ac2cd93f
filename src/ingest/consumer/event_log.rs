//! Logs the outcome of each event: one line per event and Source, at debug because it names the key.
//!
//! It decides and counts nothing.

use super::look_up::LookUpError;
use crate::core::replication::notification::{EventMeaning, ObjectEvent};
use crate::core::replication::order::SkipReason;
use crate::index::ledger::EventOutcome;

/// Logs an event that is skipped for this Source, or for all if `source` is `None`.
pub(super) fn log_skipped(source: Option<&str>, event: &ObjectEvent, outcome: &'static str) {
    log(source, &event.key, &event.name, outcome, false);
}

/// Logs the outcome of an event.
pub(super) fn log(
    source: Option<&str>,
    key: &str,
    event: &str,
    outcome: &'static str,
    looked_up: bool,
) {
    tracing::debug!(source, key, event, outcome, looked_up, "event handled");
}

/// The outcome of an event that concerns no Source because of its kind.
pub(super) fn irrelevant_outcome(meaning: &EventMeaning) -> Option<&'static str> {
    match meaning {
        EventMeaning::Irrelevant => Some("skipped: it changes nothing that is indexed"),
        EventMeaning::UnusableKey => Some("skipped: its key is not UTF-8"),
        EventMeaning::CloudTrail => Some("skipped: a record of CloudTrail, not an event of S3"),
        EventMeaning::Unknown => Some("skipped: unknown kind of event"),
        EventMeaning::Certain(_) | EventMeaning::LookUp { .. } => None,
    }
}

/// The outcome of an event that the index has decided.
pub(super) fn applied_outcome(applied: EventOutcome) -> &'static str {
    match applied {
        EventOutcome::Written => "written",
        EventOutcome::Stale(SkipReason::Unchanged) => "stale: the index has the same",
        EventOutcome::Stale(SkipReason::Absent) => "stale: there is nothing to remove",
        EventOutcome::Stale(SkipReason::BeforeScan) => "stale: a later scan has listed its key",
        EventOutcome::Stale(SkipReason::NotNewer) => "stale: not newer than what the index has",
        EventOutcome::Stale(SkipReason::SequencerNotAbove) => {
            "stale: a duplicate, or a later event came first"
        }
        EventOutcome::NeedsLookUp => "waiting for redelivery: its key must be listed",
        EventOutcome::NotYet => "waiting for redelivery: the Source is not ready for it",
    }
}

/// The outcome of an event whose look-up failed.
pub(super) fn failed_outcome(error: &LookUpError) -> &'static str {
    match error {
        LookUpError::NotYet => applied_outcome(EventOutcome::NotYet),
        LookUpError::Paused => "waiting for redelivery: look-ups of the Source are paused",
        _ => "waiting for redelivery: its key cannot be looked up",
    }
}
