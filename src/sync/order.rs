//! The order of observations: whether an event or a page entry is newer than what the index holds.
//!
//! These are the rules that every engine obeys. They are functions of the key's record, the
//! Source's clock and the observation; they keep nothing and do not know where a record is stored.
//! An ambiguous event decides nothing by itself: its key is listed alone, and that page decides
//! ([`apply_look_up`]).

use std::time::Duration;

use crate::sync::object::Object;
use crate::sync::record::{Content, Record};
use crate::sync::sequencer::Sequencer;
use crate::sync::stamp::Stamp;

/// How much older than the scan's start a tombstone must be to be purged when the scan completes.
pub const TOMBSTONE_MARGIN: Duration = Duration::from_secs(60);

/// By how much the times of two events of one key may be the wrong way round, against their
/// sequencers: twice what a clock of S3 may be off, which is the second that a page's stamp lies
/// before its snapshot.
pub const CLOCK_DISAGREEMENT: Duration = Duration::from_secs(2);

/// What a Source knows of time: all of it S3's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Start stamp of the newest completed scan: everything before it is in the index.
    pub complete_as_of: Option<Stamp>,
    /// Start stamp of the running scan, once its first page is in.
    pub scanning_since: Option<Stamp>,
    /// Number of the running scan, or of the last one; 0 before the first.
    pub scan: u64,
}

/// An event whose meaning is certain: a creation, or a removal without a version, with a sequencer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The object that is there now; `None` for a removal.
    pub object: Option<Object>,
    /// `eventTime`.
    pub time: Stamp,
    /// `sequencer`.
    pub sequencer: Sequencer,
}

/// An event from which it cannot be told what is under its key now: a removal of one version, a
/// change of storage class, one without a sequencer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ambiguous {
    /// A moment on S3's clock at which it had happened: `eventTime`, or where that cannot be
    /// trusted when its message was sent.
    pub time: Stamp,
    /// `sequencer`, if it has one.
    pub sequencer: Option<Sequencer>,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It stays as it is.
    Keep(Kept),
    /// This takes its place.
    Write(Record),
    /// It goes without a trace.
    Erase,
}

/// Why a record stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
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
pub fn apply_event(record: Option<&Record>, event: &Event, clock: &Clock) -> Decision {
    let (time, sequencer) = (event.time, Some(&event.sequencer));
    let Some(why) = why_stale(record, time, sequencer, clock) else {
        return Decision::Write(Record {
            content: content_of(event.object.clone(), record, time, clock),
            // Not back: what is newer than the newest event is told by the sequencer, not by a page.
            event_time: record.and_then(|record| record.event_time).max(Some(time)),
            sequencer: Some(event.sequencer.clone()),
            listed_at: record.and_then(|record| record.listed_at),
        });
    };
    if !could_be_outrun(why, record, time, sequencer, clock) {
        return Decision::Keep(why);
    }
    Decision::Write(match record {
        Some(record) => Record {
            sequencer: Some(event.sequencer.clone()),
            ..record.clone()
        },
        None => Record {
            // That there is nothing is what the scan has shown, not the event.
            content: Content::Removed { scan: clock.scan },
            event_time: None,
            sequencer: Some(event.sequencer.clone()),
            listed_at: clock.complete_as_of,
        },
    })
}

/// Why an event of that time and sequencer tells nothing that the index does not know; `None` where
/// it does.
fn why_stale(
    record: Option<&Record>,
    time: Stamp,
    sequencer: Option<&Sequencer>,
    clock: &Clock,
) -> Option<Kept> {
    let Some(record) = record else {
        let before_scan = clock.complete_as_of.is_some_and(|as_of| time < as_of);
        return before_scan.then_some(Kept::BeforeScan);
    };
    // Against an event that was applied over the page, the sequencer alone decides.
    let is_of_page = record.listed_at > record.event_time;
    if is_of_page && record.listed_at > Some(time) {
        return Some(Kept::NotNewer);
    }
    (!is_above(sequencer, record)).then_some(Kept::SequencerNotAbove)
}

/// Whether the sequencer does not forbid that the event is newer than what the record remembers.
fn is_above(sequencer: Option<&Sequencer>, record: &Record) -> bool {
    let floors = sequencer.zip(record.sequencer.as_ref());
    floors.is_none_or(|(sequencer, floor)| sequencer.compare(floor).is_gt())
}

/// Whether an event that is stale by its time could be followed by one of before it, by their
/// sequencers, that is not.
fn could_be_outrun(
    why: Kept,
    record: Option<&Record>,
    time: Stamp,
    sequencer: Option<&Sequencer>,
    clock: &Clock,
) -> bool {
    let shown_at = match (why, record) {
        (Kept::BeforeScan, None) => clock.complete_as_of,
        (Kept::NotNewer, Some(record)) if is_above(sequencer, record) => record.listed_at,
        _ => None,
    };
    let is_close = |at: Stamp| at.minus(CLOCK_DISAGREEMENT) <= time;
    sequencer.is_some() && shown_at.is_some_and(is_close)
}

