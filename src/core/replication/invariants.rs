//! Invariants of every checkpoint and every record. They hold for all observations in any order.
//!
//! `index verify` uses them to find damage. The index itself does not depend on these checks. They cannot
//! check whether a record matches the bucket.

use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::SourceState;
use crate::core::replication::timestamp::Timestamp;

/// A state that no sequence of observations can produce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvariantViolation {
    /// A record: its key does not belong to its Source.
    #[error("the key does not begin with its Source's prefix {prefix:?}")]
    OutsideOfPrefix {
        /// The prefix in the checkpoint.
        prefix: String,
    },
    /// A record: neither an event nor a page has written it.
    #[error("it has neither the time of an event nor the timestamp of a page")]
    NeverObserved,
    /// A tombstone: it was written during a scan that has not begun.
    #[error("the tombstone has the scan number {scan}, but the last scan has the number {last}")]
    OfLaterScan {
        /// The scan number of the tombstone.
        scan: u64,
        /// The number of the Source's last scan.
        last: u64,
    },
    /// A record: the page that wrote it is newer than the newest page of its Source.
    #[error(
        "the page that wrote it has the timestamp {listed_at} ms, but the Source's newest page has {newest} ms"
    )]
    OfLaterPage {
        /// The page's timestamp in the record.
        listed_at: i64,
        /// The timestamp of the Source's newest page.
        newest: i64,
    },
    /// A Source: its id, its name or one of its subdomains also belongs to another Source.
    #[error("{what} also belongs to Source {other:?}")]
    Shared {
        /// The id, name or subdomain.
        what: String,
        /// The name of the other Source.
        other: String,
    },
    /// A Source: a time that only a page sets is later than the newest page.
    #[error("{what} is {time} ms, but the timestamp of the newest page is {}", millis_or_none(*newest))]
    AfterNewestPage {
        /// The name of the time in the checkpoint.
        what: &'static str,
        /// The time.
        time: i64,
        /// The timestamp of the newest page.
        newest: Option<i64>,
    },
    /// A Source: it has a running or completed scan, but its last scan has the number 0.
    #[error("a scan is running or complete, but the number of the last scan is 0")]
    NoScanBegan,
}

fn millis_or_none(millis: Option<i64>) -> String {
    millis.map_or_else(|| "none".to_owned(), |millis| format!("{millis} ms"))
}

/// The first invariant that a record of the Source violates, if any.
pub fn of_record(state: &SourceState, key: &str, record: &Record) -> Option<InvariantViolation> {
    if !key.starts_with(&state.prefix) {
        return Some(InvariantViolation::OutsideOfPrefix {
            prefix: state.prefix.clone(),
        });
    }
    // Such a tombstone would not stop any late event.
    if record.observed_at().is_none() {
        return Some(InvariantViolation::NeverObserved);
    }
    match record.content {
        RecordContent::Removed { scan } if scan > state.last_scan => {
            Some(InvariantViolation::OfLaterScan {
                scan,
                last: state.last_scan,
            })
        }
        _ => later_page(state, record),
    }
}

/// Reports a record that was written by a page newer than `newest_page`. If there have been events, such a
/// record is possible: a look-up may have written it, and `newest_page` does not count the pages of look-ups.
fn later_page(state: &SourceState, record: &Record) -> Option<InvariantViolation> {
    let had_events = state.events > 0 || record.event_time.is_some() || record.sequencer.is_some();
    let (listed_at, newest) = (record.listed_at?, state.newest_page?);
    (!had_events && listed_at > newest).then(|| InvariantViolation::OfLaterPage {
        listed_at: listed_at.as_millis(),
        newest: newest.as_millis(),
    })
}

/// The first invariant that each Source of the checkpoint violates, with the name of the Source.
pub fn of_checkpoint(checkpoint: &Checkpoint) -> Vec<(String, InvariantViolation)> {
    let sources = checkpoint.sources.iter().enumerate();
    let violations = sources.filter_map(|(index, state)| {
        let before = &checkpoint.sources[..index];
        let found = before.iter().find_map(|other| shared(state, other));
        let found = found.or_else(|| of_source(state))?;
        Some((state.name.clone(), found))
    });
    violations.collect()
}

fn shared(state: &SourceState, other: &SourceState) -> Option<InvariantViolation> {
    let mut subdomains = state.subdomains.iter();
    let what = if state.id == other.id {
        format!("its id {}", state.id.0)
    } else if state.name == other.name {
        format!("its name {:?}", state.name)
    } else {
        let shared = subdomains.find(|subdomain| other.subdomains.contains(subdomain))?;
        format!("its subdomain {shared:?}")
    };
    let other = other.name.clone();
    Some(InvariantViolation::Shared { what, other })
}

