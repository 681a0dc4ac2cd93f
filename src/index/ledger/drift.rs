//! Drift: differences that a scan repaired although events should have reported them.
//!
//! An event may arrive after the page that shows its effect. A difference that a page repairs is therefore
//! only a candidate at first, and an event of the key clears it. Candidates that are left after a grace
//! period are drift.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Ledger;
use crate::core::replication::object::Object;
use crate::core::replication::record::Record;
use crate::core::replication::source_state::SourceId;
use crate::core::replication::timestamp::Timestamp;
use crate::index::Engine;
use crate::index::tally::{Drift, Tally};

/// Maximum number of candidates, over all Sources. A difference above it counts as drift immediately.
const MAX_CANDIDATES: usize = 100_000;

/// How the record of a key differs from a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// The bucket has the asset, and the index does not.
    Missing,
    /// The asset has another size or ETag in the bucket.
    Stale,
    /// The index has the asset, and the bucket does not.
    LeftOver,
}

impl Difference {
    /// The difference between a page and the record. Compares only the properties that events report. `None`
    /// if there is no difference.
    pub(super) fn between(listed: Option<&Object>, record: Option<&Record>) -> Option<Self> {
        match (listed, record.and_then(Record::object)) {
            (Some(_), None) => Some(Self::Missing),
            (Some(listed), Some(known)) => {
                // An event may lack the ETag.
                let same_etag = known.etag.is_none() || listed.etag == known.etag;
                let is_same = listed.size == known.size && same_etag;
                (!is_same).then_some(Self::Stale)
            }
            (None, Some(_)) => Some(Self::LeftOver),
            (None, None) => None,
        }
    }
}

/// The candidates of all scans whose drift is measured.
#[derive(Debug, Default)]
pub(super) struct DriftCandidates {
    by_source: HashMap<SourceId, SourceCandidates>,
    /// Number of keys in all of `by_source`.
    key_count: usize,
}

#[derive(Debug)]
struct SourceCandidates {
    tally: Arc<Tally>,
    /// Time after the end of the scan during which an event may still arrive.
    grace: Duration,
    keys: HashMap<String, Difference>,
    /// The differences found while [`MAX_CANDIDATES`] was reached.
    overflow: Drift,
    /// When the scan ended, and the time as of which the Source is complete.
    ended: Option<(Instant, Option<Timestamp>)>,
}

const NO_DRIFT: Drift = Drift {
    as_of: None,
    missing: 0,
    stale: 0,
    left_over: 0,
};

fn count(drift: &mut Drift, difference: Difference) {
    match difference {
        Difference::Missing => drift.missing += 1,
        Difference::Stale => drift.stale += 1,
        Difference::LeftOver => drift.left_over += 1,
    }
}

impl DriftCandidates {
    /// Begins to measure the drift of a scan. Discards the candidates of an earlier scan of the Source.
    pub(super) fn begin(&mut self, source: SourceId, tally: Arc<Tally>, grace: Duration) {
        self.discard(source);
        self.by_source.insert(
            source,
            SourceCandidates {
                tally,
                grace,
                keys: HashMap::new(),
                overflow: NO_DRIFT,
                ended: None,
            },
        );
    }

    /// Discards the candidates of the Source and stops measuring.
    pub(super) fn discard(&mut self, source: SourceId) {
        if let Some(discarded) = self.by_source.remove(&source) {
            self.key_count -= discarded.keys.len();
        }
    }

    /// Adds a difference that a page repairs, if the scan is measured and has not ended.
    pub(super) fn add(&mut self, source: SourceId, key: &str, difference: Difference) {
        let Some(candidates) = self.by_source.get_mut(&source) else {
            return;
        };
        if candidates.ended.is_some() {
            return;
        }
        if self.key_count >= MAX_CANDIDATES {
            count(&mut candidates.overflow, difference);
        } else if candidates.keys.insert(key.to_owned(), difference).is_none() {
            self.key_count += 1;
        }
    }

    /// Removes the candidate of a key, because an event of the key has arrived.
    pub(super) fn clear(&mut self, source: SourceId, key: &str) {
        let candidates = self.by_source.get_mut(&source);
        if candidates.is_some_and(|candidates| candidates.keys.remove(key).is_some()) {
            self.key_count -= 1;
        }
    }

