//! One Source as the index knows it: which bucket and rules its records are from, and how far its scan is.
//!
//! The states of all Sources make up the [`checkpoint`](crate::core::replication::checkpoint), which also
//! checks that no two Sources share a subdomain.

use serde::{Deserialize, Serialize};

use crate::core::replication::interval::KeyRange;
use crate::core::replication::order::ScanWatermarks;
use crate::core::replication::timestamp::Timestamp;

/// The id of a Source in an index. It is never reused for another Source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub u16);

/// One Source as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// The id of the Source.
    pub id: SourceId,
    /// The name in the configuration.
    pub name: String,
    /// Every subdomain that the Source has ever had. They stay reserved for its name.
    pub subdomains: Vec<String>,
    /// The store and bucket that the records are from.
    pub origin: String,
    /// The prefix of all keys of the Source. Asset paths do not contain it.
    pub prefix: String,
    /// Fingerprint of everything that decides which keys are admitted.
    pub scope: String,
    /// Number of the running scan, or of the last one. 0 before the first scan.
    pub last_scan: u64,
    /// Start of the newest completed full scan.
    pub complete_as_of: Option<Timestamp>,
    /// Timestamp of the newest page of any scan.
    pub newest_page: Option<Timestamp>,
    /// The unfinished scan, if any.
    pub running: Option<RunningScan>,
    /// The queue whose events are in the index, and until when. `None` if events may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed: Option<FollowedUntil>,
    /// Number of events that the index has applied. An older copy of the index has fewer.
    #[serde(default)]
    pub events: u64,
    /// Start of the newest partial scan since `complete_as_of`, if any. If a key has no record, an event from
    /// before this time is looked up: the event that removed the object again may have been discarded under
    /// the old rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial_as_of: Option<Timestamp>,
    /// Whether the Source was disabled, or could not be indexed, since its newest full scan began. Without a queue, nothing
    /// else shows that changes of the bucket were missed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_detached: bool,
    /// The queue that is proven to get the bucket's events: an event or S3's test event has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wired_queue: Option<String>,
}

/// Identifies a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueId {
    /// The URL of the queue.
    pub url: String,
    /// When it was created, in seconds since the epoch, if known. A queue that was deleted and created again
    /// has the same URL and none of the messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
}

impl QueueId {
    /// Whether both may be the same queue. It is `true` if that is unknown.
    pub fn may_equal(&self, other: &Self) -> bool {
        let same_age = self.created.zip(other.created).is_none_or(|(a, b)| a == b);
        self.url == other.url && same_age
    }
}

/// States that all events that a queue received until a certain time are in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowedUntil {
    /// The queue.
    pub queue: QueueId,
    /// Milliseconds since the epoch by the local clock, not S3's. It is only used to compare the time without
    /// messages with the time that the queue keeps messages.
    pub until_millis: i64,
}

/// The progress of an unfinished scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningScan {
    /// The start of the scan. `None` until the first page has arrived.
    pub started: Option<Timestamp>,
    /// The ranges to list.
    pub ranges: Vec<RangeProgress>,
    /// Whether the scan lists only the keys that new rules admit in addition to the old ones. Then it proves
    /// nothing about other keys.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// The progress of one range of a scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeProgress {
    /// The part that is left to list. Its `after` is the last key done.
    pub rest: KeyRange,
    /// Whether the range is listed to its end.
    pub done: bool,
}

/// The properties of a configured Source that the index needs.
#[derive(Clone, Copy, Debug)]
pub struct SourceIdentity<'a> {
    /// The name of the Source.
    pub name: &'a str,
    /// The subdomain.
    pub subdomain: &'a str,
    /// See [`SourceState::origin`].
    pub origin: &'a str,
    /// See [`SourceState::prefix`].
    pub prefix: &'a str,
    /// See [`SourceState::scope`].
    pub scope: &'a str,
}

/// A scan cannot be completed yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scan is not complete: {0}")]
pub struct NotComplete(String);

impl SourceState {
    pub(super) fn new(id: SourceId, identity: &SourceIdentity<'_>) -> Self {
        Self {
            id,
            name: identity.name.to_owned(),
            subdomains: vec![identity.subdomain.to_owned()],
            origin: identity.origin.to_owned(),
            prefix: identity.prefix.to_owned(),
            scope: identity.scope.to_owned(),
            last_scan: 0,
            complete_as_of: None,
            newest_page: None,
            running: None,
            followed: None,
            events: 0,
            partial_as_of: None,
            was_detached: false,
            wired_queue: None,
        }
    }

