//! The order of observations: whether an event or a page entry is newer than what the index holds.
//!
//! These are the rules that every engine obeys. They are functions of the key's record, the
//! Source's clock and the observation; they keep nothing and do not know where a record is stored.
//! An ambiguous event decides nothing by itself: its key is listed alone, and that page decides
//! ([`apply_look_up`]).
//!
//! # The claim
//!
//! If every event is delivered at least once while the rules admit its key, in any order and any
//! number of times, with scans and look-ups at any moment and crashes anywhere, the index ends equal to
//! the admitted keys of the bucket, without needing a later scan. That is so as long as
//!
//! - no clock of S3 is off by a second or more: the second is what a page's stamp lies before its
//!   snapshot ([`Timestamp::of_response`]) and half of [`CLOCK_DISAGREEMENT`];
//! - the events of a key have a sequencer all or none; where only some do, their times must be in
//!   order.
//!
//! Otherwise, and where a message was lost or came while other rules were in force and was thrown away,
//! the index is right once a scan is complete that began after the last late event had come. Until
//! then an event from before a lost one can be believed when it comes (again).
//!
//! The model of one key beside this file and the simulation of the ledger check it.

use std::time::Duration;

use crate::core::replication::object::Object;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::timestamp::Timestamp;

/// How much older than the scan's start a tombstone must be to be purged when the scan completes.
pub const TOMBSTONE_MARGIN: Duration = Duration::from_secs(60);

/// By how much the times of two events of one key may be the wrong way round, against their
/// sequencers: twice what a clock of S3 may be off, which is the second that a page's stamp lies
/// before its snapshot.
pub const CLOCK_DISAGREEMENT: Duration = Duration::from_secs(2);

/// What a Source knows of time: all of it S3's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanWatermarks {
    /// Start stamp of the newest completed scan: everything before it is in the index.
    pub complete_as_of: Option<Timestamp>,
    /// Start stamp of the running scan, once its first page is in.
    pub scanning_since: Option<Timestamp>,
    /// Number of the running scan, or of the last one; 0 before the first.
    pub scan: u64,
}

/// An event whose meaning is certain: a creation, or a removal without a version, with a sequencer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertainEvent {
    /// The object that is there now; `None` for a removal.
    pub object: Option<Object>,
    /// `eventTime`.
    pub time: Timestamp,
    /// `sequencer`.
    pub sequencer: Sequencer,
}

/// An event from which it cannot be told what is under its key now: a removal of one version, a
/// change of storage class, one without a sequencer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmbiguousEvent {
    /// A moment on S3's clock at which it had happened: `eventTime`, or where that cannot be
    /// trusted when its message was sent.
    pub time: Timestamp,
    /// `sequencer`, if it has one.
    pub sequencer: Option<Sequencer>,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It stays as it is.
    Keep(SkipReason),
    /// This takes its place.
    Write(Record),
    /// It goes without a trace.
    Erase,
}

/// Why a record stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// The observation says what the record says.
    Unchanged,
    /// There is no record, and there should be none.
    Absent,
    /// The event is older than the newest completed scan, or the page than that or the running one.
    BeforeScan,
    /// The observation is not newer than the record.
    NotNewer,
    /// The event's sequencer is not above the record's: a duplicate, or a late one.
    SequencerNotAbove,
}

/// Decides what an event does to the record of its key.
///
/// Where a page has told what it tells, it leaves its sequencer if it is little older than the page:
/// S3's clocks may have given a later time to an event of the key that came before it, and that one
/// must find something that is above it.
pub fn apply_event(
    record: Option<&Record>,
    event: &CertainEvent,
    watermarks: &ScanWatermarks,
) -> Decision {
    let (time, sequencer) = (event.time, Some(&event.sequencer));
    let Some(why) = why_stale(record, time, sequencer, watermarks) else {
        return Decision::Write(Record {
            content: content_of(event.object.clone(), record, time, watermarks),
            // Not back: what is newer than the newest event is told by the sequencer, not by a page.
            event_time: record.and_then(|record| record.event_time).max(Some(time)),
            sequencer: Some(event.sequencer.clone()),
            listed_at: record.and_then(|record| record.listed_at),
        });
    };
    stale(why, record, time, sequencer, watermarks)
}

