//! One Source as the index knows it: what its records are of, and where its scan stands.
//!
//! The states of all Sources make up the [`crate::core::replication::checkpoint`]; bindings between Sources are
//! its affair.

use serde::{Deserialize, Serialize};

use crate::core::replication::interval::KeyRange;
use crate::core::replication::order::ScanWatermarks;
use crate::core::replication::timestamp::Timestamp;

/// The number of a Source in an index; never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub u16);

/// One Source as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// Its number.
    pub id: SourceId,
    /// Its name in the configuration.
    pub name: String,
    /// Every subdomain that it ever had; they stay bound to its name for good.
    pub subdomains: Vec<String>,
    /// The bucket and store whose keys the records are.
    pub origin: String,
    /// What all its keys start with; asset paths are without it.
    pub prefix: String,
    /// Fingerprint of what decides which keys are admitted.
    pub scope: String,
    /// Number of the running scan, or of the last one; 0 before the first.
    pub last_scan: u64,
    /// Start stamp of the newest completed scan.
    pub complete_as_of: Option<Timestamp>,
    /// Timestamp of the newest page of any scan.
    pub newest_page: Option<Timestamp>,
    /// The scan that is under way, if any.
    pub running: Option<RunningScan>,
    /// The queue whose events were applied, and until when; `None` where that is not so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed: Option<FollowedUntil>,
    /// How many events the index has taken in: a copy of the index that was made before is behind.
    #[serde(default)]
    pub events: u64,
    /// Start stamp of the newest partial scan since the newest completed one: of keys without a record
    /// it is known from then on only that there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial_as_of: Option<Timestamp>,
    /// The queue that has been seen to get the bucket's events, or S3's test event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wired_queue: Option<String>,
}

/// Which queue it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueId {
    /// Its address.
    pub url: String,
    /// When it was created, seconds since the epoch, where that is known: one that was deleted and
    /// created again has the same address, and none of the messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
}

impl QueueId {
    /// Whether nothing says that they are two.
    pub fn may_equal(&self, other: &Self) -> bool {
        let same_age = self.created.zip(other.created).is_none_or(|(a, b)| a == b);
        self.url == other.url && same_age
    }
}

/// Until when the events of a Source are in the index, as far as they were sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowedUntil {
    /// The queue.
    pub queue: QueueId,
    /// Milliseconds since the epoch by our own clock, not S3's: it only tells for how long nobody
    /// received, against how long the queue keeps messages.
    pub until_millis: i64,
}

/// Where a scan stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningScan {
    /// The start stamp; `None` until the first page is in.
    pub started: Option<Timestamp>,
    /// The ranges that make up the listing.
    pub ranges: Vec<RangeProgress>,
    /// Whether the ranges are only what new rules admit besides the old ones, so that its end says
    /// nothing of the other keys.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// Where the scan of one range stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeProgress {
    /// What is left to list: its `after` is the last key done.
    pub rest: KeyRange,
    /// Whether nothing is left.
    pub done: bool,
}

/// What a configured Source says of itself to the index.
#[derive(Clone, Copy, Debug)]
pub struct SourceIdentity<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its subdomain.
    pub subdomain: &'a str,
    /// See [`SourceState::origin`].
    pub origin: &'a str,
    /// See [`SourceState::prefix`].
    pub prefix: &'a str,
    /// See [`SourceState::scope`].
    pub scope: &'a str,
}