    /// Whether the Source now has another bucket or prefix than the records.
    pub(super) fn has_other_location(&self, identity: &SourceIdentity<'_>) -> bool {
        self.origin != identity.origin || self.prefix != identity.prefix
    }

    /// Takes over the new identity after the stale records are gone. Discards an unfinished scan.
    pub fn adopt(&mut self, identity: &SourceIdentity<'_>) {
        if self.has_other_location(identity) {
            self.forget();
        }
        identity.origin.clone_into(&mut self.origin);
        identity.prefix.clone_into(&mut self.prefix);
        identity.scope.clone_into(&mut self.scope);
        self.running = None;
    }

    /// Forgets all scans and which events are in the index.
    pub fn forget(&mut self) {
        (self.complete_as_of, self.newest_page) = (None, None);
        (self.running, self.followed) = (None, None);
        self.partial_as_of = None;
        self.was_detached = false;
    }

    /// The state that a rebuild starts with. It keeps the identity of the Source, the numbers of scans and events, and
    /// the timestamp that the pages of the rebuild must exceed. It does not keep which keys were listed, or until when
    /// events were followed.
    pub fn binding_only(&self) -> Self {
        Self {
            complete_as_of: None,
            running: None,
            followed: None,
            partial_as_of: None,
            was_detached: false,
            ..self.clone()
        }
    }

    /// The progress of the scans.
    pub fn watermarks(&self) -> ScanWatermarks {
        ScanWatermarks {
            complete_as_of: self.complete_as_of,
            scanning_since: self.running.as_ref().and_then(|scan| scan.started),
            scan: self.last_scan,
        }
    }

    /// Begins a full scan over `ranges`, which must contain every admitted key. Discards an unfinished
    /// scan.
    pub fn begin_scan(&mut self, ranges: Vec<KeyRange>) {
        self.begin(ranges, false);
    }

    /// Begins a partial scan over `ranges`, which must contain every key that only the new rules admit. Discards
    /// an unfinished scan.
    pub fn begin_partial_scan(&mut self, ranges: Vec<KeyRange>) {
        self.begin(ranges, true);
    }

    fn begin(&mut self, ranges: Vec<KeyRange>, partial: bool) {
        self.last_scan += 1;
        self.was_detached &= partial;
        let progress = |rest| RangeProgress { rest, done: false };
        self.running = Some(RunningScan {
            started: None,
            ranges: ranges.into_iter().map(progress).collect(),
            partial,
        });
    }

    /// Notes a page of the running scan. Returns the timestamp to apply it with, or `None` if no scan is
    /// running.
    ///
    /// The first page sets the start of the scan, and no later page gets a timestamp before it. That is true
    /// because the scanner requests no other page until the first has arrived.
    ///
    /// The start is later than every page of earlier scans, which arrived before this page was requested. If
    /// `listed_at` is not later, because S3's `Date` has whole seconds and both scans fall into one, the start is
    /// one millisecond above them. A scan takes longer than that, so the start is still not later than the
    /// page's snapshot.
    pub fn note_page(&mut self, listed_at: Timestamp) -> Option<Timestamp> {
        let running = self.running.as_mut()?;
        let floor = self.newest_page.map(Timestamp::next);
        let started = *running
            .started
            .get_or_insert_with(|| floor.map_or(listed_at, |f| listed_at.max(f)));
        let counted = listed_at.max(started);
        self.newest_page = self.newest_page.max(Some(counted));
        Some(counted)
    }

    /// Completes the running scan. If it was a full one, everything up to its start is in the index now.
    ///
    /// # Errors
    ///
    /// If no scan is running, or a range is not listed to its end.
    pub fn complete_scan(&mut self) -> Result<(), NotComplete> {
        let running = self
            .running
            .as_ref()
            .ok_or_else(|| NotComplete("no scan is running".to_owned()))?;
        if let Some(open) = running.ranges.iter().find(|range| !range.done) {
            return Err(NotComplete(format!(
                "the range with prefix {:?} is listed only up to {:?}",
                open.rest.prefix, open.rest.after
            )));
        }
        if running.partial {
            self.partial_as_of = self.partial_as_of.max(running.started);
        } else {
            self.complete_as_of = self.complete_as_of.max(running.started);
            self.partial_as_of = None;
        }
        self.running = None;
        Ok(())
    }
}

impl RunningScan {
    /// Notes that a part of the keys is listed. It may be any part: tasks list several parts of a range at the same time,
    /// in any order.
    ///
    /// Between two parts that nobody has listed, there is one that somebody lists. So the number of ranges is at most two
    /// for each planned range and task.
    pub fn advance(&mut self, listed: &KeyRange) {
        for RangeProgress { rest, done } in std::mem::take(&mut self.ranges) {
            let is_other = done || rest.prefix != listed.prefix;
            match rest.around(listed).filter(|_| !is_other) {
                None => self.add(rest, done),
                Some((below, above)) => {
                    below.into_iter().for_each(|below| self.add(below, false));
                    match above {
                        Some(above) => self.add(above, false),
                        None => self.add(rest, true),
                    }
                }
            }
        }
    }