/// Why the key of an ambiguous event need not be listed; `None` where it must be.
pub fn why_no_look_up(record: Option<&Record>, event: &Ambiguous, clock: &Clock) -> Option<Kept> {
    let (time, sequencer) = (event.time, event.sequencer.as_ref());
    let why = why_stale(record, time, sequencer, clock)?;
    // The page of a look-up leaves the sequencer.
    (!could_be_outrun(why, record, time, sequencer, clock)).then_some(why)
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
    stamp: Stamp,
    event: &Ambiguous,
    clock: &Clock,
) -> (Decision, bool) {
    let decision = apply_page(record, listed, stamp, clock, |_| true);
    let is_dropped = matches!(decision, Decision::Keep(Kept::BeforeScan | Kept::NotNewer));
    if is_dropped || stamp <= event.time {
        return (decision, false);
    }
    let page = match decision {
        Decision::Write(page) => page,
        Decision::Keep(_) | Decision::Erase => Record {
            content: content_of(listed.cloned(), record, stamp, clock),
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
    stamp: Stamp,
    clock: &Clock,
    admits: impl FnOnce(&Object) -> bool,
) -> Decision {
    // A page of the running scan that finds a key unchanged leaves no trace, so that an older page
    // could undo what it has seen, and events from before the scan are dropped once it is complete.
    let oldest = clock.complete_as_of.max(clock.scanning_since);
    if oldest.is_some_and(|oldest| stamp < oldest) {
        return Decision::Keep(Kept::BeforeScan);
    }
    let Some(record) = record else {
        return match listed {
            Some(object) => Decision::Write(listed_record(object, None, stamp, clock)),
            None => Decision::Keep(Kept::Absent),
        };
    };
    if record.observed_at().is_some_and(|seen| stamp <= seen) {
        return Decision::Keep(Kept::NotNewer);
    }
    match (listed, record.object()) {
        (Some(object), Some(known)) if object == known => Decision::Keep(Kept::Unchanged),
        (None, None) => Decision::Keep(Kept::Unchanged),
        (Some(object), _) => Decision::Write(listed_record(object, Some(record), stamp, clock)),
        (None, Some(known)) if record.sequencer.is_none() || !admits(known) => Decision::Erase,
        (None, Some(_)) => Decision::Write(Record {
            content: Content::Removed { scan: clock.scan },
            listed_at: Some(stamp),
            ..record.clone()
        }),
    }
}

/// The record that a page writes: its content, with the old sequencer and event time as a floor.
fn listed_record(object: &Object, old: Option<&Record>, stamp: Stamp, clock: &Clock) -> Record {
    Record {
        content: content_of(Some(object.clone()), old, stamp, clock),
        event_time: old.and_then(|old| old.event_time),
        sequencer: old.and_then(|old| old.sequencer.clone()),
        listed_at: Some(stamp),
    }
}

fn content_of(object: Option<Object>, old: Option<&Record>, seen: Stamp, clock: &Clock) -> Content {
    match object {
        None => Content::Removed { scan: clock.scan },
        Some(object) => Content::Live {
            object,
            first_seen: old.and_then(Record::first_seen).unwrap_or(seen),
        },
    }
}

/// Whether a record is a tombstone that nothing can need once the scan `clock.scan`, begun at
/// `clock.complete_as_of`, is complete.
pub fn is_purgeable(record: &Record, clock: &Clock) -> bool {
    let Content::Removed { scan } = record.content else {
        return false;
    };
    let Some(as_of) = clock.complete_as_of else {
        return false;
    };
    let old_enough = as_of.minus(TOMBSTONE_MARGIN);
    scan < clock.scan && record.observed_at().is_none_or(|seen| seen < old_enough)
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::object::{ETag, StorageClass};

    fn at(millis: i64) -> Stamp {
        Stamp::from_millis(millis)
    }

    fn object(etag: &str) -> Object {
        Object {
            size: 1,
            etag: ETag::parse(etag),
            last_modified: at(0),
            storage_class: StorageClass::Standard,
        }
    }

    fn event(object: Option<Object>, time: i64, sequencer: &str) -> Event {
        Event {
            object,
            time: at(time),
            sequencer: Sequencer::parse(sequencer).unwrap(),
        }
    }

    fn clock(as_of: i64, scan: u64) -> Clock {
        Clock {
            complete_as_of: Some(at(as_of)),
            scanning_since: None,
            scan,
        }
    }

    fn written(decision: Decision) -> Record {
        match decision {
            Decision::Write(record) => record,
            other => panic!("nothing was written: {other:?}"),
        }
    }

    fn page(record: Option<&Record>, listed: Option<&Object>, stamp: i64, c: &Clock) -> Decision {
        apply_page(record, listed, at(stamp), c, |_| true)
    }

    #[test]
    fn an_event_older_than_the_completed_scan_is_dropped_only_without_a_record() {
        let put = event(Some(object("a")), 97_999, "2");
        let clock = clock(100_000, 1);
        assert_eq!(
            apply_event(None, &put, &clock),
            Decision::Keep(Kept::BeforeScan)
        );
        let known = written(apply_event(None, &event(None, 100_000, "1"), &clock));
        let applied = written(apply_event(Some(&known), &put, &clock));
        assert_eq!(applied.object(), Some(&object("a")));
        assert_eq!(applied.event_time, Some(at(100_000)), "it does not go back");
    }

    #[test]
    fn an_event_before_the_page_that_wrote_the_record_is_dropped() {
        let clock = Clock::default();
        let listed = written(page(None, Some(&object("a")), 5_000, &clock));
        assert_eq!(
            apply_event(Some(&listed), &event(None, 2_999, "9"), &clock),
            Decision::Keep(Kept::NotNewer)
        );
    }

    #[test]
    fn a_stale_event_that_one_from_before_it_could_outrun_leaves_its_sequencer() {
        let complete = clock(5_000, 1);
        let listed = written(page(None, Some(&object("a")), 5_000, &complete));
        let removed = event(None, 3_000, "9");
        for record in [None, Some(&listed)] {
            let floor = written(apply_event(record, &removed, &complete));
            assert_eq!(floor.object(), record.and_then(Record::object));
            let before = event(Some(object("b")), 5_000, "8");
            for late in [&before, &removed] {
                let decision = apply_event(Some(&floor), late, &complete);
                assert!(matches!(decision, Decision::Keep(_)), "{decision:?}");
            }
            let looked_up = ambiguous(3_000, "9");
            assert_eq!(why_no_look_up(record, &looked_up, &complete), None);
            let settled = apply_look_up(record, None, at(5_001), &looked_up, &complete);
            let settled = written(settled.0);
            assert!(why_no_look_up(Some(&settled), &looked_up, &complete).is_some());
        }
    }

    #[test]
    fn between_events_the_sequencer_decides_though_a_page_is_later_than_both() {
        let clock = Clock::default();
        let listed = written(page(None, Some(&object("b")), 5_000, &clock));
        let outran = event(Some(object("a")), 5_001, "8");
        let outran = written(apply_event(Some(&listed), &outran, &clock));
        let newer = event(Some(object("b")), 4_999, "9");
        let newer = written(apply_event(Some(&outran), &newer, &clock));
        assert_eq!(newer.object(), Some(&object("b")));
        assert_eq!(newer.event_time, Some(at(5_001)));
    }

    fn ambiguous(time: i64, sequencer: &str) -> Ambiguous {
        Ambiguous {
            time: at(time),
            sequencer: Sequencer::parse(sequencer),
        }
    }

    #[test]
    fn a_late_creation_of_a_version_that_was_removed_since_is_dropped() {
        let clock = Clock::default();
        let first = written(apply_event(None, &event(Some(object("a")), 1, "1"), &clock));
        let second = event(Some(object("b")), 50, "2");
        for (record, listed) in [(Some(&first), Some(object("a"))), (None, None)] {
            let removal = ambiguous(60, "3");
            let (looked_up, settled) =
                apply_look_up(record, listed.as_ref(), at(61), &removal, &clock);
            assert!(settled, "{listed:?}");
            let looked_up = written(looked_up);
            assert_eq!(looked_up.object(), listed.as_ref());
            // By its sequencer, also where S3's clocks disagree about the time.
            let late = Event {
                time: at(70),
                ..second.clone()
            };
            assert_eq!(
                apply_event(Some(&looked_up), &late, &clock),
                Decision::Keep(Kept::SequencerNotAbove)
            );
        }
    }

    #[test]
    fn a_look_up_that_may_be_older_than_its_event_is_a_page_and_settles_nothing() {
        let clock = Clock::default();
        let known = written(apply_event(None, &event(Some(object("a")), 1, "1"), &clock));
        for (stamp, settles) in [(59, false), (60, false), (61, true)] {
            let removal = ambiguous(60, "3");
            let (decision, settled) =
                apply_look_up(Some(&known), None, at(stamp), &removal, &clock);
            assert_eq!(settled, settles, "{stamp}");
            assert_eq!(written(decision).object(), None);
        }
        let newer = written(apply_event(Some(&known), &event(None, 70, "4"), &clock));
        let (kept, settled) =
            apply_look_up(Some(&newer), None, at(65), &ambiguous(60, "5"), &clock);
        assert_eq!((kept, settled), (Decision::Keep(Kept::NotNewer), false));
    }

    #[test]
    fn a_settled_event_needs_no_look_up_when_it_comes_again() {
        let clock = Clock::default();
        let (decision, _) = apply_look_up(None, None, at(61), &ambiguous(60, "3"), &clock);
        let record = written(decision);
        for (time, sequencer, needed) in [(60, "3", false), (60, "", false), (61, "4", true)] {
            let why = why_no_look_up(Some(&record), &ambiguous(time, sequencer), &clock);
            assert_eq!(why.is_none(), needed, "{time} {sequencer}: {why:?}");
        }
    }

    #[test]
    fn the_sequencer_advances_also_where_the_content_is_the_same() {
        let first = written(apply_event(
            None,
            &event(Some(object("a")), 1, "1"),
            &Clock::default(),
        ));
        let second = written(apply_event(
            Some(&first),
            &event(Some(object("a")), 2, "3"),
            &Clock::default(),
        ));
        assert_eq!(second.sequencer, Sequencer::parse("3"));
        assert_eq!(second.first_seen(), Some(at(1)));
        assert_eq!(
            apply_event(Some(&second), &event(None, 2, "2"), &Clock::default()),
            Decision::Keep(Kept::SequencerNotAbove)
        );
    }

    #[test]
    fn a_removal_of_an_unknown_key_leaves_a_tombstone() {
        let grave = written(apply_event(None, &event(None, 5, "1"), &clock(1, 3)));
        assert_eq!(grave.content, Content::Removed { scan: 3 });
    }

    #[test]
    fn a_page_entry_that_equals_the_record_writes_nothing() {
        let record = written(page(None, Some(&object("a")), 1, &Clock::default()));
        assert_eq!(
            page(Some(&record), Some(&object("a")), 2, &Clock::default()),
            Decision::Keep(Kept::Unchanged)
        );
    }

    #[test]
    fn a_page_keeps_the_sequencer_as_a_floor() {
        let record = written(apply_event(
            None,
            &event(Some(object("a")), 1, "5"),
            &Clock::default(),
        ));
        let changed = written(page(
            Some(&record),
            Some(&object("b")),
            2,
            &Clock::default(),
        ));
        assert_eq!(changed.sequencer, Sequencer::parse("5"));
        assert_eq!(
            (changed.event_time, changed.listed_at),
            (Some(at(1)), Some(at(2)))
        );
        let gone = written(page(Some(&changed), None, 3, &clock(0, 7)));
        assert_eq!(gone.content, Content::Removed { scan: 7 });
        assert_eq!(gone.sequencer, Sequencer::parse("5"));
    }

    #[test]
    fn a_page_that_is_not_newer_or_older_than_a_completed_scan_changes_nothing() {
        let record = written(apply_event(
            None,
            &event(Some(object("a")), 10, "5"),
            &Clock::default(),
        ));
        assert_eq!(
            page(Some(&record), None, 10, &Clock::default()),
            Decision::Keep(Kept::NotNewer)
        );
        assert_eq!(
            page(None, Some(&object("a")), 10, &clock(11, 1)),
            Decision::Keep(Kept::BeforeScan)
        );
        let scanning = Clock {
            scanning_since: Some(at(11)),
            ..clock(5, 2)
        };
        assert_eq!(
            page(None, Some(&object("a")), 10, &scanning),
            Decision::Keep(Kept::BeforeScan)
        );
        written(page(None, Some(&object("a")), 11, &scanning));
    }

    #[test]
    fn an_unlisted_key_leaves_a_tombstone_only_where_an_event_was_applied_and_rules_admit() {
        let listed = written(page(None, Some(&object("a")), 1, &Clock::default()));
        assert_eq!(
            page(Some(&listed), None, 2, &Clock::default()),
            Decision::Erase
        );
        let told = written(apply_event(
            None,
            &event(Some(object("a")), 1, "1"),
            &Clock::default(),
        ));
        assert!(matches!(
            page(Some(&told), None, 2, &Clock::default()),
            Decision::Write(_)
        ));
        assert_eq!(
            apply_page(Some(&told), None, at(2), &Clock::default(), |_| false),
            Decision::Erase
        );
    }

    #[test]
    fn a_tombstone_is_purged_when_it_is_from_before_the_scan_and_a_minute_older() {
        let grave = written(apply_event(None, &event(None, 1_000, "1"), &clock(0, 4)));
        for (as_of, scan, purged) in [
            (61_001, 5, true),
            (61_000, 5, false),
            (61_001, 4, false),
            (0, 5, false),
        ] {
            assert_eq!(
                is_purgeable(&grave, &clock(as_of, scan)),
                purged,
                "{as_of} {scan}"
            );
        }
        let live = written(page(None, Some(&object("a")), 1, &Clock::default()));
        assert!(!is_purgeable(&live, &clock(100_000, 9)));
    }
}
