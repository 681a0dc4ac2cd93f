//! One scan under way: ranges are listed side by side, and pages arrive when they do.
//!
//! Within a range pages arrive in their order, as they do in the program: one is listed while the
//! one before is handled.

use std::collections::VecDeque;

use super::fault::Fault;
use super::witness::{MayRemove, SeenPage};
use super::world::{ID, World};
use crate::core::replication::listing::{
    ContinuationToken, ListingPage, PageEntry, PageRequest, RangeWalk,
};
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::timestamp::Timestamp;
use crate::index::IndexError;
use crate::index::ledger::{PageReport, ScanPlan, ScanRequest};

/// The most pages of a range that are on their way.
const MOST_ON_THE_WAY: usize = 2;

#[derive(Clone, Debug)]
pub(super) struct Scanner {
    pub(super) plan: ScanPlan,
    pub(super) ranges: Vec<Listing>,
    /// Whether the first page is in, so that others may be asked for.
    pub(super) has_start: bool,
}

/// The listing of one range.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub(super) place: usize,
    pub(super) walk: RangeWalk,
    /// What to ask for next, if anything is left.
    pub(super) next: Option<PageRequest>,
    pub(super) on_the_way: VecDeque<SeenPage>,
}

impl Scanner {
    fn new(plan: ScanPlan) -> Self {
        let listing = |(place, range): &(usize, _)| {
            let walk = RangeWalk::new(Clone::clone(range));
            Listing {
                place: *place,
                next: Some(walk.first_request()),
                walk,
                on_the_way: VecDeque::new(),
            }
        };
        Self {
            ranges: plan.ranges.iter().map(listing).collect(),
            has_start: plan.started.is_some(),
            plan,
        }
    }

    pub(super) fn is_listed(&self) -> bool {
        let is_done = |listing: &Listing| listing.next.is_none() && listing.on_the_way.is_empty();
        self.ranges.iter().all(is_done)
    }

    pub(super) fn has_pages_on_the_way(&self) -> bool {
        self.ranges.iter().any(|range| !range.on_the_way.is_empty())
    }
}

impl SeenPage {
    pub(super) fn report(&self) -> PageReport {
        PageReport {
            source: ID,
            scan: self.scan,
            range: self.range,
            interval: self.interval.clone(),
            admitted: self.admitted.clone(),
            listed_at: self.stamp,
            resume_after: self.settled.clone(),
            done: self.done,
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
            progress: Default::default(),
        };
        let plan = self.ledger.begin_scan(request);
        self.scanner = self.or_restart(plan).map(Scanner::new);
    }

    /// Goes on where the scan was that a crash ended, whatever of it is committed.
    pub(super) fn go_on_behind(&mut self, mut lost: Scanner) {
        let running = self.state().running.is_some();
        if !running || self.state().last_scan != lost.plan.scan {
            return;
        }
        self.begin(false, 1);
        for listing in &mut lost.ranges {
            listing.on_the_way.clear();
        }
        self.scanner = Some(lost);
    }

    /// Asks for the next page of a range and has its snapshot taken.
    pub(super) fn list(&mut self, range: usize, margin: i64, most: usize) -> bool {
        let now = self.now + 1;
        let Some(scanner) = &mut self.scanner else {
            return false;
        };
        if !scanner.has_start && (range > 0 || scanner.has_pages_on_the_way()) {
            return false;
        }
        let ends_early = self.setup.fault == Some(Fault::FirstPagesEndTheirRanges);
        let Some(listing) = scanner.ranges.get_mut(range) else {
            return false;
        };
        if listing.on_the_way.len() == MOST_ON_THE_WAY {
            return false;
        }
        let Some(request) = listing.next.take() else {
            return false;
        };
        let page = answer(
            &self.bucket,
            &request,
            Timestamp::from_millis(now - margin),
            most,
        );
        let statement = listing.walk.accept(page);
        let mut statement = statement.expect("the model lists in order");
        if ends_early {
            statement.next = None;
        }
        listing.next.clone_from(&statement.next);
        let source = &self.source;
        let mut admitted = statement.entries;
        admitted.retain(|entry| source.admits(&entry.key, entry.object.size));
        listing.on_the_way.push_back(SeenPage {
            scan: scanner.plan.scan,
            range: listing.place,
            interval: statement.interval,
            admitted,
            stamp: statement.listed_at,
            settled: statement.resume_after,
            done: listing.next.is_none(),
        });
        self.now = now;
        true
    }

    /// Applies the page of the range that was listed first.
    pub(super) fn arrive(&mut self, range: usize) -> bool {
        let listing = self
            .scanner
            .as_mut()
            .and_then(|it| it.ranges.get_mut(range));
        let page = listing.and_then(|listing| listing.on_the_way.pop_front());
        let Some(page) = page else {
            return false;
        };
        let listed = page.admitted.iter().map(|entry| entry.key.clone());
        self.witness.may_remove = MayRemove::Unlisted(page.interval.clone(), listed.collect());
        let applied = self.ledger.apply_page(page.report());
        let started = self.state().watermarks().scanning_since;
        let stamp = started.map_or(page.stamp, |started| started.max(page.stamp));
        for key in self.bucket.keys() {
            if page.interval.contains(key) {
                self.witness.page_of(key, stamp);
            }
        }
        if self.or_restart(applied).is_none() {
            return true;
        }
        if let Some(scanner) = &mut self.scanner {
            scanner.has_start = true;
        }
        if self.witness.keeps {
            self.witness.pages.push(page);
        }
        true
    }

    pub(super) fn complete(&mut self) -> Result<bool, String> {
        let Some(scanner) = &self.scanner else {
            return Ok(false);
        };
        let is_listed = scanner.is_listed();
        match (self.ledger.complete_scan(ID), is_listed) {
            (Ok(_), true) => self.scanner = None,
            (Err(IndexError::NotComplete(_)), false) => return Ok(true),
            (Err(IndexError::NotComplete(why)), true) => {
                return Err(format!(
                    "I6: a scan that was listed to its end is refused: {why}"
                ));
            }
            (Ok(_), false) => {
                return Err("I6: a scan is complete that was not listed to its end".to_owned());
            }
            (Err(error), _) => {
                self.or_restart::<()>(Err(error));
            }
        }
        Ok(true)
    }
}

/// The page that S3 answers with now.
fn answer(
    bucket: &super::bucket::Bucket,
    request: &PageRequest,
    stamp: Timestamp,
    most: usize,
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
        if entries.len() == most.min(request.max_keys.into()) {
            break;
        }
    }
    let is_left = keys.any(|key| bucket.listed(key).is_some());
    let last = entries.last().map(|entry| entry.key.clone());
    ListingPage {
        next: last.filter(|_| is_left).map(ContinuationToken),
        entries,
        listed_at: stamp,
    }
}
