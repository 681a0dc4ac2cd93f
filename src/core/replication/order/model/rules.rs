//! The real rules of `order`, and broken variants that the model must catch.

use crate::core::replication::object::Object;
use crate::core::replication::order::{
    CertainEvent, Decision, ScanWatermarks, SkipReason, TOMBSTONE_MARGIN, decide_event,
    decide_page, is_purgeable,
};
use crate::core::replication::record::Record;
use crate::core::replication::timestamp::Timestamp;

/// One way to break the rules: a real function gets a wrong input, or its decision is altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokenRule {
    EventsIgnoreCompletedScans,
    EventsIgnoreListedAt,
    EventsIgnoreSequencers,
    EqualEventsDoNotAdvanceTheSequencer,
    StaleEventsLeaveNoSequencer,
    PagesOutrankEventsAppliedSince,
    EventTimesGoBack,
    RemovalsLeaveNoTombstone,
    PagesIgnoreCompletedScans,
    PagesIgnoreTheRunningScan,
    PagesIgnoreEventTimes,
    PagesIgnoreListedAt,
    PagesDropTheSequencer,
    PagesEraseWithoutTombstone,
    ScansPurgeTheirOwnTombstones,
    ScansPurgeWithoutMargin,
    ScansCompleteAsOfTheirEnd,
    ScansStartBeforeTheLastOne,
}

/// The real rules, with one of them broken if `broken` is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) broken: Option<BrokenRule>,
}

impl Rules {
    pub(super) fn has(&self, broken: BrokenRule) -> bool {
        self.broken == Some(broken)
    }

    pub(super) fn event(
        &self,
        record: Option<&Record>,
        event: &CertainEvent,
        watermarks: &ScanWatermarks,
    ) -> Decision {
        let mut watermarks = *watermarks;
        let mut known = record.cloned();
        if self.has(BrokenRule::EventsIgnoreCompletedScans) {
            watermarks.complete_as_of = None;
        }
        if let Some(known) = &mut known {
            if self.has(BrokenRule::EventsIgnoreListedAt) {
                known.listed_at = None;
            }
            if self.has(BrokenRule::EventsIgnoreSequencers) {
                known.sequencer = None;
            }
            if self.has(BrokenRule::PagesOutrankEventsAppliedSince) {
                known.event_time = None;
            }
        }
        let mut decision = decide_event(known.as_ref(), event, &watermarks);
        if let Decision::Write(written) = &mut decision {
            if let Some(record) = record {
                written.listed_at = record.listed_at;
                written.event_time = written.event_time.max(record.event_time);
            }
            let known_time = record.and_then(|record| record.event_time);
            if self.has(BrokenRule::StaleEventsLeaveNoSequencer)
                && written.event_time == known_time
                && record.map(Record::object).unwrap_or_default() == written.object()
            {
                return Decision::Keep(SkipReason::NotNewer);
            }
            if self.has(BrokenRule::EventTimesGoBack) && written.event_time.is_some() {
                written.event_time = Some(event.time);
            }
            if self.has(BrokenRule::EqualEventsDoNotAdvanceTheSequencer)
                && record.is_some_and(|record| record.object() == written.object())
            {
                written.sequencer = record.and_then(|record| record.sequencer.clone());
            }
            if self.has(BrokenRule::RemovalsLeaveNoTombstone) && written.object().is_none() {
                return Decision::Erase;
            }
        }
        decision
    }

    pub(super) fn page(
        &self,
        record: Option<&Record>,
        listed: Option<&Object>,
        listed_at: Timestamp,
        watermarks: &ScanWatermarks,
    ) -> Decision {
        let mut watermarks = *watermarks;
        let mut known = record.cloned();
        if self.has(BrokenRule::PagesIgnoreCompletedScans) {
            watermarks.complete_as_of = None;
        }
        if self.has(BrokenRule::PagesIgnoreTheRunningScan) {
            watermarks.scanning_since = None;
        }
        if let Some(known) = &mut known {
            if self.has(BrokenRule::PagesIgnoreEventTimes) {
                known.event_time = None;
            }
            if self.has(BrokenRule::PagesIgnoreListedAt) {
                known.listed_at = None;
            }
        }
        let mut decision = decide_page(known.as_ref(), listed, listed_at, &watermarks, |_| true);
        if let Decision::Write(written) = &mut decision {
            written.event_time = record.and_then(|record| record.event_time);
            if self.has(BrokenRule::PagesDropTheSequencer) {
                written.sequencer = None;
            }
            if self.has(BrokenRule::PagesEraseWithoutTombstone) && written.object().is_none() {
                return Decision::Erase;
            }
        }
        decision
    }

    pub(super) fn is_purgeable(&self, record: &Record, watermarks: &ScanWatermarks) -> bool {
        let mut watermarks = *watermarks;
        if self.has(BrokenRule::ScansPurgeTheirOwnTombstones) {
            watermarks.scan = u64::MAX;
        }
        if self.has(BrokenRule::ScansPurgeWithoutMargin) {
            let margin = TOMBSTONE_MARGIN.as_millis() as i64;
            let later = |as_of: Timestamp| Timestamp::from_millis(as_of.as_millis() + margin);
            watermarks.complete_as_of = watermarks.complete_as_of.map(later);
        }
        is_purgeable(record, &watermarks)
    }
}