/// Decides what an ambiguous event does to the record of its key without a page: one that is newer than
/// the event has shown what it did. `None`: the key must be listed.
pub fn apply_ambiguous(
    record: Option<&Record>,
    event: &AmbiguousEvent,
    watermarks: &ScanWatermarks,
) -> Option<Decision> {
    let (time, sequencer) = (event.time, event.sequencer.as_ref());
    let why = why_stale(record, time, sequencer, watermarks)?;
    Some(stale(why, record, time, sequencer, watermarks))
}

/// What a stale event leaves: nothing, or its sequencer where one of before it could outrun it.
fn stale(
    why: SkipReason,
    record: Option<&Record>,
    time: Timestamp,
    sequencer: Option<&Sequencer>,
    watermarks: &ScanWatermarks,
) -> Decision {
    let outrun = could_be_outrun(why, record, time, sequencer, watermarks);
    let Some(sequencer) = sequencer.filter(|_| outrun) else {
        return Decision::Keep(why);
    };
    Decision::Write(match record {
        Some(record) => Record {
            sequencer: Some(sequencer.clone()),
            ..record.clone()
        },
        None => Record {
            // That there is nothing is what the scan has shown, not the event.
            content: RecordContent::Removed {
                scan: watermarks.scan,
            },
            event_time: None,
            sequencer: Some(sequencer.clone()),
            listed_at: watermarks.complete_as_of,
        },
    })
}

/// Why an event of that time and sequencer tells nothing that the index does not know; `None` where
/// it does.
fn why_stale(
    record: Option<&Record>,
    time: Timestamp,
    sequencer: Option<&Sequencer>,
    watermarks: &ScanWatermarks,
) -> Option<SkipReason> {
    let Some(record) = record else {
        let before_scan = watermarks.complete_as_of.is_some_and(|as_of| time < as_of);
        return before_scan.then_some(SkipReason::BeforeScan);
    };
    // Against an event that was applied over the page, the sequencer alone decides.
    let is_of_page = record.listed_at > record.event_time;
    if is_of_page && record.listed_at > Some(time) {
        return Some(SkipReason::NotNewer);
    }
    (!is_above(sequencer, record)).then_some(SkipReason::SequencerNotAbove)
}

/// Whether the sequencer does not forbid that the event is newer than what the record remembers.
fn is_above(sequencer: Option<&Sequencer>, record: &Record) -> bool {
    let floors = sequencer.zip(record.sequencer.as_ref());
    floors.is_none_or(|(sequencer, floor)| sequencer.compare(floor).is_gt())
}

/// Whether an event that is stale by its time could be followed by one of before it, by their
/// sequencers, that is not.
fn could_be_outrun(
    why: SkipReason,
    record: Option<&Record>,
    time: Timestamp,
    sequencer: Option<&Sequencer>,
    watermarks: &ScanWatermarks,
) -> bool {
    let shown_at = match (why, record) {
        (SkipReason::BeforeScan, None) => watermarks.complete_as_of,
        (SkipReason::NotNewer, Some(record)) if is_above(sequencer, record) => record.listed_at,
        _ => None,
    };
    let is_close = |at: Timestamp| at.minus(CLOCK_DISAGREEMENT) <= time;
    shown_at.is_some_and(is_close)
}

