//! Drift: what a scan had to mend although an event should have told of it.
//!
//! A notification may come a while after its page, so what a page mends is a suspect first; an event
//! of the key clears it. What is left some time after the scan's end is drift.

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

/// The most suspects that are kept; what is found beyond them counts as drift at once.
const MAX_CANDIDATES: usize = 100_000;

/// What is wrong with a record that a page mends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is an asset, and the index has none.
    Missing,
    /// The asset has another size or ETag.
    Stale,
    /// There is no asset, and the index has one.
    LeftOver,
}

impl Fault {
    /// What a page finds wrong, in what events tell of.
    pub(super) fn between(listed: Option<&Object>, record: Option<&Record>) -> Option<Self> {
        match (listed, record.and_then(Record::object)) {
            (Some(_), None) => Some(Self::Missing),
            (Some(listed), Some(known)) => {
                // An event need not tell the ETag.
                let same_etag = known.etag.is_none() || listed.etag == known.etag;
                let is_same = listed.size == known.size && same_etag;
                (!is_same).then_some(Self::Stale)
            }
            (None, Some(_)) => Some(Self::LeftOver),
            (None, None) => None,
        }
    }
}

/// The suspects of all scans that measure drift.
#[derive(Debug, Default)]
pub(super) struct DriftCandidates {
    by_source: HashMap<SourceId, SourceCandidates>,
    kept: usize,
}

#[derive(Debug)]
struct SourceCandidates {
    tally: Arc<Tally>,
    /// How long after the scan's end an event may come.
    grace: Duration,
    keys: HashMap<String, Fault>,
    /// What found no place among the keys.
    beyond: Drift,
    /// When the scan ended, and as of when it is complete.
    ended: Option<(Instant, Option<Timestamp>)>,
}

const NO_DRIFT: Drift = Drift {
    as_of: None,
    missing: 0,
    stale: 0,
    left_over: 0,
};

fn count(drift: &mut Drift, fault: Fault) {
    match fault {
        Fault::Missing => drift.missing += 1,
        Fault::Stale => drift.stale += 1,
        Fault::LeftOver => drift.left_over += 1,
    }
}

impl DriftCandidates {
    /// Begins to measure a scan; one of the same Source that was measured before is given up.
    pub(super) fn begin(&mut self, source: SourceId, tally: Arc<Tally>, grace: Duration) {
        self.give_up(source);
        self.by_source.insert(
            source,
            SourceCandidates {
                tally,
                grace,
                keys: HashMap::new(),
                beyond: NO_DRIFT,
                ended: None,
            },
        );
    }

    /// Forgets what was measured of the Source.
    pub(super) fn give_up(&mut self, source: SourceId) {
        if let Some(gone) = self.by_source.remove(&source) {
            self.kept -= gone.keys.len();
        }
    }

    /// Notes what a page mends, if the scan is measured.
    pub(super) fn note(&mut self, source: SourceId, key: &str, fault: Fault) {
        let Some(drift_candidates) = self.by_source.get_mut(&source) else {
            return;
        };
        if drift_candidates.ended.is_some() {
            return;
        }
        if self.kept >= MAX_CANDIDATES {
            count(&mut drift_candidates.beyond, fault);
        } else if drift_candidates
            .keys
            .insert(key.to_owned(), fault)
            .is_none()
        {
            self.kept += 1;
        }
    }

    /// An event of the key has come: whatever a page mended was on its way.
    pub(super) fn clear_of(&mut self, source: SourceId, key: &str) {
        let drift_candidates = self.by_source.get_mut(&source);
        if drift_candidates
            .is_some_and(|drift_candidates| drift_candidates.keys.remove(key).is_some())
        {
            self.kept -= 1;
        }
    }

    /// The scan is complete; events may still come for a while.
    pub(super) fn end(&mut self, source: SourceId, as_of: Option<Timestamp>) {
        if let Some(drift_candidates) = self.by_source.get_mut(&source) {
            drift_candidates.ended = Some((Instant::now(), as_of));
        }
    }

