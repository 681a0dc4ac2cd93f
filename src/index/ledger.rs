//! Applies what scans report to an engine: pages, leftovers of old rules, completion.
//!
//! It is the sequential heart of the index: one thread owns it, and it waits for nothing but the
//! engine. What an observation means is decided in [`crate::sync::order`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pending::Pending;
use super::progress::Progress;
use super::{Engine, IndexError, Keyed};
use crate::source::Source;
use crate::sync::checkpoint::{Checkpoint, Identity, Leftovers, SourceId, SourceState};
use crate::sync::interval::{KeyInterval, KeyRange};
use crate::sync::listing::Entry;
use crate::sync::order::{self, Decision};
use crate::sync::reconcile::{Pair, merge_join};
use crate::sync::record::Record;
use crate::sync::stamp::Stamp;

/// The most records that are read from the engine at once: more than a page lists.
const READ_CHUNK: usize = 4_000;

/// A range is worth a listing of its own from about this many records on: a page.
const MIN_RECORDS_PER_RANGE: u64 = 1_000;

/// When the changes since the last commit are committed.
#[derive(Clone, Copy, Debug)]
pub struct CommitPolicy {
    /// At the latest with that many changed keys; it bounds the memory of what is pending.
    pub max_changes: usize,
    /// At the latest after that time, if there is anything to commit.
    pub interval: Duration,
}

/// What a scan asks for when it begins.
#[derive(Debug)]
pub struct ScanRequest {
    /// The Source to scan.
    pub source: Arc<Source>,
    /// How many ranges are worth listing at once.
    pub ranges_in_flight: usize,
    /// Whether to begin anew even where a scan is unfinished.
    pub fresh: bool,
    /// Where to count.
    pub progress: Arc<Progress>,
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
    pub started: Option<Stamp>,
    /// Whether an unfinished scan goes on.
    pub resumed: bool,
}

/// A page after the rules: the admitted keys of an interval, and how far its range is with it.
#[derive(Debug)]
pub struct PageReport {
    /// The Source's number.
    pub source: SourceId,
    /// The number of the scan that asked for it.
    pub scan: u64,
    /// The place of the range in the scan.
    pub range: usize,
    /// The interval that the page makes a statement about.
    pub interval: KeyInterval,
    /// The admitted keys, ascending.
    pub admitted: Vec<Entry>,
    /// The page's stamp.
    pub stamp: Stamp,
    /// The last key of the range that is settled.
    pub settled: Option<String>,
    /// Whether the range is done.
    pub done: bool,
}

/// A Source while it is scanned.
struct Scan {
    source: Arc<Source>,
    progress: Arc<Progress>,
    /// Records that a dry run treats as gone, because it may not remove them.
    hidden: Leftovers,
}

/// The state between the engine and those who report.
pub struct Ledger<E> {
    engine: E,
    checkpoint: Checkpoint,
    pending: Pending,
    /// Whether the checkpoint changed since the last commit.
    moved: bool,
    last_commit: Instant,
    policy: CommitPolicy,
    dry_run: bool,
    scans: HashMap<SourceId, Scan>,
}

impl<E: Engine> Ledger<E> {
    /// A ledger over the engine; a dry run decides everything and commits nothing.
    pub fn new(engine: E, policy: CommitPolicy, dry_run: bool) -> Result<Self, IndexError> {
        Ok(Self {
            checkpoint: engine.checkpoint()?,
            engine,
            pending: Pending::default(),
            moved: false,
            last_commit: Instant::now(),
            policy,
            dry_run,
            scans: HashMap::new(),
        })
    }

    /// Takes over names, numbers and subdomains of another index, if this one is new.
    pub fn inherit(&mut self, bindings: Checkpoint) {
        if self.checkpoint == Checkpoint::default() {
            self.checkpoint = bindings;
            self.moved = true;
        }
    }

