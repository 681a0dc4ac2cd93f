//! The ordering rules: whether an event or a listed page is newer than what the index knows about a key.
//!
//! Events and pages reach the index late, more than once and in any order. A rule compares one of them
//! with the record of its key and with the Source's [`ScanWatermarks`], and decides whether to keep,
//! write or erase the record. The rules are pure functions. They store nothing and do not depend on the
//! engine.
//!
//! An [`AmbiguousEvent`] does not say what is under its key now. Unless it is stale, the key is looked
//! up, that is, listed by itself, and this page decides ([`decide_look_up`]).
//!
//! # The claim
//!
//! Assume that each event is delivered at least once while the Source's rules admit its key. Events may
//! arrive in any order and any number of times. Scans and look-ups may run at any moment, and the process may
//! crash at any point. Then the index ends equal to the admitted keys of the bucket, without another scan, if
//!
//! - no clock of S3 is off by a second or more. This limit comes from [`Timestamp::of_response`]: a page's
//!   timestamp is at least a second before its snapshot. [`CLOCK_DISAGREEMENT`] is twice the limit; and
//! - either all events of a key have a sequencer or none has. If only some have one, their times must be
//!   in order.
//!
//! An event with a wrong sequencer, for example a forged one, can hide later events of its key. This ends
//! with the next page or complete scan that shows the key. Later events of the key are looked up
//! ([`contradicts_sequencers`]), and after [`SEQUENCER_MARGIN`] they count again.
//!
//! If one of these conditions does not hold, or if a message is lost or is discarded because it arrives while
//! other rules are in force, then the index may be wrong for a while: an event that is older than the lost
//! one can be applied when it arrives, or arrives again. The index is right again after the first complete
//! scan that began after the last late event had arrived.
//!
//! The model in `order/model.rs` checks all short histories of one key against the claim, and the
//! simulation in `index/ledger/simulation.rs` checks the ledger around the rules.

use std::time::Duration;

use crate::core::replication::object::Object;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::timestamp::Timestamp;

/// A completed scan purges only tombstones that are older than its start by more than this.
pub const TOMBSTONE_MARGIN: Duration = Duration::from_secs(60);

/// If an event is later than a page or a completed scan by more than this, the sequencers from before do not count.
/// It exceeds everything that clocks of S3 and truncated times can be off.
pub const SEQUENCER_MARGIN: Duration = Duration::from_secs(60);

/// Maximum time by which the times of two events of one key may contradict the order of their sequencers. It
/// is twice the maximum error of a clock of S3, which is one second.
pub const CLOCK_DISAGREEMENT: Duration = Duration::from_secs(2);

/// Maximum time by which an event and a listing of the same change of a key may differ. Listings of AWS have whole
/// seconds and the time at which the request began. Events have milliseconds and the time at which it ended.
pub const EVENT_TIME_TOLERANCE: Duration = Duration::from_secs(2);

/// The progress of the scans of a Source. All times are by S3's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanWatermarks {
    /// Start of the newest completed scan. Everything that happened before is in the index.
    pub complete_as_of: Option<Timestamp>,
    /// Start of the running scan. `None` until its first page has arrived.
    pub scanning_since: Option<Timestamp>,
    /// Number of the running scan, or of the last one. 0 before the first scan.
    pub scan: u64,
}

/// An event that says what is under its key now: a creation, or a removal that names no version. It has
/// a sequencer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertainEvent {
    /// The object that is under the key now. `None` for a removal.
    pub object: Option<Object>,
    /// `eventTime`.
    pub time: Timestamp,
    /// `sequencer`.
    pub sequencer: Sequencer,
}

/// An event that does not say what is under its key now, such as the removal of one version, a change of
/// the storage class, or an event without a sequencer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmbiguousEvent {
    /// A time no earlier than the event, by S3's clock: `eventTime`, or if that cannot be trusted, when
    /// the message was sent.
    pub time: Timestamp,
    /// `sequencer`, if it has one.
    pub sequencer: Option<Sequencer>,
}

/// The decision about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Keep it as it is.
    Keep(SkipReason),
    /// Replace it with this one.
    Write(Record),
    /// Remove it without a tombstone.
    Erase,
}