    /// Notes that the scan is complete. Its grace period begins.
    pub(super) fn end(&mut self, source: SourceId, as_of: Option<Timestamp>) {
        if let Some(candidates) = self.by_source.get_mut(&source) {
            candidates.ended = Some((Instant::now(), as_of));
        }
    }

    /// Returns the drift of the scans whose grace period is over at `now`, and sets it in their tallies.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(SourceId, Drift)> {
        let is_due = |candidates: &SourceCandidates| {
            let ended = candidates.ended;
            ended.is_some_and(|(at, _)| now.saturating_duration_since(at) >= candidates.grace)
        };
        let due: Vec<SourceId> = self
            .by_source
            .iter()
            .filter(|(_, candidates)| is_due(candidates))
            .map(|(source, _)| *source)
            .collect();
        let mut drifts = Vec::with_capacity(due.len());
        for source in due {
            let Some(candidates) = self.by_source.remove(&source) else {
                continue;
            };
            self.key_count -= candidates.keys.len();
            let mut drift = candidates.overflow;
            drift.as_of = candidates.ended.and_then(|(_, as_of)| as_of);
            for difference in candidates.keys.into_values() {
                count(&mut drift, difference);
            }
            candidates.tally.set_drift(drift);
            drifts.push((source, drift));
        }
        drifts
    }
}

impl<E: Engine> Ledger<E> {
    /// Counts and logs the drift of the scans whose grace period is over.
    pub fn measure_drift(&mut self) {
        for (source, drift) in self.drift_candidates.take_due(Instant::now()) {
            let name = self.checkpoint.state(source).map(|state| &*state.name);
            let (missing, stale, left_over) = (drift.missing, drift.stale, drift.left_over);
            let source = name.unwrap_or_default();
            match drift.total() {
                0 => tracing::info!(source, "scan found no drift"),
                _ => tracing::warn!(
                    source,
                    missing,
                    stale,
                    left_over,
                    "drift: the scan repaired what events should have reported"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SourceId = SourceId(1);

    fn take_due(candidates: &mut DriftCandidates, later: u64) -> Vec<[u64; 3]> {
        let now = Instant::now() + Duration::from_secs(later);
        let drifts = candidates.take_due(now).into_iter();
        drifts
            .map(|(_, drift)| [drift.missing, drift.stale, drift.left_over])
            .collect()
    }

    #[test]
    fn candidates_without_an_event_in_the_grace_period_are_drift() {
        let (mut candidates, tally) = (DriftCandidates::default(), Arc::new(Tally::default()));
        candidates.begin(A, Arc::clone(&tally), Duration::from_secs(60));
        for (key, difference) in [
            ("a", Difference::Missing),
            ("b", Difference::Stale),
            ("c", Difference::LeftOver),
            ("d", Difference::LeftOver),
        ] {
            candidates.add(A, key, difference);
        }
        candidates.add(SourceId(2), "x", Difference::Missing);
        candidates.clear(A, "b");
        let due = take_due(&mut candidates, 100);
        assert!(due.is_empty(), "the scan has not ended");
        candidates.end(A, Some(Timestamp::from_millis(7)));
        candidates.clear(A, "d");
        candidates.add(A, "e", Difference::Missing);
        assert!(take_due(&mut candidates, 30).is_empty());
        assert_eq!(take_due(&mut candidates, 61), [[1, 0, 1]]);
        assert_eq!(
            tally.drift().unwrap().as_of,
            Some(Timestamp::from_millis(7))
        );
        assert_eq!(candidates.key_count, 0);
        assert!(take_due(&mut candidates, 61).is_empty());
    }

    #[test]
    fn differences_above_the_limit_are_counted_but_not_stored() {
        let mut candidates = DriftCandidates::default();
        candidates.begin(A, Arc::default(), Duration::ZERO);
        for number in 0..MAX_CANDIDATES + 5 {
            candidates.add(A, &number.to_string(), Difference::Missing);
        }
        assert_eq!(candidates.key_count, MAX_CANDIDATES);
        candidates.end(A, None);
        assert_eq!(
            take_due(&mut candidates, 1),
            [[(MAX_CANDIDATES + 5) as u64, 0, 0]]
        );
    }
}