    /// Begins or resumes the scan of a Source, once nothing is left of its former rules or bucket.
    pub fn begin_scan(&mut self, request: ScanRequest) -> Result<ScanPlan, IndexError> {
        let source = Arc::clone(&request.source);
        let (origin, scope) = (source.origin(), source.scope());
        let identity = Identity {
            name: &source.name,
            subdomain: &source.subdomain,
            origin: &origin,
            prefix: &source.prefix,
            scope: &scope,
        };
        let (id, leftovers) = self.checkpoint.register(&identity)?;
        let mut scan = Scan {
            source: Arc::clone(&source),
            progress: request.progress,
            hidden: Leftovers::None,
        };
        self.sweep(id, Some(&scan), leftovers)?;
        if self.dry_run {
            scan.hidden = leftovers;
        }
        if leftovers != Leftovers::None {
            self.state(id)?.adopt(&identity);
        }
        let fresh = request.fresh || self.dry_run;
        let resumed = !fresh && self.state(id)?.running.is_some();
        if !resumed {
            let ranges = self.plan_ranges(id, &scan.source, request.ranges_in_flight)?;
            self.state(id)?.begin_scan(ranges);
        }
        self.moved = true;
        self.commit()?;
        let plan = self.plan_of(id, resumed)?;
        for (_, range) in &plan.ranges {
            let expected = self.engine.estimate(id, &range.interval())?;
            scan.progress.expected.add(expected);
        }
        self.scans.insert(id, scan);
        Ok(plan)
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

    /// The ranges of a new scan: what the rules can admit, cut where the index knows many keys.
    fn plan_ranges(
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

    /// Applies a page: additions, changes and removals of its interval in one pass.
    pub fn apply_page(&mut self, page: PageReport) -> Result<(), IndexError> {
        let Some(stamp) = self.stamp_page(&page)? else {
            return Ok(());
        };
        let mut rest = page.interval;
        let mut entries = page.admitted.as_slice();
        loop {
            let (indexed, last_read) = self.read(page.source, &rest)?;
            let here = match &last_read {
                Some(last) => entries.partition_point(|entry| entry.key <= *last),
                None => entries.len(),
            };
            self.reconcile(page.source, stamp, &entries[..here], &indexed)?;
            let Some(last) = last_read else { break };
            entries = &entries[here..];
            rest = rest.behind(&last);
            self.commit_if_full()?;
        }
        if let Some(running) = &mut self.state(page.source)?.running {
            running.advance(page.range, page.settled, page.done);
        }
        self.moved = true;
        self.commit_if_due()
    }

    /// The stamp that the page counts as; `None` where its scan was given up meanwhile.
    fn stamp_page(&mut self, page: &PageReport) -> Result<Option<Stamp>, IndexError> {
        let state = self.state(page.source)?;
        if state.last_scan != page.scan {
            return Ok(None);
        }
        Ok(state.stamp_page(page.stamp))
    }

    fn reconcile(
        &mut self,
        id: SourceId,
        stamp: Stamp,
        entries: &[Entry],
        indexed: &[Keyed],
    ) -> Result<(), IndexError> {
        let clock = self.state(id)?.clock();
        let Some(scan) = self.scans.get(&id) else {
            return Ok(());
        };
        let pending = &mut self.pending;
        merge_join(entries, indexed, |pair: Pair<'_>| {
            let admits = |object: &_| scan.source.admits(pair.key, size_of(object));
            let decision = order::apply_page(pair.indexed, pair.listed, stamp, &clock, admits);
            settle(
                pending,
                id,
                pair.key,
                pair.indexed,
                decision,
                &scan.progress,
            );
            Ok(())
        })
    }

    /// Completes the scan of a Source, and purges the tombstones that nothing can need any more.
    pub fn complete_scan(&mut self, id: SourceId) -> Result<(), IndexError> {
        self.state(id)?.complete_scan()?;
        self.moved = true;
        let clock = self.state(id)?.clock();
        let mut rest = KeyInterval::everything();
        loop {
            let graves = self.engine.read_tombstones(id, &rest, READ_CHUNK)?;
            let last = last_if_full(&graves);
            for (key, record) in self.pending.overlay(id, &rest_up_to(&rest, &last), graves) {
                if order::is_purgeable(&record, &clock) {
                    self.pending.put(id, &key, None, true);
                }
            }
            let Some(last) = last else { break };
            rest = rest.behind(&last);
            self.commit_if_full()?;
        }
        self.scans.remove(&id);
        self.commit()
    }

    /// Removes the records of Sources that are not among `names`; their subdomains stay bound.
    pub fn forget_others(&mut self, names: &[String]) -> Result<(), IndexError> {
        let is_gone = |state: &&SourceState| !names.contains(&state.name);
        let gone: Vec<SourceId> = self
            .checkpoint
            .sources
            .iter()
            .filter(is_gone)
            .map(|state| state.id)
            .collect();
        for id in gone {
            if self.state(id)?.last_scan == 0 {
                continue;
            }
            self.sweep(id, None, Leftovers::Everything)?;
            let state = self.state(id)?;
            let was_listed = state.running.is_some() || state.complete_as_of.is_some();
            (state.running, state.complete_as_of) = (None, None);
            self.moved |= was_listed;
        }
        self.commit()
    }

    /// Removes what a Source's present configuration has made wrong.
    fn sweep(
        &mut self,
        id: SourceId,
        scan: Option<&Scan>,
        leftovers: Leftovers,
    ) -> Result<(), IndexError> {
        if leftovers == Leftovers::None {
            return Ok(());
        }
        let mut rest = KeyInterval::everything();
        loop {
            let (indexed, last_read) = self.read(id, &rest)?;
            for (key, record) in &indexed {
                if is_left_over(scan.map(|scan| &*scan.source), leftovers, key, record) {
                    self.pending.put(id, key, None, true);
                    if let Some(scan) = scan {
                        scan.progress.count(record.object().is_some(), false);
                    }
                }
            }
            let Some(last) = last_read else { break };
            rest = rest.behind(&last);
            self.commit_if_full()?;
        }
        self.commit()
    }

    /// The next records of the interval, and the last key read where there may be more.
    fn read(
        &self,
        id: SourceId,
        interval: &KeyInterval,
    ) -> Result<(Vec<Keyed>, Option<String>), IndexError> {
        let stored = self.engine.read(id, interval, READ_CHUNK)?;
        let last = last_if_full(&stored);
        let mut laid = self
            .pending
            .overlay(id, &rest_up_to(interval, &last), stored);
        if let Some(scan) = self
            .scans
            .get(&id)
            .filter(|scan| scan.hidden != Leftovers::None)
        {
            let source = Some(&*scan.source);
            laid.retain(|(key, record)| !is_left_over(source, scan.hidden, key, record));
        }
        Ok((laid, last))
    }

    fn state(&mut self, id: SourceId) -> Result<&mut SourceState, IndexError> {
        self.checkpoint
            .state_mut(id)
            .ok_or_else(|| IndexError::Damaged {
                what: format!("its checkpoint has no Source number {}", id.0),
            })
    }

    fn commit_if_full(&mut self) -> Result<(), IndexError> {
        if self.pending.len() >= self.policy.max_changes {
            self.commit()?;
        }
        Ok(())
    }

    /// Commits if there is something to commit and either bound of the policy is reached.
    pub fn commit_if_due(&mut self) -> Result<(), IndexError> {
        if self.last_commit.elapsed() >= self.policy.interval {
            self.commit()?;
        }
        self.commit_if_full()
    }

    /// Commits what is pending, if anything is.
    pub fn commit(&mut self) -> Result<(), IndexError> {
        if self.pending.is_empty() && !self.moved {
            return Ok(());
        }
        if !self.dry_run {
            self.engine
                .commit(self.pending.changes(), &self.checkpoint)?;
            tracing::debug!(documents = self.pending.len(), "committed");
        }
        self.pending.clear();
        self.moved = false;
        self.last_commit = Instant::now();
        Ok(())
    }

    /// Commits and ends the engine's background work.
    pub fn close(mut self) -> Result<(), IndexError> {
        self.commit()?;
        self.engine.close()
    }
}

/// Puts a decision into effect, and counts it.
fn settle(
    pending: &mut Pending,
    id: SourceId,
    key: &str,
    old: Option<&Record>,
    decision: Decision,
    progress: &Progress,
) {
    let was_live = old.and_then(Record::object).is_some();
    let new = match decision {
        Decision::Keep(_) => return,
        Decision::Write(record) => Some(record),
        Decision::Erase => None,
    };
    let is_live = new.as_ref().and_then(Record::object).is_some();
    progress.count(was_live, is_live);
    pending.put(id, key, new, old.is_some());
}

fn size_of(object: &crate::sync::object::Object) -> u64 {
    object.size
}

/// Whether the Source's configuration has made the record wrong.
fn is_left_over(source: Option<&Source>, leftovers: Leftovers, key: &str, record: &Record) -> bool {
    match leftovers {
        Leftovers::None => false,
        Leftovers::Everything => true,
        Leftovers::NotAdmitted => {
            // A tombstone has no size; 1 asks whether a key that is no folder marker is admitted.
            let size = record.object().map_or(1, size_of);
            source.is_some_and(|source| !source.admits(key, size))
        }
    }
}

/// The last key of a read that filled its chunk.
fn last_if_full(records: &[Keyed]) -> Option<String> {
    let full = records.len() >= READ_CHUNK;
    records.last().filter(|_| full).map(|(key, _)| key.clone())
}

fn rest_up_to(rest: &KeyInterval, last: &Option<String>) -> KeyInterval {
    match last {
        Some(last) => rest.up_to(last),
        None => rest.clone(),
    }
}

#[cfg(test)]
mod tests;
