//! Plausible times: which times in an index can be right.
//!
//! All times come from the clocks of stores. If such a clock was wrong once, its times may lie far in the future. They
//! would make everything until then look old. Such times are forgotten, and the next scan replaces them. Times in
//! the past do no harm, because the next page is newer.

use std::time::Duration;

use super::record::{Record, RecordContent};
use super::source_state::SourceState;
use super::timestamp::Timestamp;

/// Maximum difference between the clocks of a store and of this machine: S3 refuses requests with a signature from
/// over 15 minutes away.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationTimeStamp>
pub const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(15 * 60);

/// Tells plausible times from others.
#[derive(Clone, Copy, Debug)]
pub struct PlausibleTimes {
    latest: Timestamp,
}

impl PlausibleTimes {
    /// The times that are plausible at this time of our own clock.
    pub fn at(now: Timestamp) -> Self {
        Self {
            latest: now.plus(MAX_CLOCK_DIFFERENCE),
        }
    }

    /// Whether the time is plausible.
    pub fn contains(&self, time: Timestamp) -> bool {
        time <= self.latest
    }

    fn is_wrong(&self, time: Option<Timestamp>) -> bool {
        time.is_some_and(|time| !self.contains(time))
    }

    /// The record without its implausible times. `None` if all its times are plausible.
    ///
    /// If an asset was first seen at an implausible time, it counts as first seen when it was modified.
    pub fn heal_record(&self, record: &Record) -> Option<Record> {
        let times = [record.event_time, record.listed_at, record.first_seen()];
        if !times.iter().any(|time| self.is_wrong(*time)) {
            return None;
        }
        let mut healed = record.clone();
        for time in [&mut healed.event_time, &mut healed.listed_at] {
            *time = time.filter(|time| self.contains(*time));
        }
        if let RecordContent::Live { object, first_seen } = &mut healed.content
            && !self.contains(*first_seen)
        {
            *first_seen = object.last_modified.min(self.latest);
        }
        Some(healed)
    }

    /// Forgets the implausible times of a Source. Returns whether there was one.
    ///
    /// A scan that began at an implausible time is discarded.
    pub fn heal_state(&self, state: &mut SourceState) -> bool {
        let mut is_healed = false;
        for time in [
            &mut state.complete_as_of,
            &mut state.newest_page,
            &mut state.partial_as_of,
        ] {
            if self.is_wrong(*time) {
                *time = None;
                is_healed = true;
            }
        }
        let started = state.running.as_ref().and_then(|scan| scan.started);
        if self.is_wrong(started) {
            state.running = None;
            is_healed = true;
        }
        is_healed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::checkpoint::Checkpoint;
    use crate::core::replication::object::{Object, StorageClass};
    use crate::core::replication::source_state::SourceIdentity;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

    fn in_minutes(minutes: i64) -> Timestamp {
        Timestamp::from_millis(NOW.as_millis() + minutes * 60_000)
    }

    fn asset(event: i64, listed: i64, first_seen: i64) -> Record {
        Record {
            content: RecordContent::Live {
                object: Object {
                    size: 1,
                    etag: None,
                    last_modified: in_minutes(-1),
                    storage_class: StorageClass::Standard,
                },
                first_seen: in_minutes(first_seen),
            },
            event_time: Some(in_minutes(event)),
            sequencer: None,
            listed_at: Some(in_minutes(listed)),
        }
    }

    #[test]
    fn only_implausible_times_of_a_record_are_forgotten() {
        let times = PlausibleTimes::at(NOW);
        assert_eq!(times.heal_record(&asset(15, -9_000, 15)), None);
        let healed = times.heal_record(&asset(16, 15, 15)).unwrap();
        assert_eq!(
            healed,
            Record {
                event_time: None,
                ..asset(16, 15, 15)
            }
        );
        let healed = times.heal_record(&asset(15, 16, 16)).unwrap();
        assert_eq!(
            healed,
            Record {
                listed_at: None,
                ..asset(15, 16, -1)
            }
        );
    }

    #[test]
    fn implausible_times_of_a_source_are_forgotten() {
        let identity = SourceIdentity {
            name: "a",
            subdomain: "one",
            origin: "aws/bucket",
            prefix: "",
            scope: "1",
        };
        let times = PlausibleTimes::at(NOW);
        let with_scan_at = |minutes| {
            let mut checkpoint = Checkpoint::default();
            checkpoint.register(&identity).unwrap();
            let mut state = checkpoint.sources.remove(0);
            for _ in 0..2 {
                state.begin_scan(Vec::new());
                state.note_page(in_minutes(minutes));
                state.complete_scan().unwrap();
            }
            state.begin_scan(Vec::new());
            state.note_page(in_minutes(minutes));
            state
        };
        let mut right = with_scan_at(1);
        assert!(!times.heal_state(&mut right));
        assert_eq!(right, with_scan_at(1));
        let mut wrong = with_scan_at(9_000);
        assert!(times.heal_state(&mut wrong));
        assert_eq!((wrong.complete_as_of, wrong.newest_page), (None, None));
        assert_eq!(wrong.running, None);
        assert_eq!(wrong.last_scan, 3);
    }
}