    /// Adds a range after all others. Ranges that are done and next to each other become one.
    fn add(&mut self, rest: KeyRange, done: bool) {
        match self.ranges.last_mut() {
            Some(last) if last.done && done && last.rest.prefix == rest.prefix => {
                last.rest.until = rest.until;
            }
            _ => self.ranges.push(RangeProgress { rest, done }),
        }
    }

    /// The ranges that are not done.
    pub fn open_ranges(&self) -> impl Iterator<Item = &KeyRange> {
        let open = self.ranges.iter().filter(|range| !range.done);
        open.map(|range| &range.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> SourceState {
        SourceState::new(
            SourceId(0),
            &SourceIdentity {
                name: "a",
                subdomain: "one",
                origin: "aws/bucket",
                prefix: "",
                scope: "1",
            },
        )
    }

    #[test]
    fn scan_completes_only_after_every_range_is_done() {
        let mut state = state();
        state.begin_scan(vec![KeyRange::under("a/"), KeyRange::under("b/")]);
        let at = Timestamp::from_millis;
        assert_eq!(state.note_page(at(10)), Some(at(10)));
        assert_eq!(state.note_page(at(8)), Some(at(10)));
        assert_eq!(state.note_page(at(12)), Some(at(12)));
        let running = state.running.as_mut().unwrap();
        running.advance(&KeyRange::under("a/"));
        running.advance(&listed("b/", None, Some("b/c")));
        assert_eq!(running.open_ranges().count(), 1);
        let text = state.complete_scan().unwrap_err().to_string();
        assert!(text.contains("\"b/\"") && text.contains("b/c"), "{text}");
        let running = state.running.as_mut().unwrap();
        running.advance(&listed("b/", Some("b/c"), None));
        state.complete_scan().unwrap();
        assert_eq!(state.complete_as_of, Some(Timestamp::from_millis(10)));
        assert_eq!(state.watermarks().scan, 1);
        assert!(state.complete_scan().is_err());
    }

    fn listed(prefix: &str, after: Option<&str>, until: Option<&str>) -> KeyRange {
        KeyRange {
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            until: until.map(str::to_owned),
        }
    }

    #[test]
    fn parts_of_a_range_are_listed_in_any_order() {
        let parts = [
            listed("", None, Some("c")),
            listed("", Some("c"), Some("g")),
            listed("", Some("g"), Some("m")),
            listed("", Some("m"), None),
        ];
        for first in 0..24 {
            // Every order of four parts.
            let (mut left, mut number) = (parts.to_vec(), first);
            let mut state = state();
            state.begin_scan(vec![KeyRange::under("")]);
            for size in (1..=4).rev() {
                let running = state.running.as_mut().unwrap();
                assert!(running.ranges.len() <= 3, "{running:?}");
                let part = left.remove(number % size);
                number /= size;
                running.advance(&part);
                running.advance(&part);
                for key in ["a", "c", "d", "g", "h", "m", "x"] {
                    let open = running
                        .open_ranges()
                        .filter(|open| open.interval().contains(key));
                    let is_left = left.iter().any(|part| part.interval().contains(key));
                    assert_eq!(open.count(), usize::from(is_left), "{key} {running:?}");
                }
                assert_eq!(state.clone().complete_scan().is_ok(), left.is_empty());
            }
        }
    }

    #[test]
    fn partial_scan_does_not_count_as_a_full_scan() {
        let mut state = state();
        state.begin_scan(Vec::new());
        state.note_page(Timestamp::from_millis(10));
        state.complete_scan().unwrap();
        state.begin_partial_scan(Vec::new());
        state.note_page(Timestamp::from_millis(20));
        state.complete_scan().unwrap();
        assert_eq!(state.complete_as_of, Some(Timestamp::from_millis(10)));
    }

    #[test]
    fn scan_starts_above_every_page_of_earlier_scans() {
        let mut state = state();
        let at = Timestamp::from_millis;
        assert_eq!(state.note_page(at(9)), None);
        for (listed_at, counted) in [(10, 10), (10, 11), (9, 12), (50, 50)] {
            state.begin_scan(Vec::new());
            assert_eq!(state.note_page(at(listed_at)), Some(at(counted)));
            state.complete_scan().unwrap();
            assert_eq!(state.complete_as_of, Some(at(counted)));
        }
    }
}