    /// The drift of the scans that ended long enough before `now`, and in whose tally it stands now.
    pub(super) fn measured(&mut self, now: Instant) -> Vec<(SourceId, Drift)> {
        let is_due = |drift_candidates: &SourceCandidates| {
            let ended = drift_candidates.ended;
            ended.is_some_and(|(at, _)| now.saturating_duration_since(at) >= drift_candidates.grace)
        };
        let due: Vec<SourceId> = self
            .by_source
            .iter()
            .filter(|(_, drift_candidates)| is_due(drift_candidates))
            .map(|(source, _)| *source)
            .collect();
        let mut measured = Vec::with_capacity(due.len());
        for source in due {
            let Some(drift_candidates) = self.by_source.remove(&source) else {
                continue;
            };
            self.kept -= drift_candidates.keys.len();
            let mut drift = drift_candidates.beyond;
            drift.as_of = drift_candidates.ended.and_then(|(_, as_of)| as_of);
            for fault in drift_candidates.keys.into_values() {
                count(&mut drift, fault);
            }
            drift_candidates.tally.set_drift(drift);
            measured.push((source, drift));
        }
        measured
    }
}

impl<E: Engine> Ledger<E> {
    /// Tells the drift of scans whose events must have come by now.
    pub fn measure_drift(&mut self) {
        for (source, drift) in self.drift_candidates.measured(Instant::now()) {
            let name = self.checkpoint.state(source).map(|state| &*state.name);
            let (missing, stale, left_over) = (drift.missing, drift.stale, drift.left_over);
            let source = name.unwrap_or_default();
            match drift.total() {
                0 => tracing::info!(source, "no drift: the scan found what events had told"),
                _ => tracing::warn!(
                    source,
                    missing,
                    stale,
                    left_over,
                    "drift: the scan mended what events should have told"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SourceId = SourceId(1);

    fn measured(drift_candidates: &mut DriftCandidates, later: u64) -> Vec<[u64; 3]> {
        let now = Instant::now() + Duration::from_secs(later);
        let drifts = drift_candidates.measured(now).into_iter();
        drifts
            .map(|(_, drift)| [drift.missing, drift.stale, drift.left_over])
            .collect()
    }

    #[test]
    fn what_no_event_clears_in_time_is_drift() {
        let (mut drift_candidates, tally) =
            (DriftCandidates::default(), Arc::new(Tally::default()));
        drift_candidates.begin(A, Arc::clone(&tally), Duration::from_secs(60));
        for (key, fault) in [
            ("a", Fault::Missing),
            ("b", Fault::Stale),
            ("c", Fault::LeftOver),
            ("d", Fault::LeftOver),
        ] {
            drift_candidates.note(A, key, fault);
        }
        drift_candidates.note(SourceId(2), "x", Fault::Missing);
        drift_candidates.clear_of(A, "b");
        assert!(
            measured(&mut drift_candidates, 100).is_empty(),
            "it has not ended"
        );
        drift_candidates.end(A, Some(Timestamp::from_millis(7)));
        drift_candidates.clear_of(A, "d");
        drift_candidates.note(A, "e", Fault::Missing);
        assert!(measured(&mut drift_candidates, 30).is_empty());
        assert_eq!(measured(&mut drift_candidates, 61), [[1, 0, 1]]);
        assert_eq!(
            tally.drift().unwrap().as_of,
            Some(Timestamp::from_millis(7))
        );
        assert_eq!(drift_candidates.kept, 0);
        assert!(measured(&mut drift_candidates, 61).is_empty());
    }

    #[test]
    fn beyond_the_bound_it_is_counted_and_not_kept() {
        let mut drift_candidates = DriftCandidates::default();
        drift_candidates.begin(A, Arc::default(), Duration::ZERO);
        for number in 0..MAX_CANDIDATES + 5 {
            drift_candidates.note(A, &number.to_string(), Fault::Missing);
        }
        assert_eq!(drift_candidates.kept, MAX_CANDIDATES);
        drift_candidates.end(A, None);
        assert_eq!(
            measured(&mut drift_candidates, 1),
            [[(MAX_CANDIDATES + 5) as u64, 0, 0]]
        );
    }
}