/// Decides what the page of one key does to its record that was asked for because of an ambiguous
/// event, after the event had come.
///
/// It is a page like any other as long as it may be older than the event. Once it is not, it also
/// leaves its stamp and the event's sequencer as a floor, even where nothing changes: an event from
/// before this one can still come (the creation of a version that this one removed), and would
/// otherwise find nothing that is above it.
///
/// Tells also whether the event is settled; where it is not, the key is to be listed again.
pub fn apply_look_up(
    record: Option<&Record>,
    listed: Option<&Object>,
    stamp: Timestamp,
    event: &AmbiguousEvent,
    watermarks: &ScanWatermarks,
) -> (Decision, bool) {
    let decision = apply_page(record, listed, stamp, watermarks, |_| true);
    let is_dropped = matches!(
        decision,
        Decision::Keep(SkipReason::BeforeScan | SkipReason::NotNewer)
    );
    if is_dropped || stamp <= event.time {
        return (decision, false);
    }
    let page = match decision {
        Decision::Write(page) => page,
        Decision::Keep(_) | Decision::Erase => Record {
            content: content_of(listed.cloned(), record, stamp, watermarks),
            event_time: record.and_then(|record| record.event_time),
            sequencer: record.and_then(|record| record.sequencer.clone()),
            listed_at: None,
        },
    };
    let settled = Decision::Write(Record {
        sequencer: higher(page.sequencer, event.sequencer.clone()),
        listed_at: Some(stamp),
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

/// Decides what a page does to the record of one key in its interval.
///
/// `listed` is the admitted object that the page lists under the key, or `None`; `admits` tells
/// whether the Source's rules would admit the key at all, and is asked only where it matters.
pub fn apply_page(
    record: Option<&Record>,
    listed: Option<&Object>,
    stamp: Timestamp,
    watermarks: &ScanWatermarks,
    admits: impl FnOnce(&Object) -> bool,
) -> Decision {
    // A page of the running scan that finds a key unchanged leaves no trace, so that an older page
    // could undo what it has seen, and events from before the scan are dropped once it is complete.
    let oldest = watermarks.complete_as_of.max(watermarks.scanning_since);
    if oldest.is_some_and(|oldest| stamp < oldest) {
        return Decision::Keep(SkipReason::BeforeScan);
    }
    let Some(record) = record else {
        return match listed {
            Some(object) => Decision::Write(listed_record(object, None, stamp, watermarks)),
            None => Decision::Keep(SkipReason::Absent),
        };
    };
    if record.observed_at().is_some_and(|seen| stamp <= seen) {
        return Decision::Keep(SkipReason::NotNewer);
    }
    match (listed, record.object()) {
        (Some(object), Some(known)) if object == known => Decision::Keep(SkipReason::Unchanged),
        (None, None) => Decision::Keep(SkipReason::Unchanged),
        (Some(object), _) => {
            Decision::Write(listed_record(object, Some(record), stamp, watermarks))
        }
        (None, Some(known)) if record.sequencer.is_none() || !admits(known) => Decision::Erase,
        (None, Some(_)) => Decision::Write(Record {
            content: RecordContent::Removed {
                scan: watermarks.scan,
            },
            listed_at: Some(stamp),
            ..record.clone()
        }),
    }
}

/// The record that a page writes: its content, with the old sequencer and event time as a floor.
fn listed_record(
    object: &Object,
    old: Option<&Record>,
    stamp: Timestamp,
    watermarks: &ScanWatermarks,
) -> Record {
    Record {
        content: content_of(Some(object.clone()), old, stamp, watermarks),
        event_time: old.and_then(|old| old.event_time),
        sequencer: old.and_then(|old| old.sequencer.clone()),
        listed_at: Some(stamp),
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

/// Whether a record is a tombstone that nothing can need once the scan `watermarks.scan`, begun at
/// `watermarks.complete_as_of`, is complete.
pub fn is_purgeable(record: &Record, watermarks: &ScanWatermarks) -> bool {
    let RecordContent::Removed { scan } = record.content else {
        return false;
    };
    let Some(as_of) = watermarks.complete_as_of else {
        return false;
    };
    let old_enough = as_of.minus(TOMBSTONE_MARGIN);
    scan < watermarks.scan && record.observed_at().is_none_or(|seen| seen < old_enough)
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests;
