//! The board of one Source: what state it is in, and why.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::{EventLag, LastError, lock};
use crate::core::counters::{Counter, ScanProgress};
use crate::core::replication::schedule::ScanReason;
use crate::core::replication::timestamp::Timestamp;
use crate::index::tally::Tally;

/// One Source.
#[derive(Debug)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Its assets and its drift.
    pub tally: Arc<Tally>,
    /// From event to searchable.
    pub lag: EventLag,
    /// Events whose effect was written.
    pub written: Counter,
    /// Events of which the index knew as much or more.
    pub stale: Counter,
    /// Pages of one key that were asked for.
    pub look_ups: Counter,
    /// Scans that completed.
    pub scans: Counter,
    /// Scans that failed.
    pub failed_scans: Counter,
    facts: Mutex<SourceSettings>,
    phase: Mutex<SourcePhase>,
    troubles: Mutex<BTreeMap<SourceCondition, String>>,
    scan: Mutex<Option<ScanInProgress>>,
    complete_as_of: Mutex<Option<Timestamp>>,
    last_error: Mutex<Option<LastError>>,
}

/// What the configuration says of a Source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceSettings {
    /// The bucket.
    pub bucket: String,
    /// The prefix.
    pub prefix: String,
    /// The subdomain.
    pub subdomain: String,
    /// The address of its queue.
    pub queue_url: Option<String>,
}

/// How far a Source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourcePhase {
    /// Its first listing, or that of another bucket, is not complete yet.
    Deploying,
    /// The index mirrors it.
    Deployed,
    /// It is disabled.
    Disabled,
}

/// What a Source can suffer from; each at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceCondition {
    /// Its subdomain is another's.
    Binding,
    /// Its last scan failed.
    Scan,
    /// Its queue cannot be received from.
    Queue,
    /// The key of an event could not be listed.
    LookUp,
}

/// A scan that is under way.
#[derive(Clone, Debug)]
pub struct ScanInProgress {
    /// Why it runs.
    pub reason: ScanReason,
    /// Since when, by our clock.
    pub since: Timestamp,
    /// What it has done.
    pub progress: Arc<ScanProgress>,
}

impl SourceStatus {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            tally: Arc::default(),
            lag: EventLag::default(),
            written: Counter::default(),
            stale: Counter::default(),
            look_ups: Counter::default(),
            scans: Counter::default(),
            failed_scans: Counter::default(),
            facts: Mutex::default(),
            phase: Mutex::new(SourcePhase::Deploying),
            troubles: Mutex::default(),
            scan: Mutex::default(),
            complete_as_of: Mutex::default(),
            last_error: Mutex::default(),
        }
    }

    /// What the configuration says of it.
    pub fn settings(&self) -> SourceSettings {
        lock(&self.facts).clone()
    }

    /// Notes what the configuration says of it.
    pub fn set_settings(&self, facts: SourceSettings) {
        *lock(&self.facts) = facts;
    }

    /// How far it is.
    pub fn phase(&self) -> SourcePhase {
        *lock(&self.phase)
    }

    /// Notes how far it is.
    pub fn set_phase(&self, phase: SourcePhase) {
        *lock(&self.phase) = phase;
    }

    /// What it suffers from, in words.
    pub fn conditions(&self) -> Vec<String> {
        lock(&self.troubles).values().cloned().collect()
    }

    /// Whether it suffers from that.
    pub fn has_condition(&self, trouble: SourceCondition) -> bool {
        lock(&self.troubles).contains_key(&trouble)
    }

    /// Notes what it suffers from; tells whether it did not before.
    pub fn raise(&self, trouble: SourceCondition, text: impl Into<String>) -> bool {
        let text = text.into();
        *lock(&self.last_error) = Some(LastError::now(text.clone()));
        lock(&self.troubles).insert(trouble, text).is_none()
    }

    /// Notes that it does not suffer from that any more; tells whether it did.
    pub fn clear(&self, trouble: SourceCondition) -> bool {
        lock(&self.troubles).remove(&trouble).is_some()
    }

    /// The scan that is under way.
    pub fn scan(&self) -> Option<ScanInProgress> {
        lock(&self.scan).clone()
    }

    /// Notes which scan is under way.
    pub fn set_scan(&self, scan: Option<ScanInProgress>) {
        *lock(&self.scan) = scan;
    }

    /// As of when its newest scan is complete.
    pub fn complete_as_of(&self) -> Option<Timestamp> {
        *lock(&self.complete_as_of)
    }

    /// Notes as of when its newest scan is complete.
    pub fn set_complete_as_of(&self, as_of: Option<Timestamp>) {
        *lock(&self.complete_as_of) = as_of;
    }

    /// What went wrong last.
    pub fn last_error(&self) -> Option<LastError> {
        lock(&self.last_error).clone()
    }
}
