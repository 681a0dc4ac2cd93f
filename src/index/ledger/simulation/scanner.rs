//! The scanner: lists the ranges of one scan in parallel. Pages arrive at any later time.
//!
//! The pages of one range arrive in order, as in the program: it lists a page while the previous one is
//! applied.

use std::collections::VecDeque;

use super::check_state::{ListedPage, MayRemove};
use super::fault::Fault;
use super::world::{ID, World};
use crate::core::replication::interval::KeyRange;
use crate::core::replication::listing::{
    ContinuationToken, ListingPage, PageEntry, PageRequest, RangeWalk,
};
use crate::core::replication::range_plan::PlannedRange;
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::timestamp::Timestamp;
use crate::index::IndexError;
use crate::index::ledger::{PageReport, ScanPlan, ScanRequest};

/// Maximum number of pages in flight for each range.
const MAX_PAGES_IN_FLIGHT: usize = 2;

/// A scan that begins this long after the rules have changed finds all that discarded events reported, in
/// milliseconds. Its timestamps are later than these events.
pub(super) const SETTLE_TIME: i64 = 5_000;

#[derive(Clone, Debug)]
pub(super) struct Scanner {
    pub(super) plan: ScanPlan,
    pub(super) ranges: Vec<Listing>,
    /// Whether the first page has arrived, so that others may be requested.
    pub(super) has_start: bool,
    /// Whether the scan may find no asset after a move.
    allow_empty: bool,
    /// Whether the index is right when the scan is complete, although events were lost or discarded before it.
    pub(super) finds_losses: bool,
}

/// The listing of one range.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub(super) walk: RangeWalk,
    /// The next request. `None` if the range is listed to its end.
    pub(super) next: Option<PageRequest>,
    pub(super) in_flight: VecDeque<ListedPage>,
}

impl Scanner {
    fn new(plan: ScanPlan, allow_empty: bool, finds_losses: bool) -> Self {
        let listing = |planned: &PlannedRange| Listing::of(planned.range.clone());
        Self {
            ranges: plan.ranges.iter().map(listing).collect(),
            has_start: plan.started.is_some(),
            plan,
            allow_empty,
            finds_losses,
        }
    }

    pub(super) fn is_listed(&self) -> bool {
        let is_done = |listing: &Listing| listing.next.is_none() && listing.in_flight.is_empty();
        self.ranges.iter().all(is_done)
    }

    pub(super) fn has_pages_in_flight(&self) -> bool {
        self.ranges.iter().any(|range| !range.in_flight.is_empty())
    }
}

impl Listing {
    fn of(range: KeyRange) -> Self {
        let walk = RangeWalk::new(range);
        Self {
            next: Some(walk.first_request()),
            walk,
            in_flight: VecDeque::new(),
        }
    }
}

impl ListedPage {
    pub(super) fn report(&self) -> PageReport {
        PageReport {
            source: ID,
            scan: self.scan,
            interval: self.interval.clone(),
            admitted: self.admitted.clone(),
            listed_at: self.listed_at,
            listed: self.listed.clone(),
        }
    }
}

impl World {
    pub(super) fn begin(&mut self, fresh: bool, ranges: usize) {
        self.scanner = None;
        let running = self.state().running.as_ref();
        let mode = match running {
            _ if fresh => ScanMode::Fresh,
            Some(running) if running.partial => ScanMode::Partial,
            _ => ScanMode::Resume,
        };
        let request = ScanRequest {
            source: self.source.clone(),
            ranges_in_flight: ranges,
            mode,
            drift: None,
            queue: None,
            allow_empty: fresh,
            progress: Default::default(),
        };
        let plan = self.ledger.begin_scan(request);
        let plan = self.ok_or_restart(plan);
        let is_settled = self.now >= self.check_state.new_rules_at + SETTLE_TIME;
        self.scanner = plan.map(|plan| {
            let finds_losses = is_settled && !plan.resumed;
            Scanner::new(plan, fresh, finds_losses)
        });
    }

    /// Continues a scan that was ended by a crash, from the last listed page, even if pages were not
    /// committed.
    pub(super) fn continue_lost_scan(&mut self, mut lost: Scanner) {
        let running = self.state().running.is_some();
        if !running || self.state().last_scan != lost.plan.scan {
            return;
        }
        self.begin(false, 1);
        for listing in &mut lost.ranges {
            listing.in_flight.clear();
        }
        self.scanner = Some(lost);
    }

    /// Lists the next page of a range, from the current state of the bucket.
    pub(super) fn list(&mut self, range: usize, margin: i64, max_keys: usize) -> bool {
        let now = self.now + 1;
        let Some(scanner) = &mut self.scanner else {
            return false;
        };
        if !scanner.has_start && (range > 0 || scanner.has_pages_in_flight()) {
            return false;
        }
        let ends_early = self.setup.fault == Some(Fault::FirstPageEndsRange);
        let Some(listing) = scanner.ranges.get_mut(range) else {
            return false;
        };
        if listing.in_flight.len() == MAX_PAGES_IN_FLIGHT {
            return false;
        }
        let Some(request) = listing.next.take() else {
            return false;
        };
        let page = respond(
            &self.bucket,
            &request,
            Timestamp::from_millis(now - margin),
            max_keys,
        );
        let coverage = listing.walk.accept(page);
        let mut coverage = coverage.expect("the simulated bucket lists in order");
        if ends_early {
            coverage.next = None;
            coverage.listed = Some(KeyRange::under(request.prefix));
        }
        listing.next.clone_from(&coverage.next);
        let source = &self.source;
        let mut admitted = coverage.entries;
        admitted.retain(|entry| source.admits(&entry.key, entry.object.size));
        listing.in_flight.push_back(ListedPage {
            scan: scanner.plan.scan,
            interval: coverage.interval,
            admitted,
            listed_at: coverage.listed_at,
            listed: coverage.listed,
        });
        self.now = now;
        true
    }