/// Why an observation changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// The record says the same.
    Unchanged,
    /// There is no record, and there should be none.
    Absent,
    /// The event is older than the newest completed scan, or the page is older than the newest completed
    /// or the running scan.
    BeforeScan,
    /// The observation is not newer than the record.
    NotNewer,
    /// The event's sequencer is not above the record's: the event is a duplicate, or arrived late.
    SequencerNotAbove,
}

/// Decides what an event does to the record of its key.
///
/// The caller must look the key up instead if [`contradicts_sequencers`] says so.
///
/// A stale event is usually skipped. But if it is at most [`CLOCK_DISAGREEMENT`] older than the page that
/// makes it stale, its sequencer is written into the record. Otherwise an even earlier event of the key could
/// be applied, if S3's clocks gave that event a time after the page. Only a higher sequencer in the record
/// prevents this.
pub fn decide_event(
    record: Option<&Record>,
    event: &CertainEvent,
    watermarks: &ScanWatermarks,
) -> Decision {
    let (time, sequencer) = (event.time, Some(&event.sequencer));
    let Some(reason) = stale_reason(record, time, sequencer, watermarks) else {
        return Decision::Write(Record {
            content: content_of(event.object.clone(), record, time, watermarks),
            // The latest time of all applied events: a page must be newer than each of them, even if
            // their times contradict their sequencers.
            event_time: record.and_then(|record| record.event_time).max(Some(time)),
            sequencer: Some(event.sequencer.clone()),
            listed_at: record.and_then(|record| record.listed_at),
        });
    };
    decide_stale(reason, record, time, sequencer, watermarks)
}

/// Decides what an ambiguous event does to the record of its key, if that is possible without a look-up. A
/// stale event needs no look-up, because the record or a scan already shows the event or something newer.
///
/// Returns `None` if the key must be looked up.
pub fn decide_ambiguous(
    record: Option<&Record>,
    event: &AmbiguousEvent,
    watermarks: &ScanWatermarks,
) -> Option<Decision> {
    let (time, sequencer) = (event.time, event.sequencer.as_ref());
    let reason = stale_reason(record, time, sequencer, watermarks)?;
    if contradicts_sequencers(record, time, sequencer, watermarks) {
        return None;
    }
    Some(decide_stale(reason, record, time, sequencer, watermarks))
}

/// Whether the time and the sequencer of an event contradict each other: a page or a completed scan has shown the key
/// after all applied events, and the event is later than that, but its sequencer is not above theirs.
///
/// One of the sequencers is wrong, for example forged, or clocks of S3 disagree. The key must be looked up, also for a
/// [`CertainEvent`]. Without a wrong sequencer this is rare: a redelivered event is older than the page.
pub fn contradicts_sequencers(
    record: Option<&Record>,
    time: Timestamp,
    sequencer: Option<&Sequencer>,
    watermarks: &ScanWatermarks,
) -> bool {
    let reason = stale_reason(record, time, sequencer, watermarks);
    let shown_at = record.and_then(|record| shown_after_all_of(record, watermarks));
    reason == Some(SkipReason::SequencerNotAbove) && shown_at.is_some_and(|shown| time > shown)
}

/// Keeps the record, or writes the sequencer of the stale event into it if an earlier event could overtake
/// this one.
fn decide_stale(
    reason: SkipReason,
    record: Option<&Record>,
    time: Timestamp,
    sequencer: Option<&Sequencer>,
    watermarks: &ScanWatermarks,
) -> Decision {
    let can_be_overtaken = can_be_overtaken(reason, record, time, sequencer, watermarks);
    let Some(sequencer) = sequencer.filter(|_| can_be_overtaken) else {
        return Decision::Keep(reason);
    };
    Decision::Write(match record {
        Some(record) => Record {
            sequencer: Some(sequencer.clone()),
            ..record.clone()
        },
        None => Record {
            // The completed scan, not this event, has shown that there is no object.
            content: RecordContent::Removed {
                scan: watermarks.scan,
            },
            event_time: None,
            sequencer: Some(sequencer.clone()),
            listed_at: watermarks.complete_as_of,
        },
    })
}

