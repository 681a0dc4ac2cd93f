//! The status of one Source: its phase, its problems and its counters.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{EventLag, LastError, lock};
use crate::core::counters::{Counter, ScanProgress};
use crate::core::replication::schedule::ScanReason;
use crate::core::replication::timestamp::Timestamp;
use crate::index::tally::Tally;
use crate::observe::outage::Outage;

/// The status of one Source.
#[derive(Debug)]
pub struct SourceStatus {
    /// The name of the Source.
    pub name: String,
    /// The number of assets, and the drift.
    pub tally: Arc<Tally>,
    /// Time from an event until it is searchable.
    pub lag: EventLag,
    /// Events that were written to the index.
    pub written: Counter,
    /// Events that were not newer than the index.
    pub stale: Counter,
    /// Look-ups: listings of a single key.
    pub look_ups: Counter,
    /// Completed scans.
    pub scans: Counter,
    /// Failed scans.
    pub failed_scans: Counter,
    settings: Mutex<SourceSettings>,
    phase: Mutex<SourcePhase>,
    conditions: Mutex<BTreeMap<SourceCondition, String>>,
    /// For the problems that were raised and not cleared. They end later than the problems.
    outages: Mutex<BTreeMap<SourceCondition, Outage>>,
    scan: Mutex<Option<ScanInProgress>>,
    complete_as_of: Mutex<Option<Timestamp>>,
    last_event_at: Mutex<Option<Timestamp>>,
    last_error: Mutex<Option<LastError>>,
    unusable_keys: Mutex<Option<UnusableKeys>>,
}

/// The configuration of a Source, as far as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceSettings {
    /// The bucket.
    pub bucket: String,
    /// The prefix.
    pub prefix: String,
    /// The subdomain.
    pub subdomain: String,
    /// The URL of its queue.
    pub queue_url: Option<String>,
    /// The maximum time between two scans.
    pub scan_interval: Option<Duration>,
}

/// The phase of a Source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourcePhase {
    /// No scan of its current bucket and prefix has completed yet.
    Deploying,
    /// A scan has completed, and the index follows the bucket.
    Deployed,
    /// The configuration disables it.
    Disabled,
}

/// A problem that a Source can have. Each kind is shown at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceCondition {
    /// Its subdomain is bound to another Source.
    Binding,
    /// Its bucket refused or did not answer the first requests after a start or a reload.
    Bucket,
    /// Its last scan failed.
    Scan,
    /// Receiving from its queue fails.
    Queue,
    /// A look-up failed.
    LookUp,
}

/// Keys that cannot be indexed, because they are not UTF-8 or their encoding is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableKeys {
    /// Their number.
    pub count: u64,
    /// Some of them, for people.
    pub examples: Vec<String>,
}

/// A running scan.
#[derive(Clone, Debug)]
pub struct ScanInProgress {
    /// Why the scan was started.
    pub reason: ScanReason,
    /// When it started, by our clock.
    pub since: Timestamp,
    /// Its progress so far.
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
            settings: Mutex::default(),
            phase: Mutex::new(SourcePhase::Deploying),
            conditions: Mutex::default(),
            outages: Mutex::default(),
            scan: Mutex::default(),
            complete_as_of: Mutex::default(),
            last_event_at: Mutex::default(),
            last_error: Mutex::default(),
            unusable_keys: Mutex::default(),
        }
    }

    /// The configuration of the Source.
    pub fn settings(&self) -> SourceSettings {
        lock(&self.settings).clone()
    }

    /// Sets the configuration of the Source.
    pub fn set_settings(&self, settings: SourceSettings) {
        *lock(&self.settings) = settings;
    }

    /// The phase.
    pub fn phase(&self) -> SourcePhase {
        *lock(&self.phase)
    }

    /// Sets the phase.
    pub fn set_phase(&self, phase: SourcePhase) {
        *lock(&self.phase) = phase;
    }

    /// The messages of all current problems.
    pub fn conditions(&self) -> Vec<String> {
        lock(&self.conditions).values().cloned().collect()
    }

    /// Whether the Source has this problem.
    pub fn has_condition(&self, condition: SourceCondition) -> bool {
        lock(&self.conditions).contains_key(&condition)
    }

    /// Adds a problem. Returns whether an outage begins, which has to be logged.
    pub fn raise(&self, condition: SourceCondition, text: impl Into<String>) -> bool {
        let text = text.into();
        *lock(&self.last_error) = Some(LastError::now(text.clone()));
        lock(&self.conditions).insert(condition, text);
        let mut outages = lock(&self.outages);
        outages
            .entry(condition)
            .or_default()
            .on_failure(Instant::now())
    }

    /// Removes a problem and its outage: the next [`raise`](Self::raise) counts as new.
    pub fn clear(&self, condition: SourceCondition) {
        lock(&self.conditions).remove(&condition);
        lock(&self.outages).remove(&condition);
    }

    /// Removes a problem after a success, although the next attempt may fail again. Returns whether its outage
    /// has ended, which has to be logged.
    pub fn recover(&self, condition: SourceCondition) -> bool {
        lock(&self.conditions).remove(&condition);
        let outages = lock(&self.outages);
        let outage = outages.get(&condition);
        outage.is_some_and(|outage| outage.on_success(Instant::now()))
    }

    /// The running scan, if any.
    pub fn scan(&self) -> Option<ScanInProgress> {
        lock(&self.scan).clone()
    }

    /// Sets the running scan.
    pub fn set_scan(&self, scan: Option<ScanInProgress>) {
        *lock(&self.scan) = scan;
    }

    /// The time as of which the last complete scan shows the bucket.
    pub fn complete_as_of(&self) -> Option<Timestamp> {
        *lock(&self.complete_as_of)
    }

    /// Sets the time as of which the last complete scan shows the bucket.
    pub fn set_complete_as_of(&self, as_of: Option<Timestamp>) {
        *lock(&self.complete_as_of) = as_of;
    }

    /// The keys that the last complete scan skipped, if any.
    pub fn unusable_keys(&self) -> Option<UnusableKeys> {
        lock(&self.unusable_keys).clone()
    }

    /// Sets the keys that the last complete scan skipped. Returns whether there are some and there were none before,
    /// which has to be logged.
    pub fn set_unusable_keys(&self, keys: Option<UnusableKeys>) -> bool {
        let has_some = keys.is_some();
        let before = std::mem::replace(&mut *lock(&self.unusable_keys), keys);
        has_some && before.is_none()
    }

    /// The time of the newest event that was written to the index.
    pub fn last_event_at(&self) -> Option<Timestamp> {
        *lock(&self.last_event_at)
    }

    /// An event of this time was written to the index. Events can arrive in any order.
    pub fn saw_event(&self, time: Timestamp) {
        let mut last = lock(&self.last_event_at);
        *last = (*last).max(Some(time));
    }

    /// The last error.
    pub fn last_error(&self) -> Option<LastError> {
        lock(&self.last_error).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_that_comes_and_goes_is_new_once_but_shown_as_it_is() {
        let source = SourceStatus::new("a");
        let mut news = 0;
        for _ in 0..100 {
            news += usize::from(source.raise(SourceCondition::LookUp, "timed out"));
            assert!(source.has_condition(SourceCondition::LookUp));
            news += usize::from(source.recover(SourceCondition::LookUp));
            assert!(!source.has_condition(SourceCondition::LookUp));
        }
        assert_eq!(news, 1);
        source.clear(SourceCondition::LookUp);
        assert!(source.raise(SourceCondition::LookUp, "timed out"));
    }
}