fn of_source(state: &SourceState) -> Option<InvariantViolation> {
    let started = state.running.as_ref().and_then(|running| running.started);
    let times = [
        ("complete_as_of", state.complete_as_of),
        ("partial_as_of", state.partial_as_of),
        ("the start of its scan", started),
    ];
    let too_late = times.into_iter().find_map(|(what, time)| {
        let time = time.filter(|_| time > state.newest_page)?;
        Some(InvariantViolation::AfterNewestPage {
            what,
            time: time.as_millis(),
            newest: state.newest_page.map(Timestamp::as_millis),
        })
    });
    let was_scanned = state.running.is_some() || state.complete_as_of.is_some();
    too_late.or((was_scanned && state.last_scan == 0).then_some(InvariantViolation::NoScanBegan))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::object::{Object, StorageClass};
    use crate::core::replication::sequencer::Sequencer;
    use crate::core::replication::source_state::{SourceId, SourceIdentity};

    fn at(millis: i64) -> Option<Timestamp> {
        Some(Timestamp::from_millis(millis))
    }

    /// A Source with the prefix `photos/`, two complete scans, and a newest page of 20 ms.
    fn state(name: &str) -> SourceState {
        let identity = SourceIdentity {
            name,
            subdomain: name,
            origin: "aws/bucket",
            prefix: "photos/",
            scope: "",
        };
        let mut checkpoint = Checkpoint::default();
        checkpoint.register(&identity).unwrap();
        let mut state = checkpoint.sources.remove(0);
        for listed_at in [10, 20] {
            state.begin_scan(Vec::new());
            state.note_page(Timestamp::from_millis(listed_at));
            state.complete_scan().unwrap();
        }
        state
    }

    fn listed(listed_at: i64) -> Record {
        let object = Object {
            size: 1,
            etag: None,
            last_modified: Timestamp::from_millis(1),
            storage_class: StorageClass::Standard,
        };
        Record {
            content: RecordContent::Live {
                object,
                first_seen: Timestamp::from_millis(listed_at),
            },
            event_time: None,
            sequencer: None,
            listed_at: at(listed_at),
        }
    }

    #[test]
    fn violations_of_records_are_found() {
        let sequencer = Sequencer::parse("1");
        let tombstone = |scan| Record {
            content: RecordContent::Removed { scan },
            sequencer: sequencer.clone(),
            ..listed(20)
        };
        let unseen = Record {
            listed_at: None,
            ..listed(20)
        };
        let by_event = Record {
            event_time: at(99),
            ..unseen.clone()
        };
        let single = Record {
            sequencer: sequencer.clone(),
            ..listed(99)
        };
        for (case, key, record, words) in [
            ("listed", "photos/a", listed(20), None),
            ("written by an event", "photos/a", by_event, None),
            ("written by a look-up", "photos/a", single, None),
            ("a tombstone", "photos/a", tombstone(2), None),
            ("another folder", "a", listed(20), Some("\"photos/\"")),
            ("never observed", "photos/a", unseen, Some("neither")),
            (
                "of a later scan",
                "photos/a",
                tombstone(3),
                Some("scan number 3"),
            ),
            (
                "of a later page",
                "photos/a",
                listed(21),
                Some("timestamp 21 ms"),
            ),
        ] {
            let found = of_record(&state("photos"), key, &record);
            let text = found.as_ref().map(InvariantViolation::to_string);
            match words {
                None => assert_eq!(found, None, "{case}"),
                Some(words) => assert!(text.unwrap().contains(words), "{case}"),
            }
        }
        let mut with_events = state("photos");
        with_events.events = 1;
        assert_eq!(of_record(&with_events, "photos/a", &listed(21)), None);
    }

    #[test]
    fn violations_of_checkpoints_are_found() {
        let mut other = state("other");
        other.id = SourceId(1);
        for (change, words) in [
            (
                (|it| it.id = SourceId(0)) as fn(&mut SourceState),
                "its id 0",
            ),
            (|it| it.name = "photos".into(), "its name \"photos\""),
            (|it| it.subdomains.push("photos".into()), "its subdomain"),
            (|it| it.complete_as_of = at(21), "complete_as_of is 21"),
            (|it| it.partial_as_of = at(22), "partial_as_of is 22"),
            (|it| it.newest_page = None, "newest page is none"),
            (|it| it.last_scan = 0, "last scan is 0"),
        ] {
            let mut changed = other.clone();
            change(&mut changed);
            let sources = vec![state("photos"), changed];
            let found = of_checkpoint(&Checkpoint { sources });
            assert_eq!(found.len(), 1, "{words}: {found:?}");
            let text = found[0].1.to_string();
            assert!(text.contains(words), "{words}: {text}");
        }
        let sources = vec![state("photos"), other];
        assert_eq!(of_checkpoint(&Checkpoint { sources }), []);
    }
}
