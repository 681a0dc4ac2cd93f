//! Pages: joins a page with the records of its interval, and adds, changes and removes records in one pass.

use super::drift::Difference;
use super::heal::{plausible_times, write_healed};
use super::{ChangeCounters, Ledger};
use crate::core::replication::interval::{KeyInterval, KeyRange};
use crate::core::replication::listing::PageEntry;
use crate::core::replication::object::Object;
use crate::core::replication::order::{self, Decision, EVENT_TIME_TOLERANCE};
use crate::core::replication::reconcile::{JoinedKey, merge_join};
use crate::core::replication::record::Record;
use crate::core::replication::source_state::SourceId;
use crate::core::replication::timestamp::Timestamp;
use crate::index::pending::Pending;
use crate::index::{Engine, IndexError, KeyedRecord, RecordFilter};

/// A listed page: the admitted keys of an interval, and which part of its range is listed.
#[derive(Debug)]
pub struct PageReport {
    /// The Source's id.
    pub source: SourceId,
    /// The number of the scan that requested it.
    pub scan: u64,
    /// The interval that the page makes a statement about.
    pub interval: KeyInterval,
    /// The admitted keys, ascending.
    pub admitted: Vec<PageEntry>,
    /// The timestamp of the page.
    pub listed_at: Timestamp,
    /// The part of the scan's ranges that the page lists. After an interruption, the scan does not list it again.
    pub listed: Option<KeyRange>,
}

impl<E: Engine> Ledger<E> {
    /// Applies a page: adds, changes and removes the records of its interval.
    ///
    /// A page of a scan that was discarded changes nothing. If the Source has moved to another bucket or prefix,
    /// the first page with an asset removes the old records, and pages before it change nothing.
    pub fn apply_page(&mut self, page: PageReport) -> Result<(), IndexError> {
        self.apply_page_in_parts(page, |_| Ok(()))
    }

    /// Like [`Ledger::apply_page`]. If the page covers more records than are read at once, calls `between` between its
    /// parts. It may apply events and commit, and must do nothing else.
    pub fn apply_page_in_parts(
        &mut self,
        page: PageReport,
        mut between: impl FnMut(&mut Self) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        if !self.begin_move_at(&page)? {
            return Ok(());
        }
        let Some(listed_at) = self.note_page(&page)? else {
            return Ok(());
        };
        let mut rest = page.interval;
        let mut entries = page.admitted.as_slice();
        loop {
            let (indexed, last_read) = self.read(page.source, &rest, RecordFilter::All)?;
            let split = match &last_read {
                Some(last) => entries.partition_point(|entry| entry.key <= *last),
                None => entries.len(),
            };
            self.reconcile(page.source, listed_at, &entries[..split], &indexed)?;
            let Some(last) = last_read else { break };
            entries = &entries[split..];
            rest = rest.after(&last);
            self.commit_if_full()?;
            between(self)?;
        }
        self.announce_scan(page.source);
        if let (Some(listed), Some(running)) = (&page.listed, &mut self.state(page.source)?.running)
        {
            running.advance(listed);
        }
        self.checkpoint_changed = true;
        self.commit_if_due()
    }

    /// Notes the page in the state of its scan. Returns the timestamp to apply it with, or `None` if its scan
    /// was discarded meanwhile.
    fn note_page(&mut self, page: &PageReport) -> Result<Option<Timestamp>, IndexError> {
        let is_running = self.scans.contains_key(&page.source);
        let state = self.state(page.source)?;
        if state.last_scan != page.scan || !is_running {
            return Ok(None);
        }
        Ok(state.note_page(page.listed_at))
    }

    /// Joins the entries with the records of the same interval, and applies the decisions.
    fn reconcile(
        &mut self,
        id: SourceId,
        listed_at: Timestamp,
        entries: &[PageEntry],
        indexed: &[KeyedRecord],
    ) -> Result<(), IndexError> {
        let watermarks = self.state(id)?.watermarks();
        let first_seen = self.previous_first_seen(id, entries)?;
        let scan = self.scans.get(&id);
        let scan =
            scan.expect("note_page checked that the scan is running, so begin_scan added it");
        let counters = ChangeCounters {
            progress: Some(scan.progress.clone()),
            tally: self.tallies.get(&id).cloned(),
        };
        let (pending, drift_candidates) = (&mut self.pending, &mut self.drift_candidates);
        let times = plausible_times();
        merge_join(entries, indexed, |pair: JoinedKey<'_>| {
            let healed = pair.indexed.and_then(|record| times.heal_record(record));
            let pair = JoinedKey {
                indexed: healed.as_ref().or(pair.indexed),
                ..pair
            };
            let admits = |object: &Object| scan.source.admits(pair.key, object.size);
            let mut decision =
                order::decide_page(pair.indexed, pair.listed, listed_at, &watermarks, admits);
            write_healed(&mut decision, healed.as_ref(), listed_at);
            first_seen.keep_first_seen(pair.key, pair.indexed, &mut decision);
            if !matches!(decision, Decision::Keep(_))
                && let Some(difference) = Difference::between(pair.listed, pair.indexed)
            {
                drift_candidates.add(id, pair.key, difference);
            }
            apply_decision(pending, id, pair.key, pair.indexed, decision, &counters);
            Ok(())
        })
    }

    /// Completes the scan of a Source. A full scan also purges the tombstones that are no longer needed.
    /// Returns the time as of which the Source is complete after the next commit.
    ///
    /// It does not commit, so that scans of many small Sources can share a commit.
    ///
    /// # Errors
    ///
    /// - [`IndexError::NotComplete`] if a range is not listed to its end. Then the scan stays unfinished.
    /// - [`IndexError::NothingAtNewLocation`] if the Source has moved to another bucket or prefix and no asset is
    ///   there. Then the former assets stay.
    pub fn complete_scan(&mut self, id: SourceId) -> Result<Option<Timestamp>, IndexError> {
        self.begin_move_without_assets(id)?;
        let state = self.state(id)?;
        let is_partial = state.running.as_ref().is_some_and(|scan| scan.partial);
        state.complete_scan()?;
        self.checkpoint_changed = true;
        let watermarks = self.state(id)?.watermarks();
        if !is_partial {
            let purgeable = |_: &str, record: &Record| order::is_purgeable(record, &watermarks);
            self.erase(id, RecordFilter::Tombstones, None, purgeable)?;
        }
        if let Some(scan) = self.scans.remove(&id) {
            self.completed.insert(id, scan);
        }
        self.drift_candidates.end(id, watermarks.complete_as_of);
        Ok(watermarks.complete_as_of)
    }
}

/// Adds a decision to the pending changes, and counts it.
pub(super) fn apply_decision(
    pending: &mut Pending,
    id: SourceId,
    key: &str,
    old: Option<&Record>,
    decision: Decision,
    counters: &ChangeCounters,
) {
    let before = old.and_then(Record::object);
    let new = match decision {
        Decision::Keep(_) => return,
        Decision::Write(record) => Some(record),
        Decision::Erase => None,
    };
    let after = new.as_ref().and_then(Record::object);
    // A record whose times are corrected is written too, but that is not worth reporting as a change.
    let is_same = before
        .zip(after)
        .is_some_and(|(before, after)| before.is_same_change(after, EVENT_TIME_TOLERANCE));
    if !is_same {
        counters.count(before.is_some(), after.is_some());
    }
    pending.put(id, key, new, old.is_some());
}
