//! How a scan begins: resumed, planned anew, or waiting for the first page of another bucket.

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

/// A range is worth a listing of its own from about this many records on: a page.
const MIN_RECORDS_PER_RANGE: u64 = 1_000;

/// What a scan asks for when it begins.
#[derive(Debug)]
pub struct ScanRequest {
    /// The Source to scan.
    pub source: Arc<Source>,
    /// How many ranges are worth listing at once.
    pub ranges_in_flight: usize,
    /// Which ranges to list, and whether to resume an unfinished scan.
    pub mode: ScanMode,
    /// Whether what the scan mends is drift.
    pub drift: Option<MeasureDrift>,
    /// The queue from which events are received already, if they are: from the scan's beginning on
    /// they count as followed.
    pub queue: Option<QueueId>,
    /// Where to count.
    pub progress: Arc<ScanProgress>,
}

/// That events of everything that a scan finds should have come.
#[derive(Debug)]
pub struct MeasureDrift {
    /// How long after the scan they may come.
    pub grace: Duration,
}

/// What a scan has to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanPlan {
    /// The Source's number.
    pub source: SourceId,
    /// The scan's number.
    pub scan: u64,
    /// The open ranges, with their places in the scan.
    pub ranges: Vec<(usize, KeyRange)>,
    /// The start stamp of a scan that is resumed; `None`: the first page will set it, and must be
    /// reported before any other page is asked for.
    pub started: Option<Timestamp>,
    /// Whether an unfinished scan goes on.
    pub resumed: bool,
}

impl<E: Engine> Ledger<E> {
    /// Begins or resumes the scan of a Source, once nothing is left of its former rules.
    pub fn begin_scan(&mut self, request: ScanRequest) -> Result<ScanPlan, IndexError> {
        let mut scan = Scan::idle(request.source, request.progress);
        let (id, stale_records) = scan.identify(|identity| self.checkpoint.register(identity))?;
        if stale_records == StaleRecords::Everything && !self.dry_run {
            scan.move_to = Some(scan.source.listed_ranges());
            scan.queue = request.queue;
            let plan = self.plan_of_move(id, &scan)?;
            self.scans.insert(id, scan);
            return Ok(plan);
        }
        let known = self.sweep(id, &scan, stale_records)?;
        if self.dry_run {
            scan.hidden = stale_records;
        }
        if stale_records != StaleRecords::None {
            let state = self.state(id)?;
            scan.identify(|identity| state.adopt(identity));
            known.give_back(state);
        }
        let running = self.state(id)?.running.as_ref();
        let resumes = running.is_some_and(|running| request.mode.resumes(running));
        let resumed = resumes && !self.dry_run;
        if !resumed {
            let ranges = self.plan_ranges(id, &scan.source, request.ranges_in_flight)?;
            self.state(id)?.begin_scan(ranges);
        }
        self.measure(id, request.drift);
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

    fn measure(&mut self, id: SourceId, drift: Option<MeasureDrift>) {
        match (drift, self.tallies.get(&id)) {
            (Some(MeasureDrift { grace }), Some(tally)) => {
                self.drift_candidates.begin(id, Arc::clone(tally), grace);
            }
            _ => self.drift_candidates.give_up(id),
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

    /// The plan of a scan that [`Ledger::move_if_new`] will begin.
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

    /// Puts another bucket or folder in the place of the one that the records are of, if a scan of
    /// it waits to begin.
    pub(super) fn move_if_new(&mut self, id: SourceId) -> Result<(), IndexError> {
        let Some(mut scan) = self.scans.remove(&id) else {
            return Ok(());
        };
        if let Some(ranges) = scan.move_to.take() {
            self.sweep(id, &scan, StaleRecords::Everything)?;
            let state = self.state(id)?;
            scan.identify(|identity| state.adopt(identity));
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

    /// The ranges of a new scan: what the rules can admit, cut where the index knows many keys.
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
