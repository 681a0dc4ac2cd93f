//! A state of the model: the bucket, the messages and pages in flight, and the index's record of the key.

use std::hash::{Hash, Hasher};

use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::core::replication::order::ScanWatermarks;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::source_state::{RunningScan, SourceId, SourceState};
use crate::core::replication::timestamp::Timestamp;

pub(super) const MAX_OPERATIONS: usize = 4;
pub(super) const MAX_LOOKUPS: usize = 2;

/// A page that was listed and not applied yet: its timestamp in milliseconds, and how many operations its
/// snapshot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) listed_at: i64,
    pub(super) shows: usize,
}

const NOTHING_LISTED: Listed = Listed {
    listed_at: 0,
    shows: 0,
};

/// The progress of the scan at this key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scan {
    #[default]
    Idle,
    /// The key's page is not listed yet.
    Begun,
    Listed(Listed),
    /// The key's page is applied. Other keys may follow.
    Applied,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lookup {
    #[default]
    Unused,
    Listed(Listed),
    Done,
}

#[derive(Clone, Debug)]
pub(super) struct State {
    /// S3's true time, in moments.
    pub(super) now: i64,
    /// Number of operations so far, their event times, and how often each event was delivered.
    pub(super) operations: usize,
    pub(super) event_times: [i64; MAX_OPERATIONS],
    pub(super) delivered: [u8; MAX_OPERATIONS],
    pub(super) scan: Scan,
    pub(super) lookups: [Lookup; MAX_LOOKUPS],
    /// The index.
    pub(super) record: Option<Record>,
    pub(super) watermarks: ScanWatermarks,
    pub(super) running: Option<RunningScan>,
    pub(super) newest_page: Option<Timestamp>,
    /// Unknown to the index: how many operations the record shows, the number of the newest event ever applied
    /// (from 1), and whether one of the two went down.
    pub(super) shows: usize,
    pub(super) newest_event: usize,
    pub(super) went_back: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            now: 0,
            operations: 0,
            event_times: [0; MAX_OPERATIONS],
            delivered: [0; MAX_OPERATIONS],
            scan: Scan::Idle,
            lookups: [Lookup::Unused; MAX_LOOKUPS],
            record: None,
            watermarks: ScanWatermarks::default(),
            running: None,
            newest_page: None,
            shows: 0,
            newest_event: 0,
            went_back: false,
        }
    }
}

impl State {
    /// Changes the scan state of the Source by the real code of the checkpoint.
    pub(super) fn with_source<T>(&mut self, change: impl FnOnce(&mut SourceState) -> T) -> T {
        let mut source = SourceState {
            id: SourceId(0),
            name: String::new(),
            subdomains: Vec::new(),
            origin: String::new(),
            prefix: String::new(),
            scope: String::new(),
            last_scan: self.watermarks.scan,
            complete_as_of: self.watermarks.complete_as_of,
            newest_page: self.newest_page,
            running: self.running.take(),
            followed: None,
            events: 0,
            partial_as_of: None,
            was_detached: false,
            wired_queue: None,
        };
        let result = change(&mut source);
        self.watermarks = source.watermarks();
        self.running = source.running;
        self.newest_page = source.newest_page;
        result
    }

    /// A 128-bit hash of everything that determines which steps can follow.
    ///
    /// Written without iterators, because unoptimized builds spend most of their time here.
    pub(super) fn fingerprint(&self) -> u128 {
        let optional = |time: Option<Timestamp>| time.map_or(i64::MIN, Timestamp::as_millis);
        let (scan, scan_page) = match self.scan {
            Scan::Idle => (0, NOTHING_LISTED),
            Scan::Begun => (1, NOTHING_LISTED),
            Scan::Listed(page) => (2, page),
            Scan::Applied => (3, NOTHING_LISTED),
        };
        let lookup = |lookup| match lookup {
            Lookup::Unused => (0, NOTHING_LISTED),
            Lookup::Listed(page) => (1, page),
            Lookup::Done => (2, NOTHING_LISTED),
        };
        let [(first, first_page), (second, second_page)] =
            [lookup(self.lookups[0]), lookup(self.lookups[1])];
        let times = self.event_times;
        let delivered = i64::from(u32::from_le_bytes(self.delivered));
        let started = self.running.as_ref().and_then(|scan| scan.started);
        let mut words = [
            self.now,
            self.operations as i64,
            times[0],
            times[1],
            times[2],
            times[3],
            delivered,
            scan,
            scan_page.listed_at,
            scan_page.shows as i64,
            first,
            first_page.listed_at,
            first_page.shows as i64,
            second,
            second_page.listed_at,
            second_page.shows as i64,
            self.watermarks.scan as i64,
            optional(self.watermarks.complete_as_of),
            optional(started),
            optional(self.newest_page),
            self.shows as i64,
            self.newest_event as i64,
            i64::from(self.went_back),
            0,
            0,
            0,
            0,
            0,
        ];
        if let Some(record) = &self.record {
            (words[23], words[24]) = match &record.content {
                RecordContent::Live { object, .. } => (1, object.size as i64),
                RecordContent::Removed { scan } => (2, *scan as i64),
            };
            words[25] = optional(record.event_time);
            words[26] = optional(record.listed_at);
            let digits = record.sequencer.as_ref().map(Sequencer::digits);
            words[27] = digits.map_or(0, |digits| i64::from(digits.as_bytes()[0]));
        }
        let mut hasher = Fingerprint(0);
        i64::hash_slice(&words, &mut hasher);
        hasher.0
    }
}

/// Hashes a state. In a hash set, a fingerprint is its own hash.
#[derive(Default)]
pub(super) struct Fingerprint(u128);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_128_with_seed(bytes, self.finish());
    }

    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = fingerprint;
    }

    fn finish(&self) -> u64 {
        self.0 as u64
    }
}
