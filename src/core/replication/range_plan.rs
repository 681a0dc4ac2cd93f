//! The plan of a scan: which key range to list next, and where to split a range for a task without work.
//!
//! A bucket does not say how its keys are distributed. The plan guesses from the pages that were listed: the density
//! of a page tells how many pages its range has left. If the guess is far from what a bucket can hold, the keys have
//! another structure further on, and the plan probes at growing distances, as a galloping search does. A probe that
//! finds nothing costs one page, and proves that the range ends before it.
//!
//! The ranges of the plan do not overlap, and always contain every key that is not listed. No guess can change that. The
//! plan sends no requests, and does not know what is durable: the checkpoint does.

mod alphabet;
mod range;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use crate::core::replication::interval::KeyRange;
use crate::core::replication::listing::MAX_KEYS;
use alphabet::Alphabet;
use range::{Estimate, Range};

/// Probes that may find next to nothing, for each range in flight. See [`PAGES_PER_EMPTY_PROBE`].
const EMPTY_PROBES_PER_RANGE: usize = 8;

/// Pages with keys after which one more probe may find next to nothing. With [`EMPTY_PROBES_PER_RANGE`], it bounds the requests
/// that a scan wastes.
const PAGES_PER_EMPTY_PROBE: usize = 2;

/// The number of keys that a probe lists. It is low because many probes find only keys of other ranges.
const PROBE_KEYS: u16 = 10;

/// Of the keys of a page, one in this number is looked at for its characters.
const KEYS_PER_SAMPLE: usize = 64;

/// Identifies a range of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RangeId(pub usize);

/// A range to list, and how many keys it is known to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRange {
    /// The range.
    pub range: KeyRange,
    /// The number of its keys, if the index knows it.
    pub keys: Option<u64>,
}

/// The ranges of a scan that are not listed to their end.
#[derive(Clone, Debug)]
pub struct RangePlan {
    ranges: BTreeMap<RangeId, Range>,
    /// The ranges that nobody lists yet.
    waiting: VecDeque<RangeId>,
    next_id: usize,
    alphabet: Alphabet,
    /// Pages with keys.
    pages: usize,
    /// Probes that found nothing, or less than a probe may list.
    empty_probes: usize,
}

impl RangePlan {
    /// A plan to list these ranges, which do not overlap.
    pub fn new(ranges: impl IntoIterator<Item = PlannedRange>) -> Self {
        let mut plan = Self {
            ranges: BTreeMap::new(),
            waiting: VecDeque::new(),
            next_id: 0,
            alphabet: Alphabet::new(),
            pages: 0,
            empty_probes: 0,
        };
        for planned in ranges {
            let id = plan.add(Range::new(planned));
            plan.waiting.push_back(id);
        }
        plan
    }

    fn add(&mut self, range: Range) -> RangeId {
        let id = RangeId(self.next_id);
        self.next_id += 1;
        self.ranges.insert(id, range);
        id
    }

    /// Whether every range is listed to its end.
    pub fn is_done(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The number of keys to request on the first page of the range.
    pub fn first_keys(&self, id: RangeId) -> u16 {
        match self.ranges.get(&id) {
            Some(range) if range.is_probe => PROBE_KEYS,
            _ => MAX_KEYS,
        }
    }

    /// The range to list next, while up to `in_flight` ranges are listed at the same time: one that waits, or else a part
    /// of the range that probably has the most left. `None` if nothing is worth splitting now.
    pub fn next(&mut self, in_flight: usize) -> Option<(RangeId, KeyRange)> {
        if let Some(id) = self.waiting.pop_front() {
            return Some((id, self.ranges[&id].rest.clone()));
        }
        let probes = self.ranges.values().filter(|range| range.is_probe).count();
        let allowed = EMPTY_PROBES_PER_RANGE * in_flight + self.pages / PAGES_PER_EMPTY_PROBE;
        if probes + self.empty_probes >= allowed {
            return None;
        }
        // Each turn splits a range, or finds that it cannot be split.
        loop {
            let estimates = self
                .ranges
                .iter()
                .filter_map(|(id, range)| Some((*id, range.estimate?)));
            let (id, estimate) =
                estimates.max_by(|(_, one), (_, other)| one.rank().total_cmp(&other.rank()))?;
            if let Some(part) = self.split(id, estimate) {
                return Some(part);
            }
        }
    }

    /// Splits a range. The upper part becomes a range of its own.
    fn split(&mut self, id: RangeId, estimate: Estimate) -> Option<(RangeId, KeyRange)> {
        let range = self.ranges.get_mut(&id)?;
        range.estimate = None;
        let point = range.split_point(&self.alphabet, estimate)?;
        let upper = KeyRange {
            after: Some(point.clone()),
            ..range.rest.clone()
        };
        range.rest.until = Some(point);
        range.known_pages = range.known_pages.map(|pages| pages / 2.0);
        range.estimate = range.estimated(&self.alphabet);
        let mut part = range.clone();
        part.rest = upper.clone();
        part.is_probe = true;
        part.estimate = part.estimated(&self.alphabet);
        Some((self.add(part), upper))
    }

    /// Where the range ends now. It may have been split since its last page.
    pub fn until(&self, id: RangeId) -> Option<&str> {
        self.ranges.get(&id)?.rest.until.as_deref()
    }

    /// Notes a page of a range: its keys up to the end of the range, and whether the range is listed to its end.
    pub fn on_page<'k>(
        &mut self,
        id: RangeId,
        keys: impl DoubleEndedIterator<Item = &'k str> + ExactSizeIterator + Clone,
        done: bool,
    ) {
        let count = keys.len();
        let ends = (keys.clone().next(), keys.clone().next_back());
        keys.step_by(KEYS_PER_SAMPLE)
            .for_each(|key| self.alphabet.learn(key));
        self.pages += usize::from(count > 0);
        let Some(range) = self.ranges.get_mut(&id) else {
            return;
        };
        if !done {
            if let (Some(first), Some(last)) = ends {
                range.advance(&self.alphabet, first, last, count);
            }
            return;
        }
        let is_wasted = range.is_probe;
        let found_nothing = is_wasted && count == 0;
        self.empty_probes += usize::from(is_wasted);
        let after = range.rest.after.take();
        self.ranges.remove(&id);
        if found_nothing {
            let below = self
                .ranges
                .values_mut()
                .find(|below| below.rest.until == after);
            if let Some(below) = below {
                below.is_uneven = true;
                below.estimate = below.estimated(&self.alphabet);
            }
        }
    }
}