/// A scan that cannot be completed yet.
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
            wired_queue: None,
        }
    }

    /// Whether the Source now names another bucket or folder than the records are of.
    pub(super) fn has_other_location(&self, identity: &SourceIdentity<'_>) -> bool {
        self.origin != identity.origin || self.prefix != identity.prefix
    }

    /// Takes over the identity once the leftovers are gone; a scan under the old one is void.
    pub fn adopt(&mut self, identity: &SourceIdentity<'_>) {
        if self.has_other_location(identity) {
            self.forget();
        }
        identity.origin.clone_into(&mut self.origin);
        identity.prefix.clone_into(&mut self.prefix);
        identity.scope.clone_into(&mut self.scope);
        self.running = None;
    }

    /// Forgets what was listed and followed.
    pub fn forget(&mut self) {
        (self.complete_as_of, self.newest_page) = (None, None);
        (self.running, self.followed) = (None, None);
        self.partial_as_of = None;
    }

    /// The Source's watermarks.
    pub fn watermarks(&self) -> ScanWatermarks {
        ScanWatermarks {
            complete_as_of: self.complete_as_of,
            scanning_since: self.running.as_ref().and_then(|scan| scan.started),
            scan: self.last_scan,
        }
    }

    /// Begins a scan over `ranges`, which hold every admitted key; one that was under way is given
    /// up.
    pub fn begin_scan(&mut self, ranges: Vec<KeyRange>) {
        self.begin(ranges, false);
    }

    /// As [`SourceState::begin_scan`], over ranges that hold what new rules admit besides the old.
    pub fn begin_partial_scan(&mut self, ranges: Vec<KeyRange>) {
        self.begin(ranges, true);
    }

    fn begin(&mut self, ranges: Vec<KeyRange>, partial: bool) {
        self.last_scan += 1;
        let progress = |rest| RangeProgress { rest, done: false };
        self.running = Some(RunningScan {
            started: None,
            ranges: ranges.into_iter().map(progress).collect(),
            partial,
        });
    }

    /// The stamp that a page of the running scan counts as; `None` where no scan is running.
    ///
    /// The first page sets the scan's start, and no page counts as older than that: whoever scans
    /// asks for no other page before the first is in. The start itself is above every page of the
    /// scans before, whose answers were in before this page was asked for. S3's `Date` has whole
    /// seconds and could not tell two scans within one apart; a scan takes longer than the
    /// millisecond that is added, so the start still is not later than the page's snapshot.
    pub fn note_page(&mut self, stamp: Timestamp) -> Option<Timestamp> {
        let running = self.running.as_mut()?;
        let floor = self.newest_page.map(Timestamp::next);
        let started = *running
            .started
            .get_or_insert_with(|| floor.map_or(stamp, |f| stamp.max(f)));
        let counted = stamp.max(started);
        self.newest_page = self.newest_page.max(Some(counted));
        Some(counted)
    }

    /// Completes the running scan: everything up to its start is in the index now, unless it was a
    /// partial one.
    pub fn complete_scan(&mut self) -> Result<(), NotComplete> {
        let running = self
            .running
            .as_ref()
            .ok_or_else(|| NotComplete("none is under way".to_owned()))?;
        if let Some(open) = running.ranges.iter().find(|range| !range.done) {
            return Err(NotComplete(format!(
                "the range with prefix {:?} is listed up to {:?} only",
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
    /// Notes how far a range is.
    pub fn advance(&mut self, range: usize, resume_after: Option<String>, done: bool) {
        if let Some(progress) = self.ranges.get_mut(range) {
            progress.rest.after = resume_after;
            progress.done = done;
        }
    }

    /// The ranges that are not done, with their places in the scan.
    pub fn open_ranges(&self) -> Vec<(usize, KeyRange)> {
        let ranges = self.ranges.iter().enumerate();
        ranges
            .filter(|(_, range)| !range.done)
            .map(|(place, range)| (place, range.rest.clone()))
            .collect()
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
    fn a_scan_is_complete_when_every_range_is_and_not_before() {
        let mut state = state();
        state.begin_scan(vec![KeyRange::under("a/"), KeyRange::under("b/")]);
        let at = Timestamp::from_millis;
        assert_eq!(state.note_page(at(10)), Some(at(10)));
        assert_eq!(state.note_page(at(8)), Some(at(10)));
        assert_eq!(state.note_page(at(12)), Some(at(12)));
        let running = state.running.as_mut().unwrap();
        running.advance(0, Some("a/z".into()), true);
        running.advance(1, Some("b/c".into()), false);
        assert_eq!(running.open_ranges().len(), 1);
        let text = state.complete_scan().unwrap_err().to_string();
        assert!(text.contains("\"b/\"") && text.contains("b/c"), "{text}");
        state.running.as_mut().unwrap().advance(1, None, true);
        state.complete_scan().unwrap();
        assert_eq!(state.complete_as_of, Some(Timestamp::from_millis(10)));
        assert_eq!(state.watermarks().scan, 1);
        assert!(state.complete_scan().is_err());
    }

    #[test]
    fn a_partial_scan_says_nothing_of_the_other_keys() {
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
    fn a_scan_starts_above_every_page_of_the_scans_before() {
        let mut state = state();
        let at = Timestamp::from_millis;
        assert_eq!(state.note_page(at(9)), None);
        for (stamp, counted) in [(10, 10), (10, 11), (9, 12), (50, 50)] {
            state.begin_scan(Vec::new());
            assert_eq!(state.note_page(at(stamp)), Some(at(counted)));
            state.complete_scan().unwrap();
            assert_eq!(state.complete_as_of, Some(at(counted)));
        }
    }
}