/// Why an event with this time and sequencer is stale. `None` if it is not.
fn stale_reason(
    record: Option<&Record>,
    time: Timestamp,
    sequencer: Option<&Sequencer>,
    watermarks: &ScanWatermarks,
) -> Option<SkipReason> {
    let Some(record) = record else {
        let is_before_scan = watermarks.complete_as_of.is_some_and(|as_of| time < as_of);
        return is_before_scan.then_some(SkipReason::BeforeScan);
    };
    if is_after_all_of(record, time, watermarks) {
        return None;
    }
    // Times are compared only if a page decided the record's content. If an event did, only the
    // sequencers count.
    let is_from_page = record.listed_at > record.event_time;
    if is_from_page && record.listed_at > Some(time) {
        return Some(SkipReason::NotNewer);
    }
    (!can_be_above(sequencer, record)).then_some(SkipReason::SequencerNotAbove)
}

/// Whether an event of that time is certainly later than every event whose sequencer the record can have.
///
/// If a page or a completed scan has shown the key after all applied events, then everything that the record is
/// from happened before that page or scan. An event from much later cannot be older, whatever the sequencers say.
/// Such a sequencer is wrong, for example forged, and must not hide the key for good.
fn is_after_all_of(record: &Record, time: Timestamp, watermarks: &ScanWatermarks) -> bool {
    let shown_at = shown_after_all_of(record, watermarks);
    shown_at.is_some_and(|shown_at| time > shown_at.plus(SEQUENCER_MARGIN))
}

/// When a page or a completed scan has shown the key, if that was after all events that were applied to the record.
fn shown_after_all_of(record: &Record, watermarks: &ScanWatermarks) -> Option<Timestamp> {
    let shown_at = record.listed_at.max(watermarks.complete_as_of);
    shown_at.filter(|_| shown_at > record.event_time)
}

/// Whether the event may be newer than the record according to their sequencers. True if one is missing.
fn can_be_above(sequencer: Option<&Sequencer>, record: &Record) -> bool {
    let both = sequencer.zip(record.sequencer.as_ref());
    both.is_none_or(|(sequencer, floor)| sequencer.compare(floor).is_gt())
}

/// Whether another event can overtake this one, which is stale by its time: an event with a lower sequencer
/// may have a later time, so that it is not stale.
fn can_be_overtaken(
    reason: SkipReason,
    record: Option<&Record>,
    time: Timestamp,
    sequencer: Option<&Sequencer>,
    watermarks: &ScanWatermarks,
) -> bool {
    let shown_at = match (reason, record) {
        (SkipReason::BeforeScan, None) => watermarks.complete_as_of,
        (SkipReason::NotNewer, Some(record)) if can_be_above(sequencer, record) => record.listed_at,
        _ => None,
    };
    let is_close = |at: Timestamp| at.minus(CLOCK_DISAGREEMENT) <= time;
    shown_at.is_some_and(is_close)
}

/// Decides what the page of a look-up does to the record of its key. The page must have been requested after
/// the ambiguous event had arrived.
///
/// If the page may be older than the event, it counts like any other page. If it is newer, it settles the
/// event: its timestamp and the event's sequencer are written even if the content is unchanged. They are a
/// floor for older events that arrive later, such as the creation of a version that this event removed.
/// Without the floor, such an event would be applied.
///
/// Also returns whether the event is settled. If it is not, the key must be looked up again.
pub fn decide_look_up(
    record: Option<&Record>,
    listed: Option<&Object>,
    listed_at: Timestamp,
    event: &AmbiguousEvent,
    watermarks: &ScanWatermarks,
) -> (Decision, bool) {
    let decision = decide_page(record, listed, listed_at, watermarks, |_| true);
    let is_page_stale = matches!(
        decision,
        Decision::Keep(SkipReason::BeforeScan | SkipReason::NotNewer)
    );
    if is_page_stale || listed_at <= event.time {
        return (decision, false);
    }
    let page = match decision {
        Decision::Write(page) => page,
        Decision::Keep(_) | Decision::Erase => Record {
            content: content_of(listed.cloned(), record, listed_at, watermarks),
            event_time: record.and_then(|record| record.event_time),
            sequencer: record.and_then(|record| record.sequencer.clone()),
            listed_at: None,
        },
    };
    let settled = Decision::Write(Record {
        sequencer: higher(page.sequencer, event.sequencer.clone()),
        listed_at: Some(listed_at),
        ..page
    });
    (settled, true)
}

