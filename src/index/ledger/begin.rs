//! The beginning of a scan: resume it, plan new ranges, or wait for the first asset of a new bucket or prefix.

use std::sync::Arc;
use std::time::Duration;

use super::{Ledger, Scan};
use crate::core::counters::ScanProgress;
use crate::core::replication::checkpoint::StaleRecords;
use crate::core::replication::interval::KeyRange;
use crate::core::replication::range_plan::PlannedRange;
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::source_state::{QueueId, RunningScan, SourceId, SourceState};
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
    /// Whether a Source that has moved to another bucket or prefix loses its former assets even if the new
    /// location has none.
    pub allow_empty: bool,
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
    /// The ranges that are not done.
    pub ranges: Vec<PlannedRange>,
    /// The start of a resumed scan. If `None`, the first page sets it, and must be reported before any other
    /// page is requested.
    pub started: Option<Timestamp>,
    /// Whether an unfinished scan is resumed.
    pub resumed: bool,
}

impl ScanPlan {
    /// The plan of the running scan.
    pub(super) fn of(state: &SourceState, resumed: bool) -> Self {
        let running = state.running.as_ref();
        Self {
            source: state.id,
            scan: state.last_scan,
            ranges: running
                .into_iter()
                .flat_map(RunningScan::open_ranges)
                .map(|range| PlannedRange {
                    range: range.clone(),
                    keys: None,
                })
                .collect(),
            started: running.and_then(|scan| scan.started),
            resumed,
        }
    }
}

impl<E: Engine> Ledger<E> {
    /// Begins or resumes the scan of a Source, after removing the records that its configuration made stale.
    ///
    /// The next commit makes the beginning durable. If the process ends before it, none of the scan's pages is
    /// durable either.
    ///
    /// If the Source has another bucket or prefix than its records, nothing is removed or committed yet: the
    /// first page with an asset does that.
    ///
    /// # Errors
    ///
    /// [`IndexError::Binding`] if the Source cannot be added. Then nothing has changed.
    pub fn begin_scan(&mut self, request: ScanRequest) -> Result<ScanPlan, IndexError> {
        let mut scan = Scan::new(request.source, request.progress);
        let (id, stale) = scan.with_identity(|identity| self.checkpoint.register(identity))?;
        if stale == StaleRecords::Everything {
            let (allow_empty, queue) = (request.allow_empty, request.queue);
            let relocation = self.prepare_move(id, &scan, allow_empty, queue)?;
            let plan = relocation.plan();
            scan.relocation = Some(relocation);
            self.scans.insert(id, scan);
            return Ok(plan);
        }
        let saved = self.remove_stale_records(id, &scan, stale)?;
        scan.removed_before = scan.progress.removed.get();
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
        if self.pending.has_changes_of(id) {
            // The engine counts only committed assets.
            self.commit()?;
        }
        let mut plan = ScanPlan::of(self.state(id)?, resumed);
        scan.assets_before = self.engine.assets(id)?;
        scan.progress.assets_before.raise_to(scan.assets_before);
        if self.dry_run {
            scan.assets_before -= scan.removed_before.min(scan.assets_before);
        }
        let is_known = self.state(id)?.complete_as_of.is_some() || self.is_in_previous(id);
        for planned in &mut plan.ranges {
            let expected = self.known_records(id, &planned.range)?;
            scan.progress.expected.add(expected);
            planned.keys = is_known.then_some(expected);
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

    /// The ranges of a new scan: the keys that the rules can admit, split so that the parts hold about
    /// equally many known records. During a rebuild, the previous index knows them.
    pub(super) fn plan_ranges(
        &mut self,
        id: SourceId,
        source: &Source,
        in_flight: usize,
    ) -> Result<Vec<KeyRange>, IndexError> {
        let listed = source.listed_ranges();
        let mut known = Vec::with_capacity(listed.len());
        for range in &listed {
            known.push(self.known_records(id, range)?);
        }
        let total: u64 = known.iter().sum();
        let mut ranges = Vec::with_capacity(listed.len());
        for (range, records) in listed.iter().zip(known) {
            let share = (in_flight as u64 * records).div_ceil(total.max(1));
            let parts = share.min(records / MIN_RECORDS_PER_RANGE).max(1);
            let mut points = self
                .engine
                .split_points(id, &range.interval(), parts as usize)?;
            if points.is_empty() {
                points = self.previous_split_points(id, &range.interval(), parts as usize)?;
            }
            ranges.extend(range.split(points));
        }
        Ok(ranges)
    }

    /// About how many records of the range this index has, or else the previous one.
    fn known_records(&mut self, id: SourceId, range: &KeyRange) -> Result<u64, IndexError> {
        match self.engine.estimate(id, &range.interval())? {
            0 => self.previous_estimate(id, &range.interval()),
            records => Ok(records),
        }
    }
}