    /// Splits the part of a range that is left to list. Another listing takes over what comes after the key.
    pub(super) fn split(&mut self, range: usize, at: &str) -> bool {
        let Some(scanner) = &mut self.scanner else {
            return false;
        };
        let Some(listing) = scanner.ranges.get_mut(range) else {
            return false;
        };
        let rest = listing.walk.rest().clone();
        let is_inside = rest.interval().contains(at) && rest.until.as_deref() != Some(at);
        if listing.next.is_none() || !scanner.has_start || !is_inside {
            return false;
        }
        listing.walk.end_at(Some(at));
        let upper = KeyRange {
            after: Some(at.to_owned()),
            ..rest
        };
        scanner.ranges.push(Listing::of(upper));
        true
    }

    /// Applies the oldest page in flight of the range.
    pub(super) fn arrive(&mut self, range: usize) -> bool {
        let listing = self
            .scanner
            .as_mut()
            .and_then(|scanner| scanner.ranges.get_mut(range));
        let page = listing.and_then(|listing| listing.in_flight.pop_front());
        let Some(page) = page else {
            return false;
        };
        let listed = page.admitted.iter().map(|entry| entry.key.clone());
        self.check_state.may_remove = MayRemove::Unlisted(page.interval.clone(), listed.collect());
        let was_moving = self.ledger.is_moving(ID);
        let applied = self.ledger.apply_page(page.report());
        if was_moving {
            self.check_state.may_remove = removed_by_move(!page.admitted.is_empty());
        }
        let started = self.state().watermarks().scanning_since;
        let listed_at = started.map_or(page.listed_at, |started| started.max(page.listed_at));
        for key in self.bucket.keys() {
            if !self.ledger.is_moving(ID) && page.interval.contains(key) {
                self.check_state.note_page(key, listed_at);
            }
        }
        if self.ok_or_restart(applied).is_none() {
            return true;
        }
        if let Some(scanner) = &mut self.scanner {
            scanner.has_start = true;
        }
        if self.check_state.keeps_applied {
            self.check_state.pages.push(page);
        }
        true
    }

    pub(super) fn complete(&mut self) -> Result<bool, String> {
        let Some(scanner) = &self.scanner else {
            return Ok(false);
        };
        let (is_listed, was_moving) = (scanner.is_listed(), self.ledger.is_moving(ID));
        let completed = self.ledger.complete_scan(ID);
        if was_moving {
            self.check_state.may_remove = removed_by_move(scanner.allow_empty);
        }
        match (completed, is_listed) {
            (Ok(_), true) => {
                self.check_state.found_losses |= scanner.finds_losses;
                self.scanner = None;
            }
            (Err(IndexError::NotComplete(_)), false) => return Ok(true),
            (Err(IndexError::NotComplete(why)), true) => {
                return Err(format!(
                    "I6: a scan that was listed to its end cannot complete: {why}"
                ));
            }
            (Err(IndexError::NothingAtNewLocation { .. }), true) => self.scanner = None,
            (Ok(_), false) => {
                return Err("I6: a scan completed that was not listed to its end".to_owned());
            }
            (Err(error), _) => {
                self.ok_or_restart::<()>(Err(error));
            }
        }
        Ok(true)
    }
}

/// What a step may remove if the Source has moved. A page must show an asset for that, and the end of a scan must be
/// allowed to find nothing.
fn removed_by_move(is_allowed: bool) -> MayRemove {
    if is_allowed {
        MayRemove::Anything
    } else {
        MayRemove::Nothing
    }
}

/// The response of S3 to a list request.
fn respond(
    bucket: &super::bucket::Bucket,
    request: &PageRequest,
    listed_at: Timestamp,
    max_keys: usize,
) -> ListingPage {
    let token = request.token.as_ref().map(|token| &*token.0);
    let after = token.or(request.start_after.as_deref());
    let mut keys = bucket
        .keys()
        .filter(|key| key.starts_with(&request.prefix) && after.is_none_or(|after| *key > after));
    let mut entries = Vec::new();
    for key in keys.by_ref() {
        let object = bucket.listed(key);
        entries.extend(object.map(|object| PageEntry {
            key: key.to_owned(),
            object,
        }));
        if entries.len() == max_keys.min(request.max_keys.into()) {
            break;
        }
    }
    let has_more = keys.any(|key| bucket.listed(key).is_some());
    let last = entries.last().map(|entry| entry.key.clone());
    ListingPage {
        next: last.filter(|_| has_more).map(ContinuationToken),
        entries,
        unusable: Vec::new(),
        listed_at,
    }
}