fn higher(left: Option<Sequencer>, right: Option<Sequencer>) -> Option<Sequencer> {
    match (left, right) {
        (Some(left), Some(right)) if left.compare(&right).is_lt() => Some(right),
        (Some(left), _) => Some(left),
        (None, right) => right,
    }
}

/// Decides what a page does to the record of one key in the interval that the page covers.
///
/// `listed` is the admitted object that the page lists under the key, if any. `admits` says whether the
/// Source's rules still admit the key. It is called only if the page does not list the key and an event has
/// been applied to it.
pub fn decide_page(
    record: Option<&Record>,
    listed: Option<&Object>,
    listed_at: Timestamp,
    watermarks: &ScanWatermarks,
    admits: impl FnOnce(&Object) -> bool,
) -> Decision {
    // Pages older than the running scan are dropped too. A page of the running scan writes nothing for an
    // unchanged key, so an older page could undo what it saw, and the events that could repair that are
    // dropped once the scan is complete.
    let oldest = watermarks.complete_as_of.max(watermarks.scanning_since);
    if oldest.is_some_and(|oldest| listed_at < oldest) {
        return Decision::Keep(SkipReason::BeforeScan);
    }
    let Some(record) = record else {
        return match listed {
            Some(object) => Decision::Write(listed_record(object, None, listed_at, watermarks)),
            None => Decision::Keep(SkipReason::Absent),
        };
    };
    if record.observed_at().is_some_and(|seen| listed_at <= seen) {
        return Decision::Keep(SkipReason::NotNewer);
    }
    match (listed, record.object()) {
        (Some(object), Some(known)) if shows_again(record, known, object) => {
            Decision::Keep(SkipReason::Unchanged)
        }
        (None, None) => Decision::Keep(SkipReason::Unchanged),
        (Some(object), _) => {
            Decision::Write(listed_record(object, Some(record), listed_at, watermarks))
        }
        (None, Some(known)) if record.sequencer.is_none() || !admits(known) => Decision::Erase,
        (None, Some(_)) => Decision::Write(Record {
            content: RecordContent::Removed {
                scan: watermarks.scan,
            },
            listed_at: Some(listed_at),
            ..record.clone()
        }),
    }
}

/// Whether a page that lists the object says the same as the record, which has the object `known`.
///
/// If an event wrote the object, its time is the time of the event. It may differ from the time in the listing by
/// [`EVENT_TIME_TOLERANCE`]. Otherwise the first scan after events would write every object again.
fn shows_again(record: &Record, known: &Object, listed: &Object) -> bool {
    let is_from_event = record.event_time.is_some() && record.event_time >= record.listed_at;
    known == listed || is_from_event && known.is_same_change(listed, EVENT_TIME_TOLERANCE)
}

/// The record that a page writes: the listed object, with the sequencer and event time of the old record as
/// a floor for later events.
fn listed_record(
    object: &Object,
    old: Option<&Record>,
    listed_at: Timestamp,
    watermarks: &ScanWatermarks,
) -> Record {
    Record {
        content: content_of(Some(object.clone()), old, listed_at, watermarks),
        event_time: old.and_then(|old| old.event_time),
        sequencer: old.and_then(|old| old.sequencer.clone()),
        listed_at: Some(listed_at),
    }
}

fn content_of(
    object: Option<Object>,
    old: Option<&Record>,
    seen: Timestamp,
    watermarks: &ScanWatermarks,
) -> RecordContent {
    match object {
        None => RecordContent::Removed {
            scan: watermarks.scan,
        },
        Some(object) => RecordContent::Live {
            object,
            first_seen: old.and_then(Record::first_seen).unwrap_or(seen),
        },
    }
}

/// Whether the record is a tombstone that is no longer needed once the scan with the number `watermarks.scan`
/// is complete. This scan began at `watermarks.complete_as_of`.
pub fn is_purgeable(record: &Record, watermarks: &ScanWatermarks) -> bool {
    let RecordContent::Removed { scan } = record.content else {
        return false;
    };
    let Some(as_of) = watermarks.complete_as_of else {
        return false;
    };
    let limit = as_of.minus(TOMBSTONE_MARGIN);
    scan < watermarks.scan && record.observed_at().is_none_or(|seen| seen < limit)
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests;
