//! The beginning of a scan: resume it, plan new ranges, or wait for the first page of a new bucket.

use std::sync::Arc;
use std::time::Duration;

use super::{Ledger, Scan};
use crate::core::counters::ScanProgress;
use crate::core::replication::checkpoint::StaleRecords;
use crate::core::replication::interval::KeyRange;
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::source_state::{QueueId, SourceId};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;
use crate::index::{Engine, IndexError};

/// Approximate minimum number of records in a planned range: about one page.
const MIN_RECORDS_PER_RANGE: u64 = 1_000;

/// A scan to begin.
#[derive(Debug)]
pub struct ScanRequest {
    /// The Source to scan.
    pub source: Arc<Source>,
    /// Maximum number of ranges to list at the same time.
    pub ranges_in_flight: usize,
    /// Which ranges to list, and whether to resume an unfinished scan.
    pub mode: ScanMode,
    /// Set if the repairs of the scan count as drift.
    pub drift: Option<MeasureDrift>,
    /// The queue from which the Source's events are already received, if any. Events count as followed from
    /// the beginning of the scan.
    pub queue: Option<QueueId>,
    /// Counts what the scan does.
    pub progress: Arc<ScanProgress>,
}

/// Counts what a scan repairs as drift. Use it if events should have reported everything that the scan finds.
#[derive(Debug)]
pub struct MeasureDrift {
    /// Time after the scan during which a late event can still explain a repair.
    pub grace: Duration,
}

/// The ranges that a scan has to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanPlan {
    /// The Source's id.
    pub source: SourceId,
    /// The scan's number.
    pub scan: u64,
    /// The ranges that are not done, with their index in the scan.
    pub ranges: Vec<(usize, KeyRange)>,
    /// The start of a resumed scan. If `None`, the first page sets it, and must be reported before any other
    /// page is requested.
    pub started: Option<Timestamp>,
    /// Whether an unfinished scan is resumed.
    pub resumed: bool,
}

impl<E: Engine> Ledger<E> {
    /// Begins or resumes the scan of a Source, after removing the records that its configuration made stale.
    /// Commits.
    ///
    /// If the Source has another bucket or prefix than its records, nothing is removed or committed yet: the
    /// first page of the scan does that.
    ///
    /// # Errors
    ///
    /// [`IndexError::Binding`] if the Source cannot be added. Then nothing has changed.
    pub fn begin_scan(&mut self, request: ScanRequest) -> Result<ScanPlan, IndexError> {
        let mut scan = Scan::new(request.source, request.progress);
        let (id, stale) = scan.with_identity(|identity| self.checkpoint.register(identity))?;
        if stale == StaleRecords::Everything && !self.dry_run {
            scan.move_to = Some(scan.source.listed_ranges());
            scan.queue = request.queue;
            let plan = self.plan_of_move(id, &scan)?;
            self.scans.insert(id, scan);
            return Ok(plan);
        }
        let saved = self.remove_stale_records(id, &scan, stale)?;
        if self.dry_run {
            scan.hidden = stale;
        }
        if stale != StaleRecords::None {
            let state = self.state(id)?;
            scan.with_identity(|identity| state.adopt(identity));
            saved.restore(state);
        }
        let running = self.state(id)?.running.as_ref();
        let resumes = running.is_some_and(|running| request.mode.resumes(running));
        let resumed = resumes && !self.dry_run;
        if !resumed {
            let ranges = self.plan_ranges(id, &scan.source, request.ranges_in_flight)?;
            self.state(id)?.begin_scan(ranges);
        }
        self.begin_drift_measurement(id, request.drift);
        if let Some(queue) = request.queue {
            self.follow_from_now(id, queue)?;
        }
        self.checkpoint_changed = true;
        self.commit()?;
        let plan = self.plan_of(id, resumed)?;
        for (_, range) in &plan.ranges {
            let expected = self.engine.estimate(id, &range.interval())?;
            scan.progress.expected.add(expected);
        }
        self.scans.insert(id, scan);
        Ok(plan)
    }

    fn begin_drift_measurement(&mut self, id: SourceId, drift: Option<MeasureDrift>) {
        match (drift, self.tallies.get(&id)) {
            (Some(MeasureDrift { grace }), Some(tally)) => {
                self.drift_candidates.begin(id, Arc::clone(tally), grace);
            }
            _ => self.drift_candidates.discard(id),
        }
    }

    fn plan_of(&mut self, id: SourceId, resumed: bool) -> Result<ScanPlan, IndexError> {
        let state = self.state(id)?;
        let running = state.running.as_ref();
        Ok(ScanPlan {
            source: id,
            scan: state.last_scan,
            ranges: running.map(|scan| scan.open_ranges()).unwrap_or_default(),
            started: running.and_then(|scan| scan.started),
            resumed,
        })
    }

    /// The plan for a scan that [`Ledger::begin_move`] will begin.
    fn plan_of_move(&mut self, id: SourceId, scan: &Scan) -> Result<ScanPlan, IndexError> {
        let ranges = scan.move_to.iter().flatten().cloned();
        Ok(ScanPlan {
            source: id,
            scan: self.state(id)?.last_scan + 1,
            ranges: ranges.enumerate().collect(),
            started: None,
            resumed: false,
        })
    }

    /// If a scan of a new bucket or prefix waits to begin, removes the records of the old one and begins the
    /// scan.
    pub(super) fn begin_move(&mut self, id: SourceId) -> Result<(), IndexError> {
        let Some(mut scan) = self.scans.remove(&id) else {
            return Ok(());
        };
        if let Some(ranges) = scan.move_to.take() {
            self.remove_stale_records(id, &scan, StaleRecords::Everything)?;
            let state = self.state(id)?;
            scan.with_identity(|identity| state.adopt(identity));
            state.begin_scan(ranges);
            self.moving.remove(&id);
            if let Some(queue) = scan.queue.take() {
                self.follow_from_now(id, queue)?;
            }
            self.checkpoint_changed = true;
        }
        self.scans.insert(id, scan);
        Ok(())
    }

    /// The ranges of a new scan: the keys that the rules can admit, split so that the parts hold about
    /// equally many known records.
    pub(super) fn plan_ranges(
        &self,
        id: SourceId,
        source: &Source,
        in_flight: usize,
    ) -> Result<Vec<KeyRange>, IndexError> {
        let listed = source.listed_ranges();
        let mut known = Vec::with_capacity(listed.len());
        for range in &listed {
            known.push(self.engine.estimate(id, &range.interval())?);
        }
        let total: u64 = known.iter().sum();
        let mut ranges = Vec::with_capacity(listed.len());
        for (range, records) in listed.iter().zip(known) {
            let share = (in_flight as u64 * records).div_ceil(total.max(1));
            let parts = share.min(records / MIN_RECORDS_PER_RANGE).max(1);
            let points = self
                .engine
                .split_points(id, &range.interval(), parts as usize)?;
            ranges.extend(range.split(points));
        }
        Ok(ranges)
    }
}
